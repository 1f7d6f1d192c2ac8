"""What is usual, and how far from it a day is: a robust z-score. Pure.

The median and the median absolute deviation (MAD) do not follow the outliers that they are to find; a modified z-score,
0.6745 (x - median) / MAD, beyond 3.5 is an outlier (B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers, ASQC
1993; also NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17). A day is held against the same weekday of the eight
weeks before, where four of these are known, else against every day of the four weeks before, where seven are known. Where
the MAD is small or zero, the scale is at least what chance makes of counts (Poisson: the square root), and no less than a
twentieth of a count, or one in 500 of a share: smaller changes are nobody's alarm.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

import msgspec

OUTLIER = 3.5
# 1 / 0.6745: of normally distributed numbers the standard deviation is so many MADs.
SPREAD = 1.4826
WEEKS, LEAST_WEEKS = 8, 4
DAYS, LEAST_DAYS = 28, 7
REACH = timedelta(weeks=WEEKS)
LEAST_COUNT, LEAST_SHARE = 0.05, 0.002


class Usual(msgspec.Struct, frozen=True):
    """The middle, and the distance from it that counts as one."""

    middle: float
    scale: float

    def distance(self, value: float) -> float:
        """How far a value is, in scales; negative below."""
        return (value - self.middle) / self.scale


def before(days: Mapping[date, float], day: date) -> list[float] | None:
    """The values that a day is held against; None while too few are known."""
    weekdays = [day - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    if len(alike := [days[one] for one in weekdays if one in days]) >= LEAST_WEEKS:
        return alike
    latest = [day - timedelta(days=number) for number in range(1, DAYS + 1)]
    found = [days[one] for one in latest if one in days]
    return found if len(found) >= LEAST_DAYS else None


def of_counts(counts: Sequence[float]) -> Usual:
    """What is usual of how many there are on a day."""
    middle = median(counts)
    return Usual(middle, max(_spread(counts, middle), math.sqrt(max(middle, 1)), LEAST_COUNT * middle))


def of_shares(shares: Sequence[float], number: int) -> Usual:
    """What is usual of a share of `number`."""
    middle = median(shares)
    return Usual(middle, max(_spread(shares, middle), math.sqrt(middle / number), 1 / number, LEAST_SHARE))


def _spread(values: Sequence[float], middle: float) -> float:
    return SPREAD * median(abs(value - middle) for value in values)
