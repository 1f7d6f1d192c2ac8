"""Small counts name people: what of a count is told to whoever may not see people."""

from django.conf import settings


def told(count: int | None, sees_people: bool) -> int | None:
    """A count as it may be told: none below `SMALLEST_COUNT`, and else a multiple of it, so that the difference of two
    counts tells of nobody either. Whoever sees people is told it as it is."""
    step = settings.SMALLEST_COUNT
    if count is None or sees_people or step <= 1:
        return count
    return count // step * step or None
