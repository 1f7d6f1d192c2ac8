"""Counts that take long are shown as they were, with their age, and counted again by a worker."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import RedisError

from cdp.console import recounted, tasks
from cdp.core import wake
from cdp.core.models import User
from consent.models import Purpose
from identity.models import Profile

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slow(settings: Any) -> Iterator[None]:
    """Every count takes longer than people wait."""
    settings.QUICK_COUNT_SECONDS = -1.0
    yield
    cache.delete_many([recounted._key(name) for name in recounted.COUNTS])


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was asked of the workers."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(wake, "wake", lambda *about: asked.append(about))
    return asked


def aged(name: str, times: float) -> None:
    """Make what is kept so many times as old as counting took."""
    kept = recounted.counted(name)
    old = kept._replace(took=1.0, at=timezone.now() - timedelta(seconds=times))
    cache.set(recounted._key(name), old)


def test_what_took_long_is_kept_until_a_worker_counts_again(woken: list[tuple[str, ...]]) -> None:
    assert recounted.counted("live").value == 0
    Profile.objects.create()
    assert recounted.counted("live").value == 0 and woken == []
    aged("live", recounted.TIMES_AS_OLD + 1)
    assert recounted.counted("live").value == 0 and woken == [("console.recount", "live")]
    tasks.recount_task("live")
    assert recounted.counted("live").value == 1
    aged("live", 0)
    Profile.objects.create()
    tasks.recount_task("live")
    assert recounted.counted("live").value == 1, "one that many asked for is counted once"


def test_what_is_quick_is_counted_each_time(settings: Any) -> None:
    settings.QUICK_COUNT_SECONDS = float("inf")
    assert recounted.counted("live").value == 0
    Profile.objects.create()
    assert recounted.counted("live").value == 1


def test_without_redis_everything_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_about: Any) -> None:
        raise RedisError

    monkeypatch.setattr(cache, "get", away)
    monkeypatch.setattr(cache, "set", away)
    Profile.objects.create()
    assert recounted.counted("live").value == 1


def test_home_says_how_old_its_sums_are(world: dict[str, Any], root: User) -> None:
    client = Client()
    client.force_login(root)
    client.cookies["django_language"] = "en"
    assert "Sums of everything" not in client.get("/").content.decode()
    for name in recounted.COUNTS:
        aged(name, 0)
    aged("allowed", 3600)
    Purpose.objects.create(key="gifts", name_ko="선물", name_en="Gifts", basis="consent")  # younger than the count
    assert "Sums of everything were counted 1 hour ago" in client.get("/").content.decode().replace("\xa0", " ")
