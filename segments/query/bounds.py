"""Time in rules, computed in Python: every engine only compares with ready UTC bounds.

Moments that come as JSON are canonical strings of one width, so that they compare by code point as they do in time.
"""

import re
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from segments.query.ast import Between, Calendar, CalendarUnit, DaysAgo, NextDays, Period, Text, Unit, Value, Window

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
EARLIEST_YEAR, LATEST_YEAR = 2, 9998
LEAP_DAY = "02-29"
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def read_date(text: str) -> date | None:
    """A date written as 2026-01-31 and nothing else; None where it is none."""
    try:
        return date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        return None


def read_moment(text: str) -> datetime | None:
    """A time with its offset (2026-01-31T09:00+09:00) in UTC; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo and "T" in text else None
    except (ValueError, OverflowError):
        return None


def names_time(text: str) -> bool:
    """Whether a text is a date or a moment that every engine can compute with."""
    read = read_date(text) or read_moment(text)
    return read is not None and EARLIEST_YEAR <= read.year <= LATEST_YEAR


def canonical(moment: datetime) -> str:
    """The one way in which a moment is stored in JSON: 2026-01-02T03:04:05.000000Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Clock:
    """ "As of", and the zone in which calendar days begin."""

    as_of: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")

    @property
    def now(self) -> datetime:
        """ "As of" in UTC: the end of every window, itself outside."""
        return self.as_of.astimezone(UTC)

    def bounds(self, period: Period) -> tuple[datetime | None, datetime]:
        """First instant (None: since ever) and end (outside) of a period; nothing counts from "as of" on."""
        match period:
            case Window():
                return self._back(period), self.now
            case Calendar(unit, ago, whole):
                return self.unit_start(unit, -ago), self.unit_start(unit) if whole else self.now
            case Between(start, end):
                last = self.now if end is None else min(self.span(end)[1], self.now)
                return None if start is None else self.span(start)[0], last

    def _back(self, window: Window) -> datetime:
        """Months go back to the same day and time of the zone, or to the month's last day where it has no such day."""
        local = self.as_of.astimezone(self.zone)
        first = first_day(local.date(), "month", -window.months)
        last = first_day(first, "month", 1) - DAY
        day = first.replace(day=min(local.day, last.day))
        moment = datetime.combine(day, local.timetz()).astimezone(UTC) if window.months else self.now
        return moment - timedelta(seconds=window.seconds)

    @property
    def today(self) -> date:
        return self.as_of.astimezone(self.zone).date()

    def this(self, unit: Unit) -> int:
        """The number of the calendar unit that it is in the zone: of the month, 1 to 12."""
        return {"month": self.today.month}[unit]

    def unit_start(self, unit: CalendarUnit, ahead: int = 0) -> datetime:
        """The first instant, in UTC, of the zone's unit so many units after the present one."""
        return self.day_start(first_day(self.today, unit, ahead))

    def day_start(self, day: date) -> datetime:
        """The first instant of a day in the zone, in UTC, also where the clock skips or repeats midnight."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def date_text(self, value: Value) -> str:
        """The date that a value names, as it is stored."""
        day = self.today - timedelta(days=value.days) if isinstance(value, DaysAgo) else read_date(_text(value))
        if day is None:
            raise ValueError("not a date")
        return day.isoformat()

    def days_of_year(self, coming: NextDays) -> list[str]:
        """Month and day, as in dates, of today and the days after it; 29 February falls on the 28th in other years."""
        days = [self.today + timedelta(days=ahead) for ahead in range(coming.days + 1)]
        leap = [LEAP_DAY for day in days if (day.month, day.day) == (2, 28) and not isleap(day.year)]
        return sorted({f"{day:%m-%d}" for day in days} | set(leap))

    def span(self, value: Value) -> tuple[datetime, datetime]:
        """First instant and end (outside) of what a value names: a day of the zone, or one microsecond."""
        day = self._day(value)
        if day is not None:
            return self.day_start(day), self.day_start(day + DAY)
        start = self.now - timedelta(days=value.days) if isinstance(value, DaysAgo) else read_moment(_text(value))
        if start is None:
            raise ValueError("not a moment")
        return start, start + INSTANT

    def _day(self, value: Value) -> date | None:
        if isinstance(value, DaysAgo):
            return self.today - timedelta(days=value.days) if value.calendar else None
        return read_date(_text(value))


def first_day(day: date, unit: CalendarUnit, ahead: int) -> date:
    """The first day of the unit so many units after the one that a day lies in; weeks begin on Monday."""
    if unit in DAYS:
        begun = day - timedelta(days=day.weekday()) if unit == "week" else day
        return begun + timedelta(days=ahead * DAYS[unit])
    size = MONTHS[unit]
    months = ((day.year * 12 + day.month - 1) // size + ahead) * size
    return date(months // 12, months % 12 + 1, 1)


def _text(value: Value) -> str:
    return value.value if isinstance(value, Text) else ""
