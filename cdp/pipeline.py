"""The only composer: events → identity → profiles → consent → segments, and the answers that span them.

Each stage takes a batch (behind its watermark, or what was touched for it) with SKIP LOCKED, works in one short
transaction and can be run again harmlessly; `advance` runs them until nothing waits.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import OperationalError, transaction
from django.db.models import TextChoices

from cdp.core import sequence, touched, wake
from cdp.core.statements import execute
from cdp.core.types import Actor
from cdp.events import queries as events
from cdp.events.types import ToldEvent
from cdp.profiles import actions as profiles
from cdp.profiles import queries as profiles_queries
from cdp.profiles.types import ContactPointState, GoldenRecord
from consent import actions as consent
from consent import package_content, people, suppression
from consent import queries as consent_queries
from consent.types import EffectiveConsent, LedgerLine
from identity import actions as identity
from identity import queries as identity_queries
from identity.models import ResolutionRun, ReviewCase
from identity.types import HistoryEntry, Household, RecordView
from segments import actions as segments
from segments import delivery_plan
from segments import queries as segments_queries
from segments.types import SegmentMembership

logger = logging.getLogger(__name__)
EVENTS_A_STEP = 10_000
SUBJECTS_A_STEP = 2_000
STEPS_A_ROUND = 40
SECONDS_A_TASK = 60.0
# Deadlock, serialization failure, lock not available.
GIVE_WAY = {"40P01", "40001", "55P03"}


@shared_task(name="pipeline.advance")
def advance_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered()
    if advance(seconds=SECONDS_A_TASK):
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
    """Run one stage until nothing waits for it, or for so many steps that the next stages should see what came."""
    for step in range(STEPS_A_ROUND):
        taken = _step(STAGES[name])
        done[name] += taken
        if not taken:
            return step > 0
        report(done)
    return True


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
    done: Counter[str] = Counter()
    while _drain("fold", done, lambda done: report(f"folding {done['fold']:,} events")):
        pass
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


def _fold() -> int:
    return identity.fold_next(EVENTS_A_STEP, suppression.admit)


@transaction.atomic
def _link() -> int:
    records = touched.take("links", SUBJECTS_A_STEP)
    if records:
        identity.link(records)
    return len(records)


@transaction.atomic
def _cluster() -> int:
    records = touched.take("identity", SUBJECTS_A_STEP)
    if records:
        identity.recluster(records)
        touched.touch("profiles", identity_queries.profiles_of(records))
    return len(records)


@transaction.atomic
def _project() -> int:
    ids = touched.take("profiles", SUBJECTS_A_STEP)
    if ids:
        profiles.refresh(ids)
    return len(ids)


@transaction.atomic
def _consent() -> int:
    ids = touched.take("consent", SUBJECTS_A_STEP)
    if ids:
        segments.note_consent_changes(consent.refresh_effective(ids))
        delivery_plan.note_consent_changes(ids)
        touched.touch("segments", ids)
    return len(ids)


@transaction.atomic
def _segments() -> int:
    ids = touched.take("segments", SUBJECTS_A_STEP)
    if ids:
        segments.refresh_profiles(ids)
    return len(ids)


def _due_segments() -> int:
    return segments.refresh_due()


def _number() -> int:
    return sum(sequence.number(stream) for stream in sequence.STREAMS)


STAGES: dict[str, Callable[[], int]] = {
    "fold": _fold,
    "link": _link,
    "cluster": _cluster,
    "profiles": _project,
    "consent": _consent,
    "segments": _segments,
    "due segments": _due_segments,
    "number": _number,
}


# --- answers that span packages ---------------------------------------------------------------------------------------

EVENTS_SHOWN = 25
SECONDS_FOR_A_PERSON = 10.0


@dataclass(frozen=True)
class ProfileAnswer:
    """One profile in the clear: coarse traits, the lineage of its attributes, effective consents."""

    id: UUID
    redirected_from: UUID | None
    created_at: datetime
    traits: dict[str, Any]
    lineage: dict[str, dict[str, str]]
    consents: list[EffectiveConsent]
    records_count: int


def profile_answer(asked: UUID, purpose: str = "", channel: str = "") -> ProfileAnswer:
    """The live profile that an id means, with its consents for one purpose and contact channel ("": all).

    Raises `Refused`: `not_found`, or `erased`.
    """
    found = identity_queries.find_profile(asked)
    golden = profiles_queries.golden(found.id)
    return ProfileAnswer(
        id=found.id,
        redirected_from=found.redirected_from,
        created_at=found.created_at,
        traits=golden.traits,
        lineage=golden.lineage,
        consents=consent_queries.effective(found.id, purpose, channel),
        records_count=identity_queries.record_counts([found.id]).get(found.id, 0),
    )


@dataclass(frozen=True)
class ConsentsAnswer:
    """What the ledger adds up to for a profile, and its lines, newest first."""

    effective: list[EffectiveConsent]
    history: list[LedgerLine]


def consents_answer(asked: UUID, purpose: str = "", channel: str = "") -> ConsentsAnswer:
    """The consents of the live profile that an id means, narrowed and refused as in `profile_answer`."""
    found = identity_queries.find_profile(asked)
    narrowed = (found.id, purpose, channel)
    return ConsentsAnswer(consent_queries.effective(*narrowed), consent_queries.history(*narrowed))


@dataclass(frozen=True)
class ProfilePage:
    """All that is known of one profile; `personal` holds its golden values in the clear."""

    personal: dict[str, str]
    golden: GoldenRecord
    records: list[RecordView]
    contact_points: list[ContactPointState]
    consents: list[EffectiveConsent]
    memberships: list[SegmentMembership]
    events: list[ToldEvent]
    history: list[HistoryEntry]
    household: Household


def profile_page(profile: UUID) -> ProfilePage:
    """One profile as it is kept, live or not, in a fixed number of statements."""
    records = identity_queries.all_records(profile)
    ids = [record.id for record in records]
    return ProfilePage(
        personal=profiles_queries.personal([profile]).get(profile, {}),
        golden=profiles_queries.golden(profile),
        records=records,
        contact_points=profiles_queries.contact_points(ids),
        consents=consent_queries.effective(profile),
        memberships=segments_queries.memberships_of(profile),
        events=events.latest_of(ids, EVENTS_SHOWN),
        history=identity_queries.history(profile),
        household=identity_queries.household_of(profile),
    )


def access_package(subject: UUID) -> dict[str, Any]:
    """Everything known about the person of a data key (see `consent.package_content`), as it is now: what came in is taken
    in first, and right after a merge it tells of both sides."""
    advance(seconds=SECONDS_FOR_A_PERSON)
    found = identity_queries.profiles_of(people.records_of(subject))
    with transaction.atomic():
        profiles.refresh(found)
        consent.refresh_effective(found)
    return package_content.of_person(subject)


# --- what a verdict would change --------------------------------------------------------------------------------------

# How long a rehearsal may wait for a lock, and how long one of its statements may take.
REHEARSAL_LIMITS = "select set_config('lock_timeout', '2s', true), set_config('statement_timeout', '10s', true)"


@dataclass(frozen=True)
class Part:
    """Records that are in profile `before` now and would be in profile `after`; None: a new one, or none at all."""

    before: UUID | None
    after: UUID | None
    records: int


@dataclass(frozen=True)
class SegmentShift:
    """A segment that the people of one part would enter or leave, by its rule alone."""

    part: Part
    segment: UUID
    name: str
    entered: bool


@dataclass(frozen=True)
class ConsentShift:
    """An effective state that would be another one for the people of one part; None is no state at all."""

    part: Part
    purpose: str
    channel: str
    brand: str
    was: TextChoices | None
    now: TextChoices | None


@dataclass(frozen=True)
class BlastRadius:
    """Everything that a verdict on a review case would change, as far as `parts` go; nothing where there are none."""

    verdict: str
    parts: list[Part]
    segments: list[SegmentShift]
    consents: list[ConsentShift]


@dataclass(frozen=True)
class _Standing:
    """Where a profile stands: its segments by id, its effective consents by (purpose, contact channel, brand)."""

    segments: dict[UUID, str]
    consents: dict[tuple[str, str, str], TextChoices]


NOWHERE = _Standing({}, {})


def blast_radius(case: UUID, verdict: str) -> BlastRadius:
    """What would follow from a verdict, `same` or `different`: it is given, everything that follows is computed for the
    profiles it touches, and all of it is rolled back.

    Raises `Refused`, `not_found`; OperationalError where a lock was not free or a segment's rule took too long.
    """
    with _undone():
        execute(REHEARSAL_LIMITS)
        found = identity_queries.review_case(case)
        before = dict(identity.recluster([found.left, found.right]).profile_of)
        with _undone():
            plan = identity.decide_case(Actor.system("rehearsal"), ReviewCase.objects.get(pk=case), verdict)
            homes = _touched_homes(before, plan.profile_of)
            after = _standings(home for _, home in homes)
        now = _standings(home for home, _ in homes)
    fresh = {*plan.created}
    parts = {home: Part(home[0], None if home[1] in fresh else home[1], size) for home, size in homes.items()}
    return _radius(
        verdict, [(part, now.get(old, NOWHERE), after.get(new, NOWHERE)) for (old, new), part in parts.items()]
    )


@contextmanager
def _undone() -> Iterator[None]:
    """Whatever is written within is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


