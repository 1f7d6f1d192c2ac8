"""Segments are defined only as their purpose, the catalog and each other allow."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.events.models import PlannedField
from cdp.profiles import types as profile_types
from segments import actions, queries, vocabulary
from segments.models import Segment
from segments.query.problems import RuleError
from tests.segments.people import ACTOR, VIP, members_of, person, segment, transitions

pytestmark = pytest.mark.django_db


@pytest.fixture
def credit(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A built-in trait of the class "credit", which marketing may not use and the service may."""
    trait = profile_types.Trait("text", "credit", "Loan grade", "대출 등급")
    monkeypatch.setitem(profile_types.TRAITS, "loan_grade", trait)
    yield "loan_grade"


def test_a_segment_is_created_as_an_audited_draft() -> None:
    made = segment(publish=False)
    assert (made.state, made.version, made.due_at) == ("draft", 1, None)
    assert list(AuditEntry.objects.filter(action="segment.created").values_list("target", "purpose")) == [
        (str(made.pk), "marketing")
    ]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"trait": "no_such", "op": "exists"}, "unknown_trait"),
        ({"segment": "nowhere"}, "unknown_segment"),
        ({"consent": {"purpose": "nothing", "channel": "email"}}, "unknown_purpose"),
        ({"trait": "email", "op": "eq", "value": "a@b.kr"}, "sealed"),
        ({"trait": "orders_count", "op": "eq", "value": "3"}, "wrong_type"),
        ({"all": []}, "empty_group"),
    ],
)
def test_a_wrong_rule_is_refused_and_leaves_nothing(rule: object, code: str) -> None:
    with pytest.raises(RuleError) as caught:
        segment(rule=rule)
    assert code in {problem.code.removesuffix("_near") for problem in caught.value.problems}
    assert not Segment.objects.exists() and not AuditEntry.objects.exists()


def test_a_trait_that_golden_records_hold_can_be_named() -> None:
    rule = {"trait": "favourite_shoe", "op": "eq", "value": "boot"}
    with pytest.raises(RuleError):
        segment("before", rule)
    wearer = person(favourite_shoe="boot")
    made = segment("after", rule)
    actions.recompute(made.pk)
    assert members_of(made).keys() == {wearer}


@pytest.mark.parametrize("currency", ["KRW", "USD"])
def test_money_traits_go_by_their_pattern(currency: str) -> None:
    made = segment(rule={"trait": f"revenue_total_{currency}", "op": "gt", "value": 100})
    rich, _poor = person(**{f"revenue_total_{currency}": 100.5}), person(**{f"revenue_total_{currency}": 100})
    actions.recompute(made.pk)
    assert members_of(made).keys() == {rich}


def test_the_catalog_offers_what_was_seen_with_its_type() -> None:
    vocabulary._seen.cache_clear()
    renewed = "2026-01-02T03:04:05.000000Z"
    person(shoe_size=270, member_since="2024-01-02", renewed_at=renewed, loves_mail=True, tier="gold")
    traits = queries.catalog("marketing", "Asia/Seoul").traits
    names = ("shoe_size", "member_since", "renewed_at", "loves_mail", "tier")
    assert [traits[name].type for name in names] == ["number", "date", "moment", "boolean", "string"]
    assert traits["orders_count"].type == "number" and traits["revenue_total_KRW"].type == "number"


def test_unknown_purposes_and_zones_are_refused() -> None:
    with pytest.raises(Refused, match="no such purpose"):
        segment(purpose="nothing")
    with pytest.raises(Refused, match="no such time zone"):
        segment(zone="Mars/Olympus")
    with pytest.raises(ValidationError):
        segment("not a slug")


def test_a_data_class_that_the_purpose_does_not_allow_is_refused(credit: str) -> None:
    rule = {"trait": credit, "op": "eq", "value": "A"}
    segment("graded", rule, purpose="service")
    with pytest.raises(RuleError, match="data_class"):
        segment("sold", rule)


def test_a_data_class_is_not_reached_through_another_segment(credit: str) -> None:
    segment("graded", {"trait": credit, "op": "eq", "value": "A"}, purpose="service")
    with pytest.raises(Refused) as caught:
        segment("sold", {"segment": "graded"})
    assert caught.value.code == "data_class"


