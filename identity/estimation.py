"""What verdicts on randomly drawn pairs say of all pairs: shares and totals with intervals of 95% (pure)."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# The normal quantile of a two-sided interval of 95%.
_Z: Final = 1.959964


@dataclass(frozen=True)
class Drawn:
    """A pair that a run drew with probability `inclusion`; whether it is one person, None before a verdict."""

    run: UUID
    inclusion: float
    same: bool | None


@dataclass(frozen=True)
class Draw:
    """A run drew so many of so many pairs, of which those of the stratum became cases."""

    run: UUID
    pairs: int
    drawn: int


@dataclass(frozen=True)
class Estimate:
    """An estimated share with its interval of 95%, from `verdicts` on `drawn` pairs."""

    share: float
    low: float
    high: float
    verdicts: int
    drawn: int


# --- shares -----------------------------------------------------------------------------------------------------------


def estimate(drawn: Sequence[Drawn]) -> Estimate | None:
    """The share of pairs that are one person: each verdict weighs as many pairs as it stands for, the inverse of its
    probability of being drawn (Horvitz and Thompson 1952, as the ratio of Hájek 1971). None without a verdict.

    Pairs still waiting stand in the queue at random, so those of their run that are answered stand for them too. The
    interval is Wilson's (1927) for as many verdicts as equal weights would need (Kish 1965; for surveys: Korn and Graubard
    1998); it takes the pairs linked as endless, which is on the safe side.
    """
    weights = list(_weights(drawn))
    if not weights:
        return None
    whole = sum(weight for weight, _ in weights)
    share = sum(weight for weight, same in weights if same) / whole
    worth = whole * whole / sum(weight * weight for weight, _ in weights)
    return Estimate(share, *wilson(share, worth), len(weights), len(drawn))


def _weights(drawn: Sequence[Drawn]) -> Iterable[tuple[float, bool]]:
    """(pairs that it stands for, verdict) of each answered pair."""
    asked = Counter(pair.run for pair in drawn)
    answered = Counter(pair.run for pair in drawn if pair.same is not None)
    for pair in drawn:
        if pair.same is not None:
            yield asked[pair.run] / answered[pair.run] / pair.inclusion, pair.same


def wilson(share: float, number: float) -> tuple[float, float]:
    """Wilson's score interval of 95% for a share seen in `number` trials."""
    spread = _Z * _Z / number
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / number + spread / number / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


# --- totals -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Total:
    """How many pairs are of the stratum and one person, with an interval of 95%."""

    number: float
    low: float
    high: float


def total(drawn: Collection[Drawn], draws: Collection[Draw]) -> Total | None:
    """Pairs of one person in a stratum (Horvitz and Thompson 1952), in the mean of the runs, each weighing what it drew.

    What was drawn and is of no stratum counts as none. The interval is Wilson's for the share of all pairs drawn from;
    each run is worth as many trials as it drew, less for what waits. None before a run of which there is a verdict.
    """
    asked = Counter(pair.run for pair in drawn)
    answered = Counter(pair.run for pair in drawn if pair.same is not None)
    same = Counter(pair.run for pair in drawn if pair.same)
    if not answered:
        return None
    told = [draw for draw in draws if draw.drawn and (answered[draw.run] or not asked[draw.run])]
    whole = sum(draw.drawn for draw in told)
    if not whole:
        return None
    number = sum(draw.pairs * same[draw.run] * _stand_for(draw.run, asked, answered) for draw in told) / whole
    pairs = sum(draw.pairs * draw.drawn for draw in told) / whole
    spread = sum(draw.pairs**2 * draw.drawn * _stand_for(draw.run, asked, answered) for draw in told)
    low, high = wilson(number / pairs, (pairs * whole) ** 2 / spread)
    return Total(number, low * pairs, high * pairs)


def _stand_for(run: UUID, asked: "Counter[UUID]", answered: "Counter[UUID]") -> float:
    """For how many cases of a run each answered one stands."""
    return asked[run] / answered[run] if answered[run] else 1.0


def recall(
    merges: tuple[Collection[Drawn], Collection[Draw]], misses: tuple[Collection[Drawn], Collection[Draw]]
) -> Estimate | None:
    """The share linked of all pairs of one person, both strata taken together; None unless both have a verdict.

    The interval joins those of the two totals (MOVER for a ratio: Donner and Zou 2012, Newcombe 2016): it is narrow as
    long as there are few matches among the near misses, however few verdicts there are on merges.
    """
    found, missed = total(*merges), total(*misses)
    if found is None or missed is None or found.number + missed.number == 0:
        return None
    low, high = _odds(missed, found)
    verdicts = [pair for pair in (*merges[0], *misses[0]) if pair.same is not None]
    drawn = len(merges[0]) + len(misses[0])
    share = found.number / (found.number + missed.number)
    return Estimate(share, 1 / (1 + high), min(1.0, 1 / (1 + low)), len(verdicts), drawn)


def _odds(upper: Total, lower: Total) -> tuple[float, float]:
    """The interval of `upper` ÷ `lower`."""
    product = upper.number * lower.number
    least = upper.low * (2 * upper.number - upper.low)
    most = upper.high * (2 * upper.number - upper.high)
    above, below = (limit * (2 * lower.number - limit) for limit in (lower.high, lower.low))
    low = least / (product + _root(product * product - least * above)) if least > 0 else 0.0
    high = (product + _root(product * product - most * below)) / below if below > 0 else math.inf
    return low, high


def _root(square: float) -> float:
    """The root of what is never negative but by rounding."""
    return math.sqrt(max(0.0, square))
