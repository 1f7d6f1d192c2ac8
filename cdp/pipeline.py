"""The way of the data: events → identity → profiles → consent → segments.

Each stage takes a batch (behind its watermark, or what was touched for it) with SKIP LOCKED, works in one short
transaction and can be run again harmlessly; `advance` runs them until nothing waits.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from celery import shared_task
from django.db import OperationalError

from cdp.core import sequence, stages, touched, wake
from cdp.core.stages import GIVE_WAY, Stage, Touched
from cdp.events.quality import measuring
from cdp.profiles import actions as profiles
from consent import actions as consent
from consent import suppression
from identity import actions as identity
from identity import queries as identity_queries
from identity.models import ResolutionRun
from segments import actions as segments
from segments import delivery_plan

logger = logging.getLogger(__name__)
EVENTS_A_STEP = 10_000
# Before a batch run: a record is opened, cleaned and sealed once for all that one step says of it.
EVENTS_A_RUN = 25_000
SUBJECTS_A_STEP = 2_000
STEPS_A_ROUND = 40
SECONDS_A_TASK = 60.0


@shared_task(name="pipeline.advance")
def advance_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered()
    if advance(seconds=SECONDS_A_TASK):
        wake.wake()


@shared_task(name="pipeline.try_again")
def try_again_task() -> None:
    """Sent by beat every hour: what a stage had to set aside may be fit for it by now."""
    stages.try_again()
    wake.wake()


def advance(*, seconds: float | None = None, report: Callable[[Counter[str]], None] = lambda done: None) -> bool:
    """Run the stages until nothing waits, or until `seconds` are over; says whether something still waits."""
    ends = time.monotonic() + seconds if seconds else None
    done: Counter[str] = Counter()
    busy = True
    while busy and (ends is None or time.monotonic() < ends):
        busy = sum(_drain(name, done, report) for name in STAGES) > 0
    return busy


def _drain(name: str, done: Counter[str], report: Callable[[Counter[str]], None]) -> bool:
    """Run one stage until its steps are no longer full, or for so many that the next stages should see what came; says
    whether anything waited."""
    stage, before = STAGES[name], done[name]
    for _ in range(STEPS_A_ROUND):
        taken = _step(stage)
        done[name] += taken
        if taken:
            report(done)
        if taken < (stage.limit if isinstance(stage, Stage) else 1):
            break
    return done[name] > before


def resolve(
    report: Callable[[str], None] = lambda step: None,
    *,
    retrain: bool | None = None,
    promote: Callable[[], None] | None = None,
    engine: str = "duckdb",
) -> ResolutionRun:
    """The batch run over all records, and everything that follows from it; see `identity.resolution.resolve`.

    Before it only folding is needed: the run itself clusters every record.
    """
    from identity import resolution  # loads Splink, which only this run needs

    resolution.scoring(engine)  # refused now rather than after the folding
    folded = 0
    while taken := _step(lambda: _fold(EVENTS_A_RUN)):
        folded += taken
        report(f"folding {folded:,} events")
    run = resolution.resolve(report, retrain=retrain, promote=promote, engine=engine)
    report("projecting")
    advance(report=lambda done: report(f"projecting {done['profiles']:,} profiles"))
    return run


def _step(stage: Callable[[], int]) -> int:
    """One step of a stage; one that met a deadlock or a lock time-out is tried again by the next round."""
    try:
        return stage()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) not in GIVE_WAY:
            raise
        logger.warning("A pipeline step gave way to another and will be tried again.")
        return 1


class _Events:
    """The events after identity's watermark."""

    def work(self, limit: int) -> int:
        return identity.fold_next(limit, suppression.admit)

    def leave(self) -> Sequence[UUID]:
        return identity.pass_next()


def _fold_again(events: list[UUID]) -> None:
    identity.fold_again(events, suppression.admit)


def _cluster(records: list[UUID]) -> None:
    identity.recluster(records)
    touched.touch("profiles", identity_queries.profiles_of(records))


def _consent(ids: list[UUID]) -> None:
    segments.note_consent_changes(consent.refresh_effective(ids))
    delivery_plan.note_consent_changes(ids)
    touched.touch("segments", ids)


def _due_segments() -> int:
    return segments.refresh_due()


def _number() -> int:
    return sum(sequence.number(stream) for stream in sequence.STREAMS)


def _over(name: str, work: Callable[[list[UUID]], object]) -> Stage:
    return Stage(name, SUBJECTS_A_STEP, Touched(name, work))


_fold = Stage("fold", EVENTS_A_STEP, _Events())

STAGES: dict[str, Callable[[], int]] = {
    "fold": _fold,
    "fold again": _over("fold", _fold_again),
    "link": _over("links", identity.link),
    "cluster": _over("identity", _cluster),
    "profiles": _over("profiles", profiles.refresh),
    "consent": _over("consent", _consent),
    "segments": _over("segments", segments.refresh_profiles),
    "due segments": _due_segments,
    "number": _number,
    "measure": lambda: measuring.measure_next(EVENTS_A_STEP),
}
