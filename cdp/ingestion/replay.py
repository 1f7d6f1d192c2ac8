"""Quarantine, mended: what waits goes through the doors again, as it came, and leaves with its key if it fits now.

Each batch is one transaction: what fits is stored by its message id, its consents are recorded, what left is destroyed, and
the request knows how far it is. So a request that is killed anywhere, or worked on by two at once, ends in the same state.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec
from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _

from cdp.core.actions import count
from cdp.core.errors import NoKey, Refused, Unavailable
from cdp.core.types import Actor
from cdp.events import actions as events
from cdp.events import quarantine, queries
from cdp.events.quarantine import Chosen
from cdp.events.types import KnownSource, NewEvent, Refusal, Remedy, Waiting
from cdp.ingestion import actions, imports, sources
from cdp.ingestion.actions import Parcel
from cdp.ingestion.errors import Flaw
from cdp.ingestion.files import Line
from cdp.ingestion.mapping import AnyMapping, EventMapping, content_of, mapping_of
from cdp.ingestion.messages import Arrival
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows
from consent.types import NewConsent

ROWS_A_COMMIT = 500
# Nothing can be kept now: the batch is tried again.
AWAY = (OperationalError, InterfaceError, NoKey, Unavailable)
Counts = Counter[str]
Told = Callable[[Counts], None]


# --- asking -----------------------------------------------------------------------------------------------------------


def ask(actor: Actor, remedy: Remedy, chosen: Chosen, mended: bytes | None = None) -> UUID:
    """Ask for what waits to be replayed or dropped; returns the request. `mended`: JSON of the mapping to read it by.

    Raises `Refused`: `asked_already`; `bad_mapping`, `no_file`, `other_kind`, `other_ids` for a mapping that cannot be meant.
    """
    mapping = None if mended is None else _mended(chosen, mended)
    return quarantine.ask(actor, remedy, chosen, mapping).pk


def _mended(chosen: Chosen, content: bytes) -> UUID:
    before = quarantine.mappings_of(chosen)
    if not before:
        raise Refused("no_file", _("Nothing of this came from a file: it needs no mapping."))
    if len({row.kind for row in before}) > 1:
        raise Refused("other_kind", _("This is of several kinds of files: choose one file."))
    try:
        mapping = mapping_of(before[0].kind, content)
    except ValueError as error:
        raise Refused("bad_mapping", str(error)) from None
    _require_ids(mapping, [mapping_of(row.kind, msgspec.json.encode(row.content)) for row in before])
    return quarantine.known_mapping(*content_of(mapping))


def _require_ids(mended: AnyMapping, before: Sequence[AnyMapping]) -> None:
    """Message ids tell repeats apart, so a mended mapping takes them from where they came from."""
    columns = {mapping.message_id for mapping in (mended, *before) if isinstance(mapping, EventMapping)}
    if len(columns) > 1:
        raise Refused("other_ids", _("`message_id` must stay as it was, or rows that were taken come in twice."))


# --- working ----------------------------------------------------------------------------------------------------------


def work() -> None:
    """Do whatever is asked, first things first. Killed at any moment, it goes on after the last whole batch."""
    while (request := quarantine.waiting()) is not None:
        run(request)


def run(request: UUID, tell: Told = lambda counts: None) -> None:
    """Do all of a request, by the plan as it is now; `tell` is called with the counts so far."""
    sources.forget()
    while (counts := step(request)) is not None:
        tell(counts)


def outcome(request: UUID) -> tuple[Counts, str]:
    """What became of a request: its counts, and why it was not done, if it was not."""
    asked = quarantine.found(request)
    return Counter(asked.counts), asked.refused


@transaction.atomic
def step(id_: UUID) -> Counts | None:
    """Do one batch of a request; returns its counts so far, or None when it is over."""
    request = quarantine.locked(id_)
    if request.finished_at is not None:
        return None
    source = queries.source_by_id(request.source_id)
    if source is None or (request.remedy == Remedy.REPLAY and not source.enabled):
        quarantine.finish(request, "source_disabled")
        return None
    rows = quarantine.locked_rows(request, ROWS_A_COMMIT)
    if not rows:
        quarantine.finish(request)
        return None
    counts = _drop(rows) if request.remedy == Remedy.DROP else Replay(source, request.mapping_id).take(rows)
    count(source.id, _kinds(counts))
    quarantine.advance(request, rows[-1].id, counts)
    return Counter(request.counts)


def _drop(rows: Sequence[Waiting]) -> Counts:
    return Counter(dropped=len(events.destroy_quarantined([row.id for row in rows])))


def _kinds(counts: Counts) -> dict[str, int]:
    """As a day's counters call them: what the suppression list stops is one number, whichever way it came."""
    return {kind if kind == "suppressed" else f"quarantine:{kind}": number for kind, number in counts.items()}


