"""Destroying what is due: every night, in small batches, each with its count in the run's own record.

- What people did (events) goes after its period, counted from when it happened and at the latest from when it came. What
  speaks of the person (`OF_THE_PERSON`) goes with the record only, so a record keeps its fold: folding what is left again
  changes nothing. What golden records counted from events is counted anew.
- A record goes whole when nobody has seen the person for the period, in any source: with its events, its key and
  everything derived, as in an erasure, but without a place on the suppression list.
- What is in quarantine goes after its period.

Nobody under a legal hold is touched. Nothing that is not folded yet is due. A batch that meets a lock waits for the next
night. One worker at a time; killed anywhere, what is counted is gone and what is gone is counted.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from cdp.core.actions import audit
from cdp.core.privacy import hooks
from cdp.core.statements import column, execute, fetch
from cdp.core.touched import touch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.events import actions as events
from cdp.events import queries as sources
from consent import periods
from consent import retention_sql as sql
from consent.holds import under_hold
from consent.models import Purpose, RetentionRule, RetentionRun
from consent.periods import Period, Rule
from identity import actions as identity
from identity import queries as identity_queries
from identity.parting import with_corrections

logger = logging.getLogger(__name__)
ACTOR = Actor.system("retention")
What = RetentionRule.What
GENERAL = "general"
# What the fold of a record is made of.
OF_THE_PERSON = ("identify", "row", "alias", "group")
PAGE = {What.EVENTS: 5_000, What.QUARANTINE: 1_000, What.RECORDS: 5_000}
RECORDS_A_COMMIT, EVENTS_A_COMMIT = 100, 2_000
PREVIEW_SECONDS = 10.0
# Lock not available, deadlock, serialization failure, a statement that took too long.
GIVE_WAY = {"55P03", "40P01", "40001", "57014"}
FIRST = UUID(int=0)


@dataclass(frozen=True)
class Row:
    """Something that is due: its id, its source, and by what a legal hold is recognised."""

    id: UUID
    source: UUID
    mark: Any


@dataclass(frozen=True)
class Cutoffs:
    """Before which moment what is due, by source; for events that carry other data classes, by (source, name)."""

    of_source: Mapping[UUID, datetime | None]
    of_name: Mapping[tuple[UUID, str], datetime | None] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """As the statements take them."""
        named = [(*key, before) for key, before in sorted(self.of_name.items(), key=str)]
        return {
            "sources": list(self.of_source), "before": list(self.of_source.values()),
            "named": [row[0] for row in named], "names": [row[1] for row in named],
            "named_before": [row[2] for row in named],
        }  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """What would be destroyed now: {what: {source: rows}}, and how much of it legal holds keep; `whole` unless the time
    was over before everything was counted."""

    due: dict[str, dict[str, int]]
    held: int
    whole: bool


@dataclass(frozen=True)
class Kept:
    """For how long a source's data of one class (or its people, or its quarantine) is kept, and by whose claim."""

    what: RetentionRule.What
    source: str
    data_class: str
    period: Period


# --- what holds now ---------------------------------------------------------------------------------------------------


def standing() -> list[Kept]:
    """For how long what is kept, by the rules as they are: by source, of events by data class."""
    return [kept for what in What for kept in _standing(what)]


def _standing(what: RetentionRule.What) -> Iterator[Kept]:
    rules, uses = _rules(what), _uses()
    classes = sorted({GENERAL, *(row[2] for row in sources.planned_classes())}) if what == What.EVENTS else [""]
    for source, name in sorted(_sources().items(), key=lambda item: item[1]):
        for data_class in classes:
            yield Kept(what, name, data_class, _period(what, rules, uses, source, {data_class}))


def _rules(what: RetentionRule.What) -> list[Rule]:
    rows = RetentionRule.objects.filter(what=what, enabled=True)
    return [Rule(*row) for row in rows.values_list("days", "purpose", "source", "data_class")]


def _uses() -> dict[str, list[str]]:
    return dict(Purpose.objects.values_list("key", "data_classes"))


def _sources() -> dict[UUID, str]:
    """Where people's data comes from: without the built-in source of corrections, which go with what they correct."""
    steward = _steward()
    return {source: name for source, name in sources.source_names().items() if source != steward}


def _steward() -> UUID | None:
    found = sources.source_by_name(events.STEWARD)
    return found.id if found else None


def _period(
    what: RetentionRule.What, rules: list[Rule], uses: Mapping[str, Collection[str]], source: UUID, classes: set[str]
) -> Period:
    """The period of what a source said. Nobody has read what is in quarantine, so no purpose claims it."""
    if what == What.QUARANTINE:
        return periods.of_class(rules, {}, source, "")
    return periods.of_classes(rules, uses, source, classes if what == What.EVENTS else {GENERAL})


