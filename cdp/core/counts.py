"""Small counts name people: what of a count is told to whoever may not see people."""

from django.conf import settings


def told(count: int | None, sees_people: bool) -> int | None:
    """A count as it may be told: none below `SMALLEST_COUNT`, and else a multiple of it, so that the difference of two
    counts tells of nobody either. Whoever sees people is told it as it is."""
    step = settings.SMALLEST_COUNT
    if count is None or sees_people or step <= 1:
        return count
    return count // step * step or None


def margin(error: int | None, sees_people: bool) -> int | None:
    """How far an estimate may be off, as it may be told: with `told` a multiple of the same, for an exact one names the very
    number of those in the sample."""
    step = settings.SMALLEST_COUNT
    if error is None or sees_people or step <= 1:
        return error
    return -(-error // step) * step
