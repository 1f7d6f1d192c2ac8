"""What the event store takes and gives."""

from collections.abc import Mapping
from datetime import date, datetime
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
# What a record is of.
RECORD_KINDS = {
    "user": pgettext_lazy("record kind", "signed-in user"),
    "customer": pgettext_lazy("record kind", "customer"),
    "anonymous": pgettext_lazy("record kind", "anonymous visitor"),
    "device": pgettext_lazy("record kind", "device"),
    "receipt": pgettext_lazy("record kind", "receipt"),
}
# Why something waits in quarantine, and what helps.
QUARANTINE_REASONS = {
    "bad_consent": pgettext_lazy(
        "quarantine", "A consent names no purpose or contact channel of ours, or no known state."
    ),
    "bad_currency": pgettext_lazy("quarantine", "The currency is no code of ISO 4217."),
    "bad_json": pgettext_lazy("quarantine", "The line is no JSON."),
    "bad_money": pgettext_lazy("quarantine", "The amount cannot be read as money."),
    "bad_row": pgettext_lazy("quarantine", "The row's cells do not fit its heading or the mapping."),
    "bad_shape": pgettext_lazy("quarantine", "A field holds something of another kind than it should."),
    "bad_text": pgettext_lazy("quarantine", "A text is empty, too long, or holds what is no text."),
    "bad_time": pgettext_lazy("quarantine", "The time cannot be read; write it like 2026-05-01T09:00:00+09:00."),
    "name_too_long": pgettext_lazy("quarantine", "The name of the event or of a field is too long."),
    "no_event_name": pgettext_lazy("quarantine", "The event has no name."),
    "no_group_id": pgettext_lazy("quarantine", "The group has no id."),
    "no_identity": pgettext_lazy(
        "quarantine",
        "Nobody is named: an event needs a userId or anonymousId, a row the column external_id or user_id. Map the column.",
    ),
    "no_preferences": pgettext_lazy("quarantine", "The consent says nothing of any category."),
    "no_previous_id": pgettext_lazy("quarantine", "The alias does not say which id it replaces."),
    "not_an_object": pgettext_lazy("quarantine", "It is no JSON object."),
    "nul": pgettext_lazy("quarantine", "A text holds a NUL character."),
    "number_range": pgettext_lazy("quarantine", "A number is too large or no finite number."),
    "plan_choice": pgettext_lazy(
        "quarantine", "The tracking plan lists the values of this field; this is none of them."
    ),
    "plan_missing": pgettext_lazy("quarantine", "A field is missing that the tracking plan requires."),
    "plan_naming": pgettext_lazy(
        "quarantine", "The name of the event or of a field is not as the tracking plan wants names."
    ),
    "plan_shape": pgettext_lazy("quarantine", "Fields do not go together as the tracking plan says."),
    "plan_surplus": pgettext_lazy("quarantine", "It has a field that the tracking plan does not allow."),
    "plan_type": pgettext_lazy("quarantine", "A field is of another type than the tracking plan says."),
    "plan_unplanned": pgettext_lazy("quarantine", "The tracking plan knows no such event, and takes no others."),
    "plan_value": pgettext_lazy("quarantine", "A value is not of the form or size that the tracking plan says."),
    "personal_name": pgettext_lazy("quarantine", "The name of the event or of a field holds a personal value."),
    "repeated_key": pgettext_lazy("quarantine", "An object names a field twice."),
    "resident_number": pgettext_lazy("quarantine", "It holds a resident registration number, which is never kept."),
    "too_deep": pgettext_lazy("quarantine", "It is nested too deep."),
    "too_large": pgettext_lazy("quarantine", "It is too large."),
    "unexpected": pgettext_lazy("quarantine", "A fault of ours; its kind and place are in the log."),
    "unknown_type": pgettext_lazy("quarantine", "The type is none of identify, track, page, screen, group, alias."),
}


