"""Refused requests are never silent: counted, and written to the audit log."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError
from redis.exceptions import RedisError
from rest_framework.request import Request

from cdp.core.actions import audit, count
from cdp.core.models import ServiceKey
from cdp.core.types import Actor

logger = logging.getLogger(__name__)
UNKNOWN = "unknown"
# Whoever has no valid key may fill no log: one row a minute for each key and reason, the rest is counted.
QUIET_SECONDS = 60


def actor_of(key: ServiceKey) -> Actor:
    """Who acts by this key."""
    return Actor(f"key:{key.pk}")


def note_refusal(request: Request, error: BaseException, problem: Mapping[str, Any]) -> None:
    """Write down that a request was refused: by which key, where, why. After the rollback of what it began."""
    named = request.auth or getattr(error, "key", None)
    key = str(named.pk) if named else UNKNOWN
    try:
        count(None, {"api_refused": 1})
        if request.auth or _first_in_a_while(key, problem["code"]):
            details = {name: problem[name] for name in ("status", "code", "scope") if name in problem}
            audit(Actor(f"key:{key}"), "api.refused", target=_where(request), **details)
    except DatabaseError as failure:
        logger.warning("A refusal could not be written down (%s).", type(failure).__name__)


def _first_in_a_while(key: str, code: str) -> bool:
    try:
        return cache.add(f"cdp:refused:{key}:{code}", 1, timeout=QUIET_SECONDS)
    except (RedisError, OSError):
        return True


def _where(request: Request) -> str:
    """The method and the route, without what stood in it."""
    match = request._request.resolver_match
    return f"{request.method} {match.route if match else ''}"[:100]
