"""Counts of everything there is, for the first page: anew where that is quick, else as they were a while ago, and a worker
counts again."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from cdp.core import wake
from consent import queries as consent
from identity import queries as identity
from segments import queries as segments

logger = logging.getLogger(__name__)
# What took long is kept, for a day at most, and counted again once it is so many times as old as counting takes.
KEPT_SECONDS, TIMES_AS_OLD = 86_400, 60
COUNTS: Final[Mapping[str, Callable[[], Any]]] = {
    "channels": identity.channel_counts,
    "live": identity.live_profiles,
    "allowed": lambda: consent.allowed_counts(timezone.now()),
    "segments": segments.sizes,
}


class Counted(NamedTuple):
    """What was counted, when, and how many seconds that took."""

    value: Any
    at: datetime
    took: float


def counted(name: str) -> Counted:
    """What one of `COUNTS` says."""
    kept = _kept(name)
    if kept is None:
        return recount(name)
    if _is_old(kept):
        wake.wake(settings.RECOUNT_TASK, name)
    return kept


def renew(name: str) -> None:
    """Count again unless somebody did meanwhile: many may have asked for it."""
    kept = _kept(name)
    if kept is None or _is_old(kept):
        recount(name)


def recount(name: str) -> Counted:
    """Count now, and keep it where that took long."""
    begun = time.perf_counter()
    found = Counted(COUNTS[name](), timezone.now(), time.perf_counter() - begun)
    if found.took > settings.QUICK_COUNT_SECONDS:
        _keep(name, found)
    return found


def _is_old(kept: Counted) -> bool:
    return (timezone.now() - kept.at).total_seconds() > TIMES_AS_OLD * kept.took


def _kept(name: str) -> Counted | None:
    """Without Redis everything is counted anew."""
    try:
        kept: Counted | None = cache.get(_key(name))
    except (OSError, RedisError):
        return None
    return kept


def _keep(name: str, found: Counted) -> None:
    try:
        cache.set(_key(name), found, KEPT_SECONDS)
    except (OSError, RedisError) as error:
        logger.warning("A count is not kept: %s.", type(error).__name__)


def _key(name: str) -> str:
    return f"cdp:counted:{connection.settings_dict['NAME']}:{name}"
