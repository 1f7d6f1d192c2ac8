"""Days, zones and windows at their edges."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from segments.query.ast import Between, Calendar, CalendarUnit, DaysAgo, NextDays, Text, Window
from segments.query.bounds import Clock, canonical, first_day, read_date, read_moment

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")
BEIRUT = ZoneInfo("Asia/Beirut")  # its clock changes at midnight


def test_a_day_is_24_hours_unless_calendar() -> None:
    clock = Clock(datetime(2026, 3, 9, 12, tzinfo=NEW_YORK), NEW_YORK)
    assert clock.bounds(Window(86_400)) == (clock.now - timedelta(hours=24), clock.now)
    assert clock.bounds(Calendar("day", 1)) == (datetime(2026, 3, 8, 5, tzinfo=UTC), clock.now)
    assert clock.now - datetime(2026, 3, 8, 5, tzinfo=UTC) == timedelta(hours=35)


@pytest.mark.parametrize(
    ("unit", "previous", "this", "following"),
    [
        ("day", date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)),
        ("week", date(2024, 2, 19), date(2024, 2, 26), date(2024, 3, 4)),
        ("month", date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)),
        ("quarter", date(2023, 10, 1), date(2024, 1, 1), date(2024, 4, 1)),
        ("year", date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_units_of_the_calendar_begin_in_the_zone(
    unit: CalendarUnit, previous: date, this: date, following: date
) -> None:
    clock = Clock(datetime(2024, 2, 29, 3, tzinfo=UTC), SEOUL)
    assert clock.bounds(Calendar(unit, 0)) == (clock.day_start(this), clock.now)
    assert clock.bounds(Calendar(unit, 1)) == (clock.day_start(previous), clock.now)
    assert clock.bounds(Calendar(unit, 1, whole=True)) == (clock.day_start(previous), clock.day_start(this))
    assert clock.unit_start(unit, 1) == clock.day_start(following)
    assert first_day(following - timedelta(days=1), unit, 0) == this


@pytest.mark.parametrize(
    ("now", "months", "start"),
    [
        (datetime(2024, 3, 31, 9, tzinfo=SEOUL), 1, datetime(2024, 2, 29, 9, tzinfo=SEOUL)),
        (datetime(2023, 3, 31, 9, tzinfo=SEOUL), 1, datetime(2023, 2, 28, 9, tzinfo=SEOUL)),
        (datetime(2024, 2, 29, 9, tzinfo=SEOUL), 12, datetime(2023, 2, 28, 9, tzinfo=SEOUL)),
        (datetime(2026, 3, 9, 9, tzinfo=NEW_YORK), 1, datetime(2026, 2, 9, 9, tzinfo=NEW_YORK)),
    ],
)
def test_a_month_ago_is_the_same_day_and_time_of_the_zone(now: datetime, months: int, start: datetime) -> None:
    clock = Clock(now, now.tzinfo)  # type: ignore[arg-type]
    assert clock.bounds(Window(0, months))[0] == start
    assert clock.bounds(Window(60, months))[0] == start - timedelta(minutes=1)


def test_a_period_between_two_moments_includes_both() -> None:
    clock = Clock(datetime(2026, 3, 9, tzinfo=UTC), SEOUL)
    day = Between(Text("2026-03-01"), Text("2026-03-01"))
    assert clock.bounds(day) == (datetime(2026, 2, 28, 15, tzinfo=UTC), datetime(2026, 3, 1, 15, tzinfo=UTC))
    moment = Text("2026-03-01T09:00:00+09:00")
    assert clock.bounds(Between(None, moment)) == (None, datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC))
    assert clock.bounds(Between(DaysAgo(1), None)) == (datetime(2026, 3, 8, tzinfo=UTC), clock.now)
    assert clock.bounds(Between(DaysAgo(1), Text("2027-01-01")))[1] == clock.now


def test_today_is_the_zones() -> None:
    evening = datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert Clock(evening, SEOUL).date_text(DaysAgo(0)) == "2026-03-01"
    assert Clock(evening - timedelta(microseconds=1), SEOUL).date_text(DaysAgo(0)) == "2026-02-28"


def test_this_month_is_the_zones() -> None:
    last_of_february = datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert Clock(last_of_february, SEOUL).this("month") == 3
    assert Clock(last_of_february - timedelta(microseconds=1), SEOUL).this("month") == 2
    assert Clock(last_of_february, NEW_YORK).this("month") == 2


def test_the_next_day_and_month_begin_in_the_zone() -> None:
    clock = Clock(datetime(2026, 3, 7, 12, tzinfo=NEW_YORK), NEW_YORK)
    assert clock.unit_start("day", 1) == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert Clock(clock.unit_start("day", 1), NEW_YORK).unit_start("day", 1) == datetime(2026, 3, 9, 4, tzinfo=UTC)
    assert clock.unit_start("month", 1) == datetime(2026, 4, 1, 4, tzinfo=UTC)
    newyear = datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert Clock(newyear, SEOUL).unit_start("month", 1) == datetime(2027, 1, 31, 15, tzinfo=UTC)
    assert Clock(newyear - timedelta(minutes=1), SEOUL).unit_start("month", 1) == newyear


def test_a_day_of_23_hours_ends_on_time() -> None:
    start, end = Clock(datetime(2026, 3, 20, tzinfo=UTC), NEW_YORK).span(Text("2026-03-08"))
    assert (start, end - start) == (datetime(2026, 3, 8, 5, tzinfo=UTC), timedelta(hours=23))


@pytest.mark.parametrize(
    ("now", "days", "found"),
    [
        (datetime(2026, 2, 27, 15, tzinfo=UTC), 0, ["02-28", "02-29"]),
        (datetime(2026, 2, 27, 14, 59, tzinfo=UTC), 0, ["02-27"]),
        (datetime(2024, 2, 27, 15, tzinfo=UTC), 0, ["02-28"]),
        (datetime(2024, 2, 27, 15, tzinfo=UTC), 2, ["02-28", "02-29", "03-01"]),
        (datetime(2026, 2, 27, 15, tzinfo=UTC), 1, ["02-28", "02-29", "03-01"]),
        (datetime(2026, 12, 31, tzinfo=UTC), 1, ["01-01", "12-31"]),
    ],
)
def test_a_birthday_of_a_leap_day_is_kept_every_year(now: datetime, days: int, found: list[str]) -> None:
    assert Clock(now, SEOUL).days_of_year(NextDays(days)) == found
    assert len(Clock(now, SEOUL).days_of_year(NextDays(365))) == 366


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_day_whose_midnight_is_skipped_or_repeated_begins_once(day: date) -> None:
    clock = Clock(datetime(2026, 12, 1, tzinfo=UTC), BEIRUT)
    start = clock.day_start(day)
    assert start.astimezone(BEIRUT).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(BEIRUT).date() == day - timedelta(days=1)


def test_an_instant_is_one_microsecond_long() -> None:
    clock = Clock(datetime(2026, 3, 9, tzinfo=UTC), SEOUL)
    start, end = clock.span(Text("2026-03-01T09:00:00+09:00"))
    assert (start, end - start) == (datetime(2026, 3, 1, tzinfo=UTC), timedelta(microseconds=1))
    assert clock.span(DaysAgo(1))[0] == datetime(2026, 3, 8, tzinfo=UTC)
    assert clock.span(DaysAgo(1, calendar=True))[0] == datetime(2026, 3, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026-1-1", "20260101", "2026-W01-1", "2026-02-30", "２026-01-01", "2026-01-01\n"]
)
def test_a_date_has_one_spelling(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00", "2026-01-01 00:00Z", "T", "0001-01-01T00:00+10:00"])
def test_a_moment_needs_its_offset(text: str) -> None:
    assert read_moment(text) is None


def test_moments_are_spelt_in_one_width() -> None:
    assert canonical(datetime(2026, 1, 2, 12, 4, 5, tzinfo=SEOUL)) == "2026-01-02T03:04:05.000000Z"
