"""How memberships follow their rules: full runs and incremental passes, side by side and killed at any moment.

A run evaluates its rule as one read outside any write, then applies the differences in one short transaction. What a
pass looks at while a run is under way it leaves in `core_touched` for that run, which leaves those profiles alone: the
pass knew more. Whoever writes the memberships of a segment holds its lock.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from cdp.core.actions import count
from cdp.core.errors import CdpError, Refused
from cdp.core.statements import execute, fetch
from cdp.core.touched import touch
from cdp.core.types import now
from segments import assignment, engines, exclusions, pulse, sql
from segments.models import Membership, Run, Segment
from segments.queries import CANCELLED, too_slow
from segments.query import ast, moments
from segments.query.bounds import Clock
from segments.query.compiler import Asked, compile_flags
from segments.query.parse import parse
from segments.query.problems import RuleError
from segments.vocabulary import Names, asked, zone_of

logger = logging.getLogger(__name__)
SOONEST = timedelta(minutes=1)
# So many different sets of profiles a statement of a pass looks up: to plan it takes as many squared.
LOOKUPS = 50


# A run that has not told that it lives for so long, and whose lock nobody holds, is over.
DEAD = timedelta(seconds=30)


class Dropped(CdpError):
    """A run whose segment was changed, or that was taken over, meanwhile."""


# --- full runs -------------------------------------------------------------------------------------------------------


@contextmanager
def alone(segment_id: UUID, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a segment's runs, let go by a dying connection; False where it is taken and not waited for."""
    statement = sql.LOCK_RUN if wait else sql.TRY_LOCK_RUN
    held = fetch(statement, [str(segment_id)])[0][0] is not False
    try:
        yield held
    finally:
        if held:
            _unlock(segment_id)


def _unlock(segment_id: UUID) -> None:
    try:
        execute(sql.UNLOCK_RUN, [str(segment_id)])
    except DatabaseError:  # in a broken transaction or connection: closing it lets the lock go
        connection.close()


def full_run(segment: Segment, as_of: datetime) -> Run:
    """One run of a published segment, under its lock. Where it fails `error` says why, without a personal value."""
    begun = _begin(segment, as_of)
    with pulse.beating(begun) as beat:
        try:
            _apply(segment, begun, engines.members(begun.engine, segment, as_of))
        except Exception as error:  # whatever it is, the run has failed and says so
            _fail(segment, begun, "" if beat.cancelled else reason(error))
    begun.refresh_from_db()
    return begun


def take_over_dead() -> None:
    """Have those segments computed again whose run ended without a word."""
    running = Run.objects.filter(state=Run.State.RUNNING).annotate(alive_at=Coalesce("beat_at", "started_at"))
    for run in running.filter(alive_at__lt=now() - DEAD).select_related("segment"):
        with alone(run.segment_id, wait=False) as held:
            if held:
                _end_dead(Run.objects.filter(pk=run.pk))
                make_due([run.segment])


def _end_dead(dead: QuerySet[Run]) -> None:
    running = dead.filter(state=Run.State.RUNNING)
    execute(sql.FORGET_PASSED, [[_stage(run_id) for run_id in running.values_list("pk", flat=True)]])
    ended = running.update(state=Run.State.FAILED, finished_at=Now(), error=_("The run was interrupted."))
    count(None, {"run_failed": ended})


@transaction.atomic
def _begin(segment: Segment, as_of: datetime) -> Run:
    execute(sql.BEGIN_RUN)
    _end_dead(Run.objects.filter(segment=segment))
    begun = Run.objects.create(segment=segment, version=segment.version, engine=engines.chosen(), as_of=as_of)
    begun.refresh_from_db(fields=["started_at"])
    return begun


def _stage(run_id: UUID) -> str:
    """Under which name `core_touched` keeps what passed during a run: its random bits, to fit 20 characters."""
    return f"run{run_id.hex[15:]}"


@transaction.atomic
def _apply(segment: Segment, begun: Run, members: engines.Lines) -> None:
    execute(sql.LOCK_MEMBERS, [[str(segment.pk)]])
    _recheck(segment, begun)
    _stage_members(members)
    about = {"segment": segment.pk, "as_of": begun.as_of, "stage": _stage(begun.pk), "began": begun.started_at}
    entered, left = fetch(sql.APPLY_RUN, about)[0]
    assignment.draw(segment, begun.as_of)
    execute(sql.FORGET_PASSED, [[about["stage"]]])
    execute(sql.NEXT_DUE, about | next_moment(segment, begun.as_of))
    Run.objects.filter(pk=begun.pk).update(
        state=Run.State.DONE, finished_at=Now(), entered=entered, left=left,
        members=Membership.objects.filter(segment=segment).count(),
    )  # fmt: skip
    if entered or left:
        make_due(dependants(segment))


def _recheck(segment: Segment, begun: Run) -> None:
    present = Segment.objects.select_for_update().get(pk=segment.pk)
    if present.version != begun.version or present.state != Segment.State.PUBLISHED:
        raise Dropped(_("The segment was changed meanwhile; the result was dropped."))
    run = Run.objects.select_for_update().get(pk=begun.pk)
    if run.state != Run.State.RUNNING or run.cancelled_by:
        raise Dropped(_("The run was interrupted."))


def _stage_members(members: engines.Lines) -> None:
    execute(sql.MAKE_FRESH)
    execute(sql.EMPTY_FRESH)
    with connection.cursor() as cursor, cursor.copy(sql.FILL_FRESH) as copy:
        for block in members:
            copy.write(block)
    execute(sql.COUNT_FRESH)


