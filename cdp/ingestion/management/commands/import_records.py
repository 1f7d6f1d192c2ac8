"""`manage.py import_records --source S FILE [--mapping M.json]`: what a source knows of its people."""

from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.types import now
from cdp.events.types import KnownSource
from cdp.ingestion import preview, sources
from cdp.ingestion.files import Table
from cdp.ingestion.importing import add_arguments, imported, require_columns, show_preview, source_and_table
from cdp.ingestion.mapping import RecordMapping, record_mapping
from cdp.ingestion.records import CONSENT, RecordRows


class Command(BaseCommand):
    help = "Import records of people from CSV, NDJSON, Parquet or Excel; running it again doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)
        parser.add_argument(
            "--mapping", type=Path, help='JSON such as {"columns": {"이름": "full_name"}, "sealed": []}'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source, table = source_and_table(options)
        mapping = _mapping(options["mapping"])
        if options["preview"]:
            self._preview(source, table, mapping if options["mapping"] else None)
            return
        require_columns(table, mapping.named())
        if twice := mapping.made_twice(table.columns or ()):
            raise CommandError(_("More than one column makes: %(names)s") % {"names": ", ".join(sorted(twice))})
        rows = RecordRows(mapping, source, sources.plan(), now())
        made = [*mapping.joined(dict.fromkeys(table.columns or ()))]
        _require_key(table.columns, {*made, *mapping.join})
        mapped = [f"{CONSENT}{column.category()}" for column in mapping.consents.values()]
        _require_consents(rows, [*made, *mapped])
        imported(self.stdout, table, rows)
        if rows.undated:
            said = _("%(number)d consents name no time (consent_at or updated_at) and grant nothing.")
            self.stdout.write(said % {"number": rows.undated})

    def _preview(self, source: KnownSource, table: Table, mapping: RecordMapping | None) -> None:
        lines = preview.sample(table)
        columns = table.columns or list(dict.fromkeys(name for line in lines for name in line.cells))
        mapping = mapping or preview.guessed(columns, lines, source)
        show_preview(self.stdout, mapping, preview.told(lines, RecordRows(mapping, source, sources.plan(), now())))


def _mapping(path: Path | None) -> RecordMapping:
    try:
        return record_mapping(path)
    except OSError:
        raise CommandError(_("There is no such mapping.")) from None
    except ValueError as error:
        raise CommandError(str(error)) from None


def _require_key(columns: Sequence[str] | None, made: Collection[str]) -> None:
    """Refuse a file none of whose columns says whose row it is."""
    if columns and not {"external_id", "user_id"}.intersection(made):
        # The columns are not told: a file without a header names people where it should name columns.
        raise CommandError(
            _('No column says whose row it is. Map the one that does: {"columns": {"COLUMN": "external_id"}}.')
        )


def _require_consents(rows: RecordRows, columns: Iterable[str]) -> None:
    """Refuse a file with a column of consents that would be written nowhere."""
    named = [name for name in columns if name.startswith(CONSENT) and not rows.is_consent(name.removeprefix(CONSENT))]
    if named:
        said = _(
            "There is no such purpose or contact channel: %(names)s. Write consent:PURPOSE or consent:PURPOSE:CHANNEL."
        )
        raise CommandError(said % {"names": ", ".join(sorted(named))})
