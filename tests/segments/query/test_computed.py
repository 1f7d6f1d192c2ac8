"""Computed traits are what the oracle says, for any history; what cannot be computed is refused at its place."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.query.catalog import PropertySpec
from segments.query.computed import KINDS, MOST_LISTED, NUMBERS, compile_trait, define, value_of
from segments.query.problems import RuleError
from tests.segments.query import oracle_traits
from tests.segments.query.engines import fill_postgres
from tests.segments.query.generator import AS_OF, CATALOG, PROFILES, ZONE, around, at_some_time, worlds
from tests.segments.query.generator import KINDS as TYPES
from tests.segments.query.oracle import MINOR, Oracle
from tests.segments.query.world import Event, World, uuid_of

ORDERED = "Order Completed"
PROPERTIES = ("size", "deep.in", "lines[]", "lines[].in")


@st.composite
def definitions(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Any definition of a kind; half of all sums are of money."""
    name, value_type = draw(st.sampled_from(PROPERTIES)), draw(st.sampled_from(sorted(set(TYPES.values()))))
    if kind in ("count", "rfm"):
        name = ""
    elif draw(st.booleans()):
        name, value_type = "revenue", "number"
    condition = draw(around) | draw(at_some_time)
    event = draw(st.sampled_from([ORDERED, ORDERED, "View"]))
    return {"kind": kind, "event": event, "name": name, "value_type": value_type, "condition": condition}


def computed(pg: psycopg.Connection[Any], asked: dict[str, Any], only: Iterable[str] | None = None) -> dict[UUID, Any]:
    """What PostgreSQL says, without the profiles that have no value."""
    found = define(**asked, catalog=CATALOG)
    query = compile_trait(found, CATALOG, as_of=AS_OF, zone=ZONE, only_profiles=only is not None)
    profiles = {} if only is None else {"profiles": [uuid_of(name) for name in only]}
    rows = [row for row in pg.execute(query.sql, query.params | profiles).fetchall() if row[0]]
    currency = asked["condition"].get("currency", CATALOG.currency)
    if asked["kind"] == "rfm":
        digits = MINOR[currency]
        return {row[0]: (row[1], row[2], row[3].scaleb(-digits)) for row in rows}
    values: dict[UUID, Any] = defaultdict(list)
    for profile, group in groupby(rows, lambda row: row[0]):
        values[profile] += [value_of(found, row[1:], currency) for row in group]
    single = values if asked["kind"] == "list" else {profile: listed[0] for profile, listed in values.items()}
    return {profile: value for profile, value in single.items() if value is not None}


def wanted(world: World, asked: dict[str, Any], names: Iterable[str]) -> dict[UUID, Any]:
    oracle = Oracle(world, AS_OF, ZONE, TYPES)
    clause = {"event": asked["event"], **asked["condition"]}
    value_type = "number" if asked["kind"] in NUMBERS else asked["value_type"]
    told = {n: oracle_traits.value_of(oracle, asked["kind"], clause, asked["name"], value_type, n) for n in names}
    return {uuid_of(name): value for name, value in told.items() if value is not None}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds(), st.tuples(*map(definitions, KINDS)))
def test_any_history_gives_what_the_oracle_says(
    pg: psycopg.Connection[Any], drawn: World, of_each_kind: tuple[dict[str, Any], ...]
) -> None:
    events = [replace(one, name=ORDERED if one.name == "Order" else one.name) for one in drawn.events]
    world = replace(drawn, events=events)
    fill_postgres(pg, world)
    for one in of_each_kind:
        found, expected = computed(pg, one), wanted(world, one, (*PROFILES, "old"))
        # Where there is no event a profile has no row: whoever publishes makes that 0.
        assert {k: v for k, v in found.items() if v != 0} == {k: v for k, v in expected.items() if v != 0}, one
        assert computed(pg, one, ["ann"]) == {k: v for k, v in found.items() if k == uuid_of("ann")}


def asked(kind: str, name: str = "", value_type: str = "string", **condition: Any) -> dict[str, Any]:
    return {"kind": kind, "event": ORDERED, "name": name, "value_type": value_type, "condition": condition}


def test_a_list_keeps_so_many_values_in_order(pg: psycopg.Connection[Any]) -> None:
    sizes = [f"s{number:03}" for number in range(MOST_LISTED + 5)]
    events = [Event("r0", ORDERED, AS_OF.replace(hour=1), f"m{size}", {"size": size}) for size in reversed(sizes)]
    fill_postgres(pg, World({"ann": "live"}, records={"r0": "ann"}, events=events))
    assert computed(pg, asked("list", "size")) == {uuid_of("ann"): sizes[:MOST_LISTED]}


WRONG = [
    (asked("count", "size"), [("/property", "surplus_property")]),
    (asked("first"), [("/property", "empty_text")]),
    (asked("sum", "a..b"), [("/property", "bad_path")]),
    (asked("first", "email"), [("/property", "sealed")]),
    (asked("first", "revenue"), [("/value_type", "wrong_type")]),
    (asked("count", where=[{"property": "size", "op": "like", "value": 1}]), [("/condition/where/0/op", "unknown_op")]),
    (asked("count", sum={"property": "size"}), [("/condition/sum", "unknown_key")]),
    (asked("count", within={"days": 0}), [("/condition/within/days", "integer_range")]),
    (asked("last", "income"), [("/property", "trait_class")]),
    (asked("rfm", "size"), [("/property", "surplus_property")]),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "places"), WRONG)
def test_what_cannot_be_computed_is_refused_at_its_place(wrong: dict[str, Any], places: list[Any]) -> None:
    catalog = replace(CATALOG, classes={(ORDERED, "income"): frozenset({"credit"})})
    with pytest.raises(RuleError) as caught:
        define(**wrong, catalog=catalog)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == places


def test_money_needs_a_currency_and_a_described_property_its_type() -> None:
    described = replace(CATALOG, currency=None, events={ORDERED: {"size": PropertySpec("number")}})
    for one, place in ((asked("rfm"), "/condition"), (asked("list", "size"), "/value_type")):
        with pytest.raises(RuleError) as caught:
            define(**one, catalog=described)
        assert [problem.path for problem in caught.value.problems] == [place]
    define(**asked("rfm", currency="USD"), catalog=described)
