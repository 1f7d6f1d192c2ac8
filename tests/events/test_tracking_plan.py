"""Plans in files: what is refused, what a version changes, what is inferred from what arrived."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import PlannedField, TrackingPlan
from cdp.events.tracking import plans
from cdp.events.tracking.changes import changes
from cdp.events.tracking.files import Plan, find, read, shipped
from cdp.events.tracking.infer import inferred, whole
from cdp.events.tracking.schema import without_nulls
from cdp.events.words import event_word
from cdp.ingestion.classify import split
from tests.ingestion.wire import send, track

TESTER = Actor.system("test")
EVENT: dict[str, Any] = {"properties": {"a": {"type": "string", "personal": True}}}


def plan(**more: Any) -> dict[str, Any]:
    return {"plan": "p", "events": {"E": EVENT}} | more


def run(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command("tracking_plan", *words, stdout=out, **options)
    return out.getvalue()


# --- files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"{", "/"), (b'{"plan":"p","plan":"q","events":{}}', "/"), (b"[]", "/"), (b"[" * 100_000, "/"),
        (plan(plan="P P"), "/plan"), (plan(mode="shout"), "/mode"), (plan(events={}), "/events"), (plan(other=1), "/"),
        (plan(events={"E": {"properties": {"a": {"type": "text"}}}}), "/events/E"),
        (plan(events={"E": {"properties": {"a": {"$ref": "http://x.example/y"}}}}), "/events/E"),
        (plan(events={"E": {"properties": {"a": {"$ref": "#/$defs/none"}}}}), "/events/E"),
        (plan(events={"E": {"properties": {"a": {"pattern": "(?=a)b"}}}}), "/events/E"),
        (plan(events={"E": {"properties": {"a": {"format": "no such"}}}}), "/events/E"),
        (plan(events={"E": {"properties": {"a": {"personal": "yes"}}}}), "/events/E/a/personal"),
        (plan(events={"E": {"properties": {"a": {"items": {"properties": {"b": {"data_class": "x"}}}}}}}), "/events/E/a.b/data_class"),
        (plan(events={"E": {"withdraws": {"channel": "sms"}}}), "/events/E/withdraws"),
        (plan(naming={"events": "^[a-z]"}), "/E"), (plan(naming={"properties": "^b$"}), "/a"),
        (plan(naming={"events": "("}), "/naming/events"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_place(content: Any, place: str) -> None:
    with pytest.raises(Refused) as refused:
        read(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert refused.value.code == "bad_plan" and str(refused.value).startswith(f"{place}: ")


def test_a_schema_that_holds_itself_has_an_end() -> None:
    tree = {"type": "object", "properties": {"inner": {"$ref": "#/$defs/tree"}, "n": {"type": "number"}}}
    made = Plan.of(plan(events={"E": {"properties": {"tree": {"$ref": "#/$defs/tree"}}}}, **{"$defs": {"tree": tree}}))
    assert [path for path, _field in made.fields("E")][:2] == ["tree", "tree.inner"]
    assert not made.rule("E").violations("E", {"tree": {"inner": {"n": 1}}})


# --- versions -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_loading_again_changes_nothing_and_another_content_is_the_next_version(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(plan()))
    assert "version 1 is in force" in run("load", str(file))
    assert "version 1 stays" in run("load", str(file))
    assert AuditEntry.objects.filter(action="tracking_plan.loaded").count() == 1
    file.write_text(json.dumps(plan(events={"E": {"properties": {"b": {"type": "string", "data_class": "credit"}}}})))
    told = run("diff", str(file))
    assert "- events/E/properties/a" in told and "+ events/E/properties/b" in told
    assert TrackingPlan.objects.get().version == 1
    run("load", str(file))
    assert [*TrackingPlan.objects.order_by("version").values_list("version", "in_force")] == [(1, False), (2, True)]
    assert [*PlannedField.objects.values_list("path", "treatment", "data_class")] == [("b", "auto", "credit")]
    assert "p  2  *  1 events" in run("list")
    run("retire", "p")
    assert not TrackingPlan.objects.filter(in_force=True).exists() and not PlannedField.objects.exists()


@pytest.mark.django_db
def test_two_plans_do_not_speak_of_one_event_of_one_source() -> None:
    create_source(TESTER, "shop", "web")
    plans.load(TESTER, Plan.of(plan(unplanned="warn")))
    for other in (plan(plan="q"), plan(plan="q", events={"F": EVENT}, unplanned="warn")):
        with pytest.raises(Refused) as refused:
            plans.load(TESTER, Plan.of(other))
        assert refused.value.code == "planned_twice"
    assert plans.load(TESTER, Plan.of(plan(plan="q", source="shop")))[1]
    with pytest.raises(Refused):
        plans.load(TESTER, Plan.of(plan(plan="r", source="nowhere")))


@pytest.mark.django_db
@pytest.mark.parametrize("words", [("load",), ("load", "nowhere.json"), ("retire", "p"), ("infer",), ("infer", "p")])
def test_the_command_says_what_is_missing(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*words)


# --- from what arrived --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_plan_is_inferred_told_of_and_promoted(tmp_path: Path) -> None:
    _source, key = create_source(TESTER, "shop", "web")
    ways = ("card", "cash")
    said = [
        {
            "total": number if number % 2 else number + 0.5,
            "way": ways[number % 2],
            "email": f"u{number}@x.kr",
            "n": number,
        }
        | ({"coupon": "A"} if number % 3 else {})
        | {"products": [{"sku": f"S{number}", "memo": "hello"}]}
        for number in range(24)
    ]
    sent = [track(event="Paid", messageId=str(at), properties=one) for at, one in enumerate(said)]
    assert send(key, *sent).status_code == 200
    told = run("infer", "paid", source="shop")
    content = json.loads(told)
    paid = content["events"]["Paid"]
    assert content["source"] == "shop" and content["mode"] == "observe" and "@" not in told
    assert paid["required"] == ["email", "n", "products", "total", "way"]
    assert paid["properties"] | {"products": 0} == {
        "coupon": {"type": "string", "enum": ["A"]}, "email": {"type": "string", "personal": True},
        "n": {"type": "integer"}, "products": 0, "total": {"type": "number"},
        "way": {"type": "string", "enum": ["card", "cash"]},
    }  # fmt: skip
    assert paid["properties"]["products"]["items"] == {
        "type": "object", "required": ["memo", "sku"],
        "properties": {"memo": {"type": "string", "personal": True}, "sku": {"type": "string"}},
    }  # fmt: skip
    file = tmp_path / "paid.json"
    file.write_text(told)
    assert "describes 24; 0 differ" in run("diff", str(file))
    paid["properties"]["way"]["enum"] = ["card"]
    paid["properties"]["email"]["maxLength"] = 7
    file.write_text(json.dumps(content))
    told = run("diff", str(file))
    assert "describes 24; 19 differ" in told
    assert "12  Paid  way  choice" in told and "14  Paid  email  value" in told
    assert "version 1 is in force" in run("load", str(file))


LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["a", "b", "010-1234-5678"])
)
NAMES = st.sampled_from(["a", "c d", "memo", "products", "kim@x.kr"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(["E", "F"]), st.dictionaries(NAMES, VALUES, max_size=3)), min_size=1, max_size=6
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, st.randoms(use_true_random=False))
def test_what_a_plan_is_inferred_from_fits_it_in_any_order(events: list[tuple[str, Any]], random: Any) -> None:
    kept = [(name, *split(said, {})) for name, said in events]
    content = inferred("p", kept)
    assert "@" not in json.dumps(content) and "010" not in json.dumps(content)
    made = Plan.of(content)
    for (name, said), (_name, clear, sealed) in zip(events, kept, strict=True):
        assert not made.rule(name).violations(name, whole(clear, sealed))
        # Of an object whose members are all null nothing is kept.
        assert whole(clear, sealed) != without_nulls(said) or not made.rule(name).violations(name, said)
    random.shuffle(kept)
    assert inferred("p", kept) == content


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_changes_are_told_where_there_are_some(before: Any, after: Any) -> None:
    assert bool([*changes(before, after)]) == (before != after)


# --- what is shipped ----------------------------------------------------------------------------------------------------

HANGUL = re.compile("[가-힣]")
WANTED = {
    "retail": "Products Searched|Product List Viewed|Product List Filtered|Promotion Viewed|Promotion Clicked|Product Clicked|"
    "Product Viewed|Product Added|Product Removed|Cart Viewed|Checkout Started|Checkout Step Viewed|Checkout Step Completed|"
    "Payment Info Entered|Order Updated|Order Completed|Order Refunded|Order Cancelled|Coupon Entered|Coupon Applied|"
    "Coupon Denied|Coupon Removed|Product Added to Wishlist|Product Removed from Wishlist|Product Shared|Cart Shared|"
    "Product Reviewed",
    "calls": "Call Started|Call Completed",
    "messages": "Message Sent|Message Opened|Message Clicked|Message Bounced|Message Unsubscribed|Email Opened|Unsubscribed",
    "surveys": "NPS Answered|CSAT Answered|Survey Text Answered",
    "social": "Post Commented|Post Shared|Post Liked",
    "loyalty": "Points Earned|Points Redeemed|Points Expired",
    "credit": "Application Started|Document Upload Failed|Review Decided|Payment Due|Payment Received",
}


@pytest.mark.parametrize("key", shipped())
def test_a_shipped_plan_describes_everything_in_both_languages_and_its_words_are_the_product_s(key: str) -> None:
    made = read(find(key))
    assert made.key == key and {*WANTED[key].split("|")} <= made.events.keys() and made.content["owner"]
    things = [made.content, *made.events.values()]
    assert all(thing["description"] and HANGUL.search(thing["description_ko"]) for thing in things)
    fields = [field for event in made.events for _path, field in made.fields(event)]
    assert all(
        thing["title"] and (HANGUL.search(thing["title_ko"]) or thing["title"] == "SKU") for thing in things + fields
    )
    for name, event in made.events.items():
        assert {*event.get("required", [])} <= event["properties"].keys()
        with override("ko"):
            assert event_word(name) == event["title_ko"] != name


@pytest.mark.django_db
def test_everything_that_is_shipped_is_in_force_together_and_seals_what_people_write() -> None:
    run("load", *shipped())
    sealed = PlannedField.objects.filter(treatment="sealed").values_list("event", "path")
    assert {
        ("Product Reviewed", "review_body"), ("Call Completed", "transcript"), ("NPS Answered", "comment"),
        ("Survey Text Answered", "answer"), ("Post Commented", "comment"), ("Payment Due", "loan_no"),
    } <= {*sealed}  # fmt: skip
    credit = PlannedField.objects.filter(event="Review Decided", data_class="credit").values_list("path", flat=True)
    assert {"decision", "amount", "interest_rate"} <= {*credit}
    assert not PlannedField.objects.filter(treatment="clear").exists()


SPOKEN: list[tuple[str, dict[str, Any], str]] = [
    ("Order Completed", {"order_id": "50314b8e", "total": 27.5, "revenue": 25, "currency": "USD", "coupon": None,
                         "products": [{"product_id": "507f1f77", "sku": "45790-32", "price": 19, "quantity": 1}]}, ""),
    ("Order Completed", {"total": 27.5}, "missing order_id"),
    ("Product Added", {"name": "shoe"}, "shape "),
    ("Promotion Viewed", {"promotion_id": "promo_1", "creative": "top_banner_2", "position": "home_banner_top"}, ""),
    ("Product Clicked", {"sku": "A", "position": "third"}, "type position"),
    ("NPS Answered", {"score": 11}, "value score"),
    ("CSAT Answered", {"score": 4, "comment": "좋아요"}, ""),
    ("Message Opened", {"channel": "fax"}, "choice channel"),
    ("Points Earned", {"points": 10, "expires_at": "2027-01-01"}, ""),
    ("Points Earned", {"points": 10, "expires_at": "soon"}, "shape expires_at"),
    ("Review Decided", {"decision": "approved", "amount": 3_000_000, "currency": "KRW"}, ""),
    ("Payment Due", {"amount": 100, "due_on": "2026-12-01"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("event", "said", "wrong"), SPOKEN)
def test_shipped_plans_know_what_fits(event: str, said: dict[str, Any], wrong: str) -> None:
    rule = next(made.rule(event) for key in shipped() if event in (made := read(find(key))).events)
    assert [f"{one.kind} {one.place}" for one in rule.violations(event, said)] == ([wrong] if wrong else [])
