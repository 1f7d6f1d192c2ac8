"""What the clustering of some records takes from the tables, and what it makes of it: whole components of evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from cdp.core.statements import by_number, prepared
from identity import clusters, sql
from identity.linkage.types import Refusal
from identity.reading import Reading
from identity.types import Cleaned


@dataclass(frozen=True)
class Component:
    """Whole components of the raw graph of evidence, clustered; nothing of it is written.

    `before`: present profile of each record; `leaves`: leaf → kind; `followed`: leaves that go to profiles elsewhere;
    `inhabited`: profiles that hold records beyond these too; `pinned`: those that a steward pinned.
    """

    clusters: list[frozenset[UUID]]
    refused: tuple[Refusal, ...]
    before: dict[UUID, UUID | None]
    leaves: dict[UUID, str]
    followed: dict[UUID, UUID]
    inhabited: set[UUID]
    pinned: set[UUID]


def around(seeds: Iterable[UUID], reading: Reading) -> Component:
    """The components that `seeds` belong to."""
    near = _with_owners(set(seeds), reading)
    persons = reading.component(near)
    leaves = _leaves(persons | near)
    persons -= leaves.keys()
    records = reading.cleaned(persons)
    grouped, refused = _clusters(records, reading)
    owners = clusters.Owners(claims_of(leaves), carried_by(leaves), foes_of(leaves))
    grouped, followed = clusters.with_leaves(grouped, leaves, owners, _profiles(owners.everyone() - persons))
    before = {record.id: record.profile for record in records} | _profiles(leaves)
    return Component(grouped, refused, before, leaves, followed, *_standing(before))


def _with_owners(seeds: set[UUID], reading: Reading) -> set[UUID]:
    """Seeds and, for leaves among them, those they may belong to."""
    leaves = reading.leaves(seeds)
    return seeds.union(*claims_of(leaves).values(), *carried_by(leaves).values())


def _leaves(records: Iterable[UUID]) -> dict[UUID, str]:
    return dict(prepared(sql.LEAVES_OF, {"records": by_number(records)}))


def _clusters(records: list[Cleaned], reading: Reading) -> tuple[list[frozenset[UUID]], tuple[Refusal, ...]]:
    ids = [record.id for record in records]
    held = [clusters.Held(*row) for row in prepared(sql.IDENTIFIERS, [ids])]
    return clusters.partition(records, held, reading.links(ids), reading.model)


def claims_of(leaves: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Whose leaf each of these is: a steward's word, else the earliest claim; the next in line where one is held apart."""
    return _gathered(prepared(sql.CLAIMED_LEAVES, {"leaves": list(leaves)})) if leaves else {}


def carried_by(leaves: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The person records that hold an identifier which a leaf carries."""
    return _gathered(prepared(sql.CARRIED, [list(leaves)])) if leaves else {}


def foes_of(leaves: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The records that a steward holds apart from each of these."""
    return _gathered(prepared(sql.FOES, {"leaves": list(leaves)})) if leaves else {}


def _gathered(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, list[UUID]]:
    gathered = defaultdict(list)
    for leaf, record in pairs:
        gathered[leaf].append(record)
    return gathered


def _profiles(records: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The present profile of each record."""
    return dict(prepared(sql.HOMES, [list(records)])) if records else {}


def _standing(before: Mapping[UUID, UUID | None]) -> tuple[set[UUID], set[UUID]]:
    """The profiles that hold records beyond these too (a leaf's former owner, whose id is not ours to give away), and those
    that a steward pinned."""
    profiles = by_number({profile for profile in before.values() if profile})
    rows = prepared(sql.STANDING, {"profiles": profiles, "records": list(before)}) if profiles else []
    return {row[0] for row in rows if row[2]}, {row[0] for row in rows if row[1]}
