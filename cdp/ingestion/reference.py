"""Rows of files to places, products and reference values. Nothing of a person stands there: a row that holds an e-mail
address, a number of a telephone or a card is refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import available_timezones

import msgspec

from cdp.events import reference
from cdp.events.types import KnownPlace, KnownProduct, KnownValues
from cdp.ingestion import money
from cdp.ingestion.errors import Flaw
from cdp.ingestion.files import Line, Table
from cdp.ingestion.imports import chunks
from cdp.ingestion.mapping import zone_of
from cdp.ingestion.rows import read_amount, read_local_time
from cdp.ingestion.shapes import personal_shape
from cdp.ingestion.vocabulary import squeezed, words

ROWS_A_COMMIT = 5_000
LONGEST = 200
TOLD = 20
Known = TypeVar("Known")
# Meaning ← how files call it, without case, spaces, hyphens and underscores.
PLACE = {
    "key": "key code storecode storeid branchcode placeid 매장코드 매장번호 점포코드 점포번호 지점코드 코드",
    "name": "name storename branchname 매장명 점포명 지점명 매장이름 이름",
    "kind": "kind type 종류 구분 유형",
    "brand": "brand 브랜드",
    "region": "region province 지역 시도 권역",
    "zone": "zone timezone 시간대",
}
PRODUCT = {
    "sku": "sku productid productcode itemcode 상품코드 상품번호 품번 제품코드",
    "name": "name productname title 상품명 품명 제품명",
    "category": "category categorypath 분류 카테고리 상품분류",
    "price": "price unitprice listprice 가격 판매가 판매가격 정가",
    "currency": "currency 통화 통화코드",
    "valid_from": "validfrom effectivefrom 적용일 적용일시 적용시작일 시작일",
}
VALUES = {"key": "key id code 키 코드", "valid_from": "validfrom date day time 적용일 일자 날짜 기준일 일시"}


class Defaults(msgspec.Struct, frozen=True):
    """What holds where a row says nothing: `as_of` from when a version is valid."""

    zone: str
    currency: str
    as_of: datetime


class Loaded(msgspec.Struct):
    """What became of the rows of a file, and the first that were refused: (line, why)."""

    rows: int = 0
    changed: int = 0
    refused: int = 0
    first: list[tuple[int, str]] = []


def columns_of(named: Mapping[str, str], columns: Sequence[str], said: Mapping[str, str]) -> dict[str, str]:
    """Meaning → column: as it is said, else by its usual names in English and Korean, each once."""
    aliases = {alias: meaning for meaning, text in named.items() for alias in words(text)}
    found = {meaning: column for meaning, column in said.items() if column in columns}
    for column in columns:
        meaning = aliases.get(squeezed(column))
        if meaning is not None and column not in found.values():
            found.setdefault(meaning, column)
    return found


def load(
    table: Table, read: Callable[[Mapping[str, Any]], Known], write: Callable[[Sequence[Known]], int],
    tell: Callable[[float, Loaded], None] = lambda share, loaded: None,
) -> Loaded:  # fmt: skip
    """Load every row that fits; those that do not are told, and hold up no other."""
    loaded = Loaded()
    for chunk in chunks(table.lines, ROWS_A_COMMIT):
        loaded.changed += write(list(_read(chunk, read, loaded)))
        loaded.rows += len(chunk)
        tell(table.done(), loaded)
    return loaded


def _read(lines: Sequence[Line], read: Callable[[Mapping[str, Any]], Known], loaded: Loaded) -> Iterator[Known]:
    for line in lines:
        try:
            if line.flaw is not None:
                raise Flaw(line.flaw)
            yield read(line.cells)
        except Flaw as flaw:
            loaded.refused += 1
            loaded.first += [(line.number, flaw.reason)] if len(loaded.first) < TOLD else []


def place_reader(column: Mapping[str, str], defaults: Defaults) -> Callable[[Mapping[str, Any]], KnownPlace]:
    """What reads a row as a place."""

    def read(cells: Mapping[str, Any]) -> KnownPlace:
        said = {
            meaning: _text(cells.get(name), 60 if meaning in ("key", "region") else 100)
            for meaning, name in column.items()
        }
        key, zone = _needed(said.get("key")), said.get("zone") or defaults.zone
        if zone not in available_timezones():
            raise Flaw("bad_zone")
        facts = (said.get("name") or key, said.get("kind") or "store", said.get("brand", ""), said.get("region", ""))
        if len(facts[1]) > 20 or len(facts[2]) > 40:
            raise Flaw("bad_text")
        return KnownPlace(key, *facts, zone)

    return read


def product_reader(column: Mapping[str, str], defaults: Defaults) -> Callable[[Mapping[str, Any]], KnownProduct]:
    """What reads a row as a version of a product; columns without a meaning are its attributes."""

    def read(cells: Mapping[str, Any]) -> KnownProduct:
        sku = _needed(_text(cells.get(column["sku"]), 100))
        currency = _text(cells.get(column.get("currency", "")), 3) or defaults.currency
        if not money.is_currency(currency):
            raise Flaw("bad_currency")
        cell = cells.get(column.get("price", ""))
        price = None if cell is None else money.minor_units(read_amount(cell), currency)
        name, category = (_text(cells.get(column.get(what, "")), LONGEST) for what in ("name", "category"))
        moment = _moment(cells.get(column.get("valid_from", "")), defaults)
        return KnownProduct(sku, moment, name or sku, category, _rest(cells, column), price, currency)

    return read


def values_reader(column: Mapping[str, str], defaults: Defaults) -> Callable[[Mapping[str, Any]], KnownValues]:
    """What reads a row as reference values; columns without a meaning are the values."""

    def read(cells: Mapping[str, Any]) -> KnownValues:
        key = _needed(_text(cells.get(column["key"]), LONGEST))
        return KnownValues(key, _moment(cells.get(column.get("valid_from", "")), defaults), _rest(cells, column))

    return read


def _rest(cells: Mapping[str, Any], column: Mapping[str, str]) -> dict[str, Any]:
    rest = {name: cell for name, cell in cells.items() if name not in column.values()}
    for name, cell in rest.items():
        if type(cell) not in (str, int, float, bool) or len(name) > LONGEST:
            raise Flaw("bad_shape")
        _text(cell, LONGEST)
    return rest


def _text(cell: Any, longest: int) -> str:
    """A cell as a text; "" where there is none."""
    if cell is None:
        return ""
    if type(cell) not in (str, int, float, bool):
        raise Flaw("bad_shape")
    text = str(int(cell) if type(cell) is float and cell.is_integer() else cell).strip()
    if len(text) > longest:
        raise Flaw("bad_text")
    if type(cell) is str and personal_shape(text) is not None:
        raise Flaw("personal")
    return text


def _needed(text: str | None) -> str:
    if not text:
        raise Flaw("no_key")
    return text


def _moment(cell: Any, defaults: Defaults) -> datetime:
    if cell is None:
        return defaults.as_of
    moment = read_local_time(cell, zone_of(None, defaults.zone))
    if moment is None:
        raise Flaw("bad_time")
    return moment


WRITERS: Mapping[str, Callable[[Any], int]] = {
    "places": reference.load_places, "products": reference.load_products,
}  # fmt: skip
