"""When time alone may change who a rule describes, so that a membership is not looked at too late."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from segments.query.ast import DaysAgo, Event, Leaf, Node, Sequence, This, Window, leaves, tests_of
from segments.query.bounds import Clock


def next_start(node: Node, clock: Clock) -> datetime | None:
    """The next day or month of the zone at whose start (UTC) a date or calendar window of the rule moves on.

    None where the rule has nothing of the kind. Windows that move on at every instant are `shortest_window`'s.
    """
    return min((start for leaf in leaves(node) for start in _starts(leaf, clock)), default=None)


def shortest_window(node: Node) -> timedelta | None:
    """The shortest of the times that an event must lie back, or must not; None where the rule has none."""
    return min((timedelta(seconds=window.seconds) for leaf in leaves(node) for window in _windows(leaf)), default=None)


def _starts(leaf: Leaf, clock: Clock) -> Iterator[datetime]:
    for value in (value for test in tests_of(leaf) for value in test.values):
        match value:
            case DaysAgo():
                yield clock.next_start("day")
            case This(unit):
                yield clock.next_start(unit)
    if any(window.calendar for window in _windows(leaf)):
        yield clock.next_start("day")


def _windows(leaf: Leaf) -> Iterator[Window]:
    match leaf:
        case Event(within=Window() as window):
            yield window
        case Sequence(silence=silence, in_last=in_last):
            yield from (window for window in (silence, in_last) if window is not None)
