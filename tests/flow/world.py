"""Small worlds in which people share devices, phones and addresses, sign in and out, and change their minds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from hypothesis import strategies as st

from cdp import pipeline
from tests.flow.doors import TILL, import_rows, segment, send, source

START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("김서연", "김지훈", "박서연", "Kim Seoyeon", "이도윤")
BIRTHS = ("1990-07-19", "1990-07-91", "1961-02-03", "1988-11-30")
RULES: dict[str, object] = {
    "spenders": {"trait": "revenue_total_KRW", "op": "gte", "value": 30_000},
    "buyers": {"event": "Order Completed", "count": {"op": "gte", "value": 2}},
    "agreeing": {"consent": {"purpose": "marketing", "channel": "email"}},
    "agreeing-spenders": {"all": [{"segment": "spenders"}, {"segment": "agreeing"}]},
    "gold": {"trait": "plan", "op": "eq", "value": "gold"},
    "strangers": {"not": {"trait": "known", "op": "eq", "value": True}},
}


@dataclass(frozen=True)
class Item:
    """One message or one row, and the door it goes through."""

    door: str
    source: str
    content: dict[str, Any]


def message(shop: str, type_: str, minute: int, **fields: Any) -> Item:
    """A message of a shop, its id that of its content."""
    content = {"type": type_, "timestamp": _at(minute), **fields}
    return Item("sdk", shop, content | {"messageId": f"{shop}-{type_}-{minute}"})


def member(card: str, minute: int, **columns: Any) -> Item:
    """A row of the till's customers."""
    return Item("records", "till", {"external_id": card, "updated_at": _at(minute), **columns})


def sale(number: int, receipt: str, member: str = "", phone: str = "") -> Item:
    """A line of the till's receipts."""
    row = {
        "line": f"{number}",
        "at": _at(number),
        "member": member,
        "receipt": receipt,
        "total": "10000",
        "phone": phone,
    }
    return Item("events", "till", row)


def _at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


# --- what may happen --------------------------------------------------------------------------------------------------

minutes = st.integers(0, 40)
users = st.sampled_from([f"u{n}" for n in range(5)])
cookies = st.sampled_from([f"cookie-{n}" for n in range(4)])
cards = st.sampled_from([f"card-{n}" for n in range(5)])
receipts = st.sampled_from([f"r-{n}" for n in range(4)])
emails = st.sampled_from([f"p{n}@shop.example" for n in range(8)])
phones = st.sampled_from([f"0102345678{n}" for n in range(4)])
shops = st.sampled_from(["web", "app"])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def said(**fields: Any) -> dict[str, Any]:
    """Without what is not said."""
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def identifies(draw: st.DrawFn) -> Item:
    traits = said(
        email=draw(maybe(emails)), phone=draw(maybe(phones)), name=draw(maybe(st.sampled_from(NAMES))),
        birthday=draw(maybe(st.sampled_from(BIRTHS))), plan=draw(maybe(st.sampled_from(["gold", "free"]))),
    )  # fmt: skip
    user, cookie = draw(st.tuples(maybe(users), maybe(cookies)).filter(any))
    return _message(draw, "identify", **said(userId=user, anonymousId=cookie), traits=traits)


@st.composite
def orders(draw: st.DrawFn) -> Item:
    user, cookie = draw(st.tuples(maybe(users), maybe(cookies)).filter(any))
    name = draw(st.sampled_from(["Order Completed", "Order Updated", "Order Refunded"]))
    money = {"order_id": draw(st.sampled_from(["o1", "o2", "o3"])), "revenue": draw(st.integers(1, 5)) * 10_000}
    return _message(draw, "track", **said(userId=user, anonymousId=cookie), event=name, properties=money)


@st.composite
def aliases(draw: st.DrawFn) -> Item:
    return _message(draw, "alias", userId=draw(users), previousId=draw(cookies | users))


@st.composite
def choices(draw: st.DrawFn) -> Item:
    category = draw(st.sampled_from(["marketing:email", "marketing"]))
    context = {"consent": {"categoryPreferences": {category: draw(st.booleans())}}}
    return _message(draw, "track", userId=draw(users), event="Choice", context=context)


@st.composite
def visits(draw: st.DrawFn) -> Item:
    context = said(device=draw(maybe(st.just({"id": "tablet-1"}))))
    return _message(draw, "page", anonymousId=draw(cookies), name="Shoes", context=context)


def _message(draw: st.DrawFn, type_: str, **fields: Any) -> Item:
    content = {"type": type_, "timestamp": _at(draw(minutes)), **fields}
    return Item("sdk", draw(shops), content | {"messageId": f"{draw(st.integers(0, 10**9)):09}"})


@st.composite
def members(draw: st.DrawFn) -> Item:
    row = said(
        external_id=draw(cards), updated_at=_at(draw(minutes)), phone=draw(maybe(phones)), email=draw(maybe(emails)),
        full_name=draw(maybe(st.sampled_from(NAMES))), birth_date=draw(maybe(st.sampled_from(BIRTHS))),
        loyalty_id=draw(maybe(cards)),
    )  # fmt: skip
    word = draw(maybe(st.sampled_from(["granted", "withdrawn", "refused"])))
    return Item("records", "till", row | ({"consent:marketing:email": word} if word else {}))


@st.composite
def sales(draw: st.DrawFn) -> Item:
    row = {
        "line": f"{draw(st.integers(0, 10**9)):09}", "at": _at(draw(minutes)), "member": draw(maybe(cards)) or "",
        "receipt": draw(receipts), "total": str(draw(st.integers(1, 5)) * 10_000), "phone": draw(maybe(phones)) or "",
    }  # fmt: skip
    return Item("events", "till", row)


worlds = st.lists(
    st.one_of(identifies(), identifies(), orders(), aliases(), choices(), visits(), members(), members(), sales()),
    min_size=25, max_size=45, unique_by=lambda item: item.content.get("messageId") or item.content.get("line") or str(item),
)  # fmt: skip


# --- and how it may arrive --------------------------------------------------------------------------------------------


def begin() -> dict[str, str]:
    """Sources and published segments; returns the write keys."""
    keys = {name: source(name, name, brand=brand) for name, brand in (("web", "haru"), ("app", "onsae"))}
    source("till", "pos", trust_rank=20)
    # A rule may name only traits that somebody has.
    send(
        keys["web"],
        [
            {
                "type": "identify",
                "userId": "first",
                "messageId": "first",
                "timestamp": _at(0),
                "traits": {"plan": "free"},
            }
        ],
    )
    pipeline.advance()
    for key, rule in RULES.items():
        segment(key, rule)
    return keys


def deliver(items: Sequence[Item], keys: dict[str, str], chance: Random | None = None) -> None:
    """Bring the items in, in this order: at once, or with `chance` in pieces of any size, the pipeline anywhere between."""
    for piece in _pieces(items, chance):
        for (door, name), same in groupby(piece, key=lambda item: (item.door, item.source)):
            _bring(door, name, [item.content for item in same], keys)
        if chance is not None and chance.random() < 0.7:
            pipeline.advance()
    pipeline.advance()


def _pieces(items: Sequence[Item], chance: Random | None) -> Iterator[Sequence[Item]]:
    while items:
        size = chance.randint(1, 9) if chance else len(items)
        yield items[:size]
        items = items[size:]


def _bring(door: str, name: str, contents: list[dict[str, Any]], keys: dict[str, str]) -> None:
    if door == "sdk":
        send(keys[name], contents)
    else:
        import_rows(door, name, contents, TILL if door == "events" else None)
