"""Who lives: beat and every worker say so themselves, and a worker notes when it did what beat sends each half minute.

Kept in Redis, like the tasks that wait there. A worker says so by its first process, also while its others are busy.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cdp.core.types import now

WORKERS, BEAT, DONE, ANSWERS = "cdp:workers", "cdp:beat", "cdp:heartbeat", "cdp:answers"
# As Celery calls them in a Redis: what waits, and what workers have taken and not ended.
QUEUE, TAKEN = "celery", "unacked"
# Who has not been heard of for so long is gone, and after a day forgotten.
GONE, FORGOTTEN = timedelta(minutes=1), timedelta(days=1)
SECONDS = 2.0


@lru_cache(maxsize=1)
def server() -> "Redis":
    """The Redis of tasks and heartbeats, which answers soon or not at all."""
    once = Retry(NoBackoff(), 0)
    bound = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    return Redis.from_url(settings.REDIS_URL, decode_responses=True, retry=once, **bound)


def note() -> None:
    """A worker has done what beat sent."""
    server().set(DONE, now().timestamp())


def note_beat() -> None:
    """Beat has sent something."""
    server().set(BEAT, now().timestamp())


def note_worker(name: str) -> None:
    """A worker lives."""
    server().zadd(WORKERS, {name: now().timestamp()})
    server().zremrangebyscore(WORKERS, 0, (now() - FORGOTTEN).timestamp())


def note_answer(door: str, status: int) -> None:
    """A request was refused, or failed."""
    server().hincrby(ANSWERS, f"{door} {status}")


def last() -> datetime | None:
    """When a worker last did what beat sent."""
    return _moment(DONE)


def beat() -> datetime | None:
    """When beat last sent something."""
    return _moment(BEAT)


def _moment(key: str) -> datetime | None:
    told = server().get(key)
    return datetime.fromtimestamp(float(str(told)), UTC) if told else None


def workers() -> int:
    """How many workers were heard of within a minute."""
    return int(server().zcount(WORKERS, (now() - GONE).timestamp(), "+inf"))


def queue() -> tuple[int, int]:
    """How many tasks wait, and how many workers have taken and not ended."""
    return int(server().llen(QUEUE)), int(server().hlen(TAKEN))


def answers() -> list[tuple[str, str, int]]:
    """(door, status, number) of requests that were refused or failed."""
    told = ((str(key).partition(" "), int(number)) for key, number in sorted(server().hgetall(ANSWERS).items()))
    return [(door, status, number) for (door, _space, status), number in told]
