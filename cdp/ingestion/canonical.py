"""From bytes to canonical JSON: unique keys, NFC, no NUL, finite numbers, bounded depth.

msgspec reads what is well formed; it keeps the last of repeated keys, so keys are counted against the text. Whatever it
cannot read, or counts otherwise, is read again by a reader that marks each fault where it stands, so that one bad event
does not cost its batch the others.
"""

import json
import unicodedata
from functools import lru_cache
from typing import Any

import msgspec

from cdp.ingestion.errors import Flaw
from cdp.ingestion.shapes import holds_resident_number, may_hold_resident_number

DEEPEST = 32
LARGEST_EVENT = 32 * 1024
# DECIMAL(38, 6) has 32 digits before the point.
LARGEST_NUMBER = 10**32
_DIGITS_READ = 60
_CONTAINERS = frozenset((dict, list))
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decode = msgspec.json.Decoder().decode
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    """What nearly every request is; any other goes the long way."""

    batch: list[msgspec.Raw]
    sentAt: str | msgspec.UnsetType = msgspec.UNSET
    writeKey: str | msgspec.UnsetType = msgspec.UNSET


_decode_batch = msgspec.json.Decoder(_Batch).decode


class _FlawedText(str):
    """A number JSON has not, as it was written."""

    __slots__ = ()


class _FlawedObject(dict[str, Any]):
    """An object that names a key twice; the second is kept as `key#2`."""

    __slots__ = ()


class Message(msgspec.Struct, frozen=True):
    """One event as it arrived: its content, and why it does not fit, if it does not."""

    content: Any
    flaw: str | None = None


def parse_object(body: bytes) -> dict[str, Any]:
    """A request's outer object; of `batch` only the single texts (`bytes`), else values. ValueError if it is none."""
    if _has_loose_colon(body):
        return _parse_object_leniently(body)
    return _parse_batch(body) or _parse_parts(body) or _parse_object_leniently(body)


def _parse_batch(body: bytes) -> dict[str, Any] | None:
    try:
        read = _decode_batch(body)
    except _UNREADABLE:
        return None
    pieces = [bytes(raw) for raw in read.batch]
    outer = {name: value for name in ("sentAt", "writeKey") if (value := getattr(read, name)) is not msgspec.UNSET}
    keys = 1 + len(outer) + sum([piece.count(b'":') for piece in pieces])
    return outer | {"batch": pieces} if body.count(b'":') == keys else None


def _parse_parts(body: bytes) -> dict[str, Any] | None:
    try:
        pieces = {name: bytes(part) for name, part in _decode_parts(body).items()}
        if body.count(b'":') == len(pieces) + sum(piece.count(b'":') for piece in pieces.values()):
            return {name: _part(name, piece) for name, piece in pieces.items()}
    except _UNREADABLE:
        pass
    return None


def _part(name: str, piece: bytes) -> Any:
    if name == "batch" and piece.startswith(b"["):
        return [bytes(item) for item in _decode_list(piece)]
    return _decode(piece)


def _parse_object_leniently(body: bytes) -> dict[str, Any]:
    value = _read_marking_faults(body)
    if not isinstance(value, dict) or isinstance(value, _FlawedObject):
        raise ValueError("The body is no JSON object with unique keys.")
    return value


def single(text: bytes) -> Message:
    """The one event that is a request's whole body. Flaw "bad_json": it is no JSON at all."""
    return _leniently(text) if _has_loose_colon(text) and len(text) <= LARGEST_EVENT else message(text)


def message(item: Any) -> Message:
    """One event of `parse_object`'s batch: from its text, or from what the marking reader made of it."""
    if not isinstance(item, bytes):
        return _marked(item)
    if len(item) > LARGEST_EVENT:
        return Message(_leniently(item).content, "too_large")
    try:
        content = _decode(item)
    except _UNREADABLE:
        return _leniently(item)
    return _checked(content, item)


def _has_loose_colon(text: bytes) -> bool:
    """Whether white space stands before a colon somewhere: then counting keys in the text proves nothing."""
    return b" :" in text or b"\n:" in text or b"\t:" in text or b"\r:" in text


def _checked(content: Any, text: bytes) -> Message:
    try:
        if text.count(b'":') != _count_keys(content, 1):
            return _leniently(text)
        if not text.isascii() or b"\\" in text or may_hold_resident_number(text):
            content = clean(content)
    except Flaw as flaw:
        return Message(content if flaw.reason != "too_deep" else text.decode(), flaw.reason)
    return Message(content)


