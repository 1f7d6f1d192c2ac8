"""Writes of the event store."""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.statements import by_number, column, execute, fetch
from cdp.core.types import Actor, now, uuid7
from cdp.events import rows, sql
from cdp.events.models import Channel, Source, WriteKey
from cdp.events.types import NewEvent, Refusal, Stored, Violation

CHANNELS = (
    "web", "app", "pos", "call_center", "chat", "email", "messaging", "social", "survey", "crm", "ads", "partner",
)  # fmt: skip
STEWARD = "steward"


def ship_rows(using: str) -> None:
    """The rows every installation has: the channels, and the built-in source of stewards' corrections."""
    channels = Channel.objects.using(using)
    channels.bulk_create([Channel(key=key) for key in CHANNELS], ignore_conflicts=True)
    Source.objects.using(using).get_or_create(
        name=STEWARD,
        defaults={
            "channel_id": "crm",
            "trust_rank": 0,
            "zone": settings.TIME_ZONE,
            "currency": settings.DEFAULT_CURRENCY,
            "built_in": True,
        },
    )


@transaction.atomic
def create_source(
    actor: Actor,
    name: str,
    channel: str,
    *,
    brand: str = "",
    party: str = Source.Party.FIRST,
    trust_rank: int = 50,
    zone: str = "",
    currency: str = "",
    required_purpose: str = "",
) -> tuple[Source, str]:
    """Make a source and its first write key; returns both."""
    source = Source.objects.create(
        name=name,
        channel_id=channel,
        brand=brand,
        party=party,
        trust_rank=trust_rank,
        zone=zone or settings.TIME_ZONE,
        currency=currency or settings.DEFAULT_CURRENCY,
        required_purpose=required_purpose,
    )
    audit(actor, "source.created", target=str(source.id))
    return source, create_write_key(actor, source)


@transaction.atomic
def create_write_key(actor: Actor, source: Source) -> str:
    """One more write key of `source`."""
    key = WriteKey.objects.create(key=f"wk_{secrets.token_urlsafe(24)}", source=source)
    audit(actor, "write_key.created", target=str(source.id))
    return key.key


@transaction.atomic(savepoint=False)
def store(events: Sequence[NewEvent]) -> Stored:
    """Keep `events`, each once a source and message id, their personal part sealed under the data key of its record.

    Of two with one message id the first given is kept. In the caller's transaction: durable when that commits.
    """
    ordered = _each_once(events)
    if not ordered:
        return Stored(0, 0)
    keys = crypto.data_keys({event.record for event in ordered})
    received_at = now()
    lines = "".join([rows.row(event, keys[event.record], received_at) for event in ordered]).encode()
    taken = _copy_new(lines, len(ordered))
    return Stored(taken, len(events) - taken)


def _each_once(events: Sequence[NewEvent]) -> list[NewEvent]:
    """Without repeats, in an order that all writers share, so that two with the same events cannot deadlock."""
    once = {(event.source.bytes, event.message_id): event for event in reversed(events)}
    return [once[key] for key in sorted(once)]


def _copy_new(lines: bytes, number: int) -> int:
    """COPY straight into the table; only when something in it is a repeat, through a staging table."""
    try:
        with transaction.atomic():
            _copy(sql.COPY_EVENTS, lines)
    except IntegrityError:
        return _copy_through_staging(lines)
    return number


def _copy_through_staging(lines: bytes) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.STAGE)
        _copy(sql.COPY_STAGED, lines)
        cursor.execute(sql.INSERT_STAGED)
        return int(cursor.rowcount)


def _copy(statement: str, lines: bytes) -> None:
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(lines)


@transaction.atomic(savepoint=False)
def quarantine(refusals: Sequence[Refusal]) -> Counter[str]:
    """Keep what does not fit, each content once a source, sealed under a data key of its own (record = its id).

    Returns how many were kept by reason; what was there before is not kept again.
    """
    once = {(refusal.source, refusal.digest): refusal for refusal in reversed(refusals)}
    before = _quarantined_before(list(once))
    fresh = {uuid7(): refusal for key, refusal in once.items() if key not in before}
    keys = crypto.data_keys(fresh) if fresh else {}
    kept: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for id_, refusal in fresh.items():
            cursor.execute(sql.QUARANTINE, _quarantine_row(id_, refusal, keys[id_]))
            kept[refusal.reason] += cursor.rowcount
    return kept


def _quarantined_before(digests: list[tuple[UUID, bytes]]) -> set[tuple[UUID, bytes]]:
    if not digests:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(sql.QUARANTINED_BEFORE, [list(column) for column in zip(*digests, strict=True)])
        return {(source, bytes(digest)) for source, digest in cursor.fetchall()}


def _quarantine_row(id_: UUID, refusal: Refusal, key: crypto.RecordKey) -> tuple[Any, ...]:
    sealed = crypto.seal(key, "events_quarantined", "sealed", refusal.content)
    facts = (id_, refusal.source, refusal.digest, refusal.received_at, refusal.reason, refusal.place[-200:])
    again = (refusal.unreadable, refusal.mapping, refusal.message_id, refusal.sent_at, refusal.gpc)
    return *facts, sealed, sorted(set(refusal.identifiers)), *again


def count_violations(source: UUID, violations: Mapping[Violation, int]) -> None:
    """Add to today's counts of a source, in the caller's transaction, in sorted order so that writers cannot deadlock."""
    rows = [(found.event, found.kind, found.place, number) for found, number in sorted(violations.items())]
    if rows:
        execute(sql.COUNT_VIOLATIONS, [source, *map(list, zip(*rows, strict=True))])


@transaction.atomic(savepoint=False)
def destroy(events: Collection[tuple[UUID, str]]) -> int:
    """Destroy events of records that nothing was folded into, by source and message id, and the data keys of those of
    which no event is left; returns how many events there were."""
    sources, messages = (list(column) for column in zip(*sorted(events, key=str), strict=True)) if events else ([], [])
    gone = fetch(sql.DESTROY, [sources, messages])
    execute(sql.DROP_LONELY_KEYS, [by_number({record for (record,) in gone})])
    return len(gone)


def destroy_by_id(events: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Destroy events in the caller's transaction; returns (source, record) of each that this destroyed."""
    return [(source, record) for source, record in fetch(sql.DESTROY_EVENTS, [list(events)])]


def destroy_of(records: Collection[UUID], most: int, txid: int, row: UUID) -> list[UUID]:
    """Destroy up to `most` events of some records, in the caller's transaction, as far as a mark (`txid`, `row`) has come;
    returns the source of each."""
    return column(sql.DESTROY_SOME_OF, {"records": list(records), "most": most, "txid": txid, "row": row})


def destroy_quarantined(kept: Collection[UUID]) -> list[UUID]:
    """Destroy what is in quarantine, with its keys, in the caller's transaction; returns the source of each."""
    return column(sql.DESTROY_QUARANTINED, [list(kept)])
