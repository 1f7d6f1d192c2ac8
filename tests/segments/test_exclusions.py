"""Whoever is left out of a segment is not in it, whatever its rule says, on either engine and in the same step."""

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdp.core.errors import Refused
from cdp.events.models import PlannedField
from segments import actions, engines, exclusions, queries
from segments.models import Segment
from tests.segments.people import ACTOR, NOW, VIP, members_of, person, retrait, segment, transitions

pytestmark = pytest.mark.django_db
STAFF = {"trait": "staff", "op": "eq", "value": True}


def staff(**fields: Any) -> tuple[Segment, UUID, UUID]:
    """A segment of the staff, a member of it who would be a VIP, and another VIP."""
    inside, outside = person(orders_count=5, staff=True), person(orders_count=5)
    return segment("staff", STAFF, **fields), inside, outside


def test_members_of_an_excluded_segment_are_left_out_by_run_and_by_pass() -> None:
    _staff, inside, outside = staff()
    made = segment(exclusions=["staff"])
    assert actions.refresh_due() == 2
    assert members_of(made).keys() == {outside}
    retrait(outside, orders_count=5, staff=True)
    retrait(inside, orders_count=5)
    actions.refresh_profiles([inside, outside], NOW)
    assert members_of(made).keys() == {inside}
    assert (outside, "left", "rule") in transitions(made)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", [engines.POSTGRESQL, engines.LAKE])
def test_each_engine_leaves_them_out(engine: str) -> None:
    excluded, _inside, outside = staff(excluded_everywhere=True)
    made = segment()
    actions.recompute(excluded.pk, NOW)
    assert engines.members(engine, made, NOW) == [f"{outside}\n".encode()]


def test_what_is_excluded_everywhere_leaves_every_segment_as_soon_as_it_is_published() -> None:
    excluded, inside, outside = staff(excluded_everywhere=True, publish=False)
    made = segment()
    actions.refresh_due()
    assert members_of(made).keys() == {inside, outside}
    actions.publish(ACTOR, excluded)
    actions.refresh_due()
    assert members_of(made).keys() == {outside} and members_of(excluded).keys() == {inside}
    actions.archive(ACTOR, excluded)
    actions.refresh_due()
    assert members_of(made).keys() == {inside, outside}


def test_it_is_left_out_of_its_brand_only_and_never_of_what_it_builds_on() -> None:
    excluded, inside, outside = staff(publish=False, brand="north", excluded_everywhere=True)
    base = segment("base", STAFF, brand="north")
    actions.change_segment(ACTOR, excluded, rule={"segment": "base"})
    actions.publish(ACTOR, excluded)
    north, south = segment("north", VIP, brand="north"), segment("south", VIP, brand="south")
    actions.refresh_due()
    assert members_of(base).keys() == members_of(excluded).keys() == {inside}
    assert members_of(north).keys() == {outside}
    assert members_of(south).keys() == {inside, outside}


def test_a_change_of_what_is_excluded_is_a_new_version_computed_at_once() -> None:
    staff()
    made = segment()
    Segment.objects.update(due_at=None)
    changed = actions.change_segment(ACTOR, made, exclusions=["staff"])
    assert changed.version == 2 and changed.due_at is not None


def test_a_preview_counts_as_the_segment_would() -> None:
    excluded, *_ = staff(excluded_everywhere=True)
    actions.recompute(excluded.pk)
    assert queries.preview(VIP, "marketing").count == 1
    assert queries.preview(STAFF, "marketing", key="staff").count == 1
    segment("gold", {"trait": "orders_count", "op": "gte", "value": 5})
    actions.refresh_due()
    assert queries.preview(VIP, "marketing", leaving=["gold"]).count == 0


@pytest.mark.parametrize("wrong", [["nowhere"], ["vip"], ["staff", "staff"]])
def test_exclusions_are_other_segments_each_once(wrong: list[str]) -> None:
    staff()
    with pytest.raises(ValidationError) as caught:
        segment(exclusions=wrong)
    assert caught.value.message_dict.keys() == {"exclusions"}


def test_exclusions_close_no_cycle_and_hold_what_they_name() -> None:
    below, *_ = staff()
    segment(exclusions=["staff"])
    with pytest.raises(Refused) as caught:
        actions.change_segment(ACTOR, below, rule={"all": [STAFF, {"segment": "vip"}]})
    assert caught.value.code == "segment_cycle"
    with pytest.raises(Refused) as caught:
        actions.archive(ACTOR, below)
    assert caught.value.code == "segment_in_use"


def test_an_exclusion_reads_no_data_class_that_the_purpose_of_the_others_forbids() -> None:
    person(home_zone="03")
    PlannedField.objects.create(event="", path="home_zone", treatment="clear", data_class="location")
    segment()
    near = segment("near", {"trait": "home_zone", "op": "exists"}, purpose="service")
    with pytest.raises(Refused) as caught:
        actions.change_segment(ACTOR, near, excluded_everywhere=True)
    assert caught.value.code == "data_class"


class AnySegments(TestCase):
    """Whatever segments name and leave out, without cycles: what is below is found as by following each edge."""

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.booleans(), st.sampled_from(["", "x"])), max_size=6))
    def test_nothing_that_is_excluded_everywhere_leaves_itself_out(
        self, drawn: list[tuple[set[int], bool, str]]
    ) -> None:
        made = [
            Segment(
                key=f"s{place}", rule=VIP, exclusions=[f"s{one}" for one in named if one < place], brand=brand,
                excluded_everywhere=everywhere, state="published",
            )
            for place, (named, everywhere, brand) in enumerate(drawn)
        ]  # fmt: skip
        graph = exclusions.building(made)
        self.assertTrue(all(key not in exclusions.below(key, graph) for key in graph))
        lifted = {one.key for one in made if one.excluded_everywhere}
        for key in list(lifted):
            lifted |= exclusions.below(key, {one.key: frozenset(one.exclusions) for one in made})
        for one in made:
            wanted = {other.key for other in made if other.excluded_everywhere and other.brand in ("", one.brand)}
            self.assertEqual(
                graph[one.key] - set(one.exclusions), set() if one.key in lifted else wanted - set(one.exclusions)
            )