def _cutoffs(what: RetentionRule.What, at: datetime) -> Cutoffs:
    rules, uses, known = _rules(what), _uses(), _sources()
    planned = sources.planned_classes() if what == What.EVENTS else []

    def before(source: UUID, name: str) -> datetime | None:
        declared = {row[2] for row in planned if row[0] in (None, source) and row[1] in ("", name)}
        period = _period(what, rules, uses, source, {GENERAL, *declared})
        return None if period.days is None else at - timedelta(days=period.days)

    of_source = {source: before(source, "") for source in known}
    apart = {(source, row[1]) for row in planned if row[1] for source in known if row[0] in (None, source)}
    return Cutoffs(of_source, {(source, name): before(source, name) for source, name in apart})


# --- what is due ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One kind of data: how its due rows are found, and how a batch of them is destroyed (returns them by source)."""

    end: str
    due: str
    held: Callable[[Collection[Row]], set[UUID]]
    destroy: Callable[[list[Row], Cutoffs], Counter[UUID]]
    batch: int


def _pages(what: RetentionRule.What, cutoffs: Cutoffs) -> Iterator[list[Row]]:
    """The due rows, page by page of the table in order of its key; a page may hold none."""
    fixed = {**cutoffs.parameters(), **_folded(), "of_the_person": list(OF_THE_PERSON), "steward": _steward()}
    after, end = FIRST, UUID(int=2**128 - 1)
    while any(cutoffs.of_source.values()) or any(cutoffs.of_name.values()):
        ends = column(PARTS[what].end, {"after": after, "size": PAGE[what]})
        last = ends[0] if ends else end
        yield [Row(*row) for row in fetch(PARTS[what].due, {**fixed, "after": after, "end": last})]
        if not ends:
            return
        after = last


def _folded() -> dict[str, Any]:
    """How far events are folded; before anything is, nothing is due."""
    mark = next(iter(fetch(sql.FOLDED)), (0, None))
    return {"txid": mark[0], "row": mark[1] or FIRST}


# --- legal holds ------------------------------------------------------------------------------------------------------


def _held_events(rows: Collection[Row]) -> set[UUID]:
    held = under_hold() if rows else set()
    return {row.id for row in rows if row.mark in held}


def _held_people(rows: Collection[Row]) -> set[UUID]:
    held = under_hold() if rows else set()
    return {row.id for row in rows if row.id in held}


def _held_quarantine(rows: Collection[Row]) -> set[UUID]:
    """What names somebody under a hold by an address or number of theirs."""
    held = under_hold() if rows else set()
    names = {bytes(digest) for digest in column(sql.IDENTIFIERS_OF, [list(held)])} if held else set()
    return {row.id for row in rows if not names.isdisjoint(map(bytes, row.mark))}


# --- destroying -------------------------------------------------------------------------------------------------------


def _destroy_events(rows: list[Row], cutoffs: Cutoffs) -> Counter[UUID]:
    gone = events.destroy_by_id([row.id for row in rows])
    _project_anew({record for _source, record in gone})
    return Counter(source for source, _record in gone)


def _destroy_quarantine(rows: list[Row], cutoffs: Cutoffs) -> Counter[UUID]:
    return Counter(events.destroy_quarantined([row.id for row in rows]))


def _destroy_records(rows: list[Row], cutoffs: Cutoffs) -> Counter[UUID]:
    """Under identity's lock, so that nobody is folded meanwhile; whoever was seen since stays."""
    identity.lock()
    due = _still_due(rows, cutoffs)
    if due:
        gone = sorted(with_corrections(row.id for row in due))
        for hook in hooks().values():
            hook.erase(gone)
        wake()
    return Counter(row.source for row in due)


def _still_due(rows: list[Row], cutoffs: Cutoffs) -> list[Row]:
    asked = {**cutoffs.parameters(), **_folded(), "steward": _steward(), "records": [row.id for row in rows]}
    again = set(column(sql.SEEN_AGAIN, asked))
    span = {"after": UUID(int=max(rows[0].id.int - 1, 0)), "end": rows[-1].id}
    due = {row[0] for row in fetch(sql.DUE_RECORDS, {**asked, **span})}
    return [row for row in rows if row.id in due - again]


def _project_anew(records: Collection[UUID]) -> None:
    touched = identity_queries.profiles_of(records)
    if touched:
        touch("profiles", touched)
        wake()


PARTS: dict[RetentionRule.What, Part] = {
    What.EVENTS: Part(sql.EVENTS_PAGE_END, sql.DUE_EVENTS, _held_events, _destroy_events, EVENTS_A_COMMIT),
    What.QUARANTINE: Part(
        sql.QUARANTINE_PAGE_END, sql.DUE_QUARANTINE, _held_quarantine, _destroy_quarantine, EVENTS_A_COMMIT
    ),
    What.RECORDS: Part(sql.RECORDS_PAGE_END, sql.DUE_RECORDS, _held_people, _destroy_records, RECORDS_A_COMMIT),
}


# --- a preview, and a run ---------------------------------------------------------------------------------------------


