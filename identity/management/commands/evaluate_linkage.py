"""Compare the profiles with a known truth, a CSV of source, external_id, person."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.evaluation import evaluate_truth


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--truth", type=Path, required=True)

    def handle(self, *, truth: Path, **_: Any) -> None:
        try:
            quality, missing = evaluate_truth(truth)
        except (OSError, KeyError, ValueError, csv.Error) as error:
            raise CommandError(
                f"The truth must be a CSV file with columns source, external_id, person ({error})."
            ) from None
        self.stdout.write(
            f"records            {quality.records:,} ({missing:,} of them unknown here)\n"
            f"pair precision     {quality.pair_precision:.4f}\n"
            f"pair recall        {quality.pair_recall:.4f}\n"
            f"pair F1            {quality.pair_f1:.4f}\n"
            f"B³ F1              {quality.b3_f1:.4f}  (precision {quality.b3_precision:.4f}, recall {quality.b3_recall:.4f})\n"
            f"largest profile    {quality.largest} records"
        )
