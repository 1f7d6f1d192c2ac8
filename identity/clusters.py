"""From records and evidence to clusters: the constrained clustering of a set of whole components.

The same code serves one new record and the batch run, so both give the same partition.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, combinations
from uuid import UUID

from identity.linkage import cluster as linkage
from identity.linkage import inputs
from identity.linkage.model import Model
from identity.linkage.types import MODEL, STEWARD, Identifier, Limits, Link, Node, Partition, Refusal
from identity.types import Cleaned, Row

# Which identifier convinces most; what is not named comes last.
PRIORITY = {"user_id": 1, "customer": 1, "email": 2, "loyalty_id": 3, "phone": 4}

# Carriers give a returned number to the next customer after a month or more; with slack for those who rarely write.
RECYCLED_AFTER = timedelta(days=90)


@dataclass(frozen=True)
class Held:
    """A record holds an identifier value, and when it was seen with it."""

    record: UUID
    kind: str
    digest: bytes
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True)
class StoredLink:
    left: UUID
    right: UUID
    kind: str
    weight: float


def partition(
    records: Iterable[Cleaned],
    held: Collection[Held],
    stored: Collection[StoredLink],
    model: Model,
) -> tuple[list[frozenset[UUID]], tuple[Refusal, ...]]:
    """Clusters of person records under a model's constraints, and the links that these refused.

    Most components are plainly one person's: nothing in them can stand between any two records. These are one cluster
    each, and only the others are clustered link by link.
    """
    opened = {record.id: record for record in records}
    root_of = _connected(opened, held, stored)
    groups: dict[UUID, list[UUID]] = defaultdict(list)
    for record in opened:
        groups[root_of[record]].append(record)
    contested = _contested(groups, opened, root_of, held, stored, model)
    whole = [frozenset(members) for root, members in groups.items() if root not in contested]
    if not contested:
        return whole, ()
    result = _clustered(
        [record for record in opened.values() if root_of[record.id] in contested],
        [item for item in held if root_of.get(item.record) in contested],
        [link for link in stored if root_of.get(link.left) in contested],
        model,
    )
    clusters: dict[str, set[UUID]] = defaultdict(set)
    for node, label in result.label.items():
        clusters[label].add(UUID(node))
    return whole + [frozenset(members) for members in clusters.values()], result.refused


def _clustered(
    records: Iterable[Cleaned], held: Collection[Held], stored: Iterable[StoredLink], model: Model
) -> Partition:
    links, cannot = all_links(held, stored)
    return linkage.cluster(_nodes(records, held, model), links, cannot, inputs.limits(model))


def _connected(records: Collection[UUID], held: Iterable[Held], stored: Iterable[StoredLink]) -> dict[UUID, UUID]:
    """Each record's component, by one of its records: those that anything connects, also what holds them apart."""
    parent = {record: record for record in records}

    def root(record: UUID) -> UUID:
        while (above := parent[record]) is not record:
            parent[record] = record = parent[above]
        return record

    first: dict[tuple[str, bytes], UUID] = {}
    pairs = [(first.setdefault((item.kind, item.digest), item.record), item.record) for item in held]
    for one, other in chain(pairs, ((link.left, link.right) for link in stored)):
        if one in parent and other in parent:
            parent[root(parent[one])] = root(parent[other])
    return {record: root(parent[record]) for record in records}


def _contested(
    groups: Mapping[UUID, Sequence[UUID]],
    opened: Mapping[UUID, Cleaned],
    root_of: Mapping[UUID, UUID],
    held: Iterable[Held],
    stored: Iterable[StoredLink],
    model: Model,
) -> set[UUID]:
    """The components in which a constraint may bind, or a steward has spoken."""
    limits = inputs.limits(model)
    values: dict[UUID, set[tuple[str, bytes]]] = defaultdict(set)
    for item in held:
        if item.record in root_of:
            values[root_of[item.record]].add((item.kind, item.digest))
    spoken = {
        root_of[end]
        for link in stored
        if link.kind != "probable" or link.weight < limits.sure
        for end in (link.left, link.right)
        if end in root_of
    }
    return {
        root
        for root, members in groups.items()
        if len(members) > 1
        and (
            root in spoken
            or len(members) > limits.records
            or not _within_limits(values[root], limits)
            or not _may_be_one([opened[record].row for record in members], model)
        )
    }


def _within_limits(values: Iterable[tuple[str, bytes]], limits: Limits) -> bool:
    numbers = Counter(kind for kind, _ in values)
    return all(number <= limits.per_kind.get(kind.partition(":")[0], limits.others) for kind, number in numbers.items())


def _may_be_one(rows: Sequence[Row], model: Model) -> bool:
    """Whether nothing that these records say can stand between any two of them."""
    births = {birth for row in rows if (birth := row["birth_date"])}
    genders = {gender for row in rows if (gender := row["gender"])}
    given = {(name, row["surname"]) for row in rows if (name := row["given"])}
    if len({name for name, _ in given}) < 2:
        return linkage.unopposed((), births, genders)
    names = [(name, surname, inputs.frequent_given_name(model, name)) for name, surname in given]
    return linkage.unopposed(names, births, genders)


