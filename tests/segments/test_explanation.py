"""Why somebody is in a segment or not."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from django.utils.translation import override

from cdp.core.models import AuditEntry
from segments import actions
from segments.explanation import explain
from segments.models import Segment
from segments.types import Explanation, Reason
from tests.segments.people import ACTOR, happened, person, reachable, says, segment, told

pytestmark = pytest.mark.django_db
BOUGHT = {"event": "Order Completed"}
SEOUL = {"trait": "region", "op": "eq", "value": "Seoul"}


def day(number: int) -> datetime:
    return timezone.now() - timedelta(days=number)


def asked(rule: Any, profile: UUID, **fields: Any) -> Explanation:
    made = Segment.objects.filter(key="asked").first() or segment("asked", rule, **fields)
    return explain(ACTOR, made, profile)


def facts(reason: Reason) -> dict[str, Any]:
    return {f"{fact.name} {fact.of}".strip(): fact.value for fact in reason.facts}


def decided(rule: Any, profile: UUID) -> dict[str, Any]:
    """What decided a rule of one clause."""
    [reason] = asked(rule, profile).reasons
    return facts(reason)


@pytest.fixture
def buyer() -> UUID:
    """Two orders ten and two days ago, together of 50,000 won, and what was looked at before."""
    found = person(region="Seoul", interests=["tea", "jazz"])
    happened(found, "Product Viewed", day(12), properties={"category": "tea", "price": 3})
    for ago, revenue in ((10, 20_000), (2, 30_000)):
        happened(found, "Order Completed", day(ago), revenue=revenue, currency="KRW", order_id=f"o{ago}")
    return found


def test_each_clause_says_whether_it_holds_and_what_decided_it(buyer: UUID) -> None:
    denied = {"not": {"any": [SEOUL, BOUGHT]}}
    told = asked({"all": [SEOUL, {"any": [denied, {"not": {"all": [SEOUL, BOUGHT]}}]}, {"not": BOUGHT}]}, buyer)
    assert [(one.path, one.group, one.depth, one.holds) for one in told.reasons] == [
        ("", "all", 0, False),
        ("/all/0", "", 1, True),
        ("/all/1", "any", 1, False),
        ("/all/1/any/0", "none", 2, False),
        ("/all/1/any/0/not/any/0", "", 3, True),
        ("/all/1/any/0/not/any/1", "", 3, True),
        ("/all/1/any/1", "not_all", 2, False),
        ("/all/1/any/1/not/all/0", "", 3, True),
        ("/all/1/any/1/not/all/1", "", 3, True),
        ("/all/2", "", 1, False),
    ]
    assert not told.holds and facts(told.reasons[1]) == {"trait region": "Seoul"} and told.reasons[0].facts == []
    assert facts(told.reasons[-1])["events Order Completed"] == 2
    assert told.reasons[1].words == "Region is “Seoul”"


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ({"sum": {"property": "revenue", "op": "gte", "value": 1}}, {"sum revenue": 50_000}),
        ({"avg": {"property": "revenue", "op": "gte", "value": 1}}, {"avg revenue": 25_000}),
        ({"min": {"property": "revenue", "op": "gte", "value": 1}}, {"min revenue": 20_000}),
        ({"max": {"property": "revenue", "op": "gte", "value": 1}}, {"max revenue": 30_000}),
        ({"distinct": {"property": "order_id", "op": "gte", "value": 1}}, {"distinct order_id": 2}),
        ({"most_frequent": {"property": "order_id", "op": "eq", "value": "x"}}, {"most_frequent order_id": "o10"}),
        ({"count": {"op": "gte", "value": 1}}, {}),
    ],
)
def test_what_is_measured_is_told(buyer: UUID, measure: dict[str, Any], value: dict[str, Any]) -> None:
    found = decided(BOUGHT | measure, buyer)
    assert {name: found[name] for name in value} == value and found["events Order Completed"] == 2
    assert found["first_at Order Completed"] < found["last_at Order Completed"]


def test_whoever_did_nothing_is_told_so() -> None:
    nobody = person()
    assert decided(BOUGHT | {"sum": {"property": "revenue", "op": "gte", "value": 1}}, nobody) == {
        "sum revenue": 0,
        "events Order Completed": 0,
    }


def test_of_an_average_of_nothing_there_is_none() -> None:
    found = decided(BOUGHT | {"avg": {"property": "revenue", "op": "gte", "value": 1}}, person())
    assert found == {"avg revenue": None, "events Order Completed": 0}


def test_only_what_the_clause_looks_at_counts(buyer: UUID) -> None:
    assert decided(BOUGHT | {"within": {"days": 5}}, buyer)["events Order Completed"] == 1


def test_only_events_that_fit_the_condition_count(buyer: UUID) -> None:
    viewed = {"event": "Product Viewed", "where": [{"property": "category", "op": "eq", "value": "coffee"}]}
    assert decided(viewed, buyer) == {"events Product Viewed": 0}


def test_the_picked_event_has_its_time(buyer: UUID) -> None:
    found = decided(BOUGHT | {"first": {"within": {"days": 30}}}, buyer)
    assert found["picked_at Order Completed"] == found["first_at Order Completed"]


def test_a_frequency_says_in_how_many_units() -> None:
    often, now = person(), timezone.now()
    for ago in (35, 35, 70):
        happened(often, "Order Completed", now - timedelta(days=ago))
    rule = BOUGHT | {"frequency": {"times": 1, "unit": "week", "last": 20, "in": 2}}
    found = decided(rule, often)
    assert found["periods Order Completed"] == 2 and found["events Order Completed"] == 3


def test_a_sequence_tells_of_each_of_its_events(buyer: UUID) -> None:
    rule = {
        "sequence": [{"event": "Product Viewed"}, BOUGHT],
        "without": {"event": "Signed Out"},
        "then_not": {"event": "Order Refunded"},
    }
    found = decided(rule, buyer)
    assert {name: value for name, value in found.items() if name.startswith("events")} == {
        "events Product Viewed": 1,
        "events Order Completed": 2,
        "events Signed Out": 0,
        "events Order Refunded": 0,
    }


def test_lists_and_what_is_missing_are_told_as_they_are(buyer: UUID) -> None:
    assert decided({"trait": "country", "op": "exists"}, buyer) == {"trait country": None}


def test_other_segments_say_since_when_and_until_when(buyer: UUID) -> None:
    segment("gold", SEOUL)
    actions.refresh_due()
    found = asked({"segment": "gold"}, buyer)
    assert facts(found.reasons[0]).keys() == {"entered_at gold"} and found.holds and not found.member
    Segment.objects.filter(key="gold").update(rule=BOUGHT | {"count": {"op": "gte", "value": 9}}, version=2)
    actions.recompute(Segment.objects.get(key="gold").pk)
    found = asked(None, buyer)
    assert facts(found.reasons[0]).keys() == {"left_at gold"} and not found.holds


def test_consent_says_its_state_and_since_when(buyer: UUID) -> None:
    rule = {"consent": {"purpose": "marketing", "channel": "email"}}
    assert decided(rule, buyer) == {}
    says(buyer, "granted")
    told(buyer)
    found = asked(None, buyer)
    assert facts(found.reasons[0])["consent"] == "granted" and found.holds


def test_whom_an_exclusion_leaves_out_is_told_by_which(buyer: UUID) -> None:
    segment("gold", SEOUL)
    actions.refresh_due()
    found = asked(BOUGHT, buyer, exclusions=["gold"])
    [exclusion] = found.exclusions
    assert found.reasons[0].holds and not exclusion.holds and not found.holds
    assert facts(exclusion).keys() == {"entered_at gold"}


def test_membership_is_that_of_the_last_computation(buyer: UUID) -> None:
    made = segment("asked", BOUGHT)
    assert not (before := explain(ACTOR, made, buyer)).member and before.holds and before.last_change is None
    actions.refresh_due()
    after = explain(ACTOR, made, buyer)
    assert after.member and after.entered_at and after.last_change
    assert (after.last_change.name, after.last_change.value) == ("entered_at", after.entered_at)


def test_the_ways_of_contact_are_those_that_consent_and_a_contact_point_open(buyer: UUID) -> None:
    def ways() -> tuple[bool, bool]:
        return next((way.agreed, way.reachable) for way in asked(BOUGHT, buyer).channels if way.channel == "email")

    assert ways() == (False, False)
    says(buyer, "granted")
    assert ways() == (True, False)
    reachable(buyer)
    assert ways() == (True, True)


def test_each_reader_is_told_in_their_own_language(buyer: UUID) -> None:
    assert asked(SEOUL, buyer).reasons[0].words == "Region is “Seoul”"
    with override("ko"):
        assert asked(None, buyer).reasons[0].words == "시·도가 “Seoul”임"


def test_others_do_not_count(buyer: UUID) -> None:
    happened(person(), "Order Completed", day(1))
    assert decided(BOUGHT, buyer)["events Order Completed"] == 2


def test_the_look_is_written_down(buyer: UUID) -> None:
    asked(BOUGHT, buyer)
    [entry] = AuditEntry.objects.filter(action="segment.explained")
    assert entry.details["count"] == 1


def test_nobody_who_is_no_more_is_in_it() -> None:
    found = asked(BOUGHT, uuid4())
    assert not found.holds and not found.member
