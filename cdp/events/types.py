"""What the event store takes and gives."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy

# The channels that are shipped; others are named by their keys.
CHANNELS = {
    "web": pgettext_lazy("channel", "Web"),
    "app": pgettext_lazy("channel", "App"),
    "pos": pgettext_lazy("channel", "Stores (POS)"),
    "call_center": pgettext_lazy("channel", "Call center"),
    "chat": pgettext_lazy("channel", "Chat"),
    "email": pgettext_lazy("channel", "E-mail"),
    "messaging": pgettext_lazy("channel", "Messaging"),
    "social": pgettext_lazy("channel", "Social media"),
    "survey": pgettext_lazy("channel", "Surveys"),
    "crm": pgettext_lazy("channel", "CRM"),
    "ads": pgettext_lazy("channel", "Advertising"),
    "partner": pgettext_lazy("channel", "Partners"),
}


class DataClass(TextChoices):
    """What kind of personal data a field holds: some kinds may be used for few purposes, or kept for a short time."""

    GENERAL = "general", pgettext_lazy("data class", "general")
    LOCATION = "location", pgettext_lazy("data class", "location")
    CREDIT = "credit", pgettext_lazy("data class", "credit")
    SENSITIVE = "sensitive", pgettext_lazy("data class", "sensitive")


class KnownSource(msgspec.Struct, frozen=True):
    """A source as ingestion needs it: whose events these are, what they default to, and the purpose that a record must
    allow before anything of it is collected ("": none)."""

    id: UUID
    name: str
    channel: str
    brand: str
    zone: str
    currency: str
    enabled: bool
    required_purpose: str = ""


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to be stored; the columns of `Event`, `sealed` still open (see there for its parts).

    Texts hold neither NUL nor lone surrogates, times are aware, `revenue` is in minor units of `currency`.
    """

    source: UUID
    message_id: str
    type: str
    name: str
    record: UUID
    kind: str
    occurred_at: datetime
    received_at: datetime | None = None
    sent_at: datetime | None = None
    leaves: Mapping[str, UUID] = {}
    flags: tuple[str, ...] = ()
    session: str | None = None
    place: str | None = None
    campaign: str | None = None
    account: str | None = None
    order_id: str | None = None
    brand: str = ""
    currency: str | None = None
    revenue: int | None = None
    properties: Mapping[str, Any] = {}
    sealed: Mapping[str, Any] = {}


class Refusal(msgspec.Struct, frozen=True):
    """What arrived and does not fit. `digest` (32 bytes) tells repeats apart; `content` is JSON-shaped and gets sealed;
    `identifiers` are keyed digests by which an erasure finds it; `place` says where in a file it stood."""

    source: UUID
    digest: bytes
    reason: str
    content: Any
    received_at: datetime
    place: str = ""
    identifiers: tuple[bytes, ...] = ()


class Stored(msgspec.Struct, frozen=True):
    """How many were kept, and how many had been kept before."""

    taken: int
    repeated: int


class ToldEvent(msgspec.Struct, frozen=True):
    """An event as a page tells it: the name of its source, its clear properties."""

    id: UUID
    name: str
    source: str
    occurred_at: datetime
    properties: Mapping[str, Any]


class PlannedTreatment(msgspec.Struct, frozen=True):
    """The tracking plan's word on one field; `source` None and `event` "" mean every one."""

    source: UUID | None
    event: str
    path: str
    clear: bool
