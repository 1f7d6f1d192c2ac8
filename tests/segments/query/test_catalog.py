"""What a rule may name, what it may compare, and what is suggested instead."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from segments.query.ast import happenings, leaves, properties_of
from segments.query.catalog import Catalog, examine
from segments.query.compiler import compile_rule
from segments.query.parse import parse
from segments.query.problems import Problem, RuleError
from tests.segments.query.cases import CASES, CATALOG, ZONE

ORDER = "Order Completed"


def problems(rule: dict[str, Any], catalog: Catalog = CATALOG) -> list[Problem]:
    return examine(parse(rule), catalog).problems


def where(name: str, op: str, value: Any, event: str = ORDER) -> dict[str, Any]:
    return {"event": event, "where": [{"property": name, "op": op, "value": value}]}


def picked(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"where": [{"property": name, "op": op, "value": value}]}


def most_frequent(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"event": ORDER, "most_frequent": {"property": name, "op": op, "value": value}}


def then(second: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"sequence": [{"event": ORDER}, second or {"event": ORDER}]}


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        ({"trait": "contry", "op": "exists"}, "/trait", "unknown_trait_near"),
        ({"trait": "zzz", "op": "exists"}, "/trait", "unknown_trait"),
        ({"trait": "email", "op": "exists"}, "/trait", "sealed"),
        ({"trait": "Full_Name", "op": "exists"}, "/trait", "sealed"),
        ({"trait": "name", "op": "exists"}, "/trait", "sealed"),
        ({"trait": "credit_score", "op": "exists"}, "/trait", "data_class"),
        ({"trait": "visits", "op": "eq", "value": "3"}, "/value", "wrong_type"),
        ({"trait": "visits", "op": "in", "value": ["3"]}, "/value/0", "wrong_type"),
        ({"trait": "vip", "op": "eq", "value": 1}, "/value", "wrong_type"),
        ({"trait": "country", "op": "eq", "value": True}, "/value", "wrong_type"),
        ({"trait": "country", "op": "lt", "value": {"days_ago": 1}}, "/value", "wrong_type"),
        ({"trait": "visits", "op": "contains", "value": "3"}, "/op", "op_type"),
        ({"trait": "vip", "op": "between", "value": ["a", "b"]}, "/op", "op_type"),
        ({"trait": "last_seen", "op": "in", "value": ["2026-01-01"]}, "/op", "op_type"),
        ({"trait": "joined", "op": "eq", "value": "2026-02-30"}, "/value", "bad_date"),
        ({"trait": "joined", "op": "eq", "value": "20260101"}, "/value", "bad_date"),
        ({"trait": "joined", "op": "eq", "value": "0001-01-01"}, "/value", "bad_date"),
        ({"trait": "last_seen", "op": "gt", "value": "2026-01-01T00:00:00"}, "/value", "bad_moment"),
        ({"trait": "last_seen", "op": "gt", "value": "now"}, "/value", "bad_moment"),
        ({"trait": "last_seen", "op": "between", "value": ["2026-01-01", "later"]}, "/value/1", "bad_moment"),
        ({"trait": "last_seen", "op": "birthday_within", "value": {"days": 7}}, "/op", "op_type"),
        ({"trait": "country", "op": "birthday_within", "value": {"days": 7}}, "/op", "op_type"),
        ({"trait": "birth_date", "op": "birthday_within", "value": {"days": 7}}, "/trait", "sealed"),
        ({"segment": "vips"}, "/segment", "unknown_segment_near"),
        ({"segment": "zzz"}, "/segment", "unknown_segment"),
        ({"consent": {"purpose": "marketin", "channel": "fax"}}, "/consent/purpose", "unknown_purpose_near"),
        ({"consent": {"purpose": "marketin", "channel": "fax"}}, "/consent/channel", "unknown_channel"),
        (where("user.email", "eq", "a@b.c"), "/where/0/property", "sealed"),
        (where("users[].email", "eq", "a@b.c"), "/where/0/property", "sealed"),
        (where("email[]", "eq", "a@b.c"), "/where/0/property", "sealed"),
        (where("items", "eq", "3"), "/where/0/value", "wrong_type"),
        (where("revenue", "eq", "3"), "/where/0/value", "wrong_type"),
        (where("revenue", "eq", 10**30), "/where/0/value", "number_range"),
        ({"event": ORDER, "sum": {"property": "category", "op": "gt", "value": 1}}, "/sum/property", "wrong_type"),
        ({"event": ORDER, "sum": {"property": "currency", "op": "gt", "value": 1}}, "/sum/property", "wrong_type"),
        ({"event": ORDER, "sum": {"property": "revenue", "op": "gt", "value": 10**30}}, "/sum/value", "number_range"),
        ({"trait": "joined", "op": "eq", "value": {"this": "month"}}, "/value", "wrong_type"),
        ({"trait": "country", "op": "eq", "value": {"this": "month"}}, "/value", "wrong_type"),
        ({"trait": "last_seen", "op": "gt", "value": {"this": "month"}}, "/value", "wrong_type"),
        (then(where("user.email", "eq", "a@b.c")), "/sequence/1/where/0/property", "sealed"),
        (then(where("items", "eq", "3")), "/sequence/1/where/0/value", "wrong_type"),
        ({**then(), "without": where("items", "eq", "3")}, "/without/where/0/value", "wrong_type"),
        ({**then(), "then_not": where("items", "eq", "3")}, "/then_not/where/0/value", "wrong_type"),
        (then(where("revenue", "gt", 10**30)), "/sequence/1/where/0/value", "number_range"),
        ({"event": ORDER, "first": picked("items", "eq", "3")}, "/first/where/0/value", "wrong_type"),
        ({"event": ORDER, "nth": {"n": 2, **picked("user.email", "eq", "a")}}, "/nth/where/0/property", "sealed"),
        ({"event": ORDER, "last": picked("revenue", "gt", 10**30)}, "/last/where/0/value", "number_range"),
        ({"event": ORDER, "distinct": {"property": "email", "op": "gt", "value": 1}}, "/distinct/property", "sealed"),
        (most_frequent("items", "eq", "3"), "/most_frequent/value", "wrong_type"),
        (most_frequent("items", "contains", "3"), "/most_frequent/op", "op_type"),
        (most_frequent("revenue", "in", [10**30]), "/most_frequent/value", "number_range"),
        (most_frequent("phone", "eq", "3"), "/most_frequent/property", "sealed"),
        ({"any": [{"not": {"trait": "zzz", "op": "exists"}}]}, "/any/0/not/trait", "unknown_trait"),
    ],
)
def test_a_name_or_type_is_refused_at_its_place(rule: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in [(problem.path, problem.code) for problem in problems(rule)]


def test_the_nearest_name_is_suggested() -> None:
    assert (
        problems({"trait": "contry", "op": "exists"})[0].text == "There is no trait “contry”. Did you mean “country”?"
    )


def test_a_purpose_opens_its_data_classes() -> None:
    rule = {"trait": "credit_score", "op": "gt", "value": 700}
    assert problems(rule) and not problems(rule, replace(CATALOG, allowed_classes=frozenset({"general", "credit"})))


@pytest.mark.parametrize(
    "asked",
    [
        {"where": [{"property": "loan", "op": "exists"}]},
        {"sum": {"property": "loan", "op": "gt", "value": 1}},
        {"distinct": {"property": "loan", "op": "gt", "value": 1}},
        {"most_frequent": {"property": "loan", "op": "eq", "value": "car"}},
        {"first": {"where": [{"property": "loan", "op": "exists"}]}},
    ],
)
def test_whatever_reads_a_property_needs_its_data_class(asked: dict[str, Any]) -> None:
    rule = {"event": ORDER, **asked}
    planned = replace(CATALOG, classes={(ORDER, "loan"): frozenset({"credit"})})
    assert [problem.code for problem in problems(rule, planned)] == ["data_class"]
    assert not problems(rule)
    [leaf] = leaves(parse(rule))
    assert [properties_of(told) for told in happenings(leaf)] == [{"loan"}]


@pytest.mark.parametrize("name", ["loan", "loan.kind", "loan[].kind", "loan[]", "past.loan[].kind"])
def test_a_data_class_covers_what_lies_inside(name: str) -> None:
    planned = replace(CATALOG, classes={(ORDER, path): frozenset({"credit"}) for path in ("loan", "past.loan")})
    assert [problem.code for problem in problems(where(name, "eq", "car"), planned)] == ["data_class"]
    assert not problems(where("past.loans", "eq", "car"), planned)


def test_names_of_events_and_properties_are_open() -> None:
    for rule, code in [
        (where("colour", "eq", 1), "unknown_property"),
        ({"event": "Order Complete"}, "unknown_event_near"),
        ({**then(), "then_not": {"event": "Order Complete"}}, "unknown_event_near"),
    ]:
        findings = examine(parse(rule), CATALOG)
        assert findings.problems == [] and [warning.code for warning in findings.warnings] == [code]
    assert examine(parse({"event": "x"}), replace(CATALOG, events=None)).warnings == []


def test_money_needs_a_currency() -> None:
    without = replace(CATALOG, currency=None)
    rule: dict[str, Any] = {"event": ORDER, "sum": {"property": "revenue", "op": "gt", "value": 500}}
    assert [problem.code for problem in problems(rule, without)] == ["currency_missing"]
    assert problems({**rule, "currency": "USD"}, without) == [] == problems(rule)
    step = where("revenue", "gt", 500)
    found = [(problem.path, problem.code) for problem in problems(then(step), without)]
    assert found == [("/sequence/1", "currency_missing")]
    assert problems(then({**step, "currency": "USD"}), without) == [] == problems(then(step))


def test_compiling_asks_the_catalog() -> None:
    with pytest.raises(RuleError):
        compile_rule(
            parse({"trait": "email", "op": "exists"}), CATALOG, as_of=datetime(2026, 1, 1, tzinfo=UTC), zone=ZONE
        )


def test_compiling_needs_a_zone_in_as_of() -> None:
    with pytest.raises(ValueError, match="time zone"):
        compile_rule(parse(CASES["event"][0]), CATALOG, as_of=datetime(2026, 1, 1), zone=ZONE)  # noqa: DTZ001
