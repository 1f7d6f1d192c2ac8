"""For any rule and any history, PostgreSQL and DuckDB name exactly the members that the oracle names."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from segments.query.catalog import Catalog, TraitSpec
from tests.segments.query.engines import duckdb_members, fill_duckdb, fill_postgres, members, new_duckdb
from tests.segments.query.oracle import Oracle, stamp
from tests.segments.query.world import Event, World, uuid_of

AS_OF = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")  # the clock changed two days before
TICK = timedelta(microseconds=1)
KINDS = {"place": "string", "visits": "number", "vip": "boolean", "joined": "date", "seen": "moment"}
CATALOG = Catalog(
    {name: TraitSpec(kind) for name, kind in KINDS.items()},
    segments={"one": uuid_of("one"), "two": uuid_of("two")},
    purposes={"marketing"},
    channels={"email", "sms"},
    currency="KRW",
)
PROFILES = ("ann", "bob", "cho", "dee")
NAMES = ("Order", "View")

STRINGS = [
    "",
    "a",
    "A",
    "b",
    "a%b",
    "a_b",
    "axb",
    "é",
    "가",
    "\U0001f600",
    "�",
    "12",
    "true",
    "a\n",
    "2026-03-01",
    "'",
    "\\",
]
NUMBERS: list[Any] = [0, 1, -1, 2, 3, 12, 0.5, -0.000001, 0.1234565, 0.123457, 1e-7, 100000.25]
UNCOUNTABLE: list[Any] = [10**32, -(10**40), 1e60]
DAYS = ["2026-03-09", "2026-03-10", "2026-03-03", "2026-02-28", "2026-03-08"]
MIDNIGHTS = [datetime(2026, 3, day, tzinfo=ZONE).astimezone(UTC) for day in (3, 8, 9, 10)]
EDGES = [AS_OF, AS_OF - timedelta(days=7), AS_OF - timedelta(days=2), AS_OF - timedelta(hours=1), *MIDNIGHTS]
INSTANTS = [*EDGES, *(edge - TICK for edge in EDGES), *(edge + TICK for edge in EDGES), AS_OF + timedelta(days=900)]

text = st.sampled_from(STRINGS)
needle = st.sampled_from(STRINGS[1:])
figure = st.sampled_from([value for value in NUMBERS if value not in (0.1234565, 1e-7)])
instant = st.sampled_from(INSTANTS)
anything = st.one_of(
    st.none(),
    text,
    st.sampled_from(NUMBERS + UNCOUNTABLE),
    st.booleans(),
    st.sampled_from(DAYS),
    instant.map(stamp),
    st.sampled_from([["a"], {"in": "a"}, {"0": 1}, ["x", "y"], {"in": None}]),
)


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3)


def ordered(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(values, values).map(sorted)


def asked_of(values: st.SearchStrategy[Any], ops: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """A test with one value, a list or a pair, as its operator needs."""
    shapes = {"in": several(values), "not_in": several(values), "between": ordered(values)}
    return st.sampled_from(ops).flatmap(
        lambda op: st.fixed_dictionaries({"op": st.just(op), "value": shapes.get(op, values)})
    )


EQUAL, LISTS, ORDER = ("eq", "ne"), ("in", "not_in"), ("gt", "gte", "lt", "lte", "between")
presence = st.sampled_from([{"op": "exists"}, {"op": "not_exists"}])
searches = st.fixed_dictionaries({"op": st.sampled_from(["contains", "starts_with"]), "value": needle})
days_ago = st.fixed_dictionaries({"days_ago": st.sampled_from([0, 1, 2, 7])}, optional={"calendar": st.booleans()})
days_pair = st.fixed_dictionaries(
    {"op": st.just("between"), "value": st.tuples(st.just({"days_ago": 7}), days_ago | st.sampled_from(DAYS)).map(list)}
)
this_month = st.just({"this": "month"})
TESTS = {
    "string": asked_of(text, EQUAL + LISTS + ORDER) | searches,
    "number": asked_of(figure, EQUAL + LISTS + ORDER) | asked_of(this_month | st.just(3), EQUAL + LISTS + ORDER[:4]),
    "boolean": asked_of(st.booleans(), EQUAL + LISTS),
    "date": asked_of(st.sampled_from(DAYS), EQUAL + LISTS + ORDER)
    | asked_of(days_ago, (*EQUAL, "gt", "lte"))
    | days_pair,
    "moment": asked_of(st.sampled_from(DAYS) | instant.map(stamp), EQUAL + ORDER)
    | asked_of(days_ago, (*EQUAL, "gt", "gte", "lt", "lte"))
    | days_pair,
}
PROPERTIES = ("size", "deep.in", "deep.0", "missing")

traits = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: (TESTS[KINDS[name]] | presence).map(lambda test: {"trait": name, **test})
)
open_tests = st.one_of(
    TESTS["string"], TESTS["number"], TESTS["boolean"], asked_of(days_ago, ("eq", "lt", "gte")), days_pair, presence
)
conditions = st.one_of(
    st.builds(lambda name, test: {"property": name, **test}, st.sampled_from(PROPERTIES), open_tests),
    st.builds(
        lambda test: {"property": "revenue", **test}, asked_of(st.sampled_from([0, 1, 10, 12.5]), EQUAL + LISTS + ORDER)
    ),
    st.builds(lambda test: {"property": "currency", **test}, asked_of(st.sampled_from(["KRW", "USD"]), EQUAL + LISTS)),
    st.builds(lambda test: {"property": "order_id", **test}, presence | searches),
)
totals = st.builds(
    lambda kind, name, test: {kind: {"property": name, **test}},
    st.sampled_from(["sum", "avg", "min", "max"]),
    st.sampled_from(["size", "deep.in", "revenue", "revenue"]),
    asked_of(st.sampled_from([0, 1, -1, 2.5, 10, 12.5, 0.123457]), EQUAL + ORDER),
)
counts = asked_of(st.integers(0, 3), EQUAL + ORDER).map(lambda test: {"count": test})
measures = st.just({}) | counts | totals
windows = st.sampled_from(
    [
        {"days": 7},
        {"days": 2, "calendar": True},
        {"days": 7, "calendar": True},
        {"hours": 1},
        {"minutes": 60},
        {"weeks": 1},
        {"seconds": 3600},
        {"days": 1, "hours": 24},
    ]
)
around = st.fixed_dictionaries(
    {},
    optional={
        "where": st.lists(conditions, max_size=2),
        "within": windows,
        "currency": st.sampled_from(["KRW", "USD", "KWD"]),
    },
)


def event_of(name: str, measure: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    return {"event": name, **measure, **rest}


events = st.builds(event_of, st.sampled_from(NAMES), measures, around)
steps = st.fixed_dictionaries(
    {"event": st.sampled_from(NAMES)},
    optional={"where": st.lists(conditions, max_size=1), "currency": st.sampled_from(["KRW", "USD"])},
) | st.sampled_from(NAMES).map(lambda name: {"event": name})
distances = st.sampled_from([{"hours": 1}, {"days": 1}, {"days": 2}, {"days": 7}, {"seconds": 3599}])
chains = st.builds(
    lambda listed, rest, end: {"sequence": listed, **rest, **end},
    st.lists(steps, min_size=2, max_size=4),
    st.fixed_dictionaries({}, optional={"within": distances, "without": steps, "in_last": windows}),
    st.just({}) | st.fixed_dictionaries({"then_not": steps}, optional={"for": distances}),
)
lone_steps = st.fixed_dictionaries(
    {"sequence": steps.map(lambda step: [step]), "then_not": steps}, optional={"for": distances, "in_last": windows}
)
consents = st.fixed_dictionaries(
    {"purpose": st.just("marketing"), "channel": st.sampled_from(["email", "sms"])}, optional={"brand": st.just("x")}
).map(lambda asked: {"consent": asked})
others = st.fixed_dictionaries({"segment": st.sampled_from(["one", "two"])}, optional={"ever": st.booleans()})
figures = asked_of(figure, EQUAL + LISTS + ORDER) | asked_of(this_month, (*EQUAL, "gt", "lte"))
# One of each in every example, so that chance passes no operator over.
each = st.tuples(
    figures.map(lambda test: {"trait": "visits", **test}),
    (searches | presence).map(lambda test: {"trait": "place", **test}),
    st.builds(event_of, st.sampled_from(NAMES), totals, around),
    chains | lone_steps,
).map(list)
leaves = traits | events | events | chains | lone_steps | consents | others
rules = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda listed: {"all": listed}),
        st.lists(parts, min_size=1, max_size=3).map(lambda listed: {"any": listed}),
        parts.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)

values_of = {
    "place": text,
    "visits": st.sampled_from(NUMBERS),
    "vip": st.booleans(),
    "joined": st.sampled_from(DAYS),
    "seen": instant.map(stamp),
}
golden = st.none() | st.fixed_dictionaries({}, optional={name: value | anything for name, value in values_of.items()})
histories = st.lists(
    st.builds(
        Event,
        record=st.sampled_from([f"r{index}" for index in range(6)]),
        name=st.sampled_from(NAMES),
        occurred_at=instant,
        message_id=st.just(""),
        properties=st.fixed_dictionaries(
            {},
            optional={
                "size": anything,
                "deep": st.fixed_dictionaries({}, optional={"in": anything, "0": anything}) | anything,
            },
        ),
        brand=st.sampled_from(["", "x"]),
        order_id=st.sampled_from([None, "o1", "o1", "o2"]),
        currency=st.sampled_from(["KRW", "KRW", "USD", "KWD", None]),
        revenue=st.sampled_from([None, 0, 1, 10, 12, 1250, 12500, -10, 2**62]),
    ),
    max_size=10,
)


belongings = st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(PROFILES))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Message ids are unique within a record and repeat across records, so that times and ids tie."""
    happened = draw(histories)
    numbered = [
        Event(**{**vars(event), "message_id": f"m{index % 4}{index // 4}"}) for index, event in enumerate(happened)
    ]
    return World(
        profiles={**dict.fromkeys(PROFILES, "live"), "old": "redirected"},
        traits={name: draw(golden) for name in (*PROFILES, "old")},
        records={f"r{index}": draw(st.sampled_from([*PROFILES, "old", None])) for index in range(6)},
        events=numbered,
        consents=list(
            {
                (n, "marketing", c, b): (n, "marketing", c, b, s)
                for n, c, b, s in draw(
                    st.lists(
                        st.tuples(
                            st.sampled_from(PROFILES),
                            st.sampled_from(["email", "sms"]),
                            st.sampled_from(["", "x"]),
                            st.sampled_from(["granted", "withdrawn"]),
                        )
                    )
                )
            }.values()
        ),
        members=draw(st.lists(belongings, unique=True)),
        once=draw(st.lists(belongings, unique=True)),
    )