def _count_keys(value: Any, depth: int) -> int:
    """How many keys the objects in `value` have; every level is looked at, so this also bounds the depth."""
    if depth > DEEPEST:
        raise Flaw("too_deep")
    if type(value) is dict:
        number = len(value)
        value = value.values()
    elif type(value) is list:
        number = 0
    else:
        return 0
    for item in [item for item in value if type(item) in _CONTAINERS]:
        number += _count_keys(item, depth + 1)
    return number


# --- cleaning -------------------------------------------------------------------------------------------------------


def clean(value: Any, depth: int = 1) -> Any:
    """`value` with every text in NFC; `Flaw` for NUL, a resident registration number, two keys that become one."""
    if type(value) is str:
        return _clean_short(value) if len(value) <= 64 else clean_text(value)
    if type(value) is dict:
        return _clean_object(value, depth)
    if type(value) is list:
        _bound(depth)
        return [clean(item, depth + 1) for item in value]
    if type(value) is int and value > 10**9 and holds_resident_number(f"{value:013}"):
        raise Flaw("resident_number")
    return value


def _clean_object(value: dict[str, Any], depth: int) -> dict[str, Any]:
    _bound(depth)
    cleaned = {clean(name): _timestamp_or_clean(name, item, depth) for name, item in value.items()}
    if len(cleaned) != len(value):
        raise Flaw("repeated_key")
    return cleaned


def _timestamp_or_clean(name: str, item: Any, depth: int) -> Any:
    """Milliseconds since 1970 have 13 digits too; under a name that says time they are no resident number."""
    if type(item) is int and any(word in name.lower() for word in ("time", "session", "date", "_at", "ts", "start")):
        return item
    return clean(item, depth + 1)


def _bound(depth: int) -> None:
    if depth > DEEPEST:
        raise Flaw("too_deep")


def clean_text(text: str) -> str:
    """`text` in NFC; `Flaw` for NUL, a lone surrogate, a resident registration number."""
    if "\0" in text:
        raise Flaw("nul")
    if not text.isascii():
        text = _composed(text)
    if len(text) >= 13 and holds_resident_number(text):
        raise Flaw("resident_number")
    return text


def _composed(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Flaw("bad_text") from None
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


_clean_short = lru_cache(maxsize=65536)(clean_text)


# --- the reader that marks faults -------------------------------------------------------------------------------------


def _leniently(text: bytes) -> Message:
    try:
        tree = _read_marking_faults(text)
    except ValueError:
        return Message(text.decode("utf-8", "backslashreplace"), "bad_json")
    return _marked(tree)


def _marked(tree: Any) -> Message:
    """What the marking reader read, as plain JSON, with its first fault."""
    faults: list[str] = []
    try:
        content = _plain(tree, faults, 1)
    except Flaw as flaw:
        return Message(_cut(tree), flaw.reason)
    if faults:
        return Message(content, faults[0])
    try:
        return Message(clean(content))
    except Flaw as flaw:
        return Message(content, flaw.reason)


def _plain(value: Any, faults: list[str], depth: int) -> Any:
    if isinstance(value, str):
        return _plain_text(value, faults)
    if isinstance(value, dict):
        _bound(depth)
        if isinstance(value, _FlawedObject):
            faults.append("repeated_key")
        return {_plain_text(name, faults): _plain(item, faults, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        _bound(depth)
        return [_plain(item, faults, depth + 1) for item in value]
    return value


def _plain_text(text: str, faults: list[str]) -> str:
    if isinstance(text, _FlawedText):
        faults.append("number_range")
    try:
        text.encode()
    except UnicodeEncodeError:
        faults.append("bad_text")
        return text.encode("utf-8", "backslashreplace").decode()
    return str(text)


def _cut(tree: Any) -> str:
    """Content too deep to keep as a tree, kept as text."""
    try:
        return json.dumps(tree)
    except RecursionError:
        return ""


def _read_marking_faults(text: bytes) -> Any:
    """JSON with NaN, numbers out of range and repeated keys marked; ValueError when it is not JSON even so."""
    try:
        return json.loads(
            text.decode("utf-8", "surrogateescape"),
            object_pairs_hook=_object,
            parse_constant=_FlawedText,
            parse_float=_float,
            parse_int=_integer,
        )
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    flawed = _FlawedObject()
    for name, item in pairs:
        flawed[name if name not in flawed else f"{name}#{len(flawed) + 1}"] = item
    return flawed


def _float(text: str) -> float | str:
    number = float(text)
    return number if abs(number) < LARGEST_NUMBER else _FlawedText(text)


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _DIGITS_READ else _FlawedText(text)


def content_text(content: Any) -> str:
    """Canonical JSON text of a message, without what changes when it is sent again."""
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in ("sentAt", "writeKey")}
    return msgspec.json.encode(content, order="deterministic").decode()