class DataClass(TextChoices):
    """What kind of personal data a field holds: some kinds may be used for few purposes, or kept for a short time."""

    GENERAL = "general", pgettext_lazy("data class", "general")
    LOCATION = "location", pgettext_lazy("data class", "location")
    CREDIT = "credit", pgettext_lazy("data class", "credit")
    SENSITIVE = "sensitive", pgettext_lazy("data class", "sensitive")


class Mode(TextChoices):
    """What becomes of an event that is not as its plan says: it is counted; counted and flagged; counted and put into
    quarantine."""

    OBSERVE = "observe", pgettext_lazy("tracking plan", "observe")
    WARN = "warn", pgettext_lazy("tracking plan", "warn")
    BLOCK = "block", pgettext_lazy("tracking plan", "block")


# How an event can differ from its plan.
VIOLATIONS = {
    "choice": pgettext_lazy("tracking plan", "not among the listed values"),
    "missing": pgettext_lazy("tracking plan", "missing"),
    "naming": pgettext_lazy("tracking plan", "named otherwise"),
    "shape": pgettext_lazy("tracking plan", "does not go together"),
    "surplus": pgettext_lazy("tracking plan", "not allowed"),
    "type": pgettext_lazy("tracking plan", "of another type"),
    "unplanned": pgettext_lazy("tracking plan", "event without a plan"),
    "value": pgettext_lazy("tracking plan", "of another form or size"),
}


# What is measured of events once they are taken, as counters are called, in the order in which they are counted.
MEASURED = ("measured", "late_hour", "late_day", "late_week", "future", "past", "clock", "unread")


class Measure(TextChoices):
    """What is held against its usual, by source and day: how many came in, and of them the share that is not as it should
    be; of a field the share of its events that have it."""

    VOLUME = "volume", pgettext_lazy("data quality", "volume")
    LATE = "late", pgettext_lazy("data quality", "more than an hour late")
    REPEATED = "repeated", pgettext_lazy("data quality", "repeated")
    QUARANTINED = "quarantined", pgettext_lazy("data quality", "in quarantine")
    MISSING = "missing", pgettext_lazy("data quality", "missing fields")
    INVALID = "invalid", pgettext_lazy("data quality", "invalid fields")
    FUTURE = "future", pgettext_lazy("data quality", "times in the future")
    PAST = "past", pgettext_lazy("data quality", "times more than ten years past")
    CLOCK = "clock", pgettext_lazy("data quality", "sent by a clock a day off")
    UNREAD = "unread", pgettext_lazy("data quality", "times that cannot be read")
    FILLED = "filled", pgettext_lazy("data quality", "field filled")
    NEW_FIELD = "new_field", pgettext_lazy("data quality", "new field")
    NEW_EVENT = "new_event", pgettext_lazy("data quality", "new event")


class Remedy(TextChoices):
    """What can be done with what waits in quarantine."""

    REPLAY = "replay", pgettext_lazy("quarantine", "replay")
    DROP = "drop", pgettext_lazy("quarantine", "drop")


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
    `identifiers` are keyed digests by which an erasure finds it; `place` says where it stood: FILE:LINE, or in a message
    TYPE.FIELD. The others are what reading it again needs: see `Quarantined`."""

    source: UUID
    digest: bytes
    reason: str
    content: Any
    received_at: datetime
    place: str = ""
    identifiers: tuple[bytes, ...] = ()
    unreadable: bool = False
    mapping: UUID | None = None
    message_id: str = ""
    sent_at: datetime | None = None
    gpc: bool = False


class Waiting(msgspec.Struct, frozen=True):
    """One of those that wait in quarantine, opened: `Refusal` has the words for its parts."""

    id: UUID
    digest: bytes
    reason: str
    place: str
    content: Any
    received_at: datetime
    unreadable: bool
    mapping: UUID | None
    message_id: str
    sent_at: datetime | None
    gpc: bool


class QuarantineGroup(msgspec.Struct, frozen=True):
    """What waits for one reason at one place: a file, or a part of messages of one type. `mapping` is the latest of its
    rows; when nothing in it is readable, only its sender can mend it."""

    source: UUID
    source_name: str
    reason: str
    place: str
    unreadable: bool
    mapping: UUID | None
    number: int
    first: datetime
    last: datetime


class Stored(msgspec.Struct, frozen=True):
    """How many were kept, and how many had been kept before."""

    taken: int
    repeated: int


class ToldEvent(msgspec.Struct, frozen=True):
    """An event as a page tells it: the name and channel of its source, its clear properties."""

    id: UUID
    name: str
    source: str
    channel: str
    occurred_at: datetime
    received_at: datetime
    properties: Mapping[str, Any]


class PlannedTreatment(msgspec.Struct, frozen=True):
    """The tracking plan's word on one field; `source` None and `event` "" mean every one."""

    source: UUID | None
    event: str
    path: str
    clear: bool


