"""The quality of what arrives: each event is measured once, and a day is held against what is usual of it."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from cdp import pipeline
from cdp.core.actions import count
from cdp.core.models import Watermark
from cdp.core.types import Actor, now
from cdp.events import sql
from cdp.events.actions import create_source, store
from cdp.events.models import Source
from cdp.events.quality import judging, measuring, reading, usual
from cdp.events.quality_models import Anomaly, FieldCount, SeenField
from cdp.events.types import Measure, NewEvent
from cdp.ingestion import sources
from cdp.ingestion.who import record_id
from tests.database import owner_parameters
from tests.ingestion.wire import send, track

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
db, committed = pytest.mark.django_db, pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(db: None) -> Source:
    return create_source(Actor.system("test"), "shop", "web")[0]


def event(source: Source, number: int, **said: Any) -> NewEvent:
    facts: dict[str, Any] = {"occurred_at": NOON, "received_at": NOON, "name": "Order Completed"} | said
    record = record_id(source.pk, "user", "u1")
    return NewEvent(source=source.pk, message_id=f"m{number}", type="track", record=record, kind="user", **facts)


def days_back(number: int) -> Iterator[date]:
    return (TODAY - timedelta(days=ago) for ago in range(number, 0, -1))


def counted(source: Source, numbers: dict[date, dict[str, int]]) -> None:
    for day, kinds in numbers.items():
        count(source.pk, kinds, day)


def found(**asked: Any) -> set[tuple[date, str]]:
    return set(Anomaly.objects.filter(**asked).values_list("day", "measure"))


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_a_textbook_s_outlier_is_one_and_its_neighbours_are_not() -> None:
    # The median is 2.45, the MAD 0.15; 0.6745 (8.2 - 2.45) / 0.15 is 25.9.
    values = [2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3]
    held = usual.Usual(2.45, usual._spread(values, 2.45))
    assert [abs(held.distance(value)) > usual.OUTLIER for value in values] == [False] * 8 + [True] * 2
    assert held.distance(8.2) == pytest.approx(25.9, abs=0.05)


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=40), st.integers(0, 10**6))
def test_no_count_divides_by_zero_and_the_middle_is_never_unusual(counts: list[int], value: int) -> None:
    held = usual.of_counts([float(one) for one in counts])
    assert held.scale >= 1
    assert held.distance(held.middle) == 0
    assert usual.of_shares([one / 10**6 for one in counts], 20).distance(value / 10**6) < 10**6


def test_chance_alone_alarms_rarely() -> None:
    chance, alarms = random.Random(7), 0
    for _ in range(2_000):
        history = [float(sum(chance.random() < 0.05 for _ in range(400))) for _ in range(9)]
        alarms += abs(usual.of_counts(history[:8]).distance(history[8])) > usual.OUTLIER
    assert alarms < 20


def test_a_weekday_is_held_against_its_own_kind() -> None:
    shop = {day: 10.0 if day.weekday() == 6 else 1_000.0 for day in days_back(56)}
    sunday = max(day for day in shop if day.weekday() == 6) + timedelta(weeks=1)
    assert usual.before(shop, sunday) == [10.0] * 8
    assert usual.before(dict.fromkeys(days_back(6), 1.0), TODAY) is None
    assert usual.before(dict.fromkeys(days_back(7), 1.0), TODAY) == [1.0] * 7


# --- measuring --------------------------------------------------------------------------------------------------------


@committed
def test_each_event_is_measured_once_by_the_day_it_came(shop: Source) -> None:
    hour, ten_years = timedelta(hours=1), timedelta(days=3660)
    store([
        event(shop, 0),
        event(shop, 1, occurred_at=NOON - 2 * hour, properties={"items": 2}),
        event(shop, 2, occurred_at=NOON - 30 * hour, properties={"items": 2, "gift": True}),
        event(shop, 3, occurred_at=NOON - ten_years),
        event(shop, 4, occurred_at=NOON + hour),
        event(shop, 5, flags=("clock",)),
        event(shop, 6, occurred_at=NOON - hour / 2, flags=("clock",)),
        event(shop, 7, flags=("time",)),
        event(shop, 8, received_at=NOON + timedelta(days=1), occurred_at=NOON + timedelta(days=1)),
    ])  # fmt: skip
    assert [measuring.measure_next(4) for _ in range(4)] == [4, 4, 1, 0]
    one, other = reading.days_of(shop.pk, TODAY - timedelta(days=9), TODAY)
    assert (one.measured, one.late_hour, one.late_day, one.late_week) == (8, 1, 1, 1)
    assert (one.future, one.past, one.clock, one.unread) == (2, 1, 1, 1)
    assert (other.day, other.measured, other.late) == (TODAY, 1, 0)
    counts = FieldCount.objects.values_list("field__event", "field__field", "day", "count")
    assert {(field, day): number for _, field, day, number in counts} == {
        ("", NOON.date()): 8, ("", TODAY): 1, ("items", NOON.date()): 2, ("gift", NOON.date()): 1,
    }  # fmt: skip


@committed
def test_a_worker_that_dies_before_its_commit_has_counted_nothing(
    shop: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    store([event(shop, 0)])
    with monkeypatch.context() as broken:
        broken.setattr(measuring, "_count_fields", lambda span: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            measuring.measure_next(10)
    assert not Watermark.objects.filter(stage=measuring.STAGE, txid__gt=0).exists()
    assert measuring.measure_next(10) == 1
    assert reading.days_of(shop.pk, NOON.date(), NOON.date())[0].measured == 1


@committed
def test_names_without_end_fill_no_table(shop: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MOST_SEEN", 5)
    store([event(shop, number, name=f"Invented {number}", properties={"a" * 300: 1}) for number in range(20)])
    measuring.measure_next(7)
    measuring.measure_next(100)
    assert SeenField.objects.count() == 5 == FieldCount.objects.count()
    assert reading.days_of(shop.pk, NOON.date(), NOON.date())[0].measured == 20


@committed
def test_names_that_are_known_are_looked_up_and_no_others_read(shop: Source) -> None:
    first = NOON.date()
    SeenField.objects.bulk_create(SeenField(source=shop, event=f"E{n}", field="", first=first) for n in range(50))
    store([event(shop, 0, name="E7")])
    with CaptureQueriesContext(connection) as asked:
        measuring.measure_next(10)
    of_fields = [one["sql"] for one in asked if "events_seenfield" in one["sql"]]
    assert len(of_fields) == 1 and "unnest" in of_fields[0] and SeenField.objects.count() == 50
    assert FieldCount.objects.get().field.event == "E7"


@committed
def test_no_name_of_a_field_that_is_an_address_or_number_of_a_person_is_kept() -> None:
    _source, key = create_source(Actor.system("test"), "web", "web")
    sources.forget()
    send(key, track(messageId="1", properties={"kim@x.kr": 3, "010-1234-5678": True, "items": 1}))
    pipeline.advance()
    assert set(SeenField.objects.values_list("field", flat=True)) == {"", "items"}


@committed
def test_ingestion_and_the_pipeline_together_tell_a_day() -> None:
    source, key = create_source(Actor.system("test"), "web", "web")
    sources.forget()
    today, late = now().date(), {"timestamp": (now() - timedelta(days=2)).isoformat()}
    send(key, track(messageId="1"), track(messageId="2", **late), track(messageId="3", event=""))
    send(key, track(messageId="1"))
    pipeline.advance()
    days = reading.days_of(source.pk, today, now().date())  # two where midnight passed meanwhile
    kinds = ("received", "repeated", "quarantined", "measured", "late_day")
    assert [sum(getattr(day, kind) for day in days) for kind in kinds] == [4, 1, 1, 2, 1]


# --- judging ----------------------------------------------------------------------------------------------------------


def quiet_weeks(source: Source, days: int = 60) -> dict[date, dict[str, int]]:
    """Weeks in which nothing is unusual: fewer on Sundays, some late, few repeated."""
    chance = random.Random(3)
    return {
        day: {
            "received": (300 if day.weekday() == 6 else 1_000) + chance.randint(-40, 40),
            "measured": 900, "late_hour": chance.randint(15, 25), "repeated": chance.randint(5, 12),
        }
        for day in days_back(days)
    }  # fmt: skip


@db
def test_quiet_weeks_raise_no_alarm_and_a_bad_day_does(shop: Source) -> None:
    days = quiet_weeks(shop)
    counted(shop, days)
    judging.judge(TODAY)
    assert found() == set()
    bad = TODAY - timedelta(days=1)
    counted(shop, {bad: {"received": 5_000, "late_day": 300, "quarantined:bad_time": 600, "future": 90}})
    judging.judge(TODAY)
    assert found() == {(bad, "volume"), (bad, "late"), (bad, "quarantined"), (bad, "future")}
    told = reading.alerts(TODAY - timedelta(days=2), 10)
    assert [one.measure for one in told if one.measure == Measure.LATE and one.value > 0.3] == [Measure.LATE]
    assert reading.alerts_now(TODAY)["shop", Measure.VOLUME] == 1
    assert reading.alerts_now(TODAY + timedelta(days=3)) == {}


@db
def test_a_source_that_falls_silent_is_an_alarm_once_the_day_is_over(shop: Source) -> None:
    days = quiet_weeks(shop)
    yesterday = TODAY - timedelta(days=1)
    del days[yesterday]
    counted(shop, days)
    judging.judge(yesterday)
    assert found() == set()
    judging.judge(TODAY)
    assert found() == {(yesterday, "volume")}
    assert Anomaly.objects.get().value == 0


@db
def test_what_turns_out_usual_is_no_anomaly_any_more_and_judging_twice_changes_nothing(shop: Source) -> None:
    yesterday = TODAY - timedelta(days=1)
    days = quiet_weeks(shop)
    missed = days.pop(yesterday)
    counted(shop, days)
    judging.judge(TODAY)
    judging.judge(TODAY)
    first = Anomaly.objects.get()
    judging.judge(TODAY)
    assert Anomaly.objects.get().found_at == first.found_at
    counted(shop, {yesterday: missed})
    judging.judge(TODAY)
    assert not Anomaly.objects.exists()


@db
def test_a_field_that_most_events_have_is_missed(shop: Source) -> None:
    first = TODAY - timedelta(days=60)
    names = {
        field: SeenField.objects.create(source=shop, event="Order Completed", field=field, first=first)
        for field in ("", "items", "gift")
    }
    counted(shop, quiet_weeks(shop))
    yesterday = TODAY - timedelta(days=1)
    for day in days_back(40):
        FieldCount.objects.create(field=names[""], day=day, count=500)
        FieldCount.objects.create(field=names["items"], day=day, count=30 if day == yesterday else 480)
        FieldCount.objects.create(field=names["gift"], day=day, count=4)
    judging.judge(TODAY)
    missed = Anomaly.objects.get()
    assert (missed.day, missed.measure, missed.event, missed.field) == (yesterday, "filled", "Order Completed", "items")
    assert (missed.value, missed.usual) == (0.06, 0.96)


@db
def test_new_fields_and_events_are_told_but_not_of_a_new_source(shop: Source) -> None:
    counted(shop, quiet_weeks(shop))
    before, new = TODAY - timedelta(days=30), TODAY - timedelta(days=1)
    for name, field, first in (("A", "", before), ("A", "x", before), ("A", "y", new), ("B", "", new), ("B", "z", new)):
        SeenField.objects.create(source=shop, event=name, field=field, first=first)
    other, _key = create_source(Actor.system("test"), "other", "web")
    SeenField.objects.create(source=other, event="A", field="", first=new)
    judging.judge(TODAY)
    told = set(Anomaly.objects.values_list("source__name", "measure", "event", "field"))
    assert told == {("shop", "new_field", "A", "y"), ("shop", "new_event", "B", "")}


@db
def test_long_past_counts_are_forgotten(shop: Source) -> None:
    long_ago = TODAY - judging.KEPT - timedelta(days=1)
    seen = SeenField.objects.create(source=shop, event="A", field="x", first=long_ago)
    FieldCount.objects.create(field=seen, day=long_ago, count=3)
    for day in (long_ago, TODAY - judging.KEPT):
        Anomaly.objects.create(source=shop, day=day, measure=Measure.VOLUME, value=1)
    judging.judge(TODAY)
    assert FieldCount.objects.exists(), "every quarter of an hour nothing is looked for without an index"
    judging.forget(TODAY)
    assert not SeenField.objects.exists() and not FieldCount.objects.exists()
    assert Anomaly.objects.get().day == TODAY - judging.KEPT


@committed
def test_days_are_judged_before_a_transaction_begins(shop: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    days, within = judging.days_of, []
    monkeypatch.setattr(judging, "days_of", lambda *asked: within.append(connection.in_atomic_block) or days(*asked))
    judging.judge(TODAY)
    assert within == [False]


@db
def test_a_second_judge_does_nothing_meanwhile(shop: Source) -> None:
    yesterday = TODAY - timedelta(days=1)
    counted(shop, {day: kinds for day, kinds in quiet_weeks(shop).items() if day < yesterday})
    with psycopg.connect(**owner_parameters(), autocommit=True) as other:
        assert other.execute(sql.TRY_TO_JUDGE).fetchone() == (True,)
        judging.judge(TODAY)
        assert not Anomaly.objects.exists()
        other.execute(sql.END_JUDGING)
    judging.judge(TODAY)
    assert Anomaly.objects.exists()


@db
def test_a_switched_off_source_alarms_nobody(shop: Source) -> None:
    counted(shop, {day: kinds for day, kinds in quiet_weeks(shop).items() if day < TODAY - timedelta(days=2)})
    Source.objects.filter(pk=shop.pk).update(enabled=False)
    judging.judge(TODAY)
    assert not Anomaly.objects.exists()


@db
def test_measuring_reads_by_the_index_of_the_mark(shop: Source) -> None:
    span = {"txid": 1, "row": "0" * 32, "until_txid": 2, "until": "0" * 32}
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan to off")
        cursor.execute(f"explain {sql.TIMES_BETWEEN}", span)
        assert "events_event_txid" in str(cursor.fetchall())
