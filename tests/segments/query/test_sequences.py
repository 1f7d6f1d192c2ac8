"""Sequences over dense histories: many repeats, ties and boundaries, where every choice of events must be considered."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.query.catalog import Catalog
from segments.query.compiler import compile_rule
from segments.query.dialects import DUCKDB, POSTGRES
from segments.query.parse import parse
from tests.segments.query.engines import duckdb_members, fill_duckdb, fill_postgres, members, new_duckdb
from tests.segments.query.oracle import Oracle
from tests.segments.query.world import Event, World, uuid_of

AS_OF = datetime(2026, 3, 10, 9, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
CATALOG = Catalog({}, currency="KRW")
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
A, B, C = ({"event": name} for name in "ABC")
OWNERS = {"r0": "ann", "r1": "ann", "r2": "bob", "r3": "bob"}


def history(told: str, *, hours: int = 1) -> World:
    """One profile whose events happened one an hour (or at one moment: 0), the last an hour ago: "AB C"."""
    start = AS_OF - hours * HOUR * len(told)
    happened = [Event("r0", name, start + hours * HOUR * at, f"m{at:05}") for at, name in enumerate(told)]
    return World({"ann": "live"}, records={"r0": "ann"}, events=[event for event in happened if event.name != " "])


def sequence(told: str, **rest: Any) -> dict[str, Any]:
    return {"sequence": [{"event": name} for name in told], **rest}


@pytest.mark.parametrize(
    ("told", "rule", "fits"),
    [
        ("AB", sequence("AB"), True),
        ("BA", sequence("AB"), False),
        ("A", sequence("AA"), False),
        ("AA", sequence("AA"), True),
        ("AABC", sequence("ABC"), True),
        ("ABAC", sequence("AABC"), False),
        ("A  A B", sequence("AB", within={"hours": 2}), True),
        ("A  B", sequence("AB", within={"hours": 2}), False),
        ("A  B", sequence("AB", within={"hours": 3}), True),
        # The first B is too late for A and yet the second could be near enough to the first.
        ("A   B B", sequence("AB", within={"hours": 3}), False),
        ("A B C", sequence("ABC", within={"hours": 2}), True),
        ("ACB", sequence("AB", without=C), False),
        ("ACAB", sequence("AB", without=C), True),
        ("CABC", sequence("AB", without=C), True),
        # What may not lie between may be a step itself.
        ("AAB", sequence("AB", without=A), True),
        ("ABB", sequence("AB", without=B), True),
        ("ABBC", sequence("ABC", without=B), False),
        ("ABC", sequence("ABC", without=B), True),
        ("ABABC", sequence("AAC", without=B), False),
        ("A", sequence("A", then_not=B), True),
        ("AB", sequence("A", then_not=B), False),
        ("ABA", sequence("A", then_not=B), True),
        ("AA", sequence("A", then_not=A), True),
        ("AB", sequence("AB", then_not=B), True),
        ("ABA", sequence("AB", then_not=A), False),
        ("A  ", sequence("A", then_not=B, **{"for": {"hours": 2}}), True),
        ("A ", sequence("A", then_not=B, **{"for": {"hours": 2}}), False),
        ("A B   ", sequence("A", then_not=B, **{"for": {"hours": 2}}), False),
        ("A  B  ", sequence("A", then_not=B, **{"for": {"hours": 2}}), True),
        # The first A was left alone for long enough, whatever came of the second.
        ("A  BAB", sequence("A", then_not=B, **{"for": {"hours": 2}}), True),
        ("A   B", sequence("AB", in_last={"hours": 4}), False),
        ("A  B", sequence("AB", in_last={"hours": 4}), True),
    ],
)
def test_by_hand(pg: psycopg.Connection[Any], told: str, rule: dict[str, Any], fits: bool) -> None:
    world, duck = history(told), new_duckdb()
    fill_postgres(pg, world)
    fill_duckdb(duck, world)
    expected = [uuid_of("ann")] if fits else []
    assert members(pg, rule, CATALOG, AS_OF, ZONE) == expected
    assert duckdb_members(duck, rule, CATALOG, AS_OF, ZONE) == expected
    assert Oracle(world, AS_OF, ZONE, {}).members(rule) == expected


def test_at_one_moment_message_ids_decide(pg: psycopg.Connection[Any]) -> None:
    fill_postgres(pg, history("AB", hours=0))
    later = AS_OF + HOUR
    assert members(pg, sequence("AB", within={"seconds": 1}), CATALOG, later, ZONE) == [uuid_of("ann")]
    assert members(pg, sequence("BA"), CATALOG, later, ZONE) == []


def test_a_silence_is_over_when_its_last_instant_has_passed(pg: psycopg.Connection[Any]) -> None:
    fill_postgres(pg, history("A"))
    rule = sequence("A", then_not=B, **{"for": {"hours": 1}})
    assert members(pg, rule, CATALOG, AS_OF, ZONE) == []
    assert members(pg, rule, CATALOG, AS_OF + TICK, ZONE) == [uuid_of("ann")]


def test_what_comes_after_as_of_does_not_count(pg: psycopg.Connection[Any]) -> None:
    fill_postgres(pg, history("AB"))
    assert members(pg, sequence("A", then_not=B), CATALOG, AS_OF - HOUR, ZONE) == [uuid_of("ann")]
    assert members(pg, sequence("AB"), CATALOG, AS_OF - HOUR, ZONE) == []


# --- any history ------------------------------------------------------------------------------------------------------

one = st.sampled_from([A, B, C])
hours = st.integers(1, 3).map(lambda number: {"hours": number})
rules = st.builds(
    lambda steps, between, end, in_last: (
        {
            "sequence": steps,
            **(between if len(steps) > 1 else {}),
            **(end or ({"then_not": B} if len(steps) == 1 else {})),
        }
        | in_last
    ),
    st.lists(one, min_size=1, max_size=5),
    st.fixed_dictionaries({}, optional={"within": hours, "without": one}),
    st.just({}) | st.fixed_dictionaries({"then_not": one}, optional={"for": hours}),
    st.fixed_dictionaries({}, optional={"in_last": st.integers(3, 7).map(lambda number: {"hours": number})}),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Two profiles of two records; message ids repeat across records, so that even they tie."""
    one = st.tuples(st.sampled_from(sorted(OWNERS)), st.sampled_from("ABC"), st.integers(0, 7))
    drawn = draw(st.lists(one, min_size=8, max_size=18))
    seen: Counter[str] = Counter()
    happened = []
    for record, name, ago in drawn:
        seen[record] += 1
        happened.append(Event(record, name, AS_OF - ago * HOUR, f"m{seen[record]}"))
    return World({"ann": "live", "bob": "live"}, records=dict(OWNERS), events=happened)


