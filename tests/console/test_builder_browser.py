"""The builder of rules in Chromium: every rule of the language edited by controls, counted and blamed at its place."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.urls import reverse

from cdp.core.types import Actor
from identity.models import Profile
from segments import actions, offered
from segments.models import Segment
from segments.query.parse import parse
from segments.query.problems import RuleError
from tests.segments.query.cases import CASES

pytestmark = pytest.mark.usefixtures("quiet")
# Besides every rule of the golden SQL: what else is written that way, and what the builder must leave alone.
RULES = [
    {"any": [{"trait": "birth_month", "op": "between", "value": [3, 5]}, {"trait": "city", "op": "in", "value": ["서울", 'a, "b"']}]},
    {"not": {"any": [{"trait": "last_order_at", "op": "gte", "value": {"days_ago": 30}}, {"not": {"segment": "birthday"}}]}},
    {"event": "Order Completed", "sum": {"property": "revenue", "op": "gt", "value": 5}, "currency": "KRW",
     "where": [{"property": "register", "op": "exists"}, {"property": "total", "op": "lte", "value": 9.5}]},
    {"event": "X", "count": {"op": "gte", "value": 1}}, {"event": "X", "at": {}}, {"event": "X", "where": []},
    {"not": {"trait": "known", "op": "eq", "value": True}}, {"not": {"all": [{"segment": "x"}]}}, {"not": {"not": {"segment": "x"}}},
    {"segment": "x", "ever": False}, {"consent": {"purpose": "marketing", "channel": "email", "brand": "haru"}},
    {"trait": "orders_count", "op": "between", "value": [-(2**53) - 1, 10**30]},
    {"event": "X", "count": {"op": "gt", "value": 2**64 + 1}, "within": {"days": 2**60 + 1}},
    {"trait": "d", "op": "in", "value": [{"days_ago": 3}, {"days_ago": 4, "calendar": True}, "2026-01-31"]},
    {"trait": "d", "op": "between", "value": [{"days_ago": 3}, "2026-01-31T00:00:00Z"]},
    {"sequence": [{"event": "A"}], "within": {"days": 1, "hours": 12}, "without": {"event": "B"}}, {"sequence": []},
    {"event": "X", "between": {}}, {"trait": "constructor", "op": "eq", "value": "a"},
    {"event": "toString", "where": [{"property": "__proto__", "op": "exists"}],
     "sum": {"property": "valueOf", "op": "gt", "value": 1}},
]  # fmt: skip
UNKNOWN = [
    {"trait": "x"}, {"trait": "x", "op": "birthday_within", "value": {"next_days": 7}}, {"event": "X", "count": {"op": "exists"}},
    {"event": "X", "within": {}, "between": {}}, {"event": "X", "count": {"op": "eq", "value": 1}, "sum": {}},
    {"sequence": [{"event": "A", "within": {"days": 1}}]}, {"consent": {"purpose": "marketing"}}, {"list": "a", "ever": True}, {},
    7, None,
]  # fmt: skip
# The rule written anew, and each control heard as it stands: whatever it holds is written as it was read.
ANEW = "document.querySelector('.builder .head select').dispatchEvent(new Event('change'))"
HEARD = """() => document.querySelectorAll(".builder input:not([type=checkbox])")
    .forEach(one => one.dispatchEvent(new Event("input", { bubbles: true })))"""
EVERYTHING = CASES["sequence_everything"][0]


def test_a_rule_is_built_without_writing_json_and_counted_as_it_is_built(english: Any) -> None:
    page = english
    page.goto(reverse("admin:segments_segment_add"))
    page.wait_for_selector(".preview")
    page.select_option(".builder [data-path='/all/0'] select >> nth=0", "gender")
    page.select_option(".builder .adder select", "event")
    page.focus(".builder .adder button")
    page.keyboard.press("Enter")
    page.fill(".builder [data-path='/all/1'] input >> nth=0", "Order Completed")
    page.select_option(".builder [data-path='/all/1'] select >> nth=0", "no")
    gender = {"trait": "gender", "op": "eq", "value": ""}
    order = {"event": "Order Completed", "within": {"days": 30}}
    assert json.loads(page.input_value("#id_rule")) == {"all": [gender, {"not": order}]}
    page.fill(".builder [data-path='/all/0'] input", "F")
    page.wait_for_selector(".field-in_words .readonly:has-text('“F”')")
    page.select_option(".builder [data-path='/all/0'] select >> nth=1", "in")
    page.wait_for_selector(".builder [data-path='/all/0'] .errorlist")
    page.click(".builder [data-path='/all/0'] .remove")
    assert json.loads(page.input_value("#id_rule")) == {"all": [{"not": order}]}
    page.wait_for_selector(".builder .errorlist", state="detached")


def test_every_rule_is_edited_by_controls_and_leaves_the_builder_as_it_came(english: Any) -> None:
    rules = [*(rule for rule, _members in CASES.values()), *RULES]
    builder(english, {"all": rules})
    assert english.locator(".builder code").all_inner_texts() == []
    assert english.locator(".builder > .group > [data-path]").count() == len(rules)
    english.evaluate(ANEW)
    assert rule_of(english) == {"all": rules}
    assert "native code" not in english.inner_html(".builder")
    english.evaluate(HEARD)
    for was, now in zip(rules, rule_of(english)["all"], strict=True):
        assert meaning(now) == meaning(was)


def meaning(rule: Any) -> Any:
    """The tree of a rule, or where it is none what is wrong with it."""
    try:
        return parse(rule)
    except RuleError as error:
        return error.problems


def test_what_is_no_rule_is_shown_and_left_alone(english: Any) -> None:
    builder(english, {"all": UNKNOWN})
    assert english.locator(".builder code").all_inner_texts() == [
        json.dumps(one, separators=(",", ":")) for one in UNKNOWN
    ]
    english.select_option(".builder .head select >> nth=0", "any")
    assert rule_of(english) == {"any": UNKNOWN}


@pytest.mark.parametrize("language", ["english", "korean"])
def test_a_sequence_made_elsewhere_is_edited_by_keyboard_and_told(
    request: pytest.FixtureRequest, language: str
) -> None:
    page = request.getfixturevalue(language)
    Segment.objects.filter(key="broken-off").delete()
    held: Any = {
        "key": "broken-off",
        "name": "Broken off",
        "purpose_id": "marketing",
        "zone": "Asia/Seoul",
        "rule": EVERYTHING,
    }
    segment = actions.create_segment(Actor.system("test"), **held)
    page.goto(reverse("admin:segments_segment_change", args=[segment.pk]))
    place = ".builder [data-path='/all/0']"
    assert rule_of(page) == EVERYTHING and page.locator(f"{place} .step").count() == 5
    page.focus(f"{place} .steps > :nth-child(1) .move")
    page.keyboard.press("Enter")
    page.fill(f"{place} .row > .piece input[type=number] >> nth=0", "9")
    edited = rule_of(page)["all"][0]
    assert edited == {
        **EVERYTHING,
        "sequence": [EVERYTHING["sequence"][at] for at in (1, 0, 2)],
        "within": {"weeks": 9},
    }
    told = "63일 이내" if language == "korean" else "at most 63 days after"
    page.wait_for_selector(f".field-in_words .readonly:has-text('{told}')")
    page.click("[name=_continue]")
    segment.refresh_from_db()
    assert segment.rule == {"all": [edited]}
    segment.delete()


@pytest.mark.parametrize(
    ("rule", "path", "place"),
    [
        ({"sequence": [{"event": "A"}, {"event": ""}]}, "/sequence/1/event", "/all/0/sequence/1/event"),
        ({"sequence": [{"event": "A"}]}, "/sequence", "/all/0/sequence"),
        ({"not": {"sequence": [{"event": "A"}], "then_not": {"event": "B"}, "for": {"days": 0}}}, "", "/all/0/not/for"),
        ({"event": "A", "where": [{"property": "b", "op": "gt", "value": 1}, {"property": "", "op": "exists"}]}, "", "/all/0/where/1"),
        ({"event": "A", "nth": {"n": 0, "within": {"days": 1}}}, "", "/all/0/nth/n"),
        ({"event": "A", "at": {"from": "25:00"}}, "", "/all/0/at"),
        ({"event": "A", "frequency": {"unit": "month", "last": 0}}, "", "/all/0/frequency"),
        ({"all": [{"event": "A", "between": {"from": "soon"}}]}, "", "/all/0/between"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_at_the_control_that_makes_it(english: Any, rule: Any, path: str, place: str) -> None:
    builder(english, rule)
    english.wait_for_selector(".builder .errorlist")
    found = english.locator(".builder .errorlist").first.locator("xpath=..")
    assert (found.get_attribute("data-place") or found.get_attribute("data-path")) == place


def test_a_sequence_is_put_together_from_nothing(english: Any) -> None:
    english.goto(reverse("admin:segments_segment_add"))
    english.select_option(".builder .adder select", "sequence")
    english.press(".builder .adder button", "Enter")
    place = ".builder [data-path='/all/1']"
    english.select_option(f"{place} .line select >> nth=1", "previous_quarter")
    english.press(f"{place} [data-place='/all/1/within'] > .remove", "Enter")
    for name in ("Step", "Longest time from step to step", "Not in between", "Not afterwards"):
        english.press(f"{place} > .mores .more:has-text('{name}')", "Enter")
    english.press(f"{place} .steps > :nth-child(2) .more:has-text('Days and hours')", "Enter")
    english.select_option(f"{place} [data-place='/all/1/then_not'] > select", "for")
    step = {"event": "Order Completed"}
    assert rule_of(english)["all"][1] == {
        "sequence": [step, {**step, "at": {"weekdays": ["sat", "sun"]}}, step], "in_last": {"previous": "quarter"},
        "within": {"days": 7}, "without": step, "then_not": step, "for": {"days": 30},
    }  # fmt: skip
    english.press(f"{place} .steps > :nth-child(2) > .remove", "Enter")
    english.press(f"{place} [data-place='/all/1/then_not'] > .remove", "Enter")
    assert rule_of(english)["all"][1] == {
        "sequence": [step, step], "in_last": {"previous": "quarter"}, "within": {"days": 7}, "without": step,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measure", "held"),
    [
        ("avg", {"avg": {"property": "", "op": "gte", "value": 1}}),
        ("distinct", {"distinct": {"property": "", "op": "gte", "value": 1}}),
        ("nth", {"nth": {"n": 2, "within": {"days": 30}}}),
        ("frequency", {"frequency": {"unit": "month", "last": 3}}),
        ("most_frequent", {"most_frequent": {"property": "", "op": "eq", "value": ""}}),
    ],
)
def test_what_is_asked_of_an_event_is_chosen(english: Any, measure: str, held: dict[str, Any]) -> None:
    builder(english, {"event": "Never Seen", "within": {"days": 30}})
    english.select_option(".builder [data-path='/all/0'] .line select >> nth=1", measure)
    window = {} if measure == "frequency" else {"within": {"days": 30}}
    assert rule_of(english) == {"all": [{"event": "Never Seen", **window, **held}]}
    english.select_option(".builder [data-path='/all/0'] .line select >> nth=1", "count")
    assert rule_of(english)["all"][0].keys() <= {"event", "within"}


CLAUSES: list[dict[str, Any]] = [
    {"trait": "gender", "op": "eq", "value": "F"},
    {"any": [{"trait": "birth_month", "op": "eq", "value": 11}]},
]


def builder(page: Any, rule: dict[str, Any]) -> None:
    """A new segment's page with this rule in the builder."""
    page.goto(reverse("admin:segments_segment_add"))
    page.evaluate("document.querySelector('.as-json').open = true")
    page.fill("#id_rule", json.dumps(rule))
    page.evaluate("document.querySelector('.as-json').open = false")


