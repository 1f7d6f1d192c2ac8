"""Numbers in commit order: rows are inserted unnumbered, one sequencer numbers what is committed.

The audit's numbers are chained: `hash` of a row = SHA-256(hash before ‖ seq ‖ canonical row).
"""

import hashlib
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from cdp.core import anchor, sql
from cdp.core.models import AuditEntry, Sequence

AUDIT, SEGMENTS, PROFILES = "audit", "segments", "profiles"
STREAMS = (AUDIT, SEGMENTS, PROFILES)
_BATCH = 10_000


def number(stream: str) -> int:
    """Number all committed rows of `stream`; returns how many. Safe to run anywhere, any time, at once."""
    total = 0
    while (done := _number_batch(stream)) == _BATCH:
        total += done
    return total + done


@transaction.atomic
def _number_batch(stream: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SEQUENCER_LOCK, [stream])
        cursor.execute(sql.NUMBER_ROWS, {"stream": stream, "limit": _BATCH})
        rows = sorted(cursor.fetchall())
    if stream == AUDIT and rows:
        _chain(rows)
    return len(rows)


def _chain(rows: list[tuple[int, UUID]]) -> None:
    before = Sequence.objects.filter(stream=AUDIT, seq=rows[0][0] - 1).values_list("hash", flat=True).first()
    entries = AuditEntry.objects.in_bulk([row for _, row in rows])
    link = bytes(before or b"")
    numbers = {number.row: number for number in Sequence.objects.filter(stream=AUDIT, seq__gte=rows[0][0])}
    for seq, row in rows:
        link = numbers[row].hash = audit_hash(link, seq, entries[row])
    Sequence.objects.bulk_update(numbers.values(), ["hash"], batch_size=1000)
    transaction.on_commit(partial(anchor.note, rows[-1][0], link))


def audit_hash(before: bytes, seq: int, entry: AuditEntry) -> bytes:
    """The chained hash of one audit row."""
    return hashlib.sha256(
        before + seq.to_bytes(8, "big") + msgspec.json.encode(_canonical(entry), order="sorted")
    ).digest()


def _canonical(entry: AuditEntry) -> dict[str, Any]:
    fields = ("id", "at", "actor", "action", "subject", "target", "purpose", "details")
    return {name: getattr(entry, name) for name in fields}
