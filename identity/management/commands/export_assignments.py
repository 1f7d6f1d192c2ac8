"""Write which profile each record belongs to, as CSV: profile_id, source, external_id."""

import csv
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core.actions import disclose
from cdp.core.types import Actor
from identity import queries

ACTOR = Actor.system("export_assignments")
ROWS_A_PART = 10_000


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            count = _write(file)
        except OSError as error:
            raise CommandError(f"The file cannot be written ({error}).") from None
        self.stdout.write(f"{count:,} records written to {file}")


def _write(file: Path) -> int:
    """How many records were written."""
    count, export, rows = 0, str(uuid4()), queries.assignments()
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["profile_id", "source", "external_id"])
        while part := list(islice(rows, ROWS_A_PART)):
            # First into the audit: nothing is in the file that the log does not tell of.
            disclose(
                ACTOR, "assignments.exported", {profile for profile, *_named in part}, export=export, rows=len(part)
            )
            writer.writerows(part)
            count += len(part)
    return count
