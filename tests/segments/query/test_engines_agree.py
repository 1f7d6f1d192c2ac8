"""For any rule and any history, PostgreSQL and DuckDB name exactly the members that the oracle names."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.segments.query.engines import duckdb_members, fill_duckdb, fill_postgres, members, new_duckdb
from tests.segments.query.generator import (
    AS_OF,
    CATALOG,
    EDGES,
    EQUAL,
    KINDS,
    LISTS,
    ORDER,
    UNITS,
    ZONE,
    each,
    rules,
    worlds,
)
from tests.segments.query.oracle import Oracle
from tests.segments.query.world import Event, World, uuid_of


def words(rule: Any) -> Iterator[str]:
    """Every operator, measure and kind of clause in a rule."""
    if isinstance(rule, list):
        for part in rule:
            yield from words(part)
    if isinstance(rule, dict):
        yield from rule
        yield from (rule[key] for key in ("op", "this", "previous") if key in rule)
        for part in rule.values():
            yield from words(part)


def note(seen: Counter[str], world: World, asked: list[Any]) -> None:
    seen.update(set(words(asked)))
    seen["example"] += 1
    times = [event.occurred_at for event in world.events]
    seen["boundary"] += any(time in EDGES for time in times)
    seen["tie"] += len(set(times)) < len(times)
    read = [value for held in world.traits.values() if held for value in held.values()]
    seen["null"] += None in read or any(None in event.properties.values() for event in world.events)


EVERYTHING = {
    "all",
    "any",
    "not",
    "trait",
    "event",
    "segment",
    "list",
    "ever",
    "consent",
    "where",
    "within",
    "calendar",
    "currency",
    "days_ago",
    "this",
    "sequence",
    "without",
    "then_not",
    "for",
    "in_last",
    "from",
    "to",
    "previous",
    *(f"{unit}s" for unit in UNITS),
    *UNITS,
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "distinct",
    "most_frequent",
    "first",
    "last",
    "nth",
    "frequency",
    "times",
    "unit",
    "in",
    "at",
    "weekdays",
    "exists",
    "not_exists",
    "contains",
    "starts_with",
    "birthday_within",
    *EQUAL,
    *LISTS,
    *ORDER,
}


# What chance may pass over is asked once of one world for certain.
CERTAIN_WORLD = World(
    profiles={"ann": "live", "bob": "live"},
    traits={"ann": {"visits": 3, "place": "ab", "joined": "2026-03-09"}, "bob": {"visits": 12, "place": None}},
    records={"r0": "ann", "r1": "bob"},
    events=[Event("r0", "Order", EDGES[1], "m0", {"size": 2}), Event("r1", "Order", EDGES[1], "m1", {"size": 0.5})],
)
CERTAIN: list[dict[str, Any]] = [
    *(
        {"trait": "visits", "op": op, "value": [3, 12] if op in (*LISTS, "between") else 3}
        for op in EQUAL + LISTS + ORDER
    ),
    *({"trait": "place", "op": op, "value": "a"} for op in ("contains", "starts_with")),
    *({"trait": "place", "op": op} for op in ("exists", "not_exists")),
    *({"event": "Order", kind: {"property": "size", "op": "gte", "value": 1}} for kind in ("sum", "avg", "min", "max")),
    *({"event": "Order", **{kind: {"property": "size", "op": "eq", "value": 2}}} for kind in ("distinct", "most_frequent")),
    *({"event": "Order", which: {"where": [{"property": "size", "op": "eq", "value": 2}]}} for which in ("first", "last")),
    {"event": "Order", "nth": {"n": 1, "within": {"days": 7}}},
    {"event": "Order", "frequency": {"unit": "week", "last": 2, "times": 1, "in": 1}},
    {"event": "Order", "at": {"weekdays": ["tue"], "from": "22:00", "to": "05:31"}},
    {"trait": "joined", "op": "birthday_within", "value": {"days": 364}},
    {"trait": "joined", "op": "gte", "value": {"days_ago": 2, "calendar": True}},
    {"trait": "visits", "op": "eq", "value": {"this": "month"}},
    {"sequence": [{"event": "Order"}], "then_not": {"event": "View"}, "for": {"days": 7}},
    {"sequence": [{"event": "Order"}, {"event": "View"}], "without": {"event": "Order"}, "in_last": {"days": 7}},
    *({"event": "Order", "within": {f"{unit}s": 1, "calendar": True}} for unit in UNITS),
    *({"event": "Order", "within": {key: unit}} for key in ("this", "previous") for unit in UNITS),
    {"event": "Order", "between": {"from": "2026-03-03", "to": {"days_ago": 2}}},
    {
        "event": "Order", "where": [{"property": "size", "op": "gt", "value": 1}], "within": {"days": 7},
        "currency": "KRW", "count": {"op": "gte", "value": 1},
    },
    {
        "all": [
            {"any": [{"list": "guests"}, {"segment": "one", "ever": True}, {"consent": {"purpose": "marketing", "channel": "email"}}]},
            {"not": {"event": "View"}},
        ]
    },
]  # fmt: skip


def test_engines_agree_with_the_oracle(pg: psycopg.Connection[Any]) -> None:
    seen: Counter[str] = Counter()
    duck = new_duckdb()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @example(CERTAIN_WORLD, CERTAIN)
    @given(worlds(), st.builds(list.__add__, st.lists(rules, min_size=1, max_size=1), each))
    def check(world: World, asked: list[Any]) -> None:
        note(seen, world, asked)
        fill_postgres(pg, world)
        fill_duckdb(duck, world)
        oracle = Oracle(world, AS_OF, ZONE, KINDS)
        for rule in asked:
            expected = oracle.members(rule)
            assert members(pg, rule, CATALOG, AS_OF, ZONE) == expected, rule
            some = [uuid for uuid in expected if uuid in {uuid_of("ann"), uuid_of("cho")}]
            assert members(pg, rule, CATALOG, AS_OF, ZONE, only=["ann", "cho", "old"]) == some, rule
            assert duckdb_members(duck, rule, CATALOG, AS_OF, ZONE) == expected, rule

    check()
    assert EVERYTHING - set(seen) == set()
    assert [case for case in ("boundary", "tie", "null") if seen[case] < seen["example"] / 10] == []
