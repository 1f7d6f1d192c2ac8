"""`manage.py import_events --source S FILE --mapping M.json`: what happened, row by row."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp.core.types import now
from cdp.ingestion import preview, sources
from cdp.ingestion.importing import add_arguments, imported, require_columns, show_preview, source_and_table
from cdp.ingestion.mapping import event_mapping
from cdp.ingestion.rows import EventRows


class Command(BaseCommand):
    help = "Import events from CSV, NDJSON, Parquet or Excel after a mapping; running it again doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)
        parser.add_argument("--mapping", type=Path, required=True, help="JSON that says which column means what")

    def handle(self, *args: Any, **options: Any) -> None:
        source, table = source_and_table(options)
        try:
            mapping = event_mapping(options["mapping"])
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from None
        require_columns(table, mapping.columns())
        rows = EventRows(mapping, source, sources.plan(), now())
        if options["preview"]:
            show_preview(self.stdout, mapping, preview.told(preview.sample(table), rows))
            return
        imported(self.stdout, table, rows)