def rule_of(page: Any) -> Any:
    return json.loads(page.input_value("#id_rule"))


def test_each_clause_says_how_many_it_leaves_and_a_few_members_are_shown_masked(english: Any) -> None:
    builder(english, {"all": [*CLAUSES, {"trait": "region", "op": "ne", "value": "서울"}]})
    english.wait_for_selector(".drop-off tr[data-clause='/all/2']")
    people = str(Profile.objects.filter(state="live").count())
    assert english.inner_text(".builder [data-path='/all/1/any/0'] > .left") == people
    assert english.inner_text(".builder [data-path='/all/2'] > .left") == "0"
    english.click(".builder [data-path='/all/2'] .remove")
    english.wait_for_selector(".sample tbody tr")
    names = english.locator(".sample tbody th").all_inner_texts()
    assert names and all(name.endswith("**") for name in names)


def test_events_and_fields_are_named_and_written_in_the_reader_s_language(korean: Any) -> None:
    builder(korean, {"event": "Order Completed", "where": [{"property": "quantity", "op": "gte", "value": 1}]})
    event, field = (korean.locator(f".builder [data-path='/all/0'] input[list] >> nth={at}") for at in (0, 1))
    assert [(one.input_value(), one.get_attribute("title")) for one in (event, field)] == [
        ("구매 완료", "Order Completed"), ("수량", "quantity"),
    ]  # fmt: skip
    korean.wait_for_selector(".drop-off th:has-text('수량이 1 이상임'):has-text('“구매 완료”')")
    event.fill("장바구니 담기")
    field.fill("가격")
    assert rule_of(korean)["all"][0]["event"] == "Product Added"
    assert rule_of(korean)["all"][0]["where"][0]["property"] == "price"


