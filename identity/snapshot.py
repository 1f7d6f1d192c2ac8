"""The records as a batch run read them: what it scored is what it clusters, and none of it is opened twice."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa

from cdp.core.statements import by_number, prepared
from identity import fold, queries, run_sql
from identity.linkage import normalise, score
from identity.reading import Keys, Reading
from identity.types import Folded, OpenRecord

# So many records are opened at a time.
BATCH = 2_000
Opened = Callable[[list[UUID]], list[OpenRecord]]


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


def taken(persons: list[UUID], opened: Opened = queries.open_records) -> Snapshot:
    """A snapshot of these records, which are in PostgreSQL's order; `opened` opens a batch of them."""
    place: dict[UUID, int] = {}
    versions = array("q")

    def cleaned() -> Iterator[tuple[str, dict[str, str | None]]]:
        for start in range(0, len(persons), BATCH):
            for record in opened(persons[start : start + BATCH]):
                place[record.id] = len(versions)
                versions.append(record.version)
                yield str(record.id), fold.cleaned(record.folded)

    return Snapshot(score.tabulate(cleaned()), place, versions)


class SnapshotReading(Reading):
    """Takes records that have not changed since from a snapshot: of what they say, as they were cleaned only."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def records(self, ids: Iterable[UUID], keys: Keys | None = None) -> list[OpenRecord]:
        wanted = by_number(set(ids))
        heads = prepared(run_sql.HEADS, [wanted])
        known = [head for head in heads if self._is_unchanged(head[0], head[5])]
        rows = self._snapshot.rows(head[0] for head in known)
        found = {
            head[0]: OpenRecord(*(*head, Folded(cleaned=[normalise.VERSION, *row])))
            for head, row in zip(known, rows, strict=True)
        }
        found |= {record.id: record for record in super().records(set(wanted) - found.keys(), keys)}
        return [found[record] for record in wanted if record in found]

    def _is_unchanged(self, record: UUID, version: int) -> bool:
        place = self._snapshot.place.get(record)
        return place is not None and self._snapshot.versions[place] == version
