"""Importing a file: stream, translate, keep ten thousand rows a transaction, tell how far it is."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from cdp.events.types import KnownSource, Refusal
from cdp.ingestion import actions
from cdp.ingestion.actions import Outcome, Parcel
from cdp.ingestion.files import Line, Table
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows

ROWS_A_COMMIT = 10_000
Progress = Callable[[float, Outcome], None]


def run(table: Table, rows: EventRows | RecordRows, progress: Progress) -> Outcome:
    """Import every line of `table`; bad ones go to quarantine with their place, and never stop the file.

    Safe to run again after any interruption: what was kept is a repeat.
    """
    outcome = Outcome()
    for chunk in _chunks(table.lines, ROWS_A_COMMIT):
        outcome += actions.keep(_parcel(chunk, table.name, rows), rows.source)
        progress(table.done(), outcome)
    return outcome


def _chunks(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, size)):
        yield chunk


def _parcel(chunk: list[Line], file: str, rows: EventRows | RecordRows) -> Parcel:
    parcel = Parcel.empty()
    for line in chunk:
        try:
            event = rows(line)
            said = rows.consents(line, event) if isinstance(rows, RecordRows) else []
        except Exception as error:
            parcel.refusals.append(_refusal(rows.source, line, actions.reason_of(error), rows.received_at, file))
            continue
        parcel.events.append(event)
        if said:
            parcel.consents[event.message_id] = said
    return parcel


def _refusal(source: KnownSource, line: Line, reason: str, received_at: datetime, file: str) -> Refusal:
    return actions.refusal(source, line.cells, reason, received_at, f"{file}:{line.number}")
