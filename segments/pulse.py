"""The heartbeat of a run: says every few seconds that it lives, and hears whether somebody cancelled it.

On a connection of its own, for the run's is busy; a run that is over before the first beat opens none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event, Lock, Thread
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from segments.models import Run

BEAT_SECONDS: Final = 2.0


class Pulse:
    """What one run may be stopped by, and whether it was."""

    def __init__(self, run: UUID) -> None:
        self.cancelled = False
        self._run, self._over, self._lock = run, Event(), Lock()
        self._stops: list[Callable[[], None]] = []

    def beat(self) -> None:
        """Until the run is over: note that it lives, and stop it once it was cancelled."""
        try:
            while not self._over.wait(BEAT_SECONDS):
                self._once()
        except DatabaseError:  # the run itself will meet whatever it is
            pass
        finally:
            connection.close()

    def _once(self) -> None:
        mine = Run.objects.filter(pk=self._run, state=Run.State.RUNNING)
        mine.update(beat_at=Now())
        if mine.exclude(cancelled_by="").exists():
            with self._lock:
                self.cancelled = True
                for stop in self._stops:
                    stop()

    def end(self) -> None:
        """The run is over."""
        self._over.set()

    @contextmanager
    def stoppable(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within, a cancelled run is stopped by this."""
        with self._lock:
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


_present: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


@contextmanager
def beating(run: Run) -> Iterator[Pulse]:
    """A run with its heartbeat."""
    pulse = Pulse(run.pk)
    token, thread = _present.set(pulse), Thread(target=pulse.beat, daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        pulse.end()
        thread.join()
        _present.reset(token)


@contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Within, the present run, if there is one, is stopped by this once somebody cancels it."""
    pulse = _present.get()
    if pulse is None:
        yield
        return
    with pulse.stoppable(stop):
        yield
