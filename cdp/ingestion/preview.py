"""What a file would become, before anything is kept: its columns guessed, its first rows told, personal values masked."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec

from cdp.core.masking import STARS, mask, mask_all
from cdp.events.types import KnownSource, NewEvent
from cdp.ingestion import imports
from cdp.ingestion.actions import reason_of
from cdp.ingestion.files import Line, Table
from cdp.ingestion.mapping import RecordMapping
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows
from cdp.ingestion.shapes import contact_shapes
from cdp.ingestion.vocabulary import attribute_of, is_personal_name, squeezed, words
from consent.types import NewConsent

SAMPLED, SHOWN = 200, 5
# Of the filled cells of a column so many must look alike.
ALIKE = 0.8
_OWN = {
    "external_id": "externalid customerid customerno customernumber memberid memberno membernumber clientid "
    "고객번호 고객id 고객코드 회원번호 회원id 회원코드",
    "user_id": "userid loginid 사용자id 사용자번호 로그인id 아이디",
    "loyalty_id": "loyaltyid loyaltyno loyaltycard membershipno 멤버십번호 멤버십카드번호 포인트카드번호 적립카드번호",
    "updated_at": "updatedat modifiedat lastmodified updated 수정일 수정일시 최종수정일 최종수정일시 갱신일 갱신일시 변경일시",
    "consent_at": "consentat agreedat 동의일 동의일시 수신동의일 수신동의일시",
}  # fmt: skip
_OWN_OF = {alias: own for own, aliases in _OWN.items() for alias in (own.replace("_", ""), *words(aliases))}
# Of rows that are events, in the order in which one column is given a meaning.
_EVENT = {
    "time": "time timestamp occurredat datetime date orderdate orderedat createdat paidat 일시 일자 날짜 주문일 주문일시 결제일시 "
    "거래일시 판매일시 판매일자 방문일시",
    "message_id": "messageid eventid lineid rowid 행번호",
    "customer": "customerid customerno customernumber memberid memberno userid externalid 고객번호 고객id 회원번호 회원id",
    "receipt": "receiptid receiptno receiptnumber 영수증번호",
    "order": "orderid orderno ordernumber invoice invoiceno 주문번호 거래번호",
    "place": "store storeid storecode branch place placeid 매장 매장코드 점포 점포코드 지점",
    "money": "amount total revenue sales 금액 결제금액 판매금액 매출 매출액 합계",
    "currency": "currency 통화 통화코드",
    "quantity": "quantity qty 수량",
    "price": "unitprice price 단가",
    "event": "event eventname 이벤트 이벤트명",
}
_MEANING = {alias: meaning for meaning, aliases in _EVENT.items() for alias in words(aliases)}
_KEY = re.compile(r"(id|no|key|code|number|번호|코드)$", re.IGNORECASE)


class Told(msgspec.Struct, frozen=True):
    """What one row would become, or why it would wait in quarantine. `said` are (what, value) that may be seen by anybody:
    personal values masked, sealed ones by name only."""

    number: int
    refused: str
    said: list[tuple[str, str]]


# --- columns ------------------------------------------------------------------------------------------------------------


def guessed(columns: Sequence[str], lines: Sequence[Line], source: KnownSource) -> RecordMapping:
    """A mapping to begin with: columns known by their usual names in English and Korean, then by what stands in them; each
    meaning once. Times that name no zone are of the source's."""
    cells = {name: [line.cells[name] for line in lines if name in line.cells] for name in columns}
    found: dict[str, str] = {}
    for guess in (_by_name, _by_content):
        for name in columns:
            meaning = guess(name, cells[name])
            if name not in found and meaning is not None and meaning not in found.values():
                found[name] = meaning
    if not {"external_id", "user_id"}.intersection(found.values()):
        keys = [name for name in columns if name not in found and _is_key(name, cells[name], len(lines))]
        found |= dict.fromkeys(keys[:1], "external_id")
    return RecordMapping(columns=found, zone=source.zone)


def guessed_events(columns: Sequence[str], source: KnownSource) -> dict[str, Any]:
    """The same for rows that are events, as JSON has it: without `time` where no column is called like one."""
    found: dict[str, Any] = {}
    for name in columns:
        meaning = _MEANING.get(squeezed(name))
        if meaning is not None and meaning not in found:
            found[meaning] = name
    if "money" in found or not {"quantity", "price"} <= found.keys():
        found = {meaning: name for meaning, name in found.items() if meaning not in ("quantity", "price")}
    kinds = {name: attribute_of(name) for name in columns if name not in found.values()}
    identifiers = {str(kind): name for name, kind in kinds.items() if kind in ("email", "phone")}
    rest = [name for name in kinds if name not in identifiers.values()]
    event = found.pop("event", None)
    sold = "Order Completed" if {"order", "money"} & found.keys() else "Row Imported"
    who = {"customer": {"column": found.pop("customer")}} if "customer" in found else {}
    return {
        "event": {"column": event} if event else {"constant": sold}, **found, **who, "zone": source.zone,
        "identifiers": identifiers, "sealed": [name for name in rest if is_personal_name(name)],
        "properties": {name: name for name in rest if not is_personal_name(name)},
    }  # fmt: skip


def _by_name(name: str, _cells: Sequence[Any]) -> str | None:
    return _OWN_OF.get(squeezed(name)) or attribute_of(name)


def _by_content(_name: str, cells: Sequence[Any]) -> str | None:
    """E-mail addresses and phone numbers under whatever name."""
    kinds = [next(contact_shapes(cell), ("", ""))[0] if isinstance(cell, str) else "" for cell in cells]
    return next((kind for kind in ("email", "phone") if kinds and kinds.count(kind) >= ALIKE * len(kinds)), None)


def _is_key(name: str, cells: Sequence[Any], rows: int) -> bool:
    """Whether every row has one of its own here, under a name that says so."""
    return _KEY.search(name) is not None and len(set(map(str, cells))) == rows > 0


# --- rows ---------------------------------------------------------------------------------------------------------------


def sample(table: Table) -> list[Line]:
    """The first lines of a file."""
    return list(islice(table.lines, SAMPLED))


def told(lines: Sequence[Line], rows: EventRows | RecordRows, most: int = SHOWN) -> list[Told]:
    """What these lines would become."""
    return [_told(line, rows) for line in lines[:most]]


def _told(line: Line, rows: EventRows | RecordRows) -> Told:
    try:
        event, consents = imports.read(rows, line, rows.message_id(line))
    except Exception as error:
        return Told(line.number, reason_of(error), [])
    return Told(line.number, "", [*_of_event(event), *map(_of_consent, consents)])


def _of_event(event: NewEvent) -> list[tuple[str, str]]:
    sealed = event.sealed
    who = [(event.kind, mask("external_id", sealed["external_id"])), ("at", event.occurred_at.isoformat())]
    amount = [] if event.revenue is None else [("revenue", f"{event.revenue} {event.currency}")]
    named = [(kind, mask(kind, values[0])) for kind, values in sealed.get("identifiers", {}).items()]
    clear = [(name, str(value)) for name, value in event.properties.items()]
    hidden = [(name, STARS) for part in ("traits", "properties") for name in sealed.get(part, {})]
    return [*who, *amount, *named, *mask_all(sealed.get("attributes", {})).items(), *clear, *hidden]


def _of_consent(line: NewConsent) -> tuple[str, str]:
    return f"consent:{line.purpose}" + (f":{line.channel}" if line.channel else ""), line.state
