"""What the console refuses is written down: who, where, why; never what was sent."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from cdp.core.actions import audit, count
from cdp.core.types import Actor

UNKNOWN = Actor("user:unknown")
# Whoever cannot sign in may fill no log: one row in so many seconds for each account, the rest is counted.
QUIET_SECONDS = 60


def note_refused(request: HttpRequest) -> None:
    """A signed-in person asked for a page that is not theirs."""
    audit(Actor.user(request.user), "console.refused", target=where(request))


def note_sign_in(actor: Actor, action: str) -> None:
    """Somebody could not sign in."""
    count(None, {"login_refused": 1})
    if _first_in_a_while(f"{actor.name}:{action}"):
        audit(actor, action)


def where(request: HttpRequest) -> str:
    """The method and the route, without what stood in it."""
    match: Any = request.resolver_match
    return f"{request.method} {match.route if match else ''}"[:100]


def _first_in_a_while(what: str) -> bool:
    try:
        return cache.add(f"cdp:sign-in:{what}", 1, timeout=QUIET_SECONDS)
    except (RedisError, OSError):
        return True
