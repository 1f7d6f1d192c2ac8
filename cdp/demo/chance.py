"""Chance that can be repeated: weighted tables and the seasons of a shop, drawn from one seeded generator."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")
SEOUL = ZoneInfo("Asia/Seoul")
YEARS_OF_DATA = timedelta(days=730)


class Weighted(Generic[T]):
    """A table of things with weights, from which one is drawn in proportion."""

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        table = list(pairs)
        self.items = [item for item, _ in table]
        self.cumulative = list(accumulate(weight for _, weight in table))

    def draw(self, rng: Random) -> T:
        place = rng.random() * self.cumulative[-1]
        return self.items[min(bisect_left(self.cumulative, place), len(self.items) - 1)]


def ranked(items: Sequence[T], flatness: float = 4.0) -> Weighted[T]:
    """Weights that fall with the rank, as the frequencies of names and products do (Zipf, 1949)."""
    return Weighted((item, 1.0 / (rank + flatness)) for rank, item in enumerate(items))


def words(text: str) -> list[str]:
    """A table of single words, written on a line."""
    return text.split()


def often(rng: Random, share: float) -> bool:
    return rng.random() < share


def uuid_text(rng: Random) -> str:
    """A random UUID (version 4) drawn from the seeded generator."""
    bits = rng.getrandbits(128) & ~(0xF << 76) | 0x4 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# Sales by month: the turn of the year and the two family holidays stand out, August is flat.
MONTHS = (1.15, 1.1, 0.85, 0.9, 1.1, 0.9, 0.85, 0.7, 1.2, 1.0, 1.35, 1.5)
WEEKDAYS = (0.9, 0.85, 0.9, 0.95, 1.1, 1.3, 1.2)
STORE_HOURS = Weighted((hour, 1 + 2 * (hour in (12, 13, 18, 19, 20))) for hour in range(10, 21))
DESK_HOURS = Weighted((hour, 1.5 - (hour == 12)) for hour in range(9, 18))
SCREEN_HOURS = Weighted((hour, 0.2 if hour < 7 else 1.0 if hour < 19 else 2.2) for hour in range(24))


class Calendar:
    """The two years that end now; moments are drawn by season, weekday and hour of the day in Seoul."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.start = now - YEARS_OF_DATA
        self.first_day = self.start.astimezone(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
        days = (self.first_day + timedelta(days=number) for number in range(732))
        self.cumulative = [0.0, *accumulate(MONTHS[day.month - 1] * WEEKDAYS[day.weekday()] for day in days)]

    def moment(self, rng: Random, after: datetime, before: datetime, hours: Weighted[int] = SCREEN_HOURS) -> datetime:
        """A moment in [after, before]; in opening hours wherever the span leaves room for it."""
        low, high = self._days(after), self._days(before) + 1
        for _ in range(4):
            drawn = self._at(rng, self._day(rng, low, high), hours)
            if after <= drawn <= before:
                return drawn
        return after + (before - after) * rng.random()

    def _days(self, when: datetime) -> int:
        return max(0, min(730, (when - self.first_day).days))

    def _day(self, rng: Random, low: int, high: int) -> int:
        bottom, top = self.cumulative[low], self.cumulative[high]
        return max(low, bisect_left(self.cumulative, bottom + rng.random() * (top - bottom)) - 1)

    def _at(self, rng: Random, day: int, hours: Weighted[int]) -> datetime:
        seconds = hours.draw(rng) * 3600 + rng.randrange(3600)
        return self.first_day + timedelta(days=day, seconds=seconds, milliseconds=rng.randrange(1000))
