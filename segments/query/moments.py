"""When time alone may change who a rule describes, so that a membership is not looked at too late."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from segments.query.ast import (
    Between,
    Calendar,
    DaysAgo,
    Event,
    Frequency,
    Leaf,
    Measure,
    NextDays,
    Node,
    Period,
    Pick,
    Sequence,
    This,
    Window,
    leaves,
    tests_of,
)
from segments.query.bounds import Clock

SHORTEST_MONTH = 28


def next_start(node: Node, clock: Clock) -> datetime | None:
    """The next day, week … year of the zone at whose start (UTC) a date or calendar window of the rule moves on.

    None where the rule has nothing of the kind. Windows that move on at every instant are `shortest_window`'s.
    """
    return min((start for leaf in leaves(node) for start in _starts(leaf, clock)), default=None)


def shortest_window(node: Node) -> timedelta | None:
    """The shortest of the times that an event must lie back, or must not; None where the rule has none."""
    return min(
        (length for leaf in leaves(node) for period in _periods(leaf) for length in _lengths(period)), default=None
    )


def _starts(leaf: Leaf, clock: Clock) -> Iterator[datetime]:
    for value in (value for test in tests_of(leaf) for value in test.values):
        match value:
            case DaysAgo() | NextDays():
                yield clock.unit_start("day", 1)
            case This(named):
                yield clock.unit_start(named, 1)
    for period in _periods(leaf):
        match period:
            case Calendar(unit):
                yield clock.unit_start(unit, 1)
            case Between(start, end) if any(isinstance(edge, DaysAgo) and edge.calendar for edge in (start, end)):
                yield clock.unit_start("day", 1)


def _lengths(period: Period) -> Iterator[timedelta]:
    """How long an event stays on one side of a window that moves on at every instant; a month as its shortest."""
    match period:
        case Window(seconds, months):
            yield timedelta(days=SHORTEST_MONTH * months, seconds=seconds)
        case Between(start, end):
            rolling = [edge for edge in (start, end) if isinstance(edge, DaysAgo) and not edge.calendar]
            yield from (timedelta(days=edge.days) for edge in rolling if edge.days)


def _asked(measure: Measure | Pick | Frequency) -> Period | None:
    """The time that a measure asks about itself."""
    match measure:
        case Pick(within=period):
            return period
        case Frequency(_, unit, last):
            return Calendar(unit, last, whole=True)
    return None


def _periods(leaf: Leaf) -> Iterator[Period]:
    match leaf:
        case Event(within=period, measure=measure):
            yield from (one for one in (period, _asked(measure)) if one is not None)
        case Sequence(silence=silence, in_last=in_last):
            yield from (period for period in (silence, in_last) if period is not None)
