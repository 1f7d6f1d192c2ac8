"""`manage.py lake`: how far the lake has come, bring it up to date, write it anew."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdp.lake import actions, queries
from cdp.lake.types import LakeState


class Command(BaseCommand):
    help = "status: files, rows, lag; append: bring it up to date now; rebuild: write all of it anew from PostgreSQL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["status", "append", "rebuild"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "rebuild":
            actions.start_over()
        if options["what"] != "status":
            self.stdout.write(f"appended {actions.keep_up():,} events")
        self.stdout.write(_told(queries.state()))


def _told(state: LakeState) -> str:
    lag = "up to date" if state.lag is None else f"{state.lag.total_seconds():.0f} s behind"
    return f"{state.files} files, {state.rows:,} events, {state.bytes / 1e6:,.1f} MB, {lag}"