def test_nor_by_changing_the_segment_below(credit: str) -> None:
    below = segment("plain", purpose="service")
    segment("sold", {"segment": "plain"})
    with pytest.raises(Refused) as caught:
        actions.change_segment(ACTOR, below, rule={"trait": credit, "op": "eq", "value": "A"})
    assert caught.value.code == "data_class"


def test_cycles_of_segments_are_refused() -> None:
    a = segment("a")
    segment("b", {"segment": "a"})
    segment("c", {"not": {"segment": "b"}})
    with pytest.raises(Refused) as caught:
        actions.change_segment(ACTOR, a, rule={"any": [VIP, {"segment": "c"}]})
    assert caught.value.code == "segment_cycle"
    with pytest.raises(Refused):
        actions.change_segment(ACTOR, a, rule={"segment": "a"})


def test_a_new_meaning_is_a_new_version_and_due_at_once() -> None:
    made = segment()
    Segment.objects.update(due_at=None)
    named = actions.change_segment(ACTOR, made, name="Best", description="ours")
    assert (named.version, named.due_at) == (1, None)
    changed = actions.change_segment(ACTOR, made, rule={"trait": "orders_count", "op": "gte", "value": 5})
    assert changed.version == 2 and changed.due_at is not None
    with pytest.raises(ValidationError):
        actions.change_segment(ACTOR, made, refresh_minutes=0)


def test_publishing_wakes_the_worker(django_capture_on_commit_callbacks: pytest.FixtureRequest) -> None:
    made = segment(publish=False)
    with django_capture_on_commit_callbacks() as callbacks:
        published = actions.publish(ACTOR, made)
    assert published.state == "published" and published.due_at is not None and len(callbacks) == 1


def test_only_published_segments_are_built_on_and_computed() -> None:
    draft = segment("a", publish=False)
    on_it = segment("b", {"segment": "a"}, publish=False)
    for refused in (lambda: actions.publish(ACTOR, on_it), lambda: actions.recompute(draft.pk)):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.code == "segment_not_published"


def test_archiving_lets_all_members_leave() -> None:
    made, one = segment(), person(orders_count=5)
    actions.recompute(made.pk)
    actions.archive(ACTOR, made)
    assert not members_of(made)
    assert transitions(made) == [(one, "entered", "rule"), (one, "left", "archived")]
    assert Segment.objects.get().due_at is None


def test_a_segment_in_use_is_neither_archived_nor_renamed() -> None:
    below = segment("a")
    segment("b", {"segment": "a"})
    for refused in (lambda: actions.archive(ACTOR, below), lambda: actions.change_segment(ACTOR, below, key="z")):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.code == "segment_in_use"


# --- data classes of the tracking plan ------------------------------------------------------------------------------------

VISITED = {"event": "Store Visited", "where": [{"property": "branch", "op": "eq", "value": "A1"}]}
WALKED = {"sequence": [{"event": "App Opened"}, VISITED]}


@pytest.mark.parametrize(
    ("planned", "rule"),
    [
        (("Store Visited", "branch"), VISITED),
        (("", "branch"), WALKED),
        (
            ("Store Visited", "metres"),
            {"event": "Store Visited", "sum": {"property": "metres", "op": "gte", "value": 5}},
        ),
        (("Identify", "home_zone"), {"trait": "home_zone", "op": "exists"}),
    ],
)
def test_a_field_planned_as_of_a_class_that_the_purpose_does_not_allow_is_refused_with_the_reason(
    planned: tuple[str, str], rule: object
) -> None:
    person(home_zone="03")
    PlannedField.objects.create(event=planned[0], path=planned[1], treatment="clear", data_class="location")
    with pytest.raises(RuleError) as caught:
        segment("by_place", rule)
    (problem,) = caught.value.problems
    assert (problem.code, problem.params) == ("data_class", {"name": planned[1], "class": "location"})
    assert segment("for_service", rule, purpose="service").state == "published"
    with pytest.raises(Refused, match="Through another segment"):
        segment("through", {"segment": "for_service"})


@pytest.mark.parametrize("change", ["publish", "change_segment", "archive"])
def test_a_change_comes_to_the_locks_in_the_order_of_runs(change: str) -> None:
    made = segment(publish=False)
    with CaptureQueriesContext(connection) as asked:
        getattr(actions, change)(ACTOR, made, **({"rule": VIP} if change == "change_segment" else {}))
    said = [query["sql"] for query in asked]
    held, row = (next(at for at, one in enumerate(said) if lock in one) for lock in ("segments_pass", "FOR UPDATE"))
    assert held < row
