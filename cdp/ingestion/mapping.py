"""Which column of a file means what. ValueError, with the place in the file, for a mapping that cannot be meant."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Cells
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from cdp.ingestion.errors import Flaw


class ColumnOrConstant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Either the same for every row, or what a column says."""

    column: str | None = None
    constant: str | None = None


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The column that names whose a row is, and the kind of record it names."""

    column: str
    kind: str = "customer"


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A negative amount is a refund."""

    when_negative: bool = False


class EventMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How rows become events; every value but `event` and `time` may be absent."""

    event: ColumnOrConstant
    time: str
    message_id: str | None = None
    zone: str | None = None
    customer: Customer | None = None
    receipt: str | None = None
    order: str | None = None
    place: str | None = None
    money: str | None = None
    currency: str | ColumnOrConstant | None = None
    refund: Refund | None = None
    quantity: str | None = None
    price: str | None = None
    properties: dict[str, str] = {}
    sealed: list[str] = []
    identifiers: dict[str, str] = {}

    def columns(self) -> set[str]:
        """Every column that is named."""
        named = [
            self.time,
            self.message_id,
            self.receipt,
            self.order,
            self.place,
            self.money,
            self.quantity,
            self.price,
        ]
        named += [self.event.column, self.customer.column if self.customer else None]
        named += [self.currency.column if isinstance(self.currency, ColumnOrConstant) else None]
        return {*filter(None, named), *self.properties, *self.sealed, *self.identifiers.values()}


class ConsentColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column that says yes or no to a purpose, by which words; a blank says nothing."""

    purpose: str
    yes: list[str]
    no: list[str]
    channel: str | None = None

    def category(self) -> str:
        """As a column of our own would be called: PURPOSE or PURPOSE:CHANNEL."""
        return f"{self.purpose}:{self.channel}" if self.channel else self.purpose

    def state(self, cell: Any) -> str | None:
        """What a cell says; None for no word of either kind."""
        word = str(cell).strip().lower()
        states = {"granted": self.yes, "withdrawn": self.no}
        return next((state for state, words in states.items() if word in map(str.lower, words)), None)


class RecordMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How columns are called here, which of them together make one, which say something of consent, and which of the others
    may stand in the clear."""

    columns: dict[str, str] = {}
    join: dict[str, list[str]] = {}
    sealed: list[str] = []
    clear: list[str] = []
    consents: dict[str, ConsentColumn] = {}
    zone: str | None = None

    def named(self) -> set[str]:
        """Every column that the file must have."""
        return {*self.columns, *self._parts(), *self.consents}

    def made_twice(self, header: Iterable[str]) -> set[str]:
        """What more than one column of a header would make, each by itself: only `join` may make one of several."""
        made = Counter(self.columns.get(name, name) for name in {*header} - self._parts())
        return {name for name, columns in (made + Counter(self.join.keys())).items() if columns > 1}

    def joined(self, cells: Cells[str, Any]) -> dict[str, Any]:
        """A row under the names used here; of the columns that make one, the filled ones with a space between.

        `Flaw` "bad_row" when two columns would make one otherwise, or a part is neither text nor number.
        """
        parts = self._parts() & cells.keys()
        row = {self.columns.get(name, name): cell for name, cell in cells.items() if name not in parts}
        if len(row) + len(parts) < len(cells) or not row.keys().isdisjoint(self.join):
            raise Flaw("bad_row")
        for name, columns in self.join.items():
            words = [_part(cells[column]) for column in columns if cells.get(column) is not None]
            if text := " ".join(filter(None, words)):
                row[name] = text
        return row

    def _parts(self) -> set[str]:
        return set(chain.from_iterable(self.join.values()))


def _part(cell: Any) -> str:
    """A cell as it would be written; 7.0 is how Parquet holds a 7 of a column with gaps."""
    if type(cell) not in (str, int, float):
        raise Flaw("bad_row")
    return str(int(cell) if type(cell) is float and cell.is_integer() else cell).strip()


AnyMapping = EventMapping | RecordMapping
Mapping = TypeVar("Mapping", EventMapping, RecordMapping)


def event_mapping(path: Path) -> EventMapping:
    """Read a mapping of events."""
    return _require_event(_decoded(path.read_bytes(), EventMapping))


def record_mapping(path: Path | None) -> RecordMapping:
    """Read a mapping of records; without a file every column keeps its name."""
    return _require_record(_decoded(path.read_bytes(), RecordMapping) if path else RecordMapping())


def mapping_of(kind: str, content: bytes) -> AnyMapping:
    """Read a mapping of events or of records from JSON, as it is kept (`content_of`) or was mended by hand."""
    if kind == "events":
        return _require_event(_decoded(content, EventMapping))
    return _require_record(_decoded(content, RecordMapping))


def content_of(mapping: AnyMapping) -> tuple[str, dict[str, Any]]:
    """(kind, content) of a mapping, as JSON has it."""
    return "events" if isinstance(mapping, EventMapping) else "records", msgspec.to_builtins(mapping)


def _decoded(content: bytes, kind: type[Mapping]) -> Mapping:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"The mapping cannot be read: {error}") from None


def _require_event(mapping: EventMapping) -> EventMapping:
    if (mapping.event.column is None) == (mapping.event.constant is None):
        raise ValueError("`event` is either a constant or a column.")
    if (mapping.quantity is None) != (mapping.price is None):
        raise ValueError("`quantity` and `price` go together.")
    _require_zone(mapping.zone)
    return mapping


def _require_record(mapping: RecordMapping) -> RecordMapping:
    _require_one_meaning(mapping)
    _require_zone(mapping.zone)
    return mapping


def _require_one_meaning(mapping: RecordMapping) -> None:
    parts = list(chain.from_iterable(mapping.join.values()))
    elsewhere = {*mapping.columns, *mapping.sealed, *mapping.clear}
    if len(set(parts)) < len(parts) or {*elsewhere, *mapping.consents}.intersection(parts):
        raise ValueError("A column of `join` stands once there, and nowhere else.")
    if elsewhere & mapping.consents.keys():
        raise ValueError("A column of `consents` stands nowhere else.")
    if not all(mapping.join.values()) or mapping.join.keys() & set(mapping.columns.values()):
        raise ValueError("What `join` makes has at least one column, and is made by nothing else.")


def _require_zone(zone: str | None) -> None:
    if zone is not None and zone not in available_timezones():
        raise ValueError("`zone` is no IANA time zone, such as Asia/Seoul.")


def zone_of(mapped: str | None, source: str) -> ZoneInfo:
    """The zone of times that name none: the mapping's, else the source's."""
    return ZoneInfo(mapped or source)