Home = tuple[UUID | None, UUID | None]


def _touched_homes(before: Mapping[UUID, UUID], after: Mapping[UUID, UUID]) -> Counter[Home]:
    """(profile before, profile after) → records, of every profile that a record leaves or comes to."""
    homes = {record: (before.get(record), after.get(record)) for record in before.keys() | after.keys()}
    touched = {profile for old, new in homes.values() if old != new for profile in (old, new)} - {None}
    return Counter(home for _, home in sorted(homes.items()) if not touched.isdisjoint(home))


def _standings(homes: Iterable[UUID | None]) -> dict[UUID | None, _Standing]:
    """Where these profiles stand once everything that follows from their records is computed."""
    ids = sorted({home for home in homes if home})
    profiles.refresh(ids)
    consent.refresh_effective(ids)
    segments.refresh_profiles(ids)
    return {profile: _standing(profile) for profile in ids}


def _standing(profile: UUID) -> _Standing:
    effective = consent_queries.effective(profile)
    return _Standing(
        {row.segment: row.name for row in segments_queries.memberships_of(profile)},
        {(row.purpose, row.channel, row.brand): row.state for row in effective},
    )


def _radius(verdict: str, parts: list[tuple[Part, _Standing, _Standing]]) -> BlastRadius:
    return BlastRadius(
        verdict,
        [part for part, _, _ in parts],
        [shift for part in parts for shift in _segment_shifts(*part)],
        [shift for part in parts for shift in _consent_shifts(*part)],
    )


def _segment_shifts(part: Part, now: _Standing, after: _Standing) -> Iterable[SegmentShift]:
    names = now.segments | after.segments
    for segment in sorted(now.segments.keys() ^ after.segments.keys()):
        yield SegmentShift(part, segment, names[segment], segment in after.segments)


def _consent_shifts(part: Part, now: _Standing, after: _Standing) -> Iterable[ConsentShift]:
    for key in sorted(now.consents.keys() | after.consents.keys()):
        states = now.consents.get(key), after.consents.get(key)
        if states[0] != states[1]:
            yield ConsentShift(part, *key, *states)
