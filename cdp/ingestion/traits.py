"""What a person is said to be: traits of identify calls as canonical attributes, and all else clear or sealed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cdp.ingestion.classify import split
from cdp.ingestion.vocabulary import TRAITS_OF_A_PERSON, attribute_of

_IN_ADDRESS = ("street", "city", "state", "region", "postalCode", "postal_code", "zip", "postcode", "country")


class Traits(msgspec.Struct, frozen=True):
    """Canonical attributes as text, clear traits, sealed traits."""

    attributes: dict[str, str]
    clear: dict[str, Any]
    sealed: dict[str, Any]


def read(traits: Mapping[str, Any], plan: Mapping[str, bool]) -> Traits:
    """Traits in camelCase or snake_case, English or Korean; an address may be a text or an object."""
    attributes: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for name, value in traits.items():
        attribute = attribute_of(name)
        if attribute == "address" and isinstance(value, dict):
            attributes |= _address(value)
        elif attribute is not None and (text := _text(value)) is not None:
            attributes.setdefault(attribute, text)
        elif value is not None:
            rest[name] = value
    personal = {name: rest.pop(name) for name in TRAITS_OF_A_PERSON.intersection(rest) if name not in plan}
    clear, sealed = split(rest, plan)
    return Traits(attributes, clear, sealed | personal)


def _address(parts: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _IN_ADDRESS:
        attribute, text = attribute_of(name), _text(parts.get(name))
        if attribute is not None and text is not None:
            found.setdefault(attribute, text)
    return found


def _text(value: Any) -> str | None:
    if type(value) is int:
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