def test_engines_agree_with_trying_every_choice(pg: psycopg.Connection[Any]) -> None:
    duck, found = new_duckdb(), Counter[int]()

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(), st.lists(rules, min_size=4, max_size=8))
    def check(world: World, asked: list[dict[str, Any]]) -> None:
        fill_postgres(pg, world)
        fill_duckdb(duck, world)
        for rule in asked:
            expected = Oracle(world, AS_OF, ZONE, {}).members(rule)
            found[len(expected)] += 1
            assert members(pg, rule, CATALOG, AS_OF, ZONE) == expected, rule
            assert duckdb_members(duck, rule, CATALOG, AS_OF, ZONE) == expected, rule

    check()
    assert min(found[0], found[1] + found[2]) >= sum(found.values()) / 20


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [{}, {"then_not": C}, {"then_not": C, "for": {"hours": 2}}])
def test_a_hot_profile_costs_no_more_than_its_events(pg: psycopg.Connection[Any], end: dict[str, Any]) -> None:
    """60,000 events of one profile: a frame built anew for every row would take minutes."""
    fill_postgres(pg, World({"ann": "live"}, records={"r0": "ann"}))
    pg.execute(
        "insert into events_event select %s, case when n %% 3 = 0 then 'A' else 'B' end, %s::timestamptz"
        " - n * interval '1 minute', 'm' || n, '{}', '' from generate_series(1, 60000) n",
        [uuid_of("r0"), AS_OF],
    )
    pg.execute("set local statement_timeout = '20s'")
    rule = sequence("ABAB", within={"days": 1}, without=C, **end)
    assert members(pg, rule, CATALOG, AS_OF, ZONE) == [uuid_of("ann")]


@pytest.mark.parametrize("dialect", [POSTGRES, DUCKDB])
def test_events_are_read_once_however_many_steps(dialect: Any) -> None:
    rule = sequence("ABCABCAB", within={"days": 1}, without=C, then_not=A, **{"for": {"hours": 2}})
    query = compile_rule(parse(rule), CATALOG, as_of=AS_OF, zone=ZONE, dialect=dialect)
    assert query.sql.count("FROM events_event") == query.sql.count("JOIN identity_record") == 1
