"""Profile ids persist by overlap, whatever the clusters were and become."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from identity.assign import assign

RECORDS = [UUID(int=n) for n in range(1, 13)]


def groups(labels: list[int]) -> list[frozenset[UUID]]:
    found: dict[int, set[UUID]] = {}
    for record, label in zip(RECORDS, labels, strict=True):
        found.setdefault(label, set()).add(record)
    return [frozenset(members) for members in found.values()]


labels = st.lists(st.integers(0, 5), min_size=12, max_size=12)
old_ids = st.lists(st.one_of(st.none(), st.integers(100, 105).map(lambda n: UUID(int=n))), min_size=12, max_size=12)


@given(labels, old_ids)
def test_each_cluster_has_one_id_of_its_own_and_every_old_id_leads_somewhere(
    now: list[int], before: list[UUID | None]
) -> None:
    known = dict(zip(RECORDS, before, strict=True))
    plan = assign(groups(now), known)
    for cluster in groups(now):
        assert len({plan.profile_of[record] for record in cluster}) == 1
    assert len(set(plan.profile_of.values())) == len(groups(now))
    kept = set(plan.profile_of.values())
    for old in {profile for profile in before if profile}:
        assert old in kept or plan.merged[old] in kept


@given(labels, old_ids)
def test_assigning_again_changes_nothing(now: list[int], before: list[UUID | None]) -> None:
    plan = assign(groups(now), dict(zip(RECORDS, before, strict=True)))
    again = assign(groups(now), plan.profile_of)
    assert (again.profile_of, again.created, again.merged, again.split) == (plan.profile_of, [], {}, {})


def test_the_larger_part_keeps_the_id_and_the_rest_is_split_off() -> None:
    old = UUID(int=100)
    plan = assign([frozenset(RECORDS[:2]), frozenset(RECORDS[2:5])], dict.fromkeys(RECORDS[:5], old))
    assert {plan.profile_of[r] for r in RECORDS[2:5]} == {old}
    assert plan.split == {plan.profile_of[RECORDS[0]]: old}


def test_a_pinned_id_wins_a_tie_and_else_the_older() -> None:
    older, newer = UUID(int=100), UUID(int=101)
    before = {RECORDS[0]: older, RECORDS[1]: newer}
    cluster = [frozenset(RECORDS[:2])]
    assert assign(cluster, before).merged == {newer: older}
    assert assign(cluster, before, pinned=[newer]).merged == {older: newer}


def test_persons_count_before_leaves() -> None:
    person, visitor = UUID(int=101), UUID(int=100)
    before = {RECORDS[0]: person, **dict.fromkeys(RECORDS[1:4], visitor)}
    assert assign([frozenset(RECORDS[:4])], before, leaves=RECORDS[1:4]).merged == {visitor: person}
