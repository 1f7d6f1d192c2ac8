"""Values that nobody else has, the doors they are sent through, and everywhere they might come out."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection

from tests.flow.doors import import_rows, send, source

EMAIL, USER, NAME = "kanari.kestrel@shop.example", "uid.kestrel@hidden.example", "황조롱 카나리아"
PHONE, CARD, RESIDENT = "010-7351-9264", "4539 1488 0343 6467", "870304-1351922"
STREET, NOTE = "서울특별시 비밀로 7351 황조롱빌딩 404호", "황조롱이가 어제 전화로 배송이 늦었다고 길게 불평했다"
BORN, ADDRESS_OF_HOST = "1987-03-04", "203.0.113.77"
# What would give them away, in whatever spelling.
CANARIES = (
    "kanari", "kestrel", "황조롱", "카나리아", "73519264", "7351-9264", "4539148803436467", "4539 1488", "8703041351922",
    "870304-135", "비밀로", BORN, "19870304", ADDRESS_OF_HOST,
)  # fmt: skip
TILL = {
    "event": {"constant": "Order Completed"}, "time": "at", "message_id": "line", "receipt": "receipt", "money": "total",
    "customer": {"column": "member"}, "identifiers": {"phone": "phone"}, "sealed": ["cashier"],
    "properties": {"wish": "wish"},
}  # fmt: skip


def messages() -> list[dict[str, Any]]:
    """Every kind of message, with canaries wherever a message has room."""
    traits = {
        "email": EMAIL, "phone": PHONE, "name": NAME, "birthday": BORN, "address": {"street": STREET, "city": "서울"},
        "memo": NOTE, "card": CARD, "favourite": EMAIL, "ip": ADDRESS_OF_HOST,
    }  # fmt: skip
    context = {"ip": ADDRESS_OF_HOST, "traits": traits, "page": {"url": f"https://shop.example/?mail={EMAIL}"}}
    held = {"buyer_email": EMAIL, "remark": NOTE, "shipping": {"phone": PHONE, "street": STREET}, "paid_with": CARD}
    who = {"userId": USER, "anonymousId": PHONE, "context": context}
    return [
        {"type": "identify", **who, "traits": traits},
        {
            "type": "track",
            **who,
            "event": "Order Completed",
            "properties": held | {"order_id": EMAIL, "revenue": 9_000},
        },
        {"type": "page", **who, "name": "Shoes", "properties": held | {"referrer": EMAIL}},
        {"type": "screen", **who, "name": "Home", "properties": held},
        {"type": "group", **who, "groupId": EMAIL, "traits": {"name": NAME, "phone": PHONE}},
        {"type": "alias", "userId": USER, "previousId": EMAIL, "context": context},
    ]


def bad_messages() -> list[dict[str, Any]]:
    """What does not fit, for five reasons."""
    return [
        {"type": "nonsense", "userId": USER, "traits": {"name": NAME}},
        {"type": "track", "userId": USER, "event": f"Call {EMAIL}"},
        {"type": "track", "event": "Nobody", "properties": {"name": NAME, "phone": PHONE}},
        {"type": "track", "userId": USER, "event": "Paid", "properties": {"number": RESIDENT, "remark": NOTE}},
        {"type": "track", "userId": USER, "event": "Paid", "properties": {"sum": 10**40, "street": STREET}},
    ]


def bring() -> None:
    """Through every door, and into quarantine."""
    key = source("web", "web")
    for message in messages():
        send(key, [message], f"/v1/{message['type']}")
    send(key, [*messages(), *bad_messages()])
    source("till", "pos")
    row = {
        "external_id": EMAIL, "full_name": NAME, "phone": PHONE, "email": EMAIL, "birth_date": BORN, "address": STREET,
        "memo": NOTE, "휴대폰": PHONE, "updated_at": "2026-03-04T09:00:00+09:00", "consent:marketing:email": "granted",
    }  # fmt: skip
    import_rows("records", "till", [row, row | {"external_id": "c2", "memo": RESIDENT}, row | {"updated_at": NAME}])
    sale = {
        "line": EMAIL, "at": "2026-03-05 10:00", "member": EMAIL, "receipt": PHONE, "total": "9000", "phone": PHONE,
        "cashier": NAME, "wish": EMAIL,
    }  # fmt: skip
    import_rows("events", "till", [sale, sale | {"line": "2", "member": ""}, sale | {"line": "3", "at": NAME}], TILL)


def found_in(text: str | bytes) -> list[str]:
    """The canaries in a text: as they are, escaped as JSON or hexadecimal, whatever the case."""
    read = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    lower = read.lower()
    return [canary for canary in CANARIES if any(form in lower for form in _forms(canary))]


def _forms(canary: str) -> Iterable[str]:
    return {canary.lower(), json.dumps(canary)[1:-1].lower(), canary.encode().hex()}


def dump() -> str:
    """Every row of every table as text, ours and Django's; bytes stand in it as hexadecimal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys') order by 1"
        )
        return "\n".join(f"{table} {_rows(cursor, table)}" for (table,) in cursor.fetchall())


def _rows(cursor: Any, table: str) -> str:
    cursor.execute(f"select coalesce(string_agg(t::text, E'\\n'), '') from {table} t")
    return str(cursor.fetchone()[0])
