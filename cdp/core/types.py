"""Small things every package speaks in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from uuid_utils.compat import uuid7 as _uuid7

# Neither PostgreSQL nor UTF-8 can hold these, so no text that was taken in does.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def uuid7() -> UUID:
    """A new time-ordered id (RFC 9562, version 7)."""
    return _uuid7()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def local_time(at: datetime) -> str:
    """A moment as pages write it: in the deployment's time zone, to the minute."""
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


@dataclass(frozen=True)
class Actor:
    """Who acts: `user:<id>`, `key:<id>` or `system:<task>`, never a name."""

    name: str

    @classmethod
    def user(cls, user: Any) -> "Actor":
        return cls(f"user:{user.pk}")

    @classmethod
    def system(cls, task: str) -> "Actor":
        return cls(f"system:{task}")


@dataclass(frozen=True)
class Deed:
    """One audit entry as a page tells it: when, its action, and what people call the actor."""

    id: UUID
    at: datetime
    action: str
    by: str


@dataclass(frozen=True)
class Sessions:
    """How many sessions a database has, how many of them wait for a lock, and how many its server allows."""

    open: int
    waiting: int
    most: int
