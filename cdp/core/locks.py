"""One worker at a time for a row: locks of a session, let go by a connection that dies."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from cdp.core import sql
from cdp.core.statements import execute, fetch


@contextmanager
def alone(what: str, of: object) -> Iterator[bool]:
    """Whether nobody else does `what` with a row of this id, which then holds for the whole of the block."""
    named = {"what": what, "of": str(of)}
    held = bool(fetch(sql.TRY_LOCK, named)[0][0])
    try:
        yield held
    finally:
        if held:
            _unlock(named)


def _unlock(named: dict[str, str]) -> None:
    try:
        execute(sql.UNLOCK, named)
    except DatabaseError:  # in a broken connection: closing it lets the lock go
        connection.close()
