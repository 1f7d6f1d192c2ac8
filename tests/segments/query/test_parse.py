"""What is a rule and what is not: every refusal points at its place."""

import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.query.ast import (
    EACH,
    Calendar,
    Event,
    Flag,
    Measure,
    Number,
    Sequence,
    Step,
    Test,
    Trait,
    Window,
    event_names,
    happenings,
    references,
    trait_names,
)  # fmt: skip
from segments.query.parse import AT_LEAST_ONCE, DEEPEST, MOST_CLAUSES, parse, parse_text
from segments.query.problems import MOST_PROBLEMS, RuleError

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
A = {"event": "a"}
TRAIT = {"trait": "a", "op": "eq", "value": 1}


def refusals(rule: object) -> list[tuple[str, str]]:
    """Path and code of each problem; none where the rule is taken."""
    try:
        parse(rule)
    except RuleError as error:
        assert all(problem.text for problem in error.problems)
        return [(problem.path, problem.code) for problem in error.problems]
    return []


def nested(depth: int) -> Any:
    rule: Any = TRAIT
    for _ in range(depth - 1):
        rule = {"not": rule}
    return rule


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        (None, "", "type"),
        ([], "", "type"),
        ("all", "", "type"),
        (1, "", "type"),
        ({1: 2}, "", "type"),
        ({}, "", "kind"),
        ({"trait": "a", "event": "b"}, "", "kind"),
        ({"or": []}, "", "kind"),
        ({"all": []}, "/all", "empty_group"),
        ({"any": []}, "/any", "empty_group"),
        ({"all": {}}, "/all", "type"),
        ({"all": [TRAIT, 3]}, "/all/1", "type"),
        ({"all": [TRAIT], "x": 1}, "/x", "unknown_key"),
        ({"not": None}, "/not", "type"),
        ({"segment": 5}, "/segment", "type"),
        ({"segment": ""}, "/segment", "empty_text"),
        ({**TRAIT, "op": "like"}, "/op", "unknown_op"),
        ({**TRAIT, "op": ["eq"]}, "/op", "unknown_op"),
        ({**TRAIT, "a/b~": 1}, "/a~1b~0", "unknown_key"),
        ({"trait": "a", "op": "eq"}, "", "missing_key"),
        ({**TRAIT, "op": "exists"}, "/value", "surplus_value"),
        ({**TRAIT, "value": None}, "/value", "type"),
        ({**TRAIT, "value": [1]}, "/value", "type"),
        ({**TRAIT, "op": "in"}, "/value", "type"),
        ({**TRAIT, "op": "in", "value": []}, "/value", "empty_list"),
        ({**TRAIT, "op": "in", "value": [1] * 1001}, "/value", "too_many_values"),
        ({**TRAIT, "op": "in", "value": [1, "1"]}, "/value", "mixed_values"),
        ({**TRAIT, "op": "in", "value": [1, True]}, "/value", "mixed_values"),
        ({**TRAIT, "op": "in", "value": [1, None]}, "/value/1", "type"),
        ({**TRAIT, "op": "between", "value": [1]}, "/value", "between_pair"),
        ({**TRAIT, "op": "between", "value": [2, 1]}, "/value", "between_order"),
        ({**TRAIT, "op": "gt", "value": True}, "/value", "op_type"),
        ({**TRAIT, "op": "contains", "value": 1}, "/value", "type"),
        ({**TRAIT, "op": "contains", "value": ""}, "/value", "empty_text"),
        ({**TRAIT, "value": math.nan}, "/value", "number_finite"),
        ({**TRAIT, "value": -math.inf}, "/value", "number_finite"),
        ({**TRAIT, "value": Decimal("sNaN")}, "/value", "number_finite"),
        ({**TRAIT, "value": 10**32}, "/value", "number_range"),
        ({**TRAIT, "value": 1e300}, "/value", "number_range"),
        ({**TRAIT, "value": Decimal("1E+999999")}, "/value", "number_range"),
        ({**TRAIT, "value": 1e-7}, "/value", "number_decimals"),
        ({**TRAIT, "value": Decimal("1E-999999")}, "/value", "number_decimals"),
        ({**TRAIT, "value": "x" * 501}, "/value", "too_long"),
        ({**TRAIT, "value": "a\0"}, "/value", "bad_text"),
        ({**TRAIT, "value": "\ud800"}, "/value", "bad_text"),
        ({**TRAIT, "trait": "a\0"}, "/trait", "bad_text"),
        ({**TRAIT, "trait": "x" * 201}, "/trait", "too_long"),
        ({"event": "x" * 201}, "/event", "too_long"),
        ({**TRAIT, "value": {"days_ago": -1}}, "/value/days_ago", "integer_range"),
        ({**TRAIT, "value": {"days_ago": 1.5}}, "/value/days_ago", "type"),
        ({**TRAIT, "value": {"days_ago": True}}, "/value/days_ago", "type"),
        ({**TRAIT, "value": {"days": 1}}, "/value/days", "unknown_key"),
        ({**TRAIT, "op": "birthday_within", "value": 7}, "/value", "type"),
        ({**TRAIT, "op": "birthday_within", "value": {"days": 366}}, "/value/days", "integer_range"),
        ({**TRAIT, "op": "birthday_within", "value": {"days_ago": 7}}, "/value/days_ago", "unknown_key"),
        ({"event": "a", "where": {}}, "/where", "type"),
        ({"event": "a", "where": [{"property": "a..b", "op": "exists"}]}, "/where/0/property", "bad_path"),
        ({"event": "a", "where": [{"property": "a.b.c.d.e.f", "op": "exists"}]}, "/where/0/property", "bad_path"),
        ({"event": "a", "where": [{"property": "[]", "op": "exists"}]}, "/where/0/property", "bad_path"),
        ({"event": "a", "where": [{"property": "a.[]", "op": "exists"}]}, "/where/0/property", "bad_path"),
        (
            {"event": "a", "where": [{"property": "a[].b[].c[].d[].e[].f", "op": "exists"}]},
            "/where/0/property",
            "bad_path",
        ),
        ({"event": "a", "where": [{"op": "exists"}]}, "/where/0/property", "type"),
        ({"event": "a", "count": {"op": "gte", "value": -1}}, "/count/value", "integer_range"),
        ({"event": "a", "count": {"op": "gte", "value": 1.5}}, "/count/value", "type"),
        ({"event": "a", "count": {"op": "gte", "value": True}}, "/count/value", "op_type"),
        ({"event": "a", "count": {"op": "eq", "value": True}}, "/count/value", "type"),
        ({"event": "a", "count": {"op": "in", "value": [1]}}, "/count/op", "unknown_op"),
        ({"event": "a", "sum": {"property": "b", "op": "gt", "value": "1"}}, "/sum/value", "type"),
        ({"event": "a", "sum": {"op": "gt", "value": 1}}, "/sum/property", "type"),
        ({"event": "a", "sum": {}, "count": {}}, "", "one_measure"),
        ({"event": "a", "first": {}, "last": {}}, "", "one_measure"),
        ({"event": "a", "first": {}}, "/first", "empty_pick"),
        ({"event": "a", "last": {"where": []}}, "/last", "empty_pick"),
        ({"event": "a", "first": {"n": 1, "within": {"days": 1}}}, "/first/n", "unknown_key"),
        ({"event": "a", "nth": {"within": {"days": 1}}}, "/nth/n", "type"),
        ({"event": "a", "nth": {"n": 0, "within": {"days": 1}}}, "/nth/n", "integer_range"),
        ({"event": "a", "nth": {"n": 2, "where": [{"property": "b"}]}}, "/nth/where/0/op", "unknown_op"),
        ({"event": "a", "first": {"within": {"hours": 1, "calendar": True}}}, "/first/within", "calendar_units"),
        ({"event": "a", "frequency": {"last": 2}}, "/frequency/unit", "unknown_unit"),
        ({"event": "a", "frequency": {"unit": "week"}}, "/frequency/last", "type"),
        ({"event": "a", "frequency": {"unit": "week", "last": 121}}, "/frequency/last", "integer_range"),
        ({"event": "a", "frequency": {"unit": "week", "last": 2, "in": 3}}, "/frequency/in", "integer_range"),
        ({"event": "a", "frequency": {"unit": "week", "last": 2, "times": 0}}, "/frequency/times", "integer_range"),
        (
            {"event": "a", "frequency": {"unit": "week", "last": 2}, "within": {"days": 1}},
            "/within",
            "frequency_window",
        ),
        ({"event": "a", "frequency": {"unit": "week", "last": 2}, "count": {}}, "", "one_measure"),
        ({"event": "a", "at": {}}, "/at", "empty_hours"),
        ({"event": "a", "at": []}, "/at", "type"),
        ({"event": "a", "at": {"weekdays": []}}, "/at/weekdays", "empty_list"),
        ({"event": "a", "at": {"weekdays": ["mon", "Tuesday"]}}, "/at/weekdays/1", "unknown_unit"),
        ({"event": "a", "at": {"from": "9:00"}}, "/at/from", "bad_time"),
        ({"event": "a", "at": {"from": 9}}, "/at/from", "bad_time"),
        ({"event": "a", "at": {"to": "24:01"}}, "/at/to", "bad_time"),
        ({"event": "a", "at": {"from": "09:00", "to": "09:00"}}, "/at", "no_hours"),
        ({"event": "a", "at": {"weekdays": ["mon"], "from": "00:00"}}, "/at", "no_hours"),
        ({"event": "a", "at": {"from": "24:00", "to": "00:00"}}, "/at", "no_hours"),
        ({"event": "a", "at": {"hour": 9}}, "/at/hour", "unknown_key"),
        ({"event": "a", "first": {"at": {}}}, "/first/at", "empty_hours"),
        ({"sequence": [A, {**A, "at": {}}]}, "/sequence/1/at", "empty_hours"),
        ({"event": "a", "distinct": {"op": "gt", "value": 1}}, "/distinct/property", "type"),
        ({"event": "a", "distinct": {"property": "b", "op": "gt", "value": "1"}}, "/distinct/value", "type"),
        ({"event": "a", "distinct": {"property": "b", "op": "gt", "value": 1.5}}, "/distinct/value", "type"),
        ({"event": "a", "most_frequent": {"property": "b", "op": "exists"}}, "/most_frequent/op", "unknown_op"),
        ({"event": "a", "most_frequent": {"property": "b", "op": "eq"}}, "/most_frequent", "missing_key"),
        ({"event": "a", "within": {}}, "/within", "empty_window"),
        ({"event": "a", "within": {"days": 0}}, "/within/days", "integer_range"),
        ({"event": "a", "within": {"days": 40_000}}, "/within", "window_length"),
        ({"event": "a", "within": {"hours": 1, "calendar": True}}, "/within", "calendar_units"),
        ({"event": "a", "within": {"days": 1, "weeks": 1, "calendar": True}}, "/within", "calendar_units"),
        ({"event": "a", "within": {"calendar": True}}, "/within", "calendar_units"),
        ({"event": "a", "within": {"months": 1201}}, "/within", "window_length"),
        ({"event": "a", "within": {"years": 101, "calendar": True}}, "/within/years", "integer_range"),
        ({"event": "a", "within": {"this": "hour"}}, "/within/this", "unknown_unit"),
        ({"event": "a", "within": {"previous": "day", "days": 1}}, "/within/days", "unknown_key"),
        ({"event": "a", "within": {"days": 1}, "between": {"to": "2026-01-01"}}, "/between", "one_window"),
        ({"event": "a", "between": {}}, "/between", "empty_between"),
        ({"event": "a", "between": ["2026-01-01", "2026-01-02"]}, "/between", "type"),
        ({"event": "a", "between": {"from": "yesterday"}}, "/between/from", "bad_moment"),
        ({"event": "a", "between": {"to": 1}}, "/between/to", "bad_moment"),
        ({"event": "a", "between": {"to": {"days_ago": -1}}}, "/between/to/days_ago", "integer_range"),
        ({"event": "a", "between": {"from": "2026-01-02", "to": "2026-01-01"}}, "/between", "between_order"),
        ({"event": "a", "between": {"from": {"days_ago": 1}, "to": {"days_ago": 2}}}, "/between", "between_order"),
        ({"sequence": [A, A], "in_last": {"days": 1}, "between": {"to": "2026-01-01"}}, "/between", "one_window"),
        ({"sequence": [A, A], "within": {"months": 1}}, "/within/months", "unknown_key"),
        ({**TRAIT, "value": {"this": "week"}}, "/value/this", "unknown_unit"),
        ({**TRAIT, "value": {"this": ["month"]}}, "/value/this", "unknown_unit"),
        ({**TRAIT, "value": {"this": "month", "days_ago": 1}}, "/value/days_ago", "unknown_key"),
        ({**TRAIT, "op": "in", "value": [{"this": "month"}, "a"]}, "/value", "mixed_values"),
        ({**TRAIT, "op": "contains", "value": {"this": "month"}}, "/value", "type"),
        ({"event": "a", "count": {"op": "eq", "value": {"this": "month"}}}, "/count/value", "type"),
        ({"event": "a", "sum": {"property": "b", "op": "eq", "value": {"this": "month"}}}, "/sum/value", "type"),
        ({"sequence": []}, "/sequence", "step_number"),
        ({"sequence": [A] * 9}, "/sequence", "step_number"),
        ({"sequence": A}, "/sequence", "type"),
        ({"sequence": [A]}, "/sequence", "single_step"),
        ({"sequence": [A], "then_not": A, "within": {"days": 1}}, "/within", "between_steps"),
        ({"sequence": [A], "then_not": A, "without": A}, "/without", "between_steps"),
        ({"sequence": [A, A], "for": {"days": 1}}, "/for", "nothing_follows"),
        ({"sequence": [A, A], "then_not": A, "for": {}}, "/for", "empty_window"),
        ({"sequence": [A, A], "within": {"days": 1, "calendar": True}}, "/within/calendar", "unknown_key"),
        ({"sequence": [A, A], "then_not": A, "for": {"days": 1, "calendar": True}}, "/for/calendar", "unknown_key"),
        ({"sequence": [A, A], "in_last": {"hours": 1, "calendar": True}}, "/in_last", "calendar_units"),
        ({"sequence": [A, A], "since": {"days": 1}}, "/since", "unknown_key"),
        ({"sequence": [A, 1]}, "/sequence/1", "type"),
        ({"sequence": [A, {}]}, "/sequence/1/event", "type"),
        ({"sequence": [A, {**A, "within": {"days": 1}}]}, "/sequence/1/within", "unknown_key"),
        ({"sequence": [A, {**A, "count": {}}]}, "/sequence/1/count", "unknown_key"),
        ({"sequence": [A, {**A, "where": [{"property": "b"}]}]}, "/sequence/1/where/0/op", "unknown_op"),
        ({"sequence": [A, A], "without": {"event": ""}}, "/without/event", "empty_text"),
        ({"sequence": [A, A], "then_not": {**A, "currency": "won"}}, "/then_not/currency", "currency_code"),
        ({"sequence": [A, A], "event": "a"}, "", "kind"),
        ({"event": "a", "currency": "won"}, "/currency", "currency_code"),
        ({"event": "a", "currency": None}, "/currency", "currency_code"),
        ({"consent": {"purpose": "a"}}, "/consent/channel", "type"),
        ({"consent": "a"}, "/consent", "type"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_place(rule: object, path: str, code: str) -> None:
    assert (path, code) in refusals(rule)


def test_all_problems_are_found_at_once() -> None:
    rule = {"all": [{**TRAIT, "op": "no"}, {"event": "", "within": {}}, {"not": {"segment": 1}}]}
    assert [path for path, _ in refusals(rule)] == ["/all/0/op", "/all/1/event", "/all/1/within", "/all/2/not/segment"]


def test_depth_is_limited_before_descending() -> None:
    assert refusals(nested(DEEPEST)) == []
    for depth in (DEEPEST + 1, 1_000, 100_000):
        assert refusals(nested(depth)) == [("/not" * DEEPEST, "too_deep")]


def test_deep_values_are_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert refusals({**TRAIT, "value": deep}) == [("/value", "type")]
    assert refusals({**TRAIT, "op": "in", "value": deep}) == [("/value/0", "type")]


def test_clauses_are_limited() -> None:
    assert refusals({"all": [TRAIT] * (MOST_CLAUSES - 1)}) == []
    assert refusals({"all": [TRAIT] * 100_000}) == [(f"/all/{MOST_CLAUSES - 1}", "too_many_clauses")]
    wide = {"event": "a", "where": [{"property": "b", "op": "exists"}] * 100_000}
    assert [code for _, code in refusals(wide)] == ["too_many_clauses"]
    steps = {"sequence": [A] * 8, "then_not": A}
    # The group, and ten for each sequence: itself, eight steps and what may not follow.
    assert refusals({"all": [*[steps] * 19, TRAIT]}) == []
    assert refusals({"all": [steps] * 20}) == [("/all/19/then_not", "too_many_clauses")]


def test_a_hostile_rule_makes_no_hostile_answer() -> None:
    rule = {"all": [{**{f"k{index}" * 1000: 1 for index in range(50)}, **TRAIT, "op": "x" * 100_000}] * MOST_CLAUSES}
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert len(caught.value.problems) == MOST_PROBLEMS
    assert all(len(problem.text) < 1_000 and len(problem.path) < 1_000 for problem in caught.value.problems)


def test_the_error_itself_quotes_nothing() -> None:
    with pytest.raises(RuleError) as caught:
        parse({"trait": "kim@example.com", "op": "kim@example.com", "kim@example.com": 1})
    assert "kim" not in str(caught.value) + repr(caught.value.args)


def test_text_is_read_exactly_and_safely() -> None:
    assert parse_text('{"trait":"a","op":"eq","value":0.1}') == Trait("a", Test("eq", (Number(Decimal("0.1")),)))
    for text, code in [("{", "not_json"), ('{"not":' * 100_000, "too_deep"), ("NaN", "type"), (b"\xff", "not_json")]:
        with pytest.raises(RuleError) as caught:
            parse_text(text)
        assert [problem.code for problem in caught.value.problems] == [code]


def test_defaults_and_units() -> None:
    assert parse({"event": "a"}) == Event("a", AT_LEAST_ONCE)
    rule = {"event": "a", "within": {"weeks": 1, "days": 2, "hours": 3, "minutes": 4, "seconds": 5}}
    assert parse(rule) == Event("a", AT_LEAST_ONCE, within=Window(9 * 86_400 + 3 * 3_600 + 4 * 60 + 5))
    assert parse({"event": "a", "count": {"op": "eq", "value": 2.0}}) == Event(
        "a", Measure("count", Test("eq", (Number(Decimal(2)),)))
    )


def test_sequences() -> None:
    rule = {
        "sequence": [A, {**A, "currency": "KRW"}], "within": {"weeks": 1}, "without": A, "then_not": A,
        "for": {"seconds": 20}, "in_last": {"days": 2, "calendar": True},
    }  # fmt: skip
    step = Step("a")
    assert parse(rule) == Sequence(
        (step, Step("a", currency="KRW")), Window(604_800), step, step, Window(20), Calendar("day", 2)
    )
    assert parse({"sequence": [A], "then_not": A}) == Sequence((step,), then_not=step)


@pytest.mark.parametrize("name", ["a", "a.b", "a[]", "a[].b", "a.b[].c[].d", "[]a", "a[0]", "a[][]"])
def test_a_path_is_spelt_as_it_was_read(name: str) -> None:
    [told] = happenings(parse({"event": "a", "where": [{"property": name, "op": "exists"}]}))  # type: ignore[arg-type]
    assert told.where[0].name == name
    assert (EACH in told.where[0].path) == ("[]." in name + "." and name != "[]a")


def test_the_rules_of_the_guides_are_rules() -> None:
    guides = [(GUIDES / name).read_text() for name in ("marketers.md", "engineers.md")]
    rules = [text for guide in guides for text in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    rules = [text for text in rules if re.match(r'\{"(all|any|sequence)"|\{"event": "', text)]
    assert len(rules) >= 2
    assert [refusals(json.loads(text)) for text in rules] == [[] for _ in rules]


def test_what_a_rule_names() -> None:
    rule = {"any": [{"sequence": [A, {"event": "b"}], "without": {"event": "c"}, "then_not": {"event": "d"}}, TRAIT,
                    {"not": {"event": "e"}}, {"segment": "s"}]}  # fmt: skip
    assert event_names(parse(rule)) == set("abcde") and trait_names(parse(rule)) == {"a"}


def test_true_is_not_one() -> None:
    assert parse({**TRAIT, "value": True}) != parse({**TRAIT, "value": 1})
    assert parse({**TRAIT, "value": True}) == Trait("a", Test("eq", (Flag(True),)))


def test_numbers_of_one_value_are_one() -> None:
    spellings = [1, 1.0, Decimal("1.000000"), Decimal("10E-1")]
    assert len({parse({**TRAIT, "value": value}) for value in spellings}) == 1
    lowest = Decimal("-" + "9" * 32 + "." + "9" * 6)
    assert parse({**TRAIT, "value": lowest}) == Trait("a", Test("eq", (Number(lowest),)))


def test_references() -> None:
    rule = {"all": [{"segment": "a"}, {"not": {"any": [{"segment": "b"}, {"segment": "a"}]}}, TRAIT]}
    assert references(parse(rule)) == {"a", "b"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.decimals(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=5,
)
KEYS = [
    "all",
    "any",
    "not",
    "trait",
    "op",
    "value",
    "event",
    "where",
    "property",
    "count",
    "sum",
    "within",
    "days",
    "segment",
    "consent",
    "purpose",
    "channel",
    "currency",
    "days_ago",
    "calendar",
    "sequence",
    "without",
    "then_not",
    "for",
    "in_last",
    "this",
    "between",
    "from",
    "to",
    "distinct",
    "most_frequent",
    "first",
    "nth",
    "n",
    "at",
    "weekdays",
    "frequency",
    "unit",
    "last",
]
rule_like = st.recursive(
    anything | st.sampled_from(["eq", "in", "between", "exists"]),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from(KEYS), parts, max_size=5),
    max_leaves=20,
)


@given(rule_like)
def test_anything_is_taken_or_refused_never_raised(rule: object) -> None:
    refusals(rule)
