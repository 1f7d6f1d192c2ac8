"""Importing a file: stream, translate, keep ten thousand rows a transaction, tell how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from cdp.events import quarantine
from cdp.events.types import NewEvent, Refusal
from cdp.ingestion import actions
from cdp.ingestion.actions import Outcome, Parcel
from cdp.ingestion.consents import withdrawn
from cdp.ingestion.files import Line, Table
from cdp.ingestion.mapping import content_of
from cdp.ingestion.records import METHOD, RecordRows
from cdp.ingestion.rows import EventRows
from consent.types import NewConsent

ROWS_A_COMMIT = 10_000
CHARACTERS_A_COMMIT = 16 * 2**20
_SHORT, _NUMBER = (int, float, bool), 8
# Of a file, as far as quarantine names it.
LONGEST_NAME = 150
Progress = Callable[[float, Outcome], None]


def run(table: Table, rows: EventRows | RecordRows, progress: Progress) -> Outcome:
    """Import every line of `table`; bad ones go to quarantine with their place, and never stop the file.

    Safe to run again after any interruption: what was kept is a repeat.
    """
    reading, outcome = Reading(table.name, rows, quarantine.known_mapping(*content_of(rows.mapping))), Outcome()
    for chunk in chunks(table.lines, ROWS_A_COMMIT):
        outcome += actions.keep(reading.parcel(chunk), rows.source)
        progress(table.done(), outcome)
    return outcome


def chunks(lines: Iterator[Line], most: int) -> Iterator[list[Line]]:
    """Lines, so many at once; fewer where they are long: a row of one megabyte, ten thousand times, fits no memory."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += _size(line)
        if len(chunk) >= most or size >= CHARACTERS_A_COMMIT:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _size(line: Line) -> int:
    """About how many characters a line has, of what is nested as well."""
    return sum(
        len(cell) if type(cell) is str else _NUMBER if type(cell) in _SHORT else len(str(cell))
        for cell in line.cells.values()
    )


@dataclass(frozen=True)
class Reading:
    """A file that is being read, and the id of its mapping."""

    file: str
    rows: EventRows | RecordRows
    mapping: UUID

    def parcel(self, chunk: list[Line]) -> Parcel:
        """The events of some lines; one that does not fit costs the others nothing."""
        parcel = Parcel.empty()
        for line in chunk:
            message_id = self.rows.message_id(line)
            try:
                event, said = read(self.rows, line, message_id)
            except Exception as error:
                parcel.refusals.append(self._refusal(line, message_id, actions.reason_of(error)))
                continue
            parcel.add(event, said)
        parcel.violations.update(self.rows.violations)
        self.rows.violations.clear()
        return parcel

    def _refusal(self, line: Line, message_id: str, reason: str) -> Refusal:
        rows, place = self.rows, f"{self.file[:LONGEST_NAME]}:{line.number}"
        refused = actions.refusal(rows.source, line.cells, reason, rows.received_at, place, message_id)
        return replace(refused, unreadable=line.flaw is not None, mapping=self.mapping, message_id=message_id)


def read(rows: EventRows | RecordRows, line: Line, message_id: str) -> tuple[NewEvent, list[NewConsent]]:
    """The event of one line and what the line says of consent; `Flaw` when it does not fit."""
    event = rows(line, message_id)
    return event, rows.consents(line, event) if isinstance(rows, RecordRows) else withdrawn(event, rows.plan, METHOD)
