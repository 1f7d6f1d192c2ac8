"""Each kind of rule, compiled by the product, against SQL written by hand on the same PostgreSQL, and those over the events of a
profile on DuckDB over the same lake too; recomputes, and many segments over touched profiles."""

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from tests.bench import segments_baseline as baseline
from tests.bench.export import core_seconds
from tests.bench.segments_world import AS_OF, EVENTS_EACH, about, copied, paired, world

KOREAN = {"trait": "country", "op": "eq", "value": "KR"}
SHOES = {
    "event": "Product Viewed", "where": [{"property": "category", "op": "eq", "value": "shoes"}],
    "count": {"op": "gte", "value": 1}, "within": {"days": 30},
}  # fmt: skip
LIST_SOME = """
insert into segments_listentry (list_id, record)
select %s, r.id from (select id, row_number() over (order by id) as n from identity_record) r where r.n %% 7 = 0
"""
MOVED = """
update profiles_golden set traits = traits || '{"country": "FR"}' where traits @> '{"gender": "m", "region": "서울"}'
"""
VIEW, ORDER = {"event": "Product Viewed"}, {"event": "Order Completed"}
IN_SHOES = {"property": "category", "op": "eq", "value": "shoes"}
LATELY = {"within": {"days": 90}}
SEGMENTS, TOUCHED = 100, 1_000
QUIET = {"trait": "last_seen", "op": "lt", "value": {"days_ago": 60}}


def spent(days: int, op: str, value: int) -> dict[str, Any]:
    total = {"property": "revenue", "op": op, "value": value}
    return {"event": "Order Completed", "sum": total, "currency": "KRW", "within": {"days": days}}


RULES: dict[str, Any] = {
    "traits": {"all": [KOREAN, {"trait": "orders_count", "op": "gte", "value": 3}]},
    "count_with_property": SHOES,
    "sum_90_not_30": {"all": [spent(90, "gt", 300_000), {"not": {"event": "Order Completed", "within": {"days": 30}}}]},
    "last_seen_60_days": QUIET,
    "never": {"not": {"event": "Cart Viewed", "within": {"days": 90}}},
    "nested_five": {"all": [
        KOREAN, {"trait": "gender", "op": "eq", "value": "f"}, {"any": [QUIET, SHOES, spent(365, "gte", 500_000)]},
    ]},
    "sequence": {"sequence": [VIEW, ORDER], "within": {"days": 7}},
    "sequence_without": {"sequence": [VIEW, ORDER], "within": {"days": 7}, "without": {"event": "Cart Viewed"}},
    "first": ORDER | {"first": {"where": [IN_SHOES]}},
    "last": ORDER | {"last": {"where": [IN_SHOES]}},
    "third": ORDER | {"nth": {"n": 3, "where": [IN_SHOES]}},
    "distinct": VIEW | LATELY | {"distinct": {"property": "category", "op": "gte", "value": 3}},
    "most_frequent": VIEW | LATELY | {"most_frequent": {"property": "category", "op": "eq", "value": "bags"}},
    "frequency": VIEW | {"frequency": {"unit": "month", "last": 3}},
    "elements": ORDER | LATELY | {"where": [{"property": "products[].category", "op": "eq", "value": "hats"}]},
    "list": {"list": "some"},
    "segment_and_consent": {"all": [{"segment": "korean"}, {"consent": {"purpose": "marketing", "channel": "email"}}]},
}  # fmt: skip


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Ratios of product to baseline by rule, and seconds of full and incremental recomputes."""
    parser = argparse.ArgumentParser(prog="segments", description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--movement", type=int, help="profiles of another world, without events, for recomputes")
    asked = parser.parse_args(argv)
    size = {"profiles": asked.profiles, "events": asked.profiles * EVENTS_EACH}
    with world(asked.profiles):
        recomputes = _recomputes()
        _listed()
        rules, duckdb = _on_postgresql(asked.rounds), _on_duckdb(asked.rounds)
        many = _many_segments()
    if asked.movement:
        with world(asked.movement, 0):
            recomputes["movement"] = {"profiles": asked.movement} | _recomputes()
    told = {"rules": rules, "duckdb": duckdb, "recompute": recomputes, "many_segments": many}
    return {"bench": "segments", **about(), **size, **told}


def _on_postgresql(rounds: int) -> dict[str, Any]:
    by_hand = baseline.rules(AS_OF) | baseline.histories(AS_OF, "postgresql")
    return {name: _compare(name, by_hand[name], rounds) for name in RULES}


def _compare(name: str, by_hand: str, rounds: int) -> dict[str, Any]:
    product, other = f"copy ({_filled(name)}) to stdout", f"copy ({by_hand}) to stdout"
    _same(name, copied(product).split(), copied(other).split())
    members = len(copied(product).split())
    return {"members": members, **paired(lambda: copied(product), lambda: copied(other), rounds)}


def _same(name: str, mine: list[Any], theirs: list[Any]) -> None:
    if sorted(mine) != sorted(theirs):
        raise AssertionError(f"{name}: the outputs differ ({len(mine)} and {len(theirs)} profiles)")


def _on_duckdb(rounds: int) -> dict[str, Any]:
    """Over files of the lake, the other relations read once for both."""
    from cdp.lake import actions, queries
    from segments.query.dialects import DUCKDB

    while actions.append(actions.EVENTS_A_FILE):
        pass
    by_hand = baseline.histories(AS_OF, "duckdb")
    found: dict[str, Any] = {}
    with queries.snapshot({"identity_profile", "identity_record", "events_event"}) as engine:
        for name, other in by_hand.items():
            query = _compiled(name, DUCKDB)
            product, theirs = _rows(engine, query.sql, query.params), _rows(engine, other)
            _same(name, product(), theirs())
            found[name] = {"members": len(product()), **paired(product, theirs, rounds)}
    return found


def _rows(engine: Any, statement: str, params: Any = None) -> Callable[[], list[Any]]:
    return lambda: engine.execute(statement, params).fetchall()


def _filled(name: str) -> str:
    """The product's statement for PostgreSQL with its parameters filled in."""
    from django.db import connection

    query = _compiled(name)
    with connection.cursor() as cursor:
        text: str = cursor.cursor.mogrify(query.sql, query.params)
    return text


