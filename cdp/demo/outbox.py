"""Where generated facts wait to be written: SDK messages in order of time, and tables with their mappings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import msgspec

from cdp.demo.chance import SEOUL, Calendar
from cdp.demo.people import Person
from cdp.demo.records import Record

JSON = msgspec.json.Encoder()


@dataclass(slots=True)
class Table:
    """A file for `import_records` or `import_events`: `path` below the folder, without its ending."""

    path: str
    source: str
    header: tuple[str, ...]
    mapping: dict[str, object] | None = None
    encoding: str = "utf-8"
    rows: list[tuple[object, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order or receipt of a person, in whole won; refunds are not subtracted."""

    when: datetime
    person: Person
    record: Record
    order: str
    amount: int


class Outbox:
    """Collects everything the sources will send; one a retailer."""

    def __init__(self, rng: Random, calendar: Calendar) -> None:
        self.rng, self.calendar, self.now = rng, calendar, calendar.now
        self.streams: defaultdict[str, list[tuple[datetime, bytes]]] = defaultdict(list)
        self.tables: dict[str, Table] = {}
        self.purchases: list[Purchase] = []
        self.numbers: defaultdict[str, int] = defaultdict(int)

    def send(self, source: str, when: datetime, message: Mapping[str, object]) -> None:
        """One SDK message; `when` orders the stream as the client would have sent it."""
        self.streams[source].append((when, JSON.encode(message)))

    def table(self, table: Table) -> Table:
        return self.tables.setdefault(table.path, table)

    def number(self, prefix: str) -> str:
        """The next number of a series: orders, receipts, calls."""
        self.numbers[prefix] += 1
        return f"{prefix}{self.numbers[prefix]:07d}"


def utc_text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(when: datetime) -> str:
    """The clock on the wall in Seoul, to the second, as tills and desks write it."""
    return when.astimezone(SEOUL).strftime("%Y-%m-%d %H:%M:%S")