def all_links(held: Collection[Held], stored: Iterable[StoredLink]) -> tuple[list[Link], list[tuple[str, str]]]:
    """All links between records, and the pairs that a steward holds apart."""
    links, cannot = _stored_links(stored)
    return [*_identifier_links(held), *links], cannot


def _nodes(records: Iterable[Cleaned], held: Iterable[Held], model: Model) -> list[Node]:
    by_record = defaultdict(list)
    for item in held:
        by_record[item.record].append(item)
    return [_node(record, by_record[record.id], model) for record in records]


def _node(record: Cleaned, held: list[Held], model: Model) -> Node:
    row = record.row
    identifiers = tuple(Identifier(*_kind_and_value(item)) for item in held)
    return Node(
        id=str(record.id),
        birth_date=row["birth_date"],
        given=row["given"],
        surname=row["surname"],
        gender=row["gender"],
        common_name=bool(row["given"]) and inputs.frequent_given_name(model, row["given"] or ""),
        identifiers=identifiers,
    )


def _kind_and_value(item: Held) -> tuple[str, str, str]:
    kind, _, scope = item.kind.partition(":")
    return kind, item.digest.hex(), scope


def _identifier_links(held: Collection[Held]) -> Iterable[Link]:
    holders: dict[tuple[str, bytes], list[Held]] = defaultdict(list)
    for item in held:
        holders[item.kind, item.digest].append(item)
    for (kind, digest), items in holders.items():
        rank = PRIORITY.get(kind.partition(":")[0], 9)
        for one, other in combinations(items, 2):
            time = max(one.first_seen, other.first_seen).isoformat()
            yield Link(str(one.record), str(other.record), rank, 0.0, time, digest.hex(), _silent(one, other))


def _silent(one: Held, other: Held) -> bool:
    """Whether a number was seen with neither for so long that it may have been given to somebody else."""
    if one.kind != "phone":
        return False
    return max(one.first_seen, other.first_seen) - min(one.last_seen, other.last_seen) > RECYCLED_AFTER


def _stored_links(stored: Iterable[StoredLink]) -> tuple[list[Link], list[tuple[str, str]]]:
    links, cannot = [], []
    for link in stored:
        left, right = str(link.left), str(link.right)
        if link.kind == "cannot":
            cannot.append((left, right))
        else:
            links.append(Link(left, right, STEWARD if link.kind == "must" else MODEL, link.weight))
    return links, cannot


@dataclass(frozen=True)
class Owners:
    """Who may own each leaf. `claims`: claimants, the best first; `carried`: person records that hold its identifiers;
    `foes`: records that a steward holds apart from it."""

    claims: Mapping[UUID, Sequence[UUID]]
    carried: Mapping[UUID, Collection[UUID]]
    foes: Mapping[UUID, Collection[UUID]]

    def everyone(self) -> set[UUID]:
        """All records that are named here."""
        named = (*self.claims.values(), *self.carried.values(), *self.foes.values())
        return set().union(*named)


def with_leaves(
    clusters: Iterable[frozenset[UUID]],
    leaves: Mapping[UUID, str],
    owners: Owners,
    elsewhere: Mapping[UUID, UUID | None],
) -> tuple[list[frozenset[UUID]], dict[UUID, UUID]]:
    """Clusters with their leaves, and the leaves that go to a profile beyond these clusters.

    A leaf goes with its best claimant, else with the one person that holds an identifier it carries, but never to
    where a record is that a steward holds apart from it; an anonymous or device leaf nobody owns stays alone, a receipt
    nobody owns is nobody's. `leaves`: leaf → kind; `elsewhere`: those `owners` names that are in no cluster → their
    profile, None while they wait for one.
    """
    grown: dict[int | UUID, set[UUID]] = {index: set(cluster) for index, cluster in enumerate(clusters)}
    home: dict[UUID, int | UUID] = {record: profile or record for record, profile in elsewhere.items()}
    home |= {record: index for index, cluster in grown.items() for record in cluster}
    living, followed = set(elsewhere.values()), {}
    for leaf, kind in leaves.items():
        place = _home_of(leaf, home, owners)
        if place in grown:
            grown[place].add(leaf)
        elif isinstance(place, UUID) and place in living:
            followed[leaf] = place
        elif kind != "receipt":
            grown[leaf] = {leaf}
    return [frozenset(members) for members in grown.values()], followed


def _home_of(leaf: UUID, home: Mapping[UUID, int | UUID], owners: Owners) -> int | UUID | None:
    barred = {home[foe] for foe in owners.foes.get(leaf, ()) if foe in home}
    claimed = [home.get(owner) for owner in owners.claims.get(leaf, ())]
    if claimed:
        return next((place for place in claimed if place not in barred), None)
    homes = {home[record] for record in owners.carried.get(leaf, ()) if record in home} - barred
    return homes.pop() if len(homes) == 1 else None
