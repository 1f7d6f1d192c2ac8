"""A pass looks at many segments in few statements, and each comes out as its own run would have it."""

from typing import Any

import pytest

from segments import actions, membership
from segments.models import Segment
from tests.segments.people import NOW, members_of, person, segment

OLD = {"trait": "orders_count", "op": "gte", "value": 3}
RULES: list[Any] = [
    OLD, {"not": OLD}, {"all": [OLD, {"trait": "country", "op": "ne", "value": "KR"}]},
    {"not": {"event": "Order Completed", "within": {"days": 30}}}, {"event": "Cart Viewed"},
    {"any": [{"event": "Cart Viewed"}, {"trait": "country", "op": "eq", "value": "KR"}]},
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("lookups", [membership.LOOKUPS, 1])
def test_each_segment_of_a_pass_has_the_members_of_its_own_run(lookups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "LOOKUPS", lookups)
    made = [segment(f"s{place}", rule) for place, rule in enumerate(RULES)]
    people = [person(orders_count=count, country=country) for count in (1, 5) for country in ("KR", "US")]
    moved = actions.refresh_profiles(people, NOW)
    found = [members_of(one) for one in made]
    assert moved == sum(map(len, found)) and all(found[:4])
    for one in made:
        run = actions.recompute(one.pk, NOW)
        assert (run.entered, run.left) == (0, 0)
    assert [members_of(one) for one in made] == found


@pytest.mark.django_db
def test_who_is_refused_in_a_pass_is_due_and_the_others_are_looked_at() -> None:
    made = [segment(f"s{place}", OLD) for place in range(5)]
    Segment.objects.filter(pk=made[3].pk).update(rule={"trait": "gone"}, due_at=None)
    one = person(orders_count=3)
    assert actions.refresh_profiles([one], NOW) == 4
    assert [members_of(each).keys() == {one} for each in made] == [True, True, True, False, True]
    assert [each.due_at is not None for each in Segment.objects.filter(pk=made[3].pk)] == [True]
