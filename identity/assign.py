"""Which profile id each cluster keeps: ids persist by overlap (pure)."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cdp.core.types import uuid7


@dataclass
class Plan:
    """What to do: `profile_of` for every record; profiles to make; ids to redirect; ids that lost a part."""

    profile_of: dict[UUID, UUID] = field(default_factory=dict)
    created: list[UUID] = field(default_factory=list)
    revived: list[UUID] = field(default_factory=list)  # ids that were merged and live again
    merged: dict[UUID, UUID] = field(default_factory=dict)
    split: dict[UUID, UUID] = field(default_factory=dict)  # new or revived part → the profile it left


def assign(
    clusters: Collection[frozenset[UUID]],
    before: Mapping[UUID, UUID | None],
    leaves: Collection[UUID] = (),
    pinned: Collection[UUID] = (),
    followed: Mapping[UUID, UUID] | None = None,
    elsewhere: Collection[UUID] = (),
    reserved: Mapping[UUID, Collection[UUID]] | None = None,
) -> Plan:
    """Give each cluster the old id that holds most of its persons, then of its leaves (ties: pinned by a steward, then the
    older id).

    An id that gets no cluster redirects to the cluster with most of its records; a part that lost its id gets a new one.
    `elsewhere`: ids that people beyond these clusters bear; `followed`: leaves that go to one of them. `reserved`: ids
    that go, before all others, to the cluster with most of these records, also where no record bears them now.
    """
    plan = Plan()
    overlaps = _overlaps(clusters, before, set(leaves))
    owner = _owners(overlaps, set(pinned), set(elsewhere), _reserved(clusters, reserved or {}))
    _revive(plan, owner, before)
    for cluster in sorted(clusters, key=min):
        profile = owner.get(cluster) or _fresh(plan, cluster, before)
        plan.profile_of.update(dict.fromkeys(cluster, profile))
    plan.profile_of.update(followed or {})
    _redirect_the_rest(plan, before, set(elsewhere))
    return plan


Overlap = tuple[int, int, UUID, frozenset[UUID]]


def _overlaps(
    clusters: Collection[frozenset[UUID]], before: Mapping[UUID, UUID | None], leaves: set[UUID]
) -> list[Overlap]:
    """(persons in common, records in common, old id, cluster), wherever there is any."""
    found = []
    for cluster in clusters:
        persons = _old_ids(cluster - leaves, before)
        found += [(persons[profile], size, profile, cluster) for profile, size in _old_ids(cluster, before).items()]
    return found


def _reserved(
    clusters: Collection[frozenset[UUID]], reserved: Mapping[UUID, Collection[UUID]]
) -> dict[frozenset[UUID], UUID]:
    owner: dict[frozenset[UUID], UUID] = {}
    for profile, records in sorted(reserved.items()):
        wanted = set(records)
        near = [cluster for cluster in clusters if not wanted.isdisjoint(cluster) and cluster not in owner]
        if near:
            owner[min(near, key=lambda cluster: (-len(cluster & wanted), min(cluster)))] = profile
    return owner


def _revive(plan: Plan, owner: Mapping[frozenset[UUID], UUID], before: Mapping[UUID, UUID | None]) -> None:
    for cluster, profile in owner.items():
        left = _old_ids(cluster, before)
        if profile not in left:
            plan.revived.append(profile)
            plan.split[profile] = left.most_common(1)[0][0]


def _owners(
    overlaps: list[Overlap], pinned: set[UUID], taken: set[UUID], reserved: Mapping[frozenset[UUID], UUID]
) -> dict[frozenset[UUID], UUID]:
    owner = dict(reserved)
    taken.update(reserved.values())
    for _, _, profile, cluster in sorted(overlaps, key=lambda o: (-o[0], -o[1], o[2] not in pinned, o[2], min(o[3]))):
        if cluster not in owner and profile not in taken:
            owner[cluster] = profile
            taken.add(profile)
    return owner


def _old_ids(cluster: frozenset[UUID], before: Mapping[UUID, UUID | None]) -> Counter[UUID]:
    return Counter(profile for record in cluster if (profile := before.get(record)))


def _fresh(plan: Plan, cluster: frozenset[UUID], before: Mapping[UUID, UUID | None]) -> UUID:
    profile = uuid7()
    plan.created.append(profile)
    left = _old_ids(cluster, before)
    if left:
        plan.split[profile] = left.most_common(1)[0][0]
    return profile


def _redirect_the_rest(plan: Plan, before: Mapping[UUID, UUID | None], elsewhere: set[UUID]) -> None:
    kept = elsewhere.union(plan.profile_of.values())
    homes: dict[UUID, Counter[UUID]] = {}
    for record, profile in plan.profile_of.items():
        old = before.get(record)
        if old and old not in kept:
            homes.setdefault(old, Counter())[profile] += 1
    for old, counts in homes.items():
        plan.merged[old] = min(counts, key=lambda profile: (-counts[profile], profile))
