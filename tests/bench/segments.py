"""Each kind of rule, compiled by the product, against SQL written by hand on the same PostgreSQL; and recomputes."""

import argparse
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.bench import segments_baseline as baseline
from tests.bench.segments_world import AS_OF, EVENTS_EACH, about, copied, paired, world

KOREAN = {"trait": "country", "op": "eq", "value": "KR"}
SHOES = {
    "event": "Product Viewed", "where": [{"property": "category", "op": "eq", "value": "shoes"}],
    "count": {"op": "gte", "value": 1}, "within": {"days": 30},
}  # fmt: skip
MOVED = """
update profiles_golden set traits = traits || '{"country": "FR"}' where traits @> '{"gender": "m", "region": "서울"}'
"""
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
    "segment_and_consent": {"all": [{"segment": "korean"}, {"consent": {"purpose": "marketing", "channel": "email"}}]},
}  # fmt: skip


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Ratios of product to baseline by rule, and seconds of full and incremental recomputes."""
    parser = argparse.ArgumentParser(prog="segments", description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(argv)
    with world(asked.profiles):
        recomputes = _recomputes()
        by_hand = baseline.rules(AS_OF)
        rules = {name: _compare(name, by_hand[name], asked.rounds) for name in RULES}
    size = {"profiles": asked.profiles, "events": asked.profiles * EVENTS_EACH}
    return {"bench": "segments", **about(), **size, "rules": rules, "recompute": recomputes}


def _compare(name: str, by_hand: str, rounds: int) -> dict[str, Any]:
    product, other = f"copy ({_compiled(name)}) to stdout", f"copy ({by_hand}) to stdout"
    mine, theirs = sorted(copied(product).split()), sorted(copied(other).split())
    if mine != theirs:
        raise AssertionError(f"{name}: the outputs differ ({len(mine)} and {len(theirs)} profiles)")
    return {"members": len(mine), **paired(lambda: copied(product), lambda: copied(other), rounds)}


def _compiled(name: str) -> str:
    """The product's statement with its parameters filled in."""
    from zoneinfo import ZoneInfo

    from django.db import connection

    from segments import queries
    from segments.query.compiler import compile_rule
    from segments.query.parse import parse

    node = parse(RULES[name])
    query = compile_rule(
        node, queries.catalog("marketing", "UTC", node), as_of=datetime.fromisoformat(AS_OF), zone=ZoneInfo("UTC")
    )
    with connection.cursor() as cursor:
        text: str = cursor.cursor.mogrify(query.sql, query.params)
    return text


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
