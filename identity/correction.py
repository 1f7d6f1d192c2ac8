"""A steward's value as an event of the built-in source: what it may be, and what identity folds of it."""

from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import UNSTORABLE, now, uuid7
from cdp.events.types import NewEvent
from identity.linkage import normalise
from identity.types import ATTRIBUTES, Seen

# The kind of the records that hold corrections, and the name of their events.
KIND: Final = "customer"
NAME: Final = "Value Corrected"
# What must be understood, for it would be no use otherwise.
_UNDERSTOOD: Final = frozenset({"email", "phone", "gender"})


def usable(attribute: str, value: str) -> str:
    """The value as it is kept. Raises `Refused`: `attribute_unknown`, `value_unusable`; neither repeats the value."""
    if attribute not in ATTRIBUTES:
        raise Refused("attribute_unknown", _("There is no such attribute."))
    text = value.strip()
    storable = len(text) <= normalise.LONGEST and not UNSTORABLE.search(text)
    if not storable or normalise.text(text) is None or not _understood(attribute, text):
        raise Refused("value_unusable", _("The value cannot be one of this attribute."))
    return text


def _understood(attribute: str, value: str) -> bool:
    if attribute == "birth_date":
        return normalise.birth_date(value) is not None
    return attribute not in _UNDERSTOOD or normalise.clean({attribute: value})[attribute] is not None


def event(source: UUID, record: UUID, corrected: UUID, attribute: str, value: str) -> NewEvent:
    """The event by which `record`, of the built-in source, says how `corrected` should read."""
    sealed = {"external_id": str(corrected), "attributes": {attribute: value}}
    return NewEvent(
        source=source, message_id=str(uuid7()), type="identify", name=NAME, record=record, kind=KIND,
        occurred_at=now(), sealed=sealed,
    )  # fmt: skip


def seen(event: NewEvent) -> Seen:
    """The same as identity folds it."""
    return Seen(
        record=event.record, kind=event.kind, source=event.source, brand=event.brand, at=event.occurred_at,
        message_id=event.message_id, leaves={}, external_id=event.sealed["external_id"], identifiers={},
        attributes=event.sealed["attributes"], traits={},
    )  # fmt: skip
