"""Time in rules, computed in Python: every engine only compares with ready UTC bounds.

Moments that come as JSON are canonical strings of one width, so that they compare by code point as they do in time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from segments.query.ast import DaysAgo, Text, Unit, Value, Window

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)


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

    def window_start(self, window: Window) -> datetime:
        """The first instant of a window: so many seconds ago, or the start of the calendar day so many days ago."""
        if window.calendar:
            return self.day_start(self.today - timedelta(seconds=window.seconds))
        return self.now - timedelta(seconds=window.seconds)

    @property
    def today(self) -> date:
        return self.as_of.astimezone(self.zone).date()

    def this(self, unit: Unit) -> int:
        """The number of the calendar unit that it is in the zone: of the month, 1 to 12."""
        return {"month": self.today.month}[unit]

    def next_start(self, unit: Unit | Literal["day"]) -> datetime:
        """The first instant of the zone's next day or month, in UTC."""
        month = self.today.replace(day=1) + timedelta(days=31)
        return self.day_start({"day": self.today + DAY, "month": month.replace(day=1)}[unit])

    def day_start(self, day: date) -> datetime:
        """The first instant of a day in the zone, in UTC, also where the clock skips or repeats midnight."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)

    def date_text(self, value: Value) -> str:
        """The date that a value names, as it is stored."""
        day = self.today - timedelta(days=value.days) if isinstance(value, DaysAgo) else read_date(_text(value))
        if day is None:
            raise ValueError("not a date")
        return day.isoformat()

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


def _text(value: Value) -> str:
    return value.value if isinstance(value, Text) else ""
