"""Rows of files to new events: what a row happened to be, or what it says about a person."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from cdp.core import crypto
from cdp.core.money import major_units
from cdp.events.types import KnownSource, NewEvent, Violation
from cdp.ingestion import money, who
from cdp.ingestion.classify import column, opaque, split
from cdp.ingestion.clock import plausible
from cdp.ingestion.errors import Flaw
from cdp.ingestion.files import Line
from cdp.ingestion.mapping import ColumnOrConstant, EventMapping, zone_of
from cdp.ingestion.messages import LONGEST_MESSAGE_ID, LONGEST_NAME, REFUNDED
from cdp.ingestion.plan import Plan
from cdp.ingestion.shapes import personal_shape
from cdp.ingestion.vocabulary import is_personal_name

_TIME = re.compile(
    r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?:\D{1,3}(\d{1,2}):(\d{2})(?::(\d{2}))?)?\D?"
)  # fmt: skip
_NOT_IN_AMOUNTS = str.maketrans("", "", ", ₩￦원$€£¥")


class Occurrences:
    """Numbers lines of equal content within a file, so that each is a line of its own and stays so when read again."""

    def __init__(self) -> None:
        self._seen: set[int | str] = set()
        self._again: dict[int | str, int] = {}

    def __call__(self, key: int | str) -> int:
        """The how manieth line of this key it is: 1, 2, …"""
        if key not in self._seen:
            self._seen.add(key)
            return 1
        self._again[key] = number = self._again.get(key, 1) + 1
        return number


class EventRows:
    """Turns lines into events after a mapping, each with its `message_id`."""

    def __init__(self, mapping: EventMapping, source: KnownSource, plan: Plan, received_at: datetime) -> None:
        self.mapping, self.source, self.received_at = mapping, source, received_at
        self._zone = zone_of(mapping.zone, source.zone)
        self.plan, self.violations = plan, Counter[Violation]()
        self._known = frozenset(name for name in mapping.properties.values() if not is_personal_name(name))
        self._occurrence = Occurrences()

    def message_id(self, line: Line) -> str:
        """The message id of the file's next line, whether it fits or not: so the ids of the others depend on none."""
        given = line.cells.get(self.mapping.message_id) if self.mapping.message_id else None
        if given is None:
            return self._content_id(row_text(line.cells))
        number = self._occurrence(str(given))
        text = str(given) if number == 1 else f"{given}#{number}"
        return text if len(text) <= LONGEST_MESSAGE_ID and personal_shape(text) is None else opaque(text)

    def _content_id(self, text: str) -> str:
        id_ = crypto.record_id(self.source.id, "row", text)
        number = self._occurrence(id_.int)
        return str(id_ if number == 1 else crypto.record_id(self.source.id, "row", f"{text}#{number}"))

    def __call__(self, line: Line, message_id: str) -> NewEvent:
        """The event of one line; `Flaw` when something it needs cannot be read."""
        cells, mapping = line.cells, self.mapping
        if line.flaw is not None:
            raise Flaw(line.flaw)
        occurred, flags = self._time(cells.get(mapping.time))
        kind, external_id, leaf_ids, identifiers = self._holder(cells, message_id)
        name, amount = self._name_and_money(cells)
        said = {name: cells[column] for column, name in mapping.properties.items() if column in cells}
        off_plan = self.plan.hold(self.source.id, name, self._all_said(said, cells, amount), self.violations)
        clear, hidden = split(said, self.plan.of_event(self.source.id, name), self._known)
        hidden |= {column: cells[column] for column in mapping.sealed if column in cells}
        parts = {"leaf_ids": leaf_ids, "identifiers": identifiers, "properties": hidden}
        return NewEvent(
            source=self.source.id,
            message_id=message_id,
            type="track",
            name=name,
            record=who.record_id(self.source.id, kind, external_id),
            kind=kind,
            leaves={leaf: who.record_id(self.source.id, leaf, id_) for leaf, id_ in leaf_ids.items()},
            occurred_at=occurred,
            received_at=self.received_at,
            flags=flags + off_plan,
            brand=self.source.brand,
            properties=clear,
            sealed={"external_id": external_id} | {part: held for part, held in parts.items() if held},
            order_id=column(cells.get(mapping.order or "")),
            place=column(cells.get(mapping.place or "")),
            **amount,
        )

    def _all_said(self, said: Mapping[str, Any], cells: Mapping[str, Any], amount: Mapping[str, Any]) -> dict[str, Any]:
        """With what the mapping says of an order, as an SDK would have sent it, money in major units."""
        if not self.plan.rules:
            return {}
        order = cells.get(self.mapping.order or "")
        sold = (
            {"revenue": major_units(amount["revenue"], amount["currency"]), "currency": amount["currency"]}
            if amount
            else {}
        )
        return ({} if order is None else {"order_id": order}) | sold | dict(said)

    def _time(self, cell: Any) -> tuple[datetime, tuple[str, ...]]:
        moment = read_local_time(cell, self._zone)
        if moment is None:
            raise Flaw("bad_time")
        return plausible(moment, self.received_at)

    def _holder(
        self, cells: Mapping[str, Any], message_id: str
    ) -> tuple[str, str, dict[str, str], dict[str, list[str]]]:
        """(kind, external id, leaves, identifiers): the customer's record, else the receipt's, else that of this line,
        when it carries an identifier by which somebody may be found."""
        mapping = self.mapping
        customer = who.usable(cells.get(mapping.customer.column)) if mapping.customer else None
        receipt = who.usable(cells.get(mapping.receipt)) if mapping.receipt else None
        named = {kind: who.usable(cells.get(column)) for kind, column in mapping.identifiers.items()}
        identifiers = {kind: [value] for kind, value in named.items() if value is not None}
        if customer is not None and mapping.customer is not None:
            return mapping.customer.kind, customer, {"receipt": receipt} if receipt else {}, identifiers
        if receipt is None and not identifiers:
            raise Flaw("no_identity")
        return "receipt", receipt or message_id, {}, identifiers

    def _name_and_money(self, cells: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        event = self.mapping.event
        name = event.constant if event.column is None else cells.get(event.column)
        if type(name) is not str or not name:
            raise Flaw("no_event_name")
        if event.column is not None:
            _require_harmless(name)
        number = self._amount(cells)
        if number is None:
            return name, {}
        currency = self._currency(cells)
        minor = money.minor_units(number, currency)
        if minor < 0 and self.mapping.refund and self.mapping.refund.when_negative:
            name = REFUNDED
        return name, {"revenue": abs(minor) if name == REFUNDED else minor, "currency": currency}

    def _amount(self, cells: Mapping[str, Any]) -> Any:
        mapping = self.mapping
        if mapping.money is not None and mapping.money in cells:
            return read_amount(cells[mapping.money])
        if mapping.quantity in cells and mapping.price in cells:
            return money.product(read_amount(cells[str(mapping.quantity)]), read_amount(cells[str(mapping.price)]))
        return None

    def _currency(self, cells: Mapping[str, Any]) -> str:
        stated = self.mapping.currency
        if isinstance(stated, ColumnOrConstant):
            stated = stated.constant or cells.get(str(stated.column))
        if stated is None:
            return self.source.currency
        if not money.is_currency(stated):
            raise Flaw("bad_currency")
        return str(stated)


def row_text(cells: Mapping[str, Any]) -> str:
    """A row's canonical content: names in order, blanks absent."""
    return msgspec.json.encode(cells, order="sorted").decode()


def read_local_time(cell: Any, zone: ZoneInfo) -> datetime | None:
    """A moment in UTC from ISO 8601 or year-first dates with any separators, local to `zone` unless they say more."""
    if type(cell) is int:
        cell = str(cell)
    return _read_local_time(cell, zone) if type(cell) is str else None


@lru_cache(maxsize=65536)
def _read_local_time(text: str, zone: ZoneInfo) -> datetime | None:
    moment = _plain_time(text)
    try:
        return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC) if moment else None
    except OverflowError:
        return None


def _plain_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _loose_time(text)


def _loose_time(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the caller knows the zone
    except ValueError:
        return None


def read_amount(cell: Any) -> Any:
    """The decimal of a cell, with or without a currency sign and separators; `Flaw` for anything else."""
    if type(cell) is str:
        cell = cell.translate(_NOT_IN_AMOUNTS)
    number = money.amount(cell) if type(cell) in (str, int, float) else None
    if number is None:
        raise Flaw("bad_money")
    return number


def _require_harmless(name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise Flaw("name_too_long")
    if personal_shape(name) is not None:
        raise Flaw("personal_name")
