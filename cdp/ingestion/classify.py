"""Clear or sealed: which part of what arrived may stand in the open."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cdp.core import crypto
from cdp.ingestion.canonical import LARGEST_NUMBER
from cdp.ingestion.errors import Flaw
from cdp.ingestion.shapes import is_clear_text, personal_shape
from cdp.ingestion.vocabulary import PRODUCT_FIELDS, is_personal_name

NOTHING: frozenset[str] = frozenset()
LONGEST_COLUMN = 100
_NO_SOURCE = UUID(int=0)
_IP_NAMES = frozenset(("ip", "ip_address", "ipAddress"))


def split(
    fields: Mapping[str, Any], plan: Mapping[str, bool], known: frozenset[str] = NOTHING, path: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(clear, sealed) parts of `fields`; nulls are absent. `known` names speak of things, so only their shape is asked.

    `Flaw` for a number out of DECIMAL(38,6).
    """
    clear: dict[str, Any] = {}
    sealed: dict[str, Any] = {}
    for name, value in fields.items():
        kind = type(value)
        if plan and (declared := plan.get(path + name)) is not None:
            (clear if declared else sealed)[name] = value
        elif kind is str:
            if name in known:
                (clear if personal_shape(value) is None else sealed)[name] = value
            elif is_personal_name(name):
                sealed[name] = truncated_ip(value) if name in _IP_NAMES else value
            else:
                (clear if is_clear_text(value) else sealed)[name] = value
        elif kind is bool:
            (sealed if personal_shape(name) else clear)[name] = value
        elif kind is int or kind is float:
            (sealed if _is_personal_number(name, value, known) else clear)[name] = value
        elif value is not None:
            _split_nested(name, value, plan, f"{path}{name}.", clear, sealed)
    return clear, sealed


def _is_personal_number(name: str, value: float, known: frozenset[str]) -> bool:
    if not -LARGEST_NUMBER < value < LARGEST_NUMBER:
        raise Flaw("number_range")
    if name not in known and is_personal_name(name):
        return True
    return value >= 10**11 and type(value) is int and personal_shape(str(value)) is not None


def _split_nested(
    name: str, value: Any, plan: Mapping[str, bool], path: str, clear: dict[str, Any], sealed: dict[str, Any]
) -> None:
    if is_personal_name(name):
        sealed[name] = value
        return
    known = PRODUCT_FIELDS if name in ("products", "product", "items") else NOTHING
    parts = split(value, plan, known, path) if isinstance(value, dict) else _split_list(value, plan, known, path)
    for part, into in zip(parts, (clear, sealed), strict=True):
        if part or (into is clear and not value):
            into[name] = part


def _split_list(values: list[Any], plan: Mapping[str, bool], known: frozenset[str], path: str) -> tuple[Any, Any]:
    """A list of objects is split object by object, in step; any other list is clear as a whole or sealed as a whole."""
    if values and all(isinstance(item, dict) for item in values):
        parts = [split(item, plan, known, path) for item in values]
        sealed = [part[1] for part in parts]
        return [part[0] for part in parts], sealed if any(sealed) else []
    return (values, []) if all(_is_clear_item(item, plan, path) for item in values) else ([], values)


def _is_clear_item(item: Any, plan: Mapping[str, bool], path: str) -> bool:
    if isinstance(item, list):
        return all(_is_clear_item(inner, plan, path) for inner in item)
    if isinstance(item, dict):
        return not split(item, plan, NOTHING, path)[1]
    return item is None or isinstance(item, bool) or not split({"": item}, plan)[1]


def column(value: Any) -> str | None:
    """A reserved property as the text of a clear column; a keyed digest when it is long or looks personal."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        value = str(int(value))
    if type(value) is not str or not value:
        return None
    return value if len(value) <= LONGEST_COLUMN and personal_shape(value) is None else opaque(value)


def opaque(value: str) -> str:
    """A stand-in for a text that may not stand in the open: the same for the same text, under the lifetime key."""
    return str(crypto.record_id(_NO_SOURCE, "opaque", value))


def truncated_ip(text: str) -> str:
    """An address without what tells hosts apart: the last byte of IPv4, all but the first 48 bits of IPv6."""
    if ":" in text:
        return ":".join(text.split(":")[:3]) + "::"
    return ".".join([*text.split(".")[:3], "0"])