def test_values_that_many_people_have_are_offered(english: Any, settings: LazySettings) -> None:
    settings.SMALLEST_COUNT = 1
    offered._traits.cache_clear()
    offered._events.cache_clear()
    tea = {"property": "category", "op": "eq", "value": "차"}
    builder(
        english, {"all": [{"trait": "region", "op": "eq", "value": "x"}, {"event": "Order Completed", "where": [tea]}]}
    )
    for at, known in (("/all/0", _values("region")), ("/all/1/where/0", _properties("Order Completed", "category"))):
        value = english.locator(
            f".builder [data-path='{at}'] .test input[list], .builder [data-place='{at}'] .test input[list]"
        )
        value.focus()
        listed = english.locator(f"datalist#{value.get_attribute('list')} option")
        assert known and listed.evaluate_all("options => options.map(one => one.value)") == known
    offered._traits.cache_clear()
    offered._events.cache_clear()


def _values(trait: str) -> list[Any]:
    return [one.value for one in offered.traits()[trait].values]


def _properties(event: str, path: str) -> list[Any]:
    return [one.value for one in offered.events()[event][path].standing.values]


def test_parts_of_a_rule_are_moved_by_key(english: Any) -> None:
    gender, group = CLAUSES
    builder(english, {"all": CLAUSES})
    english.focus(".builder [data-path='/all/0'] .handle")
    english.keyboard.press("ArrowDown")
    assert rule_of(english) == {"all": [group, gender]}
    assert english.inner_text(".field-rule [role=status]").startswith("Moved: now 2 of 2.")
    english.keyboard.press("ArrowRight")
    assert rule_of(english) == {"all": [{"any": [*group["any"], gender]}]}
    english.keyboard.press("ArrowUp")
    english.keyboard.press("ArrowLeft")
    assert rule_of(english) == {"all": [group, gender]}


