"""The suppression gate: the names by which what arrives could be on the list, whatever their spelling and wherever in it
they stand; and those by which an erasure finds what is in quarantine."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from cdp.core import indexing
from cdp.events.types import NewEvent
from cdp.ingestion import who
from cdp.ingestion.shapes import contact_shapes
from cdp.ingestion.vocabulary import attribute_of
from consent.suppression import CONTACTS, Name, called_names, identifier_names, record_name
from identity.linkage.normalise import identifier

# Less than this cannot hold an address or a number, in whatever width of characters.
_MAYBE = re.compile(r"[@＠﹫]|(?:\d\D{0,3}){8}")
# Longer texts are rarely the same twice.
_CACHED = 256
# Whole numbers that may be a telephone's, which spreadsheets write without its leading zero.
_LEAST_NUMBER, _MOST_NUMBER = 10**8, 10**14
# Of what was refused: which fields name the record, of which kinds it may have been.
_USER_FIELDS = ("userId", "user_id", "previousId")
_RECORD_FIELDS = {
    "userId": ("user",), "user_id": ("user",), "previousId": ("user", "anonymous"), "anonymousId": ("anonymous",),
    "external_id": ("customer",),
}  # fmt: skip


def names(event: NewEvent) -> set[Name]:
    """Every name that the event is about to keep: of its record, its identifiers, and each e-mail address and phone
    number in it. Leaves that a user names are not among them, for a device may be another person's by now."""
    sealed = event.sealed
    found = {record_name(event.record)}
    _look_into(sealed, found)
    if event.properties:
        _look_into(event.properties, found)
    if listed := sealed.get("identifiers"):
        found.update(identifier_names(listed, event.brand))
    found.update(_called(sealed.get("external_id", ""), event.brand, event.kind == "user"))
    if event.type == "alias":
        for before in sealed.get("leaf_ids", {}).values():
            found.update(_called(before, event.brand, True))
    return found


def refused_names(content: Any, source: UUID) -> set[Name]:
    """The same of content that does not fit, as far as it can be read."""
    found = contacts(content)
    for name, value in _ids(content):
        found.update(called_names(value))
        found.update(record_name(who.record_id(source, kind, value)) for kind in _RECORD_FIELDS[name])
        if name in _USER_FIELDS:
            found.add(("user_id", value))
    return found


def identifier_digests(content: Any) -> tuple[bytes, ...]:
    """Blind indexes of the contacts and ids that stand anywhere in content that was refused."""
    named = contacts(content) | {*(("user_id", value) for name, value in _ids(content) if name in _USER_FIELDS)}
    index = indexing.now()
    return tuple(sorted({index.of(kind, value) for kind, value in named}))


def contacts(content: Any) -> set[Name]:
    """(kind, normalised value) of every e-mail address and phone number anywhere in content, names of fields included."""
    found: set[Name] = set()
    _look_into({"": content}, found)
    return found


def _look_into(fields: Mapping[str, Any], found: set[Name]) -> None:
    """Add the contacts in these fields. Each value of each event passes here: no generator, few calls."""
    for name, value in fields.items():
        kind = type(value)
        if "@" in name:
            found.update(_found("", name))
        if kind is str:
            found.update(_cached(name, value) if len(value) <= _CACHED else _found(name, value))
        elif kind is dict:
            _look_into(value, found)
        elif kind is list or kind is tuple:
            for item in value:
                _look_into({name: item}, found)
        elif kind is int and (_LEAST_NUMBER <= value < _MOST_NUMBER or attribute_of(name) == "phone"):
            found.update(_cached(name, str(value)))


def _found(name: str, text: str) -> tuple[Name, ...]:
    """The contacts in the text of a field: all of it where the field is named so, else what is shaped so."""
    if (kind := attribute_of(name)) in CONTACTS and (normal := identifier(str(kind), text)):
        return ((str(kind), normal),)
    if not _MAYBE.search(text):
        return ()
    shaped = ((kind, identifier(kind, part)) for kind, part in contact_shapes(text))
    return tuple((kind, normal) for kind, normal in shaped if normal)


_cached = lru_cache(maxsize=65536)(_found)


@lru_cache(maxsize=65536)
def _called(external_id: str, brand: str, is_user: bool) -> tuple[Name, ...]:
    """What an id names by itself: a contact, a user."""
    own = identifier_names({"user_id": [external_id]}, brand) if is_user else ()
    return (*called_names(external_id), *own)


def _ids(content: Any) -> Iterator[tuple[str, str]]:
    """(field, usable id) of the ids that stand anywhere in content."""
    if isinstance(content, dict):
        for name in _RECORD_FIELDS.keys() & content.keys():
            if (value := who.usable(content[name])) is not None:
                yield name, value
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from _ids(item)
