"""The only upward edge: what an action touched, left for the stage that must look at it."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from cdp.core import sql


def touch(stage: str, subjects: Iterable[UUID]) -> None:
    """Leave `subjects` for `stage`, in the caller's own transaction."""
    ids = sorted(set(subjects))
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(sql.TOUCH, [stage, ids])


def take(stage: str, limit: int) -> list[UUID]:
    """Take up to `limit` distinct subjects of `stage`; they come back if the caller's transaction fails."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_TOUCHED, [stage, limit])
        return sorted({row[0] for row in cursor.fetchall()})
