"""The only upward edge: what an action touched, left for the stage that must look at it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from cdp.core import sql
from cdp.core.statements import by_number, column, execute, fetch, prepared


def touch(stage: str, subjects: Iterable[UUID]) -> None:
    """Leave `subjects` for `stage`, in the caller's own transaction."""
    ids = by_number(set(subjects))
    if ids:
        prepared(sql.TOUCH, [stage, ids])


def forget(stage: str, subjects: Iterable[UUID]) -> None:
    """Drop what waits of `subjects` for `stage`, because the caller's transaction has just done it."""
    prepared(sql.FORGET_TOUCHED, [stage, list(subjects)])


def take(stage: str, limit: int) -> list[UUID]:
    """Take up to `limit` subjects of `stage`, those that wait longest and that nobody else takes, each with all its waiting
    rows; they come back if the transaction fails."""
    return by_number({row[0] for row in prepared(sql.TAKE_TOUCHED, {"stage": stage, "limit": limit})})


def subjects(stage: str) -> list[UUID]:
    """All subjects that wait for `stage` now; they go on waiting."""
    return column(sql.SUBJECTS_WAITING, [stage])


def waiting(stage: str) -> list[int]:
    """The numbers of all rows that wait for `stage` now, for `drop`."""
    return column(sql.WAITING, [stage])


def lag(stages: Sequence[str], most: int) -> list[tuple[str, int, datetime | None]]:
    """For each of these stages, how many rows wait, counted no further than `most`, and since when the first of them."""
    rows = fetch(sql.WAITING_BY_STAGE, {"stages": stages, "most": most})
    return [(stage, number, since) for stage, number, since in rows]


def drop(rows: list[int]) -> None:
    """Drop rows that `waiting` named, as far as nobody takes them, because what they ask for is done."""
    execute(sql.DROP_TOUCHED, [rows])


def leave_to(rows: list[int], to: str) -> None:
    """Leave what rows that `waiting` named wait for to another stage, as far as nobody takes them."""
    execute(sql.LEAVE_TO, [to, rows])


def stages(prefix: str) -> list[str]:
    """The names that begin so of stages for which something waits."""
    return column(sql.STAGES_NAMED, [f"{prefix}%"])


def hand_over(stage: str, to: str) -> None:
    """Leave all that waits for one stage to another."""
    execute(sql.HAND_OVER, [to, stage])