@transaction.atomic
def _fail(segment: Segment, begun: Run, reason: str) -> None:
    logger.warning("A run of segment %s failed: %s", segment.pk, reason)
    execute(sql.FORGET_PASSED, [[_stage(begun.pk)]])
    about = {"segment": segment.pk, "began": begun.started_at}
    execute(sql.NEXT_DUE, about | next_moment(segment, begun.as_of))
    running = Run.objects.filter(pk=begun.pk, state=Run.State.RUNNING)
    running.exclude(cancelled_by="").update(state=Run.State.CANCELLED, finished_at=Now())
    count(None, {"run_failed": running.update(state=Run.State.FAILED, finished_at=Now(), error=reason[:200])})


def reason(error: Exception) -> str:
    """Why a run failed, in words that hold no value of anybody's: a database's own message might."""
    if isinstance(error, CdpError | RuleError):
        return str(error)
    state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    if state == CANCELLED:
        return too_slow()
    return f"{type(error).__name__} {state or ''}".strip()


# --- incremental passes ----------------------------------------------------------------------------------------------


@transaction.atomic
def one_pass(profiles: Sequence[UUID], as_of: datetime) -> int:
    """Look again at some profiles in every published segment; returns how many came or left."""
    execute(sql.BEGIN_PASS)
    segments = _published()
    lock(segments)
    for run_id in Run.objects.filter(state=Run.State.RUNNING).values_list("pk", flat=True):
        touch(_stage(run_id), profiles)
    names = Names.read()
    levels = list(_levels(segments))
    return sum(_pass(level, names, profiles, as_of) for level in levels)


def lock(segments: Iterable[Segment]) -> None:
    """Hold the locks of these segments' memberships until commit."""
    execute(sql.LOCK_MEMBERS, [[str(segment.pk) for segment in segments]])


def _pass(segments: Sequence[Segment], names: Names, profiles: Sequence[UUID], as_of: datetime) -> int:
    """The part in a pass of segments that do not build on each other, by halves where they ask too much for one statement.
    One that cannot be computed never holds up the others: its next run says why."""
    try:
        with transaction.atomic():
            rules = [asked(segment, names) for segment in segments]
            if len(segments) == 1 or _lookups(rules) <= LOOKUPS:
                return _look_at(segments, rules, profiles, as_of)
    except (CdpError, RuleError, DatabaseError) as error:
        if len(segments) == 1:
            logger.warning("Segment %s was not refreshed: %s", segments[0].pk, reason(error))
            make_due(segments)
            return 0
    half = len(segments) // 2
    return sum(_pass(part, names, profiles, as_of) for part in (segments[:half], segments[half:]))


def _lookups(rules: Sequence[Asked]) -> int:
    return len({leaf for rule in rules for leaf in ast.leaves(rule.node) if not isinstance(leaf, ast.Trait)})


def _look_at(segments: Sequence[Segment], rules: Sequence[Asked], profiles: Sequence[UUID], as_of: datetime) -> int:
    query = compile_flags(rules, as_of=as_of, only_profiles=True)
    holding = ", ".join(f"m{place}" for place in range(len(segments)))
    about = {"segments": [segment.pk for segment in segments], "profiles": list(profiles), "as_of": as_of}
    moved = fetch(sql.APPLY_PASS.format(flags=query.sql, holding=holding), query.params | about)
    entered = {segment for segment, came, _left in moved if came}
    for segment in segments:
        if segment.pk in entered:
            assignment.draw(segment, as_of, profiles)
    return sum(came + left for _segment, came, left in moved)


# --- order -----------------------------------------------------------------------------------------------------------


def _levels(segments: Collection[Segment]) -> Iterator[list[Segment]]:
    """Segments after those that they build on, together with others that do not build on each other."""
    by_key = {segment.key: segment for segment in segments}
    order = TopologicalSorter(exclusions.building(segments))
    order.prepare()
    while ready := order.get_ready():
        yield sorted((by_key[key] for key in ready), key=lambda segment: segment.pk)
        order.done(*ready)


def dependants(segment: Segment) -> list[Segment]:
    """The published segments that build on this one."""
    published = list(_published())
    graph = exclusions.building(published)
    return [other for other in published if segment.key in graph[other.key]]


def _published() -> QuerySet[Segment]:
    return Segment.objects.filter(state=Segment.State.PUBLISHED)


def next_moment(segment: Segment, as_of: datetime) -> dict[str, datetime | timedelta | None]:
    """When time alone may change the members after `as_of`, beside the interval: what `sql.NEXT_DUE` asks for.

    `starts` is the start of a day or month in the segment's zone. Windows that move on at every instant are looked at
    once in their own length, or in a minute, where that is shorter than the interval.
    """
    try:
        node, clock = parse(segment.rule), Clock(as_of, zone_of(segment.zone))
    except (RuleError, Refused):  # the run itself has said so
        return {"starts": None, "shortest": None}
    shortest = moments.shortest_window(node)
    return {"starts": moments.next_start(node, clock), "shortest": shortest and max(shortest, SOONEST)}


def lateness(segment: Segment) -> timedelta | None:
    """For how long a published segment has been due; None where it is not."""
    late = now() - segment.due_at if segment.due_at and segment.state == Segment.State.PUBLISHED else None
    return late if late is not None and late > timedelta(0) else None


def make_due(segments: Sequence[Segment]) -> None:
    """Have these published segments recomputed at once."""
    if segments:
        execute(sql.DUE_NOW, [[segment.pk for segment in segments]])


def due() -> list[Segment]:
    """The published segments whose time has come, but for those that build on another of them, at whatever distance:
    they wait until it is computed, so that each is computed once."""
    published, at = list(_published()), now()
    waiting = {segment.key: segment for segment in published if segment.due_at and segment.due_at <= at}
    graph = exclusions.building(published) if waiting else {}
    return [segment for key, segment in waiting.items() if waiting.keys().isdisjoint(exclusions.below(key, graph))]
