"""Counts among very many profiles: by a sample, which tells how far it may be off."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from cdp.core import counts
from segments import dropoff, queries, sampling
from segments.sampling import Drawn
from tests.api.people import Caller
from tests.segments.people import happened, people, reachable, says, told

SEOUL = {"trait": "region", "op": "eq", "value": "Seoul"}
BOUGHT = {"event": "Order Completed"}


@pytest.fixture
def everybody(db: None) -> None:
    """Two hundred people in Seoul, of whom twenty bought something, ten consent and five can be reached; four hundred more."""
    found = people(200, region="Seoul")
    people(400, region="Busan")
    for one in found[:20]:
        happened(one, "Order Completed")
    says(found[:10], "granted")
    told(*found[:10])
    for one in found[:5]:
        reachable(one)


@pytest.fixture
def many(everybody: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """More of them than are counted one by one."""
    settings.PREVIEW_EXACT_UP_TO = 100
    monkeypatch.setattr(sampling, "_about", lambda: 600)
    sampling._drawn.cache_clear()
    yield
    sampling._drawn.cache_clear()


def counted(rule: Any = SEOUL) -> tuple[Any, ...]:
    found = queries.preview(rule, "marketing", "email")
    return found.count, found.consented, found.reachable


def test_few_are_counted_exactly(everybody: None) -> None:
    assert sampling.drawn() is None and counted() == (200, 10, 5)
    assert queries.preview(SEOUL, "marketing", "email").margins == {}


@pytest.mark.parametrize("rule", [SEOUL, BOUGHT, {"all": [SEOUL, {"not": BOUGHT}]}, {"not": {"any": [BOUGHT, SEOUL]}}])
def test_a_sample_of_all_counts_the_same(many: None, settings: LazySettings, rule: Any) -> None:
    clauses, by_sample = (
        dropoff.drop_off(rule, "marketing", zone="Asia/Seoul"),
        queries.preview(rule, "marketing", "email"),
    )
    assert by_sample.margins == {"count": 0, "consented": 0, "reachable": 0}
    found = counted(rule)
    settings.PREVIEW_EXACT_UP_TO = 1_000
    assert found == counted(rule) and clauses == dropoff.drop_off(rule, "marketing", zone="Asia/Seoul")


def test_a_part_stands_for_all_and_says_how_far_it_may_be_off(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 300)
    draw = sampling.drawn()
    assert draw is not None and draw.chance == 0.5 and 150 < len(draw.profiles) < 450
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from profiles_golden where traits ->> 'region' = 'Seoul' and profile_id = any(%s)",
            [draw.profiles],
        )
        hits = cursor.fetchone()[0]
    found = queries.preview(SEOUL, "marketing")
    assert (found.count, found.margins) == (2 * hits, {"count": draw.margin(hits)})
    assert found.consented is None and 0 < draw.margin(hits) < found.count
    whole = dropoff.drop_off(SEOUL, "marketing", zone="Asia/Seoul")[0]
    assert (whole.left, whole.among) == (2 * hits, 2 * len(draw.profiles))


def test_the_sample_stays_the_same(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 300)
    first = sampling.drawn()
    sampling._drawn.cache_clear()
    assert sampling.drawn() == first


def test_tools_are_told_that_it_is_an_estimate(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 300)
    asked = {"purpose": "marketing", "channel": "email", "rule": SEOUL}
    found = Caller("segments:read", "profiles:read").post("/segments/preview", asked).json()
    assert found["estimated"] and found["margins"].keys() == {"count", "consented", "reachable"}
    monkeypatch.setattr(sampling, "_about", lambda: 10)
    found = Caller("segments:read", "profiles:read").post("/segments/preview", asked).json()
    assert (found["estimated"], found["margins"], found["count"]) == (False, None, 200)


def test_a_margin_names_no_sample_to_whoever_may_not_see_people(
    many: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 300)
    asked = {"purpose": "marketing", "rule": SEOUL}
    exact = Caller("segments:read", "profiles:read").post("/segments/preview", asked).json()["margins"]["count"]
    settings.SMALLEST_COUNT = 7
    told = Caller("segments:read").post("/segments/preview", asked).json()["margins"]["count"]
    assert exact <= told < exact + 7 and told % 7 == 0
    assert (counts.margin(14, False), counts.margin(15, False), counts.margin(15, True)) == (14, 21, 15)
    assert counts.margin(None, False) is None


@given(st.integers(0, 10_000), st.floats(0.001, 1.0))
def test_the_margin_covers_what_the_sample_may_have_missed(hits: int, chance: float) -> None:
    draw = Drawn([], chance)
    assert draw.margin(hits) >= 0 and (draw.margin(hits) == 0) == (chance == 1)
    assert draw.estimate(hits) >= hits
