"""One wire message to one new event: whose, when, what, and what of it may stand in the clear."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from cdp.core import crypto
from cdp.events.types import KnownSource, NewEvent, Violation
from cdp.ingestion import money, traits, who
from cdp.ingestion.canonical import content_text
from cdp.ingestion.classify import NOTHING, column, opaque, split, truncated_ip
from cdp.ingestion.clock import event_time
from cdp.ingestion.errors import Flaw
from cdp.ingestion.plan import Plan
from cdp.ingestion.shapes import is_random_id, personal_shape
from cdp.ingestion.vocabulary import PAGE_FIELDS, PRODUCT_FIELDS, words
from consent.types import Meanings

LONGEST_NAME = 200
LONGEST_MESSAGE_ID = 100
REFUNDED = "Order Refunded"
_TAKEN = words(
    "type event userId anonymousId messageId timestamp originalTimestamp sentAt writeKey context properties traits "
    "groupId previousId name category"
)
_EMPTY: Mapping[str, Any] = {}
_KIND_OF_ID = str.maketrans("- ", "__")


class Arrival(msgspec.Struct, frozen=True):
    """What the messages of one request share; `gpc`: the browser sent the Global Privacy Control signal; `violations` counts
    how they differ from the plan."""

    source: KnownSource
    received_at: datetime
    sent_at: Any
    plan: Plan
    gpc: bool = False
    meanings: Meanings = Meanings()
    violations: Counter[Violation] = msgspec.field(default_factory=Counter)


class What(msgspec.Struct, frozen=True):
    """What one message says: name, clear part, and the sealed parts by name."""

    name: str
    clear: dict[str, Any]
    sealed: dict[str, Any]
    said: Mapping[str, Any] = {}
    attributes: dict[str, str] = {}
    traits: dict[str, Any] = {}
    identifiers: dict[str, list[str]] = {}
    flags: tuple[str, ...] = ()


def translate(message: Any, arrival: Arrival) -> NewEvent:
    """The event that `message` is; `Flaw` when it does not fit."""
    if type(message) is not dict:
        raise Flaw("not_an_object")
    kind = message.get("type")
    read = _READERS.get(kind) if type(kind) is str else None
    if read is None:
        raise Flaw("unknown_type")
    context, source = _object(message, "context"), arrival.source
    holder = who.of_alias(message, source.id) if read is _alias else who.of_message(message, context, source.id)
    what = read(message, context, arrival)
    base = message.get("timestamp") or message.get("originalTimestamp")
    occurred, sent, flags = event_time(base, message.get("sentAt") or arrival.sent_at, arrival.received_at)
    columns, hidden = _columns(what, context, source)
    return NewEvent(
        source=source.id,
        message_id=message_id(message, source),
        type=str(kind),
        name=what.name,
        record=holder.record,
        kind=holder.kind,
        leaves=holder.leaves,
        occurred_at=occurred,
        received_at=arrival.received_at,
        sent_at=sent,
        flags=flags + what.flags,
        brand=source.brand,
        properties=_without(what.clear, hidden) if hidden else what.clear,
        sealed=_sealed(holder, what, hidden, _kept_context(message, context, read is _identify)),
        **columns,
    )


def message_id(message: Mapping[str, Any], source: KnownSource) -> str:
    """The sender's id; where it is absent, a keyed digest of the content without what changes when it is sent again."""
    given = message.get("messageId")
    if type(given) is int:
        given = str(given)
    if type(given) is not str or not given:
        return str(crypto.record_id(source.id, "message", content_text(message)))
    if is_random_id(given) or (len(given) <= LONGEST_MESSAGE_ID and personal_shape(given) is None):
        return given
    return opaque(given)


# --- what each type says ----------------------------------------------------------------------------------------------