def words(rule: Any) -> Iterator[str]:
    """Every operator, measure and kind of clause in a rule."""
    if isinstance(rule, list):
        for part in rule:
            yield from words(part)
    if isinstance(rule, dict):
        yield from rule
        yield from [rule["op"]] if "op" in rule else []
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
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "exists",
    "not_exists",
    "contains",
    "starts_with",
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
    {"trait": "joined", "op": "gte", "value": {"days_ago": 2, "calendar": True}},
    {"trait": "visits", "op": "eq", "value": {"this": "month"}},
    {"sequence": [{"event": "Order"}], "then_not": {"event": "View"}, "for": {"days": 7}},
    {"sequence": [{"event": "Order"}, {"event": "View"}], "without": {"event": "Order"}, "in_last": {"days": 7}},
    {
        "event": "Order", "where": [{"property": "size", "op": "gt", "value": 1}], "within": {"days": 7},
        "currency": "KRW", "count": {"op": "gte", "value": 1},
    },
    {
        "all": [
            {"any": [{"segment": "one", "ever": True}, {"consent": {"purpose": "marketing", "channel": "email"}}]},
            {"not": {"event": "View"}},
        ]
    },
]  # fmt: skip


def test_engines_agree_with_the_oracle(pg: psycopg.Connection[Any]) -> None:
    seen: Counter[str] = Counter()
    duck = new_duckdb()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @example(CERTAIN_WORLD, CERTAIN)
    @given(worlds(), st.builds(list.__add__, st.lists(rules, min_size=1, max_size=2), each))
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
    assert all(seen[case] >= seen["example"] / 10 for case in ("boundary", "tie", "null"))
