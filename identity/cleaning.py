"""What linkage compares of each person's record: cleaned once, when it is folded, and sealed beside the record. Cleaning a
record, or opening all that is known of it, would take longer than comparing it."""

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from cdp.core import crypto
from cdp.core.statements import execute_over, prepared
from identity import queries, sql
from identity.linkage import normalise
from identity.types import Cleaned, Folded, Row

TABLE: Final = "identity_record"
COLUMN: Final = "cleaned"


def clean(said: Folded) -> Row:
    """The columns that linkage compares."""
    return normalise.clean(said.current())


def sealed(row: Row, key: crypto.RecordKey) -> bytes:
    """The columns as they are kept, after the version of the cleaning."""
    return crypto.seal(key, TABLE, COLUMN, [normalise.VERSION, *(row[column] for column in normalise.COLUMNS)])


def read(records: Iterable[UUID]) -> list[Cleaned]:
    """The persons among these records, in order of their ids; cleaned anew where this version of the cleaning did not
    keep them, which `stale` says."""
    rows = prepared(sql.CLEANED, [list(records)])
    keys = crypto.unwrapped(row[-4:] for row in rows)
    found = {row[0]: _kept(keys.get(row[0]), row) for row in rows}
    if unkept := [record for record, known in found.items() if known is None]:
        for record in queries.open_records(unkept):
            row = clean(record.folded)
            found[record.id] = Cleaned(record.id, record.profile, record.version, row, stale=True)
    # One that was erased in between is in neither.
    return [record for record in found.values() if record is not None]


def keep(read: Collection[Cleaned]) -> None:
    """Keep the columns of records that were read as stale. Call it under the identity lock."""
    keys = crypto.existing_data_keys(record.id for record in read)
    rows = [(record.id, sealed(record.row, keys[record.id])) for record in read if record.id in keys]
    execute_over(sql.KEEP_CLEANED, rows)


def _kept(key: crypto.RecordKey | None, row: tuple[Any, ...]) -> Cleaned | None:
    """The record as this version of the cleaning kept it, if it did."""
    record, profile, version, blob, *_ = row
    columns = crypto.unseal(key, TABLE, COLUMN, blob) if blob is not None and key is not None else []
    if columns[:1] != [normalise.VERSION]:
        return None
    return Cleaned(record, profile, version, dict(zip(normalise.COLUMNS, columns[1:], strict=True)))
