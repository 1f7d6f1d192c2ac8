"""The records as a batch run read them: what it scored is what it clusters, and none of it is opened twice."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa

from cdp.core.statements import by_number, prepared
from identity import cleaning, run_sql
from identity.linkage import normalise, score
from identity.reading import Reading
from identity.types import Cleaned, Row

# So many records are opened at a time.
BATCH = 2_000
Read = Callable[[list[UUID]], list[Cleaned]]


@dataclass(frozen=True)
class Snapshot:
    """`table`: what records say, cleaned, in the order of their ids; `place`: the row of each; `versions`: those they had,
    row by row."""

    table: pa.Table
    place: Mapping[UUID, int]
    versions: "array[int]"

    def rows(self, records: Iterable[UUID]) -> Iterator[tuple[Any, ...]]:
        """The cleaned columns of records that were read."""
        found = self.table.select(normalise.COLUMNS).take(
            pa.array([self.place[record] for record in records], pa.int64())
        )
        return zip(*(column.to_pylist() for column in found.columns), strict=True)


def taken(persons: list[UUID], read: Read = cleaning.read) -> Snapshot:
    """A snapshot of these records, which are in PostgreSQL's order; `read` reads a batch of them."""
    place: dict[UUID, int] = {}
    versions = array("q")

    def cleaned() -> Iterator[tuple[str, Row]]:
        for start in range(0, len(persons), BATCH):
            for record in read(persons[start : start + BATCH]):
                place[record.id] = len(versions)
                versions.append(record.version)
                yield str(record.id), record.row

    return Snapshot(score.tabulate(cleaned()), place, versions)


class SnapshotReading(Reading):
    """Takes records that have not changed since from a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def cleaned(self, ids: Iterable[UUID]) -> list[Cleaned]:
        wanted = by_number(set(ids))
        heads = prepared(run_sql.HEADS, [wanted])
        known = [head for head in heads if self._is_unchanged(head[0], head[2])]
        rows = self._snapshot.rows(head[0] for head in known)
        found = {
            record: Cleaned(record, profile, version, dict(zip(normalise.COLUMNS, row, strict=True)))
            for (record, profile, version), row in zip(known, rows, strict=True)
        }
        found |= {record.id: record for record in super().cleaned(set(wanted) - found.keys())}
        return [found[record] for record in wanted if record in found]

    def _is_unchanged(self, record: UUID, version: int) -> bool:
        place = self._snapshot.place.get(record)
        return place is not None and self._snapshot.versions[place] == version
