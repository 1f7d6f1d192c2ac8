"""Data quality over REST."""

from datetime import timedelta

import pytest

from cdp.core.actions import count
from cdp.core.types import Actor, now
from cdp.events.actions import create_source
from cdp.events.quality import judging
from tests.api.people import Caller, is_problem

pytestmark = pytest.mark.django_db


def test_days_and_alerts_are_told_by_source() -> None:
    shop, _key = create_source(Actor.system("test"), "shop", "web")
    other, _key = create_source(Actor.system("test"), "other", "web")
    today = now().date()
    for ago in range(1, 20):
        count(
            shop.pk, {"received": 0 if ago == 1 else 500, "measured": 400, "late_day": 8}, today - timedelta(days=ago)
        )
    count(other.pk, {"received": 7, "quarantined:bad_time": 2, "quarantined:nul": 1}, today)
    judging.judge(today)
    caller = Caller("events:read")
    days = caller.get("/quality").json()["results"]
    assert [one["source"] for one in days] == ["other", *["shop"] * 7]
    assert (days[0]["received"], days[0]["quarantined"]) == (7, 3)
    assert {one["late_day"] for one in days[1:]} == {8}
    assert len(caller.get(f"/quality?source=shop&since={today - timedelta(days=3)}").json()["results"]) == 3
    (alert,) = caller.get("/quality/alerts?source=shop").json()["results"]
    assert alert == {
        "source": "shop", "day": str(today - timedelta(days=1)), "measure": "volume", "event": "", "field": "",
        "value": 0.0, "usual": 500.0,
    }  # fmt: skip
    assert caller.get("/quality/alerts?source=nobody").json()["results"] == []
    is_problem(Caller("profiles:read").get("/quality"), 403, "scope_missing")
