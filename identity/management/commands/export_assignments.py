"""Write which profile each record belongs to, as CSV: profile_id, source, external_id."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core.actions import audit
from cdp.core.types import Actor
from identity import queries


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            count = _write(file)
        except OSError as error:
            raise CommandError(f"The file cannot be written ({error}).") from None
        audit(Actor.system("export_assignments"), "assignments.exported", count=count)
        self.stdout.write(f"{count:,} records written to {file}")


def _write(file: Path) -> int:
    """How many records were written."""
    count = 0
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["profile_id", "source", "external_id"])
        for row in queries.assignments():
            writer.writerow(row)
            count += 1
    return count
