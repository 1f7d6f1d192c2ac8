"""Whose an event is: the record it belongs to and the leaves it names beside that."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from cdp.core import crypto
from cdp.ingestion.errors import Flaw
from identity.linkage import normalise

_NUMBER = re.compile(r"[0-9]{1,40}")


class Who(msgspec.Struct, frozen=True):
    """A record with the external id it was derived from; the same for the leaves."""

    record: UUID
    kind: str
    external_id: str
    leaves: Mapping[str, UUID] = {}
    leaf_ids: Mapping[str, str] = {}


def of_message(message: Mapping[str, Any], context: Mapping[str, Any], source: UUID) -> Who:
    """The user's record, else the anonymous one, else the device's; `Flaw` "no_identity" when nobody is named."""
    anonymous, device = usable(message.get("anonymousId")), _device(context)
    user = usable(message.get("userId"))
    if user is not None:
        return of_record(source, "user", user, {"anonymous": anonymous, "device": device})
    if anonymous is not None:
        return Who(record_id(source, "anonymous", anonymous), "anonymous", anonymous)
    if device is not None:
        return Who(record_id(source, "device", device), "device", device)
    raise Flaw("no_identity")


def of_alias(message: Mapping[str, Any], source: UUID) -> Who:
    """The user, with the earlier id as an anonymous leaf; an alias of oneself names no leaf and so does nothing."""
    user, before = usable(message.get("userId")), usable(message.get("previousId"))
    if user is None:
        raise Flaw("no_identity")
    if before is None:
        raise Flaw("no_previous_id")
    return of_record(source, "user", user, {"anonymous": before if before != user else None})


def of_record(source: UUID, kind: str, external_id: str, leaf_ids: Mapping[str, str | None]) -> Who:
    """A record of `kind` with the leaves that are named."""
    named = {leaf: id_ for leaf, id_ in leaf_ids.items() if id_ is not None}
    leaves = {leaf: record_id(source, leaf, id_) for leaf, id_ in named.items()}
    return Who(record_id(source, kind, external_id), kind, external_id, leaves, named)


@lru_cache(maxsize=65536)
def record_id(source: UUID, kind: str, external_id: str) -> UUID:
    """As `crypto.record_id`, remembered: whoever is active sends many events, and the key behind it never changes."""
    return crypto.record_id(source, kind, external_id)


def usable(value: Any) -> str | None:
    """An id as text, trimmed and in NFC; None for what identifies nobody (null, 0, undefined, [object Object], …)."""
    if type(value) is str:
        return _usable_text(value)
    if type(value) is int:
        return _usable_text(str(value))
    return _usable_text(str(int(value))) if type(value) is float and value.is_integer() else None


def row_key(value: Any) -> str | None:
    """The key of a row in its own file: as `usable`, but every whole number is one. Rows may be counted from 0, and
    111111 is among them."""
    number = int(value) if type(value) is float and value.is_integer() else value
    text = str(number).strip() if type(number) in (str, int) else ""
    return text if _NUMBER.fullmatch(text) else usable(value)


@lru_cache(maxsize=65536)
def _usable_text(value: str) -> str | None:
    return normalise.identifier("id", value)


def _device(context: Mapping[str, Any]) -> str | None:
    device = context.get("device")
    return usable(device.get("id")) if isinstance(device, dict) else None