@pytest.mark.parametrize(
    ("dragged", "onto", "expected"),
    [
        ("/all/0", "/all/1/any/0", {"all": [{"any": [CLAUSES[0], *CLAUSES[1]["any"]]}]}),
        ("/all/1/any/0", "/all/0", {"all": [CLAUSES[1]["any"][0], CLAUSES[0], {"any": []}]}),
        ("/all/1", "/all/0", {"all": CLAUSES[::-1]}),
        ("/all/1", "/all/1/any/0", {"all": CLAUSES}),
    ],
)
def test_parts_of_a_rule_are_dragged(english: Any, dragged: str, onto: str, expected: dict[str, Any]) -> None:
    english.set_viewport_size({"width": 1280, "height": 1400})
    builder(english, {"all": CLAUSES})
    english.locator(".builder").scroll_into_view_if_needed()
    handle = english.locator(f".builder [data-path='{dragged}'] .handle").first.bounding_box()
    place = english.locator(f".builder [data-path='{onto}']").bounding_box()
    english.mouse.move(handle["x"] + 4, handle["y"] + 4)
    english.mouse.down()
    english.mouse.move(place["x"] + 90, place["y"] + 4, steps=3)
    english.mouse.up()
    assert rule_of(english) == expected and english.query_selector(".drop-here, .held") is None
