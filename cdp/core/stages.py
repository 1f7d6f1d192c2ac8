"""A stage of the pipeline: takes up to so many subjects, works on them in one transaction, and goes on when one of them
cannot be worked on: that one is set aside, counted, and tried again later.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from cdp.core import touched
from cdp.core.errors import NoKey, Unavailable
from cdp.core.keyring import KeyringError
from cdp.core.logs import shape
from cdp.core.statements import execute

logger = logging.getLogger(__name__)
ASIDE, AFTER_ASIDE = "aside:", "aside;"  # the first, and the first no more, of names that begin so
# Deadlock, serialization failure, lock not available.
GIVE_WAY = {"40P01", "40001", "55P03"}
# What no subject can be blamed for.
OUTSIDE = (OperationalError, InterfaceError, Unavailable, NoKey, KeyringError, MemoryError)
# A commit that nobody waits for is on disk within a second all the same, and before any later one that is waited for.
COMMIT_LATER = "set local synchronous_commit to off"


class Subjects(Protocol):
    """How a stage comes by its subjects, each call in the transaction of the caller."""

    def work(self, limit: int) -> int:
        """Do up to `limit` of those that wait; returns how many were taken."""

    def leave(self) -> Sequence[UUID]:
        """Take the first that waits without doing it; returns it, or nothing where none waits."""


class Touched:
    """Subjects that an action touched for the stage that is called so."""

    def __init__(self, name: str, work: Callable[[list[UUID]], object]) -> None:
        self.name, self._work = name, work

    def work(self, limit: int) -> int:
        ids = touched.take(self.name, limit)
        if ids:
            self._work(ids)
        return len(ids)

    def leave(self) -> Sequence[UUID]:
        return touched.take(self.name, 1)


class Stage:
    """`stage()` does one step and returns how many subjects it took; 0 when nothing waits.

    Nobody waits for its commit: a crash of the server may undo the last steps whole, and they are done again. What others
    are told of has a number, given by a commit that is waited for.
    """

    def __init__(self, name: str, limit: int, subjects: Subjects) -> None:
        self.name, self.limit, self.subjects = name, limit, subjects

    def __call__(self, limit: int | None = None) -> int:
        done, fault = self._attempt(limit or self.limit)
        return self._narrow(limit or self.limit) if fault else done

    def _attempt(self, limit: int) -> tuple[int, Exception | None]:
        """One step: how many it took, or what undid it."""
        try:
            with transaction.atomic():
                if taken := self.subjects.work(limit):
                    execute(COMMIT_LATER)
                return taken, None
        except OUTSIDE:
            raise
        except Exception as fault:
            return 0, fault

    def _narrow(self, limit: int) -> int:
        """Halve what is taken until the subject that fails comes first, doing what comes before it, and set it aside."""
        done = 0
        while limit > 1:
            limit = (limit + 1) // 2
            done += self._attempt(limit)[0]
        return done + self._set_aside()

    def _set_aside(self) -> int:
        """Do the first subject, or set it aside if it fails by itself too."""
        done, fault = self._attempt(1)
        if fault is None:
            return done
        logger.error("The stage %s set a subject aside: %s", self.name, shape(fault))
        with transaction.atomic():
            left = self.subjects.leave()
            touched.touch(ASIDE + self.name, left)
        return len(left)


def set_aside() -> int:
    """How many subjects are set aside."""
    return sum(len(touched.subjects(name)) for name in touched.stages(ASIDE))


def try_again() -> None:
    """Give back to the stages what they set aside."""
    for name in touched.stages(ASIDE):
        touched.hand_over(name, name.removeprefix(ASIDE))
