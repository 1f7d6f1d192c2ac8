"""Rows about people to new events: canonical attributes, identifiers, consents, and the rest clear or sealed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cdp.core import crypto
from cdp.events.types import KnownSource, NewEvent, Violation
from cdp.ingestion import consents, who
from cdp.ingestion.classify import split
from cdp.ingestion.clock import plausible
from cdp.ingestion.errors import Flaw
from cdp.ingestion.files import Line
from cdp.ingestion.mapping import ConsentColumn, RecordMapping, zone_of
from cdp.ingestion.plan import Plan
from cdp.ingestion.rows import read_local_time, row_text
from cdp.ingestion.vocabulary import ATTRIBUTES, attribute_of
from consent import queries as consent
from consent.types import NewConsent

NAME = "Record Imported"
METHOD = "import"
CONSENT = "consent:"
_IDENTIFIERS = ("user_id", "loyalty_id")
_OWN = frozenset(("external_id", "user_id", "loyalty_id", "updated_at", "consent_at"))
_TEXTS = (str, int, float)
_STATES = ("granted", "withdrawn", "refused")


class RecordRows:
    """Turns lines into events that say what a source knows of a person.

    `undated` counts the grants that were not recorded because nothing says when they were given.
    """

    def __init__(self, mapping: RecordMapping, source: KnownSource, plan: Plan, received_at: datetime) -> None:
        self.mapping, self.source, self.received_at = mapping, source, received_at
        self.undated = 0
        self._row, self._consents = mapping.joined, mapping.consents
        self._purposes, self._channels = frozenset(consent.purposes()), frozenset(consent.contact_channels())
        self._zone = zone_of(mapping.zone, source.zone)
        declared = dict.fromkeys(mapping.sealed, False) | dict.fromkeys(mapping.clear, True)
        self._plan = {**plan.of_event(source.id, NAME), **declared}
        self.plan, self.violations = plan, Counter[Violation]()

    def message_id(self, line: Line) -> str:
        """The message id of a line, by its content: who is told of twice in the same words is told of once."""
        return str(crypto.record_id(self.source.id, "row", row_text(line.cells)))

    def __call__(self, line: Line, message_id: str) -> NewEvent:
        """The event of one line; `Flaw` when it names nobody or says something that cannot be read."""
        if line.flaw is not None:
            raise Flaw(line.flaw)
        cells = self._row(line.cells)
        kind, external_id = _holder(cells)
        off_plan = self.plan.hold(self.source.id, NAME, cells, self.violations, named=False)
        attributes, rest = self._sorted_out(cells)
        clear, hidden = split(rest, self._plan)
        occurred, flags = self._time(cells.get("updated_at"))
        identifiers = {name: [value] for name in _IDENTIFIERS if (value := who.usable(cells.get(name))) is not None}
        parts = {"identifiers": identifiers, "attributes": attributes, "traits": hidden}
        return NewEvent(
            source=self.source.id,
            message_id=message_id,
            type="row",
            name=NAME,
            record=who.record_id(self.source.id, kind, external_id),
            kind=kind,
            occurred_at=occurred,
            received_at=self.received_at,
            flags=flags + off_plan,
            brand=self.source.brand,
            properties=clear,
            sealed={"external_id": external_id} | {part: held for part, held in parts.items() if held},
        )

    def consents(self, line: Line, event: NewEvent) -> list[NewConsent]:
        """What the consent columns say; a blank says nothing, and a grant without a time of its own grants nothing."""
        cells = self._row(line.cells)
        said = {name.removeprefix(CONSENT): state for name, state in cells.items() if name.startswith(CONSENT)}
        said |= {column.category(): column.state(cells[name]) for name, column in self._mapped(cells)}
        given = self._given_at(cells) if said else None
        lines = []
        for category, state in said.items():
            word = str(state).strip().lower()
            if word not in _STATES or not self.is_consent(category):
                raise Flaw("bad_consent")
            if given is None and word == consents.GRANTED:
                self.undated += 1
            else:
                lines.append(consents.line(event, category, word, given or self.received_at, METHOD))
        return lines

    def _mapped(self, cells: Mapping[str, Any]) -> Iterator[tuple[str, ConsentColumn]]:
        return ((name, column) for name, column in self._consents.items() if cells.get(name) is not None)

    def is_consent(self, category: str) -> bool:
        """Whether PURPOSE or PURPOSE:CHANNEL names what there is."""
        purpose, _, channel = category.partition(":")
        return purpose in self._purposes and (not channel or channel in self._channels)

    def _given_at(self, cells: Mapping[str, Any]) -> datetime | None:
        stated = cells.get("consent_at") or cells.get("updated_at")
        return None if stated is None else self._moment(stated)

    def _moment(self, cell: Any) -> datetime:
        moment = read_local_time(cell, self._zone)
        if moment is None:
            raise Flaw("bad_time")
        return moment

    def _time(self, cell: Any) -> tuple[datetime, tuple[str, ...]]:
        if cell is None:
            return self.received_at, ()
        return plausible(self._moment(cell), self.received_at)

    def _sorted_out(self, cells: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """(canonical attributes, everything else); the canonical name itself goes before other words for it."""
        attributes = {name: str(cells[name]) for name in ATTRIBUTES if type(cells.get(name)) in _TEXTS}
        rest: dict[str, Any] = {}
        for name, cell in cells.items():
            if name in attributes or name in _OWN or name.startswith(CONSENT) or name in self._consents:
                continue
            attribute = attribute_of(name)
            if attribute not in (None, *attributes) and type(cell) in _TEXTS and name not in self._plan:
                attributes[str(attribute)] = str(cell)
            else:
                rest[name] = cell
        return attributes, rest


def _holder(cells: Mapping[str, Any]) -> tuple[str, str]:
    if (key := who.row_key(cells.get("external_id"))) is not None:
        return "customer", key
    if (user := who.usable(cells.get("user_id"))) is not None:
        return "user", user
    raise Flaw("no_identity")
