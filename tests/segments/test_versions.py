"""What a segment means changes by versions: kept with their author, compared, approved by another person, taken back."""

from typing import Any

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.errors import Refused
from cdp.core.types import Actor
from segments import actions, review, versions
from segments.models import Segment, Version
from segments.query.problems import RuleError
from tests.segments.people import ACTOR, NOW, VIP, members_of, person, segment

pytestmark = pytest.mark.django_db
FIVE = {"trait": "orders_count", "op": "gte", "value": 5}
WRITER, REVIEWER = Actor("user:writer"), Actor("user:reviewer")


def told(of: Segment) -> list[tuple[int, str, str, str]]:
    rows = Version.objects.filter(segment=of).order_by("number")
    return list(rows.values_list("number", "state", "written_by", "decided_by"))


def test_each_meaning_is_kept_with_its_author() -> None:
    made = segment()
    actions.change_segment(WRITER, made, name="Best")
    actions.change_segment(WRITER, made, rule=FIVE)
    assert told(made) == [(1, "published", ACTOR.name, ACTOR.name), (2, "published", WRITER.name, WRITER.name)]
    first, second = Version.objects.order_by("number")
    assert list(versions.diff(first.definition, second.definition)) == [versions.Difference("/rule/value", 3, 5)]


def test_a_proposal_changes_nothing_until_another_person_approves_it() -> None:
    made, three, five = segment(), person(orders_count=3), person(orders_count=5)
    actions.refresh_due()
    proposed = review.propose(WRITER, made, "fewer", rule=FIVE)
    assert versions.movement(made, proposed.definition) == versions.Movement(entering=0, leaving=1, members=1)
    review.submit(WRITER, made, 2)
    actions.refresh_due()
    assert members_of(made).keys() == {three, five} and Segment.objects.get().version == 1
    with pytest.raises(Refused) as caught:
        review.decide(WRITER, made, 2, approve=True)
    assert caught.value.code == "same_person"
    review.decide(REVIEWER, made, 2, approve=True)
    actions.refresh_due()
    assert members_of(made).keys() == {five} and Segment.objects.get().rule == FIVE
    assert told(made)[-1] == (2, "published", WRITER.name, REVIEWER.name)


def test_a_refused_version_stays_refused() -> None:
    made = segment()
    review.propose(WRITER, made, rule=FIVE)
    with pytest.raises(Refused):
        review.decide(REVIEWER, made, 2, approve=True)  # not submitted yet
    review.submit(WRITER, made, 2)
    review.decide(REVIEWER, made, 2, approve=False)
    with pytest.raises(Refused):
        review.decide(REVIEWER, made, 2, approve=True)
    with pytest.raises(Refused):
        review.submit(WRITER, made, 2)
    assert Segment.objects.get().rule == VIP and told(made)[-1][1] == "refused"


def test_an_earlier_version_is_proposed_again() -> None:
    made = segment(exclusions=[])
    actions.change_segment(ACTOR, made, rule=FIVE, split={"a": 50, "b": 50})
    back = review.roll_back(WRITER, made, 1, "it was better")
    assert (back.number, back.state, back.note) == (3, "draft", "it was better")
    review.submit(WRITER, made, 3)
    review.decide(REVIEWER, made, 3, approve=True)
    now = Segment.objects.get()
    assert (now.version, now.rule, now.split, now.state) == (3, VIP, {}, "published")
    with pytest.raises(Refused, match="no such version"):
        review.roll_back(WRITER, made, 9)


def test_where_review_is_required_nothing_published_changes_otherwise(settings: LazySettings) -> None:
    settings.SEGMENT_REVIEW = True
    made = actions.create_segment(WRITER, key="vip", name="vip", rule=VIP, purpose="marketing")
    with pytest.raises(Refused) as caught:
        actions.publish(REVIEWER, made)
    assert caught.value.code == "review_needed"
    review.submit(WRITER, made, 1)
    review.decide(REVIEWER, made, 1, approve=True)
    published = Segment.objects.get()
    assert published.state == "published" and published.due_at is not None
    with pytest.raises(Refused):
        actions.change_segment(REVIEWER, made, rule=FIVE)
    actions.change_segment(WRITER, made, name="Best")
    assert Segment.objects.get().name == "Best"


def test_a_wrong_proposal_is_refused_at_once_and_leaves_nothing() -> None:
    made = segment()
    with pytest.raises(RuleError):
        review.propose(WRITER, made, rule={"trait": "no_such", "op": "exists"})
    with pytest.raises(Refused):
        review.propose(WRITER, made, rule={"segment": "vip"})
    assert told(made) == [(1, "published", ACTOR.name, ACTOR.name)]
    assert Segment.objects.get().version == 1


def test_movement_tells_who_would_enter_against_the_members_of_now() -> None:
    made, _in, comes = segment(), person(orders_count=3), person(orders_count=2)
    actions.recompute(made.pk, NOW)
    two = versions.definition(made) | {"rule": VIP | {"value": 2}}
    assert versions.movement(made, two) == versions.Movement(entering=1, leaving=0, members=2)
    assert versions.movement(made, two, 5) == versions.Movement(1, 0, 2, [comes], [])
    five = versions.definition(made) | {"rule": FIVE}
    assert versions.movement(made, five, 5) == versions.Movement(0, 1, 0, [], [_in])
    person(orders_count=3)
    assert versions.movement(made, versions.definition(made)).entering == 1
    assert comes not in members_of(made)


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "~/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "~/"]), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values)
def test_two_definitions_differ_exactly_where_it_is_said(before: Any, after: Any) -> None:
    found = list(versions.diff(before, after))
    assert len({one.pointer for one in found}) == len(found)
    assert not list(versions.diff(before, before))
    for one in found:
        assert one.before != one.after or (one.before is None) != (one.after is None)
    assert {(one.pointer, repr(one.after)) for one in found} == {
        (one.pointer, repr(one.before)) for one in versions.diff(after, before)
    }
