"""A plan from what arrived: types, what is always there, values where they are few. Pure.

Events are given as they are kept, in a clear and a sealed part. Of sealed values only the types are told.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from cdp.events.types import Mode

# So few different texts, each seen so often on average, are a list of choices.
FEW_CHOICES, TIMES_EACH = 12, 10
LONGEST_CHOICE = 40
# An object with more members than this is a map by some key, not a thing with fields.
MOST_FIELDS = 200
# Nor is it a field if its name could be an address or a number.
_PLAIN_NAME = re.compile(r"[^\W\d](?:[\w .-](?!\d{6})){0,63}")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class Shape:
    """What the values at one place have in common."""

    def __init__(self) -> None:
        self.seen, self.sealed = 0, False
        self.types: Counter[str] = Counter()
        self.choices: set[str] = set()
        self.fields: dict[str, Shape] = {}
        self.items: Shape | None = None

    def add(self, clear: Any, sealed: Any = None) -> None:
        """One more value: its clear part, its sealed part, or both of an object or list; a null is absent."""
        value = sealed if clear is None else clear
        if value is None:
            return
        self.seen += 1
        self.sealed = self.sealed or clear is None
        self.types[_TYPES[type(value)]] += 1
        if isinstance(value, str) and len(self.choices) <= FEW_CHOICES:
            self.choices.add(value)
        elif isinstance(value, dict):
            self._add_fields(_part(clear, {}), _part(sealed, {}))
        elif isinstance(value, list):
            self._add_items(_part(clear, []), _part(sealed, []))

    def _add_fields(self, clear: Mapping[str, Any], sealed: Mapping[str, Any]) -> None:
        for name in [*clear, *(name for name in sealed if name not in clear)]:
            if name not in self.fields and (len(self.fields) > MOST_FIELDS or not _PLAIN_NAME.fullmatch(name)):
                continue
            self.fields.setdefault(name, Shape()).add(clear.get(name), sealed.get(name))

    def _add_items(self, clear: list[Any], sealed: list[Any]) -> None:
        """Of a list, a null is an item like any other."""
        self.items = self.items or Shape()
        for parts in zip_longest(clear, sealed):
            if parts == (None, None):
                self.items.seen += 1
                self.items.types["null"] += 1
            self.items.add(*parts)

    def schema(self, within_sealed: bool = False) -> dict[str, Any]:
        """What all of these values fit."""
        types = sorted(self.types - Counter({"integer": self.types["integer"] if "number" in self.types else 0}))
        found: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
        sealed = self.sealed or within_sealed
        if self.sealed and not within_sealed:
            found["personal"] = True
        if types == ["string"] and not sealed and self._is_choice():
            found["enum"] = sorted(self.choices)
        if 0 < len(self.fields) <= MOST_FIELDS:
            found |= self._object(sealed)
        if self.items is not None and self.items.seen:
            found["items"] = self.items.schema(sealed)
        return found

    def _is_choice(self) -> bool:
        few = len(self.choices) <= FEW_CHOICES and self.seen >= TIMES_EACH * len(self.choices)
        return few and all(len(choice) <= LONGEST_CHOICE for choice in self.choices)

    def _object(self, sealed: bool) -> dict[str, Any]:
        seen = {name: field for name, field in sorted(self.fields.items()) if field.seen}
        always = [name for name, field in seen.items() if field.seen == self.seen and self.types["object"] == self.seen]
        required = {"required": always} if always else {}
        return required | {"properties": {name: field.schema(sealed) for name, field in seen.items()}}


def inferred(key: str, kept: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    """The content of a plan which all these events fit: (name, clear properties, sealed properties) of each. It observes,
    and its titles wait to be written."""
    shapes: dict[str, Shape] = {}
    for name, clear, sealed in kept:
        shapes.setdefault(name, Shape()).add(dict(clear), dict(sealed))
    events = {name: {"title": name, "title_ko": ""} | _properties(shape) for name, shape in sorted(shapes.items())}
    return {"plan": key, "owner": "", "mode": Mode.OBSERVE.value, "events": events}


def whole(clear: Any, sealed: Any) -> Any:
    """A value put together from its clear and its sealed part, as it was sent."""
    if isinstance(clear, dict) and isinstance(sealed, dict):
        names = [*clear, *(name for name in sealed if name not in clear)]
        return {name: whole(clear.get(name), sealed.get(name)) for name in names}
    if isinstance(clear, list) and isinstance(sealed, list) and len(clear) == len(sealed):
        return [whole(*parts) for parts in zip(clear, sealed, strict=True)]
    return sealed if clear is None else clear


def _properties(shape: Shape) -> dict[str, Any]:
    return {word: value for word, value in shape.schema().items() if word in ("required", "properties")}


def _part(part: Any, nothing: Any) -> Any:
    return part if isinstance(part, type(nothing)) else nothing