class Replay:
    """Some rows of one source on their way through the doors, read by `mapping`, or each by its own."""

    def __init__(self, source: KnownSource, mapping: UUID | None) -> None:
        self.source, self.mapping = source, mapping
        self._plan, self._meanings = sources.plan(), sources.meanings()
        self._reader = lru_cache(self._new_reader)

    def take(self, rows: Sequence[Waiting]) -> Counts:
        """Replay these rows, in the caller's transaction; one that cannot be stored costs the others nothing."""
        try:
            with transaction.atomic():
                return self._pass(rows)
        except AWAY:
            raise
        except Exception as error:
            if len(rows) == 1:
                reason = actions.reason_of(error)
                return self._stay(rows, [self._refusal(rows[0], reason, rows[0].place)])
        middle = len(rows) // 2
        return self.take(rows[:middle]) + self.take(rows[middle:])

    def _pass(self, rows: Sequence[Waiting]) -> Counts:
        parcel = self._parcel(rows)
        admitted, refused = actions.admit(parcel)
        stored, unconsented = actions.enter(admitted, parcel, self.source)
        stays = {refusal.digest for refusal in refused}
        events.destroy_quarantined([row.id for row in rows if row.digest not in stays])
        count(self.source.id, actions.signal_kinds(parcel))
        suppressed = len(rows) - len(admitted) - len(refused)
        left = Counter(taken=stored.taken, repeated=stored.repeated, unconsented=unconsented, suppressed=suppressed)
        return left + self._stay(rows, refused)

    def _stay(self, rows: Sequence[Waiting], refused: Sequence[Refusal]) -> Counts:
        ids = {row.digest: row.id for row in rows}
        quarantine.refused_again([(ids[one.digest], one.reason, one.place, one.mapping) for one in refused])
        return Counter(still=len(refused))

    def _parcel(self, rows: Sequence[Waiting]) -> Parcel:
        """As of arrivals: what fits, and what does not, with the reason of today."""
        parcel = Parcel.empty()
        for row in rows:
            try:
                if row.unreadable:
                    raise Flaw(row.reason)
                parcel.add(*self._read(row, parcel.signals))
            except Exception as error:
                place = row.place if row.unreadable or row.mapping else actions.place_of(row.content, error)
                parcel.refusals.append(self._refusal(row, actions.reason_of(error), place))
        return parcel

    def _refusal(self, row: Waiting, reason: str, place: str) -> Refusal:
        mapping = self._mapping_of(row)
        return Refusal(self.source.id, row.digest, reason, row.content, row.received_at, place, mapping=mapping)

    def _mapping_of(self, row: Waiting) -> UUID | None:
        return (self.mapping or row.mapping) if row.mapping else None

    def _read(self, row: Waiting, signals: Counter[str]) -> tuple[NewEvent, list[NewConsent]]:
        mapping = self._mapping_of(row)
        if mapping is None:
            arrival = Arrival(self.source, row.received_at, row.sent_at, self._plan, row.gpc, self._meanings)
            return actions.read(row.content, arrival, signals)
        return imports.read(self._reader(mapping, row.received_at), Line(0, row.content), row.message_id)

    def _new_reader(self, mapping: UUID, received_at: datetime) -> EventRows | RecordRows:
        kept = quarantine.mapping(mapping)
        read_by = mapping_of(kept.kind, msgspec.json.encode(kept.content))
        if isinstance(read_by, EventMapping):
            return EventRows(read_by, self.source, self._plan, received_at)
        return RecordRows(read_by, self.source, self._plan, received_at)
