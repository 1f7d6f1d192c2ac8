"""Values by which a person could be suppressed, and by which an erasure finds what is in quarantine."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdp.core import crypto
from cdp.events.types import NewEvent
from cdp.ingestion.shapes import personal_shape
from cdp.ingestion.vocabulary import attribute_of
from identity.linkage import normalise

Contact = tuple[str, str]
_KINDS = ("email", "phone")


def contacts(event: NewEvent) -> set[Contact]:
    """(kind, normalised value) of every e-mail address and phone number that the event is about to keep."""
    sealed = event.sealed
    found = set(_identifiers(sealed.get("identifiers")))
    found.update(_said(sealed.get("attributes")))
    found.update(_said(sealed.get("properties")))
    found.update(_said(sealed.get("traits")))
    if (context := sealed.get("context")) and type(said := context.get("traits")) is dict:
        found.update(_said(said))
    if "@" in (name := sealed.get("external_id", "")):
        found.update(_normal("email", name))
    return found


def suppression_digests(found: Iterable[Contact]) -> dict[Contact, bytes]:
    """The digest under which each contact would be on the suppression list."""
    return {contact: crypto.suppression_digest(*contact) for contact in found}


def identifier_digests(content: Any) -> tuple[bytes, ...]:
    """Blind indexes of the contacts and ids that stand anywhere in content that was refused."""
    return tuple(sorted({crypto.blind_index(kind, value) for kind, value in _anywhere(content)}))


def _identifiers(listed: Mapping[str, list[str]] | None) -> Iterable[Contact]:
    for kind in _KINDS:
        for value in (listed or {}).get(kind, ()):
            yield from _normal(kind, value)


def _said(fields: Mapping[str, Any] | None) -> Iterable[Contact]:
    """Contacts in fields that are named so or look so."""
    for name, value in (fields or {}).items():
        if isinstance(value, str):
            kind = attribute_of(name)
            yield from _normal(kind if kind in _KINDS else personal_shape(value) if len(value) <= 64 else None, value)


def _normal(kind: str | None, value: str) -> Iterable[Contact]:
    if kind in _KINDS and kind is not None and (normal := normalise.identifier(kind, value)) is not None:
        yield kind, normal


def _anywhere(content: Any) -> Iterable[Contact]:
    if isinstance(content, dict):
        if (user := content.get("userId")) and (normal := normalise.identifier("user_id", str(user))):
            yield "user_id", normal
        yield from _said({str(name): value for name, value in content.items()})
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from _anywhere(item)