def _compiled(name: str, dialect: Any = None) -> Any:
    from zoneinfo import ZoneInfo

    from segments import queries
    from segments.query.compiler import compile_rule
    from segments.query.dialects import POSTGRES
    from segments.query.parse import parse

    node, now = parse(RULES[name]), datetime.fromisoformat(AS_OF)
    known = queries.catalog("marketing", "UTC", node)
    return compile_rule(node, known, as_of=now, zone=ZoneInfo("UTC"), dialect=dialect or POSTGRES)


def _listed() -> None:
    """A list of every seventh profile's record."""
    from datetime import timedelta

    from django.db import connection

    from cdp.core.types import now
    from segments.list_models import UploadedList

    listed = UploadedList.objects.create(
        key="some", name="some", purpose_id="marketing", came_from="bench", expires_at=now() + timedelta(days=30)
    )
    with connection.cursor() as cursor:
        cursor.execute(LIST_SOME, [listed.pk])
        cursor.execute("analyze segments_listentry")


def _many_segments() -> dict[str, Any]:
    """A hundred published segments of all these kinds over touched profiles: first, when many come in, and again."""
    from cdp.core.types import Actor
    from identity.models import Record
    from segments import actions

    bench, rules = Actor.system("bench"), [rule for name, rule in RULES.items() if name != "segment_and_consent"]
    for number in range(SEGMENTS - 1):  # one is there
        rule = {
            "all": [rules[number % len(rules)], {"trait": "orders_count", "op": "gte", "value": number // len(rules)}]
        }
        made = actions.create_segment(bench, key=f"many-{number}", name="many", purpose="marketing", rule=rule)
        actions.publish(bench, made)
    some = list(Record.objects.order_by("id").values_list("profile_id", flat=True)[:TOUCHED])
    at = datetime.fromisoformat(AS_OF)
    begun = time.perf_counter()
    entered = actions.refresh_profiles(some, at)
    first = round(time.perf_counter() - begun, 3)
    again: list[float] = []
    cores = [
        core_seconds(lambda: again.append(_timed(lambda: actions.refresh_profiles(some, at))), 1) for _ in range(5)
    ]
    told = {"entered": entered, "first_s": first, "again_s": median(again), "again_core_s": round(median(cores), 3)}
    return {"segments": SEGMENTS, "profiles": TOUCHED} | told


def _recomputes() -> dict[str, Any]:
    """A segment computed first, again without and with differences, and by an incremental pass."""
    from django.db import connection

    from cdp.core.types import Actor
    from segments import actions
    from segments.models import Membership

    made = actions.create_segment(Actor.system("bench"), key="korean", name="korean", purpose="marketing", rule=KOREAN)
    actions.publish(Actor.system("bench"), made)
    first = _timed(lambda: actions.recompute(made.pk))
    again = _timed(lambda: actions.recompute(made.pk))
    with connection.cursor() as cursor:
        cursor.execute(MOVED)
    differing = _timed(lambda: actions.recompute(made.pk))
    some = list(Membership.objects.values_list("profile", flat=True)[:1_000])
    incremental = _timed(lambda: actions.refresh_profiles(some))
    run = made.runs.latest("started_at")
    return {
        "members": run.members, "left": run.left, "first_s": first, "unchanged_s": again, "differing_s": differing,
        "incremental_1000_s": incremental,
    }  # fmt: skip


def _timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 3)
