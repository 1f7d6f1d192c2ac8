"""Whether beat and a worker live: beat sends a task every half minute, which notes when a worker did it."""

from datetime import datetime

from django.core.cache import cache

from cdp.core.types import now

_KEY = "cdp:heartbeat"
_KEPT_SECONDS = 7 * 86_400


def note() -> None:
    """A worker has done what beat sent."""
    cache.set(_KEY, now(), timeout=_KEPT_SECONDS)


def last() -> datetime | None:
    """When that was last, if it was within a week."""
    found: datetime | None = cache.get(_KEY)
    return found