def _track(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    name = message.get("event")
    if type(name) is not str or not name.strip():
        raise Flaw("no_event_name")
    said = _object(message, "properties")
    flags = _held(arrival, name, said, named=True)
    known = PRODUCT_FIELDS if name.startswith(("Product ", "Promotion ")) else NOTHING
    clear, sealed = split(said, arrival.plan.of_event(arrival.source.id, name), known)
    return What(_fit_name(name), clear, sealed, said, identifiers=_external_ids(context), flags=flags)


def _identify(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    said = {**_object(context, "traits"), **_object(message, "traits")}
    flags = _held(arrival, "Identify", said)
    read = traits.read(said, arrival.plan.of_event(arrival.source.id, "Identify"))
    ids = _external_ids(context)
    return What(
        "Identify", read.clear, {}, attributes=read.attributes, traits=read.sealed, identifiers=ids, flags=flags
    )


def _page(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    return _viewed("Page Viewed", message, context, arrival)


def _screen(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    return _viewed("Screen Viewed", message, context, arrival)


def _viewed(name: str, message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    said = dict(_object(message, "properties"))
    for field in ("name", "category"):
        if isinstance(message.get(field), str):
            said[field] = message[field]
    flags = _held(arrival, name, said)
    clear, sealed = split(said, arrival.plan.of_event(arrival.source.id, name), PAGE_FIELDS)
    return What(name, clear, sealed, said, identifiers=_external_ids(context), flags=flags)


def _group(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    """Group traits stand at the root only: a library may add the user's own traits to the context."""
    group = who.usable(message.get("groupId"))
    if group is None:
        raise Flaw("no_group_id")
    said = _object(message, "traits")
    flags = _held(arrival, "Group", said)
    clear, sealed = split(said, arrival.plan.of_event(arrival.source.id, "Group"))
    return What("Group", clear, sealed, identifiers={**_external_ids(context), "group_id": [group]}, flags=flags)


def _alias(message: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival) -> What:
    return What("Alias", {}, {}, identifiers=_external_ids(context))


_READERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Arrival], What]] = {
    "track": _track, "identify": _identify, "page": _page, "screen": _screen, "group": _group, "alias": _alias,
}  # fmt: skip
TYPES = frozenset(_READERS)


def _held(arrival: Arrival, name: str, said: Mapping[str, Any], *, named: bool = False) -> tuple[str, ...]:
    return arrival.plan.hold(arrival.source.id, name, said, arrival.violations, named=named)


def _fit_name(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise Flaw("name_too_long")
    if personal_shape(name) is not None:
        raise Flaw("personal_name")
    return name


def _object(holder: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = holder.get(field)
    if value is None:
        return _EMPTY
    if type(value) is not dict:
        raise Flaw("bad_shape", field)
    return value


# --- columns ----------------------------------------------------------------------------------------------------------

_COLUMNS = (
    ("order_id", ("order_id", "orderId")),
    ("place", ("place", "place_id", "store_id", "storeId")),
    ("account", ("account", "account_id", "accountId")),
    ("session", ("session_id", "sessionId")),
)


def _columns(what: What, context: Mapping[str, Any], source: KnownSource) -> tuple[dict[str, Any], list[str]]:
    """Reserved properties as columns, and the names of those that may stand in the clear only as a digest."""
    said = what.said
    columns: dict[str, Any] = {}
    hidden: list[str] = []
    for name, fields in _COLUMNS:
        for field in fields:
            if (value := said.get(field)) is not None:
                columns[name] = text = column(value)
                if text is not None and text != str(value):
                    hidden.append(field)
                break
    if (session := column(context.get("sessionId"))) is not None:
        columns["session"] = session
    if (campaign := _campaign(context)) is not None:
        columns["campaign"] = campaign
    if "revenue" in said or "total" in said:
        columns |= _money(what.name, said, source)
    return columns, hidden


def _campaign(context: Mapping[str, Any]) -> str | None:
    campaign = context.get("campaign")
    return column(campaign.get("name") if isinstance(campaign, dict) else campaign)


def _money(name: str, said: Mapping[str, Any], source: KnownSource) -> dict[str, Any]:
    """Revenue in minor units; a refund is stored positive, its name says that it subtracts."""
    stated = said.get("revenue")
    if stated is None and name.startswith("Order "):
        stated = said.get("total")
    number = money.amount(stated) if type(stated) in (int, float, str) else None
    if number is None:
        return {}
    currency = said.get("currency") if money.is_currency(said.get("currency")) else source.currency
    minor = money.minor_units(number, str(currency))
    return {"revenue": abs(minor) if name == REFUNDED else minor, "currency": currency}


# --- the sealed part --------------------------------------------------------------------------------------------------


def _sealed(holder: who.Who, what: What, hidden: list[str], context: dict[str, Any]) -> dict[str, Any]:
    sealed: dict[str, Any] = {"external_id": holder.external_id}
    if holder.leaf_ids:
        sealed["leaf_ids"] = holder.leaf_ids
    if what.identifiers:
        sealed["identifiers"] = what.identifiers
    if what.attributes:
        sealed["attributes"] = what.attributes
    if what.traits:
        sealed["traits"] = what.traits
    if what.sealed or hidden:
        sealed["properties"] = what.sealed | {name: what.said[name] for name in hidden}
    if context:
        sealed["context"] = context
    return sealed


def _kept_context(message: Mapping[str, Any], context: Mapping[str, Any], identify: bool) -> dict[str, Any]:
    """The context as it came, its address truncated, with the raw times and whatever else stood beside it."""
    kept = dict(context)
    if identify:
        kept.pop("traits", None)
    if isinstance(kept.get("ip"), str):
        kept["ip"] = truncated_ip(kept["ip"])
    for name, value in message.items():
        if name not in _TAKEN and value is not None and value != {}:
            kept[name] = value
    if (raw := message.get("originalTimestamp") or message.get("timestamp")) is not None:
        kept["raw_time"] = raw
    return kept


def _without(fields: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _external_ids(context: Mapping[str, Any]) -> dict[str, list[str]]:
    """Identifiers from `context.externalIds`, by kind in snake_case; encoded ones identify nobody here."""
    listed = context.get("externalIds")
    if type(listed) is not list:
        return {}
    found: dict[str, list[str]] = {}
    for entry in listed:
        if isinstance(entry, dict) and entry.get("encoding") in (None, "none"):
            kind, value = str(entry.get("type") or ""), who.usable(entry.get("id"))
            kind = kind.lower().translate(_KIND_OF_ID)
            if value is not None and 0 < len(kind) <= 30 and kind.isidentifier():
                found.setdefault(kind, []).append(value)
    return found
