"""When time alone may change who a rule describes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.query import moments
from segments.query.bounds import Clock
from segments.query.parse import parse
from tests.segments.query.engines import fill_postgres, members
from tests.segments.query.generator import CATALOG, rules, worlds

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
MIDNIGHT, APRIL = datetime(2026, 3, 10, 15, tzinfo=UTC), datetime(2026, 3, 31, 15, tzinfo=UTC)
A = {"event": "a"}
JOINED: dict[str, Any] = {"property": "joined", "op": "gte", "value": {"days_ago": 2}}


@pytest.mark.parametrize(
    ("rule", "starts", "shortest"),
    [
        (A, None, None),
        ({"trait": "joined", "op": "gte", "value": "2026-01-01"}, None, None),
        ({"trait": "joined", "op": "gte", "value": {"days_ago": 2}}, MIDNIGHT, None),
        ({"trait": "joined", "op": "in", "value": ["2026-01-01", {"days_ago": 2}]}, MIDNIGHT, None),
        ({"trait": "birth_month", "op": "eq", "value": {"this": "month"}}, APRIL, None),
        ({"not": {"any": [A, {"trait": "b", "op": "eq", "value": {"this": "month"}}]}}, APRIL, None),
        ({"trait": "joined", "op": "birthday_within", "value": {"days": 7}}, MIDNIGHT, None),
        ({"event": "a", "where": [JOINED]}, MIDNIGHT, None),
        ({"event": "a", "frequency": {"unit": "month", "last": 3}}, APRIL, None),
        ({"event": "a", "at": {"weekdays": ["mon"]}}, None, None),
        ({"event": "a", "first": {"where": [JOINED]}}, MIDNIGHT, None),
        ({"event": "a", "last": {"within": {"hours": 2}}, "within": {"this": "month"}}, APRIL, timedelta(hours=2)),
        ({"event": "a", "most_frequent": JOINED}, MIDNIGHT, None),
        ({"event": "a", "within": {"hours": 2}}, None, timedelta(hours=2)),
        ({"event": "a", "within": {"days": 2, "calendar": True}}, MIDNIGHT, None),
        ({"event": "a", "within": {"weeks": 2, "calendar": True}}, datetime(2026, 3, 15, 15, tzinfo=UTC), None),
        ({"event": "a", "within": {"this": "month"}}, APRIL, None),
        ({"event": "a", "within": {"previous": "quarter"}}, APRIL, None),
        ({"event": "a", "within": {"previous": "year"}}, datetime(2026, 12, 31, 15, tzinfo=UTC), None),
        ({"event": "a", "within": {"months": 2, "days": 1}}, None, timedelta(days=57)),
        ({"event": "a", "between": {"from": "2026-01-01", "to": "2026-12-31"}}, None, None),
        ({"event": "a", "between": {"from": {"days_ago": 60}, "to": {"days_ago": 30}}}, None, timedelta(days=30)),
        ({"event": "a", "between": {"to": {"days_ago": 0, "calendar": True}}}, MIDNIGHT, None),
        ({"sequence": [A, A], "within": {"hours": 2}, "without": A}, None, None),
        ({"sequence": [A, A], "in_last": {"days": 2, "calendar": True}}, MIDNIGHT, None),
        ({"sequence": [A], "then_not": A, "for": {"seconds": 20}, "in_last": {"days": 9}}, None, timedelta(seconds=20)),
        ({"sequence": [A], "then_not": {**A, "where": [JOINED]}}, MIDNIGHT, None),
    ],
)
def test_what_moves_with_time(rule: dict[str, Any], starts: datetime | None, shortest: timedelta | None) -> None:
    node = parse(rule)
    assert moments.next_start(node, Clock(NOW, SEOUL)) == starts
    assert moments.shortest_window(node) == shortest


def test_until_the_next_start_nobody_comes_or_goes(pg: psycopg.Connection[Any]) -> None:
    """Of rules without rolling windows, in a world whose events have all happened and that has no exact moments."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(), st.lists(rules.filter(stands_still), min_size=3, max_size=6), st.floats(0, 0.999))
    def check(world: Any, asked: list[Any], share: float) -> None:
        fill_postgres(pg, world)
        pg.execute("delete from events_event where occurred_at >= %s", [NOW])
        for rule in asked:
            starts = moments.next_start(parse(rule), Clock(NOW, SEOUL)) or NOW + timedelta(days=400)
            later = NOW + (starts - NOW) * share
            assert members(pg, rule, CATALOG, NOW, SEOUL) == members(pg, rule, CATALOG, later, SEOUL), rule

    check()


def stands_still(rule: Any) -> bool:
    return not rolls(rule)


def rolls(rule: Any) -> bool:
    """Whether something in the JSON moves on at every instant."""
    if isinstance(rule, list):
        return any(map(rolls, rule))
    if not isinstance(rule, dict):
        return False
    window = rule.get("in_last") or ("sequence" not in rule and rule.get("within")) or {}
    onward = window and not {"calendar", "this", "previous"} & {key for key, value in window.items() if value}
    moment = (rule.get("trait") == "seen" or "between" in rule) and "days_ago" in str(rule)
    return "for" in rule or moment or bool(onward) or any(map(rolls, rule.values()))
