"""Generate a retailer's customers, bring them in through the real doors, resolve, segment, serve."""

import signal
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from cdp.core.progress import Progress
from cdp.demo import summary
from cdp.demo.processes import Processes
from cdp.demo.quickstart import Quickstart, Setup, remembered

LAST_PORT = 2**16 - 1


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=5000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--now", type=_moment, default=None, help="ISO 8601; the data end here (default: now)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="stop after the summary")

    def handle(self, *, people: int, seed: int, now: datetime | None, port: int, no_serve: bool, **_: Any) -> None:
        if not settings.CDP_DEBUG:
            raise CommandError("The demonstration is for an empty pilot: unset DATABASE_URL, or set CDP_DEBUG=1.")
        if people < 1 or not 0 < port <= LAST_PORT:
            raise CommandError(f"Give at least one of --people, and a --port between 1 and {LAST_PORT:,}.")
        console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110)
        call_command("migrate", verbosity=0)
        setup = remembered(Setup(people, seed, now or datetime.now(UTC).replace(microsecond=0)))
        if (setup.people, setup.seed) != (people, seed):
            console.print(
                f"This database holds the demonstration of {setup.people:,} people (seed {setup.seed}) and keeps it. "
                "For another, point CDP_HOME at an empty folder."
            )
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.default_int_handler)
        try:
            with Processes(port) as processes:
                self._run(setup, processes, console, serve=not no_serve)
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            console.print("Stopped before it was done. Run it again: it goes on from there.")
            raise SystemExit(130) from None

    def _run(self, setup: Setup, processes: Processes, console: Console, *, serve: bool) -> None:
        with Progress("Quickstart", console) as progress:
            outcome = Quickstart(setup, processes, progress).run()
            progress.title = "Summing up"
            progress.step()
        summary.show(outcome, processes.port, console)
        if serve:
            console.print(f"\nServing on http://127.0.0.1:{processes.port}/ until Ctrl-C.")
            try:
                processes.watch()
            except KeyboardInterrupt:
                console.print("Stopping.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write it like 2026-05-01T09:00+09:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