class Violation(msgspec.Struct, frozen=True, order=True):
    """How an event differs from its plan: a kind of `VIOLATIONS`, and the place by names that stand in the plan. An event
    that no plan describes has neither name nor place here."""

    event: str
    kind: str
    place: str


class ViolationCount(msgspec.Struct, frozen=True):
    """How often events of a source differed from their plan in one way, and on which day last."""

    source: str
    event: str
    kind: str
    place: str
    number: int
    last: date


class Withdrawal(msgspec.Struct, frozen=True):
    """What consent an event withdraws: of a purpose, for a contact channel (None: every one), which may stand in a property
    of the event."""

    purpose: str
    channel: str | None = None
    channel_property: str | None = None


class DescribedField(msgspec.Struct, frozen=True):
    """A field that a plan describes: its title by language, its JSON types (empty: any), whether it must be there beside its
    neighbours, whether it is personal (None: by its look)."""

    path: str
    titles: Mapping[str, str]
    types: tuple[str, ...]
    required: bool
    personal: bool | None
    data_class: str


class PlannedEvent(msgspec.Struct, frozen=True):
    """One event of the plans in force, for people: its words by language, and its fields. `source` "": every source."""

    plan: str
    version: int
    source: str
    event: str
    mode: str
    owner: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]
    fields: tuple[DescribedField, ...]


class QualityDay(msgspec.Struct, frozen=True):
    """What came in from one source on one day (UTC): how many, and how many of them were not as they should be. `measured` are
    those whose times and fields a worker has looked at, a moment after they came."""

    day: date
    received: int = 0
    repeated: int = 0
    quarantined: int = 0
    measured: int = 0
    late_hour: int = 0
    late_day: int = 0
    late_week: int = 0
    missing: int = 0
    invalid: int = 0
    future: int = 0
    past: int = 0
    clock: int = 0
    unread: int = 0

    @property
    def late(self) -> int:
        """More than an hour late."""
        return self.late_hour + self.late_day + self.late_week

    def of(self, measure: Measure) -> tuple[int, int]:
        """How many of how many a measure is of."""
        whole = self.received if measure in (Measure.REPEATED, Measure.QUARANTINED) else self.measured
        return getattr(self, "received" if measure == Measure.VOLUME else measure.value), whole


class Alert(msgspec.Struct, frozen=True):
    """What of a source was not as usual on a day: `value` and `usual` are a number or a share, by the measure."""

    source: UUID
    source_name: str
    day: date
    measure: Measure
    event: str
    field: str
    value: float
    usual: float | None


class KnownPlace(msgspec.Struct, frozen=True):
    """A store, branch or desk, as a file tells of it."""

    key: str
    name: str
    kind: str
    brand: str
    region: str
    zone: str


class KnownProduct(msgspec.Struct, frozen=True):
    """What is sold, as a file tells of it: `price` in minor units of `currency`."""

    sku: str
    valid_from: datetime
    name: str
    category: str
    attributes: Mapping[str, Any]
    price: int | None
    currency: str


class KnownValues(msgspec.Struct, frozen=True):
    """What held of a key of a table of reference values, from a moment on."""

    key: str
    valid_from: datetime
    values: Mapping[str, Any]
