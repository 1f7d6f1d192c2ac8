"""Merge all records into profiles: train, score with Splink, cluster under constraints, project what follows."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdp import pipeline
from cdp.core.progress import Progress


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep-model", action="store_true", help="score with the model in use instead of training one"
        )

    def handle(self, *, keep_model: bool, **_: Any) -> None:
        started = time.monotonic()
        with Progress("Resolving identities") as progress:
            run = pipeline.resolve(progress.say, retrain=not keep_model)
        counts = run.counts
        self.stdout.write(
            f"{counts['records']:,} records, {counts['pairs']:,} pairs compared, {counts['links']:,} links; "
            f"{counts['merged']:,} profiles merged, {counts['created']:,} created, {counts['split']:,} split; "
            f"{time.monotonic() - started:.1f} s"
        )
