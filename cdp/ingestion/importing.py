"""What the two import commands share: options, progress on a terminal or in plain lines, the final counts."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandError, OutputWrapper
from django.utils.translation import gettext as _
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cdp.events import queries
from cdp.events.types import QUARANTINE_REASONS, KnownSource
from cdp.ingestion import imports
from cdp.ingestion.actions import Outcome
from cdp.ingestion.files import Table
from cdp.ingestion.mapping import EventMapping, RecordMapping, content_of
from cdp.ingestion.opening import open_path
from cdp.ingestion.preview import Told
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows

_SECONDS_BETWEEN_LINES = 2.0


def add_arguments(parser: ArgumentParser) -> None:
    """The options of every import."""
    parser.add_argument("file", type=Path, help="CSV, NDJSON, Parquet or Excel (.xlsx), also as .gz or alone in a .zip")
    parser.add_argument("--source", required=True, help="name of the source, as given to create_source")
    parser.add_argument("--preview", action="store_true", help="tell what the first rows would become; keep nothing")


def source_and_table(options: dict[str, Any]) -> tuple[KnownSource, Table]:
    """The named source and the opened file, or a sentence that says what is wrong."""
    source = queries.source_by_name(options["source"])
    if source is None:
        raise CommandError(_("There is no source of that name: make one with create_source."))
    if not options["file"].is_file():
        raise CommandError(_("There is no such file."))
    try:
        return source, open_path(options["file"])
    except (ValueError, OSError) as error:
        raise CommandError(_("The file cannot be read: %(why)s") % {"why": error}) from None


def require_columns(table: Table, named: set[str]) -> None:
    """Refuse a mapping that names columns which the file has not."""
    missing = sorted(named - set(table.columns)) if table.columns is not None else []
    if missing:
        raise CommandError(_("The file has no column: %(names)s") % {"names": ", ".join(missing)})


@contextmanager
def shown(out: OutputWrapper, name: str) -> Iterator[imports.Progress]:
    """Something to call with the share done and the counts so far."""
    if out.isatty():
        columns = (TextColumn(name), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]:,}"))
        with Progress(*columns, TimeRemainingColumn()) as bar:
            task = bar.add_task(name, total=1.0, rows=0)
            yield lambda share, outcome: bar.update(task, completed=share, rows=outcome.received)
    else:
        yield _plain_lines(out)


def imported(out: OutputWrapper, table: Table, rows: EventRows | RecordRows) -> None:
    """Import it, and tell what became of it; what was kept before a fault stays, and is a repeat the next time."""
    try:
        with shown(out, table.name) as progress:
            outcome = imports.run(table, rows, progress)
    except ValueError as error:
        raise CommandError(_("The file cannot be read: %(why)s") % {"why": error}) from None
    report(out, outcome)


def _plain_lines(out: OutputWrapper) -> imports.Progress:
    last = [time.monotonic()]

    def show(share: float, outcome: Outcome) -> None:
        if time.monotonic() - last[0] >= _SECONDS_BETWEEN_LINES:
            last[0] = time.monotonic()
            out.write(f"{share:.0%}  {outcome.received:,}")

    return show


def show_preview(out: OutputWrapper, mapping: EventMapping | RecordMapping, rows: list[Told]) -> None:
    """The mapping as JSON, to be kept in a file and mended, and what the first rows would become by it."""
    _kind, content = content_of(mapping)
    out.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())
    for row in rows:
        told = " · ".join(f"{what}: {value}" for what, value in row.said)
        why = QUARANTINE_REASONS.get(row.refused, "")
        out.write(f"{row.number}  " + (f"{_('quarantined')}: {row.refused}. {why}" if row.refused else told))


def report(out: OutputWrapper, outcome: Outcome) -> None:
    """The final counts; what went to quarantine by reason."""
    counts = {
        _("rows"): outcome.received,
        _("taken"): outcome.taken,
        _("repeated"): outcome.repeated,
        _("quarantined"): outcome.quarantined,
        _("suppressed"): outcome.suppressed,
        _("without the consent that the source requires"): outcome.unconsented,
    }
    out.write(", ".join(f"{name}: {number}" for name, number in counts.items()))
    for reason, number in sorted(outcome.reasons.items()):
        out.write(f"  {reason}: {number}. {QUARANTINE_REASONS.get(reason, '')}".rstrip())
