"""How good the profiles are: against a known truth (a CSV of source, external_id, person), or by stewards' verdicts."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.estimation import Estimate
from identity.evaluation import Judged, evaluate_truth, evaluate_verdicts, recall_ceiling


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        asked = parser.add_mutually_exclusive_group(required=True)
        asked.add_argument("--truth", type=Path, help="a CSV file of source, external_id, person")
        asked.add_argument("--verdicts", action="store_true", help="estimate from verdicts on pairs drawn at random")

    def handle(self, *, truth: Path | None, verdicts: bool, **_: Any) -> None:
        if truth is not None:
            self._tell_truth(truth)
        if verdicts:
            self._tell_verdicts()

    def _tell_truth(self, truth: Path) -> None:
        try:
            quality, missing = evaluate_truth(truth)
            ceiling = recall_ceiling(truth)
        except (OSError, KeyError, ValueError, csv.Error) as error:
            raise CommandError(
                f"The truth must be a CSV file with columns source, external_id, person ({error})."
            ) from None
        self.stdout.write(
            f"records            {quality.records:,} ({missing:,} of them unknown here)\n"
            f"pair precision     {quality.pair_precision:.4f}\n"
            f"pair recall        {quality.pair_recall:.4f}\n"
            f"recall ceiling     {'—' if ceiling is None else f'{ceiling:.4f}'}  (of blocking and identifiers)\n"
            f"pair F1            {quality.pair_f1:.4f}\n"
            f"B³ F1              {quality.b3_f1:.4f}  (precision {quality.b3_precision:.4f}, recall {quality.b3_recall:.4f})\n"
            f"largest profile    {quality.largest} records"
        )

    def _tell_verdicts(self) -> None:
        found = evaluate_verdicts()
        for judged in found.models:
            self._tell_model(judged)
        if not found.models:
            self.stdout.write("no pair was drawn at random yet")
        self.stdout.write(f"agreement with the model           {_share(found.agreed, found.compared)}")
        for reason, words in found.by_reason.items():
            told = ", ".join(f"{number:,} {word.replace('_', ' ')}" for word, number in sorted(words.items()))
            self.stdout.write(f"{reason:<34} {told}")

    def _tell_model(self, judged: Judged) -> None:
        ceiling = "—" if judged.ceiling is None else f"{judged.ceiling:.4f}"
        self.stdout.write(
            f"model {judged.model or 'unknown'} ({judged.state or 'gone'})\n"
            f"  precision of automatic links     {_told(judged.precision)}\n"
            f"  recall among compared pairs      {_told(judged.recall)}\n"
            f"  share of near misses that match  {_told(judged.missed)}\n"
            f"  recall ceiling of blocking       {ceiling}"
        )


def _told(found: Estimate | None) -> str:
    if found is None:
        return "not enough verdicts on pairs drawn at random yet"
    return f"{found.share:.4f}  (95%: {found.low:.4f} to {found.high:.4f}; {found.verdicts:,} verdicts on {found.drawn:,} drawn)"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}  ({part:,} of {whole:,} verdicts)" if whole else "no verdict on a scored pair yet"
