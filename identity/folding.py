"""Writes of records: what events say folded in, sealed, and indexed by identifiers and blocking keys."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from cdp.core import crypto
from cdp.core.indexing import BlindIndex
from cdp.core.statements import by_number, execute_over, fetch, prepared
from identity import cleaning, online, queries, sql
from identity.fold import fold, is_full
from identity.reading import Reading
from identity.types import LEAVES, Folded, OpenRecord, Row, Seen

# More holders than this and a value says where somebody typed, not who they are.
MOST_HOLDERS = 50


def fold_events(events: Collection[Seen], keys: Mapping[UUID, crypto.RecordKey], reading: Reading) -> set[UUID]:
    """Fold events into their records, whose data keys are `keys`; returns the records whose links or profile may have to
    change. Order and repetition do not matter.
    """
    by_record: dict[UUID, list[Seen]] = defaultdict(list)
    for event in events:
        by_record[event.record].append(event)
    known = {record.id: record for record in reading.records(by_record, keys)}
    folded, rows = _fold_each(by_record, known)
    _save_records(by_record, folded, rows, keys)
    for record in folded:
        reading.keep(_opened(by_record[record], folded[record], known.get(record)), rows.get(record))
    save_identifiers(folded, reading.index)
    _save_claims(events)
    seen_again = by_record.keys() - folded.keys()
    execute_over(sql.SEE_RECORDS, [(record, *_period(by_record[record])) for record in seen_again])
    claimants = {event.record for event in events if event.leaves}
    shared = _block_shared_values(by_number(folded))
    carry_blocks(folded, reading.index)
    return folded.keys() | claimants | shared | online.save_keys(rows, reading)


def _fold_each(
    by_record: dict[UUID, list[Seen]], known: dict[UUID, OpenRecord]
) -> tuple[dict[UUID, Folded], dict[UUID, Row]]:
    """The records that come out different, folded, and what linkage compares of those persons' of whom that may differ."""
    changed, rows = {}, {}
    for record, said in by_record.items():
        before = known[record].folded if record in known else None
        was, current = (msgspec.json.encode(before), before.current()) if before else (b"", None)
        folded = fold(before or Folded(), said)
        if msgspec.json.encode(folded) != was:
            changed[record] = folded
            if said[0].kind not in LEAVES and folded.current() != current:
                rows[record] = cleaning.clean(folded)
    return changed, rows


def _opened(said: list[Seen], folded: Folded, before: OpenRecord | None) -> OpenRecord:
    """A record as it stands after folding."""
    one, (first, last) = said[0], _period(said)
    if before is None:
        return OpenRecord(one.record, one.source, one.kind, one.kind in LEAVES, None, 0, first, last, folded)
    first, last = min(before.first_seen, first), max(before.last_seen, last)
    return replace(before, version=before.version + 1, folded=folded, first_seen=first, last_seen=last)


def _period(said: list[Seen]) -> tuple[datetime, datetime]:
    times = [event.at for event in said]
    return min(times), max(times)


def _save_records(
    by_record: dict[UUID, list[Seen]],
    folded: dict[UUID, Folded],
    cleaned: Mapping[UUID, Row],
    keys: Mapping[UUID, crypto.RecordKey],
) -> None:
    rows = []
    for record, part in folded.items():
        said, key = by_record[record], keys[record]
        head = (record, said[0].source, said[0].kind, said[0].kind in LEAVES)
        blob = crypto.seal(key, queries.TABLE, queries.COLUMN, part.said())
        row = cleaning.sealed(cleaned[record], key) if record in cleaned else None
        rows.append((*head, blob, row, Jsonb(part.traits), 0, *_period(said)))
    execute_over(sql.SAVE_RECORDS, rows)


def save_identifiers(folded: Mapping[UUID, Folded], index: BlindIndex) -> None:
    """Index these records by their identifiers, in each generation that is written. Call it under the identity lock."""
    rows = [
        (record, kind, generation.of(kind, value), first, last, generation.number)
        for record, part in folded.items()
        for kind, periods in part.identifiers.items()
        for value, (first, last) in periods.items()
        for generation in index.written
    ]
    execute_over(sql.SAVE_IDENTIFIERS, rows)
    full = {record for record, part in folded.items() if is_full(part)}
    kept = [row[:3] for row in rows if row[0] in full]
    if kept:
        prepared(sql.DROP_IDENTIFIERS, [by_number(full), *(list(part) for part in zip(*kept, strict=True))])


def carry_blocks(folded: Mapping[UUID, Folded], index: BlindIndex) -> None:
    """Block in the generation that is filled what these records hold and is blocked in the one that is read."""
    if index.filled is None:
        return
    rows = {
        (kind, index.of(kind, value), index.filled.of(kind, value), index.filled.number)
        for part in folded.values()
        for kind, periods in part.identifiers.items()
        for value in periods
    }
    execute_over(sql.CARRY_BLOCKS, sorted(rows))


def _save_claims(events: Collection[Seen]) -> None:
    earliest: dict[tuple[UUID, UUID], tuple[datetime, str]] = {}
    for event in events:
        for leaf in event.leaves.values() if event.kind not in LEAVES else ():
            said = (event.at, event.message_id)
            earliest[leaf, event.record] = min(earliest.get((leaf, event.record), said), said)
    execute_over(sql.SAVE_CLAIMS, [(leaf, record, *said) for (leaf, record), said in earliest.items()])


def _block_shared_values(records: list[UUID]) -> set[UUID]:
    """Block what too many hold; everyone who held it has to be looked at again."""
    blocked = prepared(sql.BLOCK_SHARED_VALUES, {"records": records, "most": MOST_HOLDERS})
    if not blocked:
        return set()
    kinds, digests = zip(*blocked, strict=True)
    return {row[0] for row in fetch(sql.HOLDERS, [list(kinds), list(digests)])}
