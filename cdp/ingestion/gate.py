"""The suppression gate: the names by which what arrives could be on the list, whatever their spelling and wherever in it
they stand; and those by which an erasure finds what is in quarantine."""

import re
from collections.abc import Iterable, Iterator, Mapping
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
_CACHED = 64
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
    found.update(contacts(sealed))
    if event.properties:
        found.update(contacts(event.properties))
    if listed := sealed.get("identifiers"):
        found.update(identifier_names(listed, event.brand))
    if event.kind == "user" or event.type == "alias":
        found.update(_user_names(sealed, event.brand))
    if external_id := sealed.get("external_id"):
        found.update(called_names(external_id))
    return found


def refused_names(content: Any, source: UUID) -> set[Name]:
    """The same of content that does not fit, as far as it can be read."""
    found = set(contacts(content))
    for name, value in _ids(content):
        found.update(called_names(value))
        found.update(record_name(who.record_id(source, kind, value)) for kind in _RECORD_FIELDS[name])
        if name in _USER_FIELDS:
            found.add(("user_id", value))
    return found


def identifier_digests(content: Any) -> tuple[bytes, ...]:
    """Blind indexes of the contacts and ids that stand anywhere in content that was refused."""
    named = {*contacts(content), *(("user_id", value) for name, value in _ids(content) if name in _USER_FIELDS)}
    index = indexing.now()
    return tuple(sorted({index.of(kind, value) for kind, value in named}))


def contacts(content: Any, kind: str | None = None) -> Iterator[Name]:
    """(kind, normalised value) of every e-mail address and phone number anywhere in content, names of fields included.
    `kind`: what the name of the field says that it holds."""
    held = type(content)
    if held is str:
        yield from _contacts(kind, content) if len(content) <= _CACHED else _found(kind, content)
    elif held is dict:
        for name, value in content.items():
            if "@" in name:
                yield from _contacts(None, name)
            yield from contacts(value, attribute_of(name))
    elif held is list or held is tuple:
        for value in content:
            yield from contacts(value, kind)
    elif held is int and (kind == "phone" or _LEAST_NUMBER <= content < _MOST_NUMBER):
        yield from _contacts(kind, str(content))


def _found(kind: str | None, text: str) -> tuple[Name, ...]:
    if kind in CONTACTS and (normal := identifier(str(kind), text)):
        return ((str(kind), normal),)
    if not _MAYBE.search(text):
        return ()
    shaped = ((kind, identifier(kind, part)) for kind, part in contact_shapes(text))
    return tuple((kind, normal) for kind, normal in shaped if normal)


_contacts = lru_cache(maxsize=65536)(_found)


def _user_names(sealed: Mapping[str, Any], brand: str) -> Iterable[Name]:
    """A user's own id, and by an alias that of who they were before."""
    ids = [sealed.get("external_id", ""), *sealed.get("leaf_ids", {}).values()]
    return identifier_names({"user_id": ids}, brand)


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