def preview(at: datetime | None = None, seconds: float = PREVIEW_SECONDS) -> Preview:
    """How much of what a run would destroy at `at` (now), by source; destroys nothing. Counts for `seconds` at most."""
    names, ends = _sources(), monotonic() + seconds
    due: dict[str, Counter[str]] = {what.value: Counter() for what in What}
    held = 0
    for what, part in PARTS.items():
        for page in _pages(what, _cutoffs(what, at or now())):
            kept = part.held(page)
            held += len(kept)
            due[what].update(names[row.source] for row in page if row.id not in kept)
            if monotonic() > ends:
                return Preview({what: dict(of) for what, of in due.items()}, held, whole=False)
    return Preview({what: dict(of) for what, of in due.items()}, held, whole=True)


def run(actor: Actor = ACTOR, at: datetime | None = None) -> RetentionRun | None:
    """Destroy everything that is due at `at` (now). None where there are no rules, or another worker is at it."""
    with _alone() as alone:
        if not alone or not RetentionRule.objects.filter(enabled=True).exists():
            return None
        _close_interrupted()
        started = RetentionRun.objects.create(actor=actor.name, rules=_told(), counts={})
        for what in PARTS:
            _destroy_due(started, what, at or now())
        return _finish(started, actor)


def _destroy_due(run: RetentionRun, what: RetentionRule.What, at: datetime) -> None:
    cutoffs, part = _cutoffs(what, at), PARTS[what]
    for page in _pages(what, cutoffs):
        for start in range(0, len(page), part.batch):
            rows = page[start : start + part.batch]
            if what == What.RECORDS:
                _destroy_events_of(run, rows, cutoffs)
            _batch(run, what, rows, lambda free: part.destroy(free, cutoffs))


def _destroy_events_of(run: RetentionRun, rows: list[Row], cutoffs: Cutoffs) -> None:
    """First what a record's people did, a bounded number a transaction, however much there is."""
    more = True
    while more:
        before = _total(run)
        _batch(run, What.EVENTS, rows, lambda free: _some_events(free, cutoffs), PARTS[What.RECORDS].held)
        more = _total(run) - before >= EVENTS_A_COMMIT


def _some_events(rows: list[Row], cutoffs: Cutoffs) -> Counter[UUID]:
    identity.lock()
    due = [row.id for row in _still_due(rows, cutoffs)]
    return Counter(events.destroy_of(due, EVENTS_A_COMMIT, **_folded())) if due else Counter()


def _batch(
    run: RetentionRun,
    what: RetentionRule.What,
    rows: list[Row],
    destroy: Callable[[list[Row]], Counter[UUID]],
    held: Callable[[Collection[Row]], set[UUID]] | None = None,
) -> None:
    """Destroy one batch and count it, both or neither."""
    try:
        with transaction.atomic():
            execute(sql.LIMITS)
            kept = (held or PARTS[what].held)(rows)
            free = [row for row in rows if row.id not in kept]
            _count(run, what, destroy(free) if free else Counter(), len(kept) if held is None else 0)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) not in GIVE_WAY:
            raise
        logger.warning("A batch of retention met a lock; it waits for the next night.")
        run.refresh_from_db(fields=["counts"])
        run.counts["gave_way"] = run.counts.get("gave_way", 0) + 1
        run.save(update_fields=["counts"])


def _count(run: RetentionRun, what: RetentionRule.What, gone: Counter[UUID], held: int) -> None:
    if not gone and not held:
        return
    names = sources.source_names()
    of_what = Counter(run.counts.get(what.value, {}))
    of_what.update({names[source]: number for source, number in gone.items()})
    run.counts = {**run.counts, what.value: dict(of_what), "held": run.counts.get("held", 0) + held}
    run.save(update_fields=["counts"])


def _total(run: RetentionRun) -> int:
    return sum(sum(run.counts.get(what.value, {}).values()) for what in What)


@transaction.atomic
def _finish(run: RetentionRun, actor: Actor) -> RetentionRun:
    run.finished_at = now()
    run.save(update_fields=["finished_at"])
    audit(actor, "retention.run", target=str(run.pk), destroyed=run.counts)
    return run


@transaction.atomic
def _close_interrupted() -> None:
    """Whoever began these is gone: had they not died, this worker would not be alone."""
    for left in RetentionRun.objects.filter(finished_at=None, interrupted=False):
        left.interrupted = True
        left.save(update_fields=["interrupted"])
        audit(ACTOR, "retention.interrupted", target=str(left.pk), destroyed=left.counts)


def _told() -> list[dict[str, Any]]:
    """The rules as they read now, for the record of a run."""
    rows = RetentionRule.objects.filter(enabled=True).order_by("pk")
    return [{**row} for row in rows.values("what", "purpose", "source__name", "data_class", "days")]


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether this is the only worker at it, for as long as the connection lives: a killed one lets go by dying."""
    [alone] = column(sql.TRY_ALONE)
    try:
        yield alone
    finally:
        if alone:
            execute(sql.LET_GO)
