"""What arrives is held to its plan: counted, flagged or put aside, without a word of what anybody sent."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.models import Event, PlannedField, PlanViolation, Quarantined, Source, TrackingPlan
from cdp.events.quarantine import Chosen
from cdp.events.tracking import plans
from cdp.events.tracking.files import Plan
from cdp.events.types import VIOLATIONS, Remedy
from cdp.ingestion import replay, sources
from consent.models import ConsentRecord
from tests.ingestion.wire import counters, reasons, refused_content, sealed, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
TESTER = Actor.system("test")
ORDER = {
    "title": "Order completed", "title_ko": "주문 완료", "required": ["order_id", "total"],
    "properties": {
        "order_id": {"type": "string"}, "total": {"type": "number", "minimum": 0}, "way": {"enum": ["card", "cash"]},
        "note": {"type": "string", "personal": True}, "store_area": {"type": "string", "data_class": "location"},
        "products": {"type": "array", "items": {"$ref": "#/$defs/product"}},
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}  # fmt: skip
PLAN: dict[str, Any] = {
    "plan": "shop", "owner": "commerce", "events": {"Order Completed": ORDER},
    "$defs": {"product": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
}  # fmt: skip
GOOD = {"order_id": "O-1", "total": 12.5, "products": [{"sku": "A"}]}


def load(**more: Any) -> TrackingPlan:
    made, _new = plans.load(TESTER, Plan.of(PLAN | more))
    sources.forget()
    return made


def order(**properties: Any) -> dict[str, Any]:
    return track(event="Order Completed", properties={**GOOD, **properties})


def found() -> dict[tuple[str, str, str], int]:
    rows = PlanViolation.objects.values_list("event", "kind", "place", "count")
    return {(event, kind, place): count for event, kind, place, count in rows}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"order_id": None}, "missing", "order_id"),
    ({"total": "12"}, "type", "total"),
    ({"total": -1}, "value", "total"),
    ({"way": "cheque"}, "choice", "way"),
    ({"products": [{"sku": "A"}, {"sku": 5}, {"sku": 6}]}, "type", "products[].sku"),
    ({"products": [{"sku": None}]}, "missing", "products[].sku"),
    ({"extra": {"kim": 1, "lee": 2}}, "type", "extra.*"),
]


# --- the three modes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind", "place"), WRONG)
def test_what_is_observed_comes_in_and_is_counted_by_kind_and_place(
    shop: Shop, said: dict[str, Any], kind: str, place: str
) -> None:
    load()
    send(shop[1], order(**said), order(messageId="m2") | {"messageId": "m2"})
    assert found() == {("Order Completed", kind, place): 1} and not reasons()
    assert sorted(Event.objects.values_list("message_id", "flags")) == [("m1", []), ("m2", [])]


def test_what_is_warned_of_is_flagged(shop: Shop) -> None:
    load(mode="warn")
    send(shop[1], order(total="x"), order() | {"messageId": "m2"})
    assert sorted(Event.objects.values_list("message_id", "flags")) == [("m1", ["off_plan"]), ("m2", [])]


@pytest.mark.parametrize(("said", "kind", "place"), WRONG)
def test_what_is_blocked_waits_in_quarantine_and_harms_nothing_beside_it(
    shop: Shop, said: dict[str, Any], kind: str, place: str
) -> None:
    load(mode="block")
    assert send(shop[1], order(**said), order() | {"messageId": "m2"}).status_code == 200
    assert Event.objects.get().message_id == "m2"
    kept = Quarantined.objects.get()
    assert (kept.reason, kept.place) == (f"plan_{kind}", f"track.Order Completed.{place}")
    assert refused_content(kept)["properties"] == {**GOOD, **said}
    assert found() == {("Order Completed", kind, place): 1}
    assert counters() == {"received": 2, "taken": 1, f"quarantined:plan_{kind}": 1}


def test_an_event_s_own_mode_counts_before_its_plan_s(shop: Shop) -> None:
    load(mode="block", events={"Order Completed": ORDER | {"mode": "observe"}})
    send(shop[1], order(total="x"))
    assert Event.objects.count() == 1 and found()


def test_what_was_blocked_comes_in_when_the_plan_is_mended_and_is_not_counted_anew(shop: Shop) -> None:
    load(mode="block")
    send(shop[1], order(total="12"))
    asked = replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk))
    replay.work()
    assert replay.outcome(asked)[0] == {"still": 1} and set(found().values()) == {1}
    load(mode="warn")
    asked = replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk))
    replay.work()
    assert replay.outcome(asked)[0] == {"taken": 1} and Event.objects.get().flags == ["off_plan"]
    assert set(found().values()) == {1}


def test_every_reason_and_kind_has_its_words() -> None:
    from cdp.events.tracking.schema import KINDS
    from cdp.events.types import QUARANTINE_REASONS

    assert {*KINDS.values(), "value", "unplanned"} == VIOLATIONS.keys()
    assert {f"plan_{kind}" for kind in VIOLATIONS} <= QUARANTINE_REASONS.keys()


# --- which plan ---------------------------------------------------------------------------------------------------------


def test_the_plan_of_a_source_counts_for_that_source_only_and_first(shop: Shop) -> None:
    load(mode="block")
    load(plan="own", source="shop", events={"Order Completed": {"properties": {"total": {"type": "string"}}}})
    send(shop[1], order(total="12"))
    assert Event.objects.count() == 1 and not found()


def test_events_without_a_plan_are_told_of_without_their_names(shop: Shop) -> None:
    load(unplanned="block", naming={"events": "^[A-Z]"})
    send(
        shop[1], track(event="Kim"), track(event="kim", messageId="2"),
        track(type="page", name="x", messageId="3"), {"type": "identify", "userId": "u", "messageId": "4"},
    )  # fmt: skip
    assert reasons() == ["plan_naming", "plan_unplanned"]
    assert found() == {("", "unplanned", ""): 1, ("", "naming", ""): 1}
    assert {kept.place for kept in Quarantined.objects.all()} == {"track"}


def test_names_of_properties_are_held_to_the_naming_of_the_plan(shop: Shop) -> None:
    load(naming={"properties": "^[a-z_]+$"})
    send(shop[1], order(**{"kim@shop.kr": 1}))
    assert found() == {("Order Completed", "naming", ""): 1}


def test_traits_pages_and_groups_have_plans_too(shop: Shop) -> None:
    named = ("Identify", "Page Viewed", "Screen Viewed", "Group")
    load(events={name: {"properties": {"rank": {"type": "integer"}}} for name in named})
    said: dict[str, Any] = {"userId": "u", "traits": {"rank": "x"}, "properties": {"rank": "x"}}
    kinds = ("identify", "page", "screen", "group")
    send(shop[1], *(said | {"type": kind, "messageId": kind, "groupId": "g"} for kind in kinds))
    assert {event for event, _kind, _place in found()} == {*named} and not reasons()


def test_rows_of_files_are_held_to_the_plan_with_what_their_mapping_says(shop: Shop, tmp_path: Path) -> None:
    fields = ORDER["properties"] | {"revenue": {"type": "number", "maximum": 10}, "way": {"enum": ["card"]}}  # type: ignore[operator]
    load(mode="block", events={"Order Completed": {"required": ["order_id", "revenue"], "properties": fields}})
    mapping = {
        "event": {"constant": "Order Completed"}, "time": "at", "receipt": "no", "order": "no", "message_id": "no",
        "money": "sum", "currency": "USD", "properties": {"way": "way"},
    }  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(mapping))
    (tmp_path / "t.csv").write_text(
        "at,no,sum,way\n2026-03-04,R1,9.5,card\n2026-03-04,R2,11,card\n2026-03-04,R3,9,Kim\n"
    )
    call_command("import_events", tmp_path / "t.csv", source="shop", mapping=tmp_path / "m.json", stdout=StringIO())
    assert [event.order_id for event in Event.objects.all()] == ["R1"]
    kept = sorted(Quarantined.objects.values_list("reason", "place"))
    assert kept == [("plan_choice", "t.csv:4"), ("plan_value", "t.csv:3")]
    assert found() == {("Order Completed", "choice", "way"): 1, ("Order Completed", "value", "revenue"): 1}


# --- fields -------------------------------------------------------------------------------------------------------------


def test_what_a_plan_calls_personal_is_sealed_and_its_data_classes_are_the_tracking_plan_s(shop: Shop) -> None:
    load()
    send(shop[1], order(note="ok", store_area="North"))
    assert "note" not in Event.objects.get().properties and sealed(Event.objects.get())["properties"] == {"note": "ok"}
    assert Event.objects.get().properties["store_area"] == "North"
    assert queries.classes_of_fields() == {
        ("Order Completed", "note"): {"general"}, ("Order Completed", "store_area"): {"location"},
    }  # fmt: skip


def test_what_somebody_said_by_hand_stays(shop: Shop) -> None:
    PlannedField.objects.create(event="Order Completed", path="note", treatment="clear")
    load()
    send(shop[1], order(note="ok"))
    assert Event.objects.get().properties["note"] == "ok"
    plans.retire(TESTER, "shop")
    assert PlannedField.objects.get().treatment == "clear"


def test_a_blocked_value_is_nowhere_but_in_what_is_sealed(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    load(mode="block", naming={"properties": "^[a-z_]+$"})
    send(
        shop[1],
        order(way="김철수", **{"김철수": "김철수"}),
        order(extra={"김철수": 1}, products=[{"sku": {"김철수": 1}}], total="김철수"),
    )
    told = repr([*PlanViolation.objects.values(), *Quarantined.objects.values("reason", "place"), caplog.text])
    assert found() and "김철수" not in told


# --- consent ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "channel"), [({"channel": "sms"}, "sms"), ({}, None), ({"channel": 7}, None)])
def test_an_event_that_is_planned_as_a_withdrawal_is_one(shop: Shop, said: dict[str, Any], channel: str | None) -> None:
    withdraws = {"purpose": "marketing", "channel_property": "channel"}
    load(events={"Message Unsubscribed": {"withdraws": withdraws}})
    for _ in range(2):
        send(shop[1], track(event="Message Unsubscribed", properties=said))
    assert [*ConsentRecord.objects.values_list("purpose_id", "channel_id", "state")] == [
        ("marketing", channel, "withdrawn")
    ]


# --- cost ---------------------------------------------------------------------------------------------------------------


def test_a_version_is_read_and_compiled_once_and_no_event_asks_anything(
    shop: Shop, django_assert_num_queries: Any
) -> None:
    load()
    plan = sources.plan()
    with django_assert_num_queries(0):
        for _ in range(50):
            plan.hold(shop[0].pk, "Order Completed", GOOD, None)  # type: ignore[arg-type]
            plan.of_event(shop[0].pk, "Order Completed")
    sources.forget()
    with django_assert_num_queries(2):
        again = sources.plan()
    assert again.rules[None, "Order Completed"] is plan.rules[None, "Order Completed"]


NUMBERS = st.integers(-(10**31), 10**31) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(max_size=5) | st.sampled_from(["sku", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*ORDER["properties"], "other"]), JSON))
def test_whatever_is_said_the_check_answers_in_words_of_the_plan(said: dict[str, Any]) -> None:
    rule = Plan.of(PLAN).rule("Order Completed")
    for found_one in rule.violations("Order Completed", said):
        assert found_one.kind in VIOLATIONS
        places = {part for part in found_one.place.replace("[]", "").split(".") if part}
        assert places <= {*ORDER["properties"], "sku", "*"}
