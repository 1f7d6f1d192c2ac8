"""Merge all records into profiles: score with Splink, cluster under constraints, project what follows.

The first run trains the model; later ones keep it. A new one is tried before it is used: see `linkage`.
"""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp import pipeline
from cdp.core.errors import Refused
from cdp.core.progress import Progress

# So many times the records that a model was trained on, and it is worth training anew.
OUTGROWN = 2


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        model = parser.add_mutually_exclusive_group()
        model.add_argument(
            "--keep-model", dest="retrain", action="store_false", default=None,
            help="train none, even if none was trained yet",
        )  # fmt: skip
        model.add_argument(
            "--retrain", action="store_true", default=None, help="train a model and use it at once, untried"
        )
        parser.add_argument(
            "--engine", choices=("duckdb", "spark"), default="duckdb",
            help="what blocks and scores: DuckDB in this process, or Spark as its own configuration says (docs/guides/scale.md)",
        )  # fmt: skip

    def handle(self, *, retrain: bool | None, engine: str, **_: Any) -> None:
        started = time.monotonic()
        try:
            with Progress("Resolving identities") as progress:
                run = pipeline.resolve(progress.say, retrain=retrain, engine=engine)
        except Refused as error:
            raise CommandError(str(error)) from error
        counts = run.counts
        self.stdout.write(
            f"{counts['records']:,} records, {counts['pairs']:,} pairs compared, {counts['links']:,} links; "
            f"{counts['merged']:,} profiles merged, {counts['created']:,} created, {counts['split']:,} split; "
            f"{time.monotonic() - started:.1f} s"
        )
        if "ceiling" in counts:
            self.stdout.write(f"Blocking finds at most {counts['ceiling']:.1%} of the pairs that the model would link.")
        if run.model and counts["records"] > OUTGROWN * run.model.report.get("population", counts["records"]):
            self.stdout.write("The model was trained on far fewer records: try a new one with `linkage train`.")
