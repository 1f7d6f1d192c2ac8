"""`manage.py consume_kafka --source S --topic T --mapping M.json --properties kafka.properties`."""

import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.ingestion import streams
from cdp.ingestion.actions import Outcome
from cdp.ingestion.importing import report
from cdp.ingestion.mapping import AnyMapping, event_mapping, record_mapping

SECONDS_BETWEEN_LINES = 10.0


class Command(BaseCommand):
    help = "Keep the JSON messages of a Kafka topic as events or records, until it is ended; a restart doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--source", required=True, help="name of the source, as given to create_source")
        parser.add_argument("--topic", required=True)
        parser.add_argument("--mapping", type=Path, required=True, help="JSON that says which member means what")
        parser.add_argument("--holds", choices=("events", "records"), default="events")
        parser.add_argument(
            "--properties", type=Path, help="file of name=value lines for librdkafka: bootstrap.servers, …"
        )
        parser.add_argument("--servers", help="host:port, in place of bootstrap.servers in the file")
        parser.add_argument("--group", default="cdp", help="consumers of one group share the partitions")
        parser.add_argument("--to-the-end", action="store_true", help="end once all that is there is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        stop, told = Event(), _Lines(self.stdout)
        try:
            said = streams.properties(options["properties"])
            said |= {"bootstrap.servers": options["servers"]} if options["servers"] else {}
            mapping = _mapping(options["holds"], options["mapping"])
            consumer = streams.connected(said, options["topic"], options["group"])
            with _ended_by(stop):
                outcome = streams.follow(
                    consumer, options["source"], mapping, told, stop, to_the_end=options["to_the_end"]
                )
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from None
        report(self.stdout, outcome)


def _mapping(holds: str, path: Path) -> AnyMapping:
    try:
        return event_mapping(path) if holds == "events" else record_mapping(path)
    except ValueError as error:
        raise CommandError(_("The mapping cannot be used: %(why)s") % {"why": error}) from None


@contextmanager
def _ended_by(stop: Event) -> Iterator[None]:
    """SIGTERM and SIGINT set it, for as long as the block lasts."""
    before = {number: signal.signal(number, lambda *_about: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Lines:
    """Tells how many there were, no more often than every few seconds."""

    def __init__(self, out: Any) -> None:
        self._out, self._at = out, time.monotonic()

    def __call__(self, outcome: Outcome) -> None:
        if time.monotonic() - self._at >= SECONDS_BETWEEN_LINES:
            self._at = time.monotonic()
            self._out.write(f"{outcome.received:,}")
