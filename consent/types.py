"""What consent is asked and told in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# The contact channels that are shipped; others are named by their keys.
CONTACT_CHANNELS = {
    "email": pgettext_lazy("contact channel", "E-mail"),
    "sms": pgettext_lazy("contact channel", "SMS"),
    "alimtalk": pgettext_lazy("contact channel", "Alimtalk"),
    "push": pgettext_lazy("contact channel", "Push"),
    "call": pgettext_lazy("contact channel", "Call"),
    "post": pgettext_lazy("contact channel", "Post"),
    "ad_audience": pgettext_lazy("contact channel", "Ad audience"),
}

# By what a person is named to the product: for looking them up, for keeping them out.
IDENTIFIERS = {
    "email": pgettext_lazy("kind of identifier", "E-mail"),
    "phone": pgettext_lazy("kind of identifier", "Phone"),
    "user_id": pgettext_lazy("kind of identifier", "User id"),
    "loyalty_id": pgettext_lazy("kind of identifier", "Loyalty card"),
}


@dataclass(frozen=True, kw_only=True)
class NewConsent:
    """One line for the ledger, about a `record`, or whoever holds `contact` (kind, digest of the point), or both.

    `channel` None speaks of every contact channel of the purpose, `brand` "" of every brand. `state` is granted,
    withdrawn or refused; an empty one (a blank column) says nothing and is not written. `key` is a digest of where the
    line comes from, so that writing it again is harmless. `proof` is any JSON, sealed under the record's key. `basis`
    None is the purpose's own. `guardian` says how a guardian's consent was confirmed where a guardian gave it; the proof
    is then the evidence. ValueError when nobody is named, a time has no zone, a proof has no record, or a guardian no
    evidence.
    """

    key: UUID
    purpose: str
    state: str
    given_at: datetime
    method: str
    recorded_by: str
    record: UUID | None = None
    contact: tuple[str, bytes] | None = None
    channel: str | None = None
    brand: str = ""
    source: UUID | None = None
    proof: Any = None
    notice_version: str = ""
    notice_language: str = ""
    expires_at: datetime | None = None
    recipient: str = ""
    country: str = ""
    basis: str | None = None
    guardian: str = ""

    def __post_init__(self) -> None:
        if self.record is None and self.contact is None:
            raise ValueError("A consent names a record, a contact point, or both.")
        if self.proof is not None and self.record is None:
            raise ValueError("A proof is sealed under a record's key: name the record.")
        if self.guardian and not self.proof:
            raise ValueError("A guardian's consent needs evidence as its proof.")
        if any(time is not None and time.tzinfo is None for time in (self.given_at, self.expires_at)):
            raise ValueError("The times of a consent need a time zone.")


@dataclass(frozen=True)
class ThirdParty:
    """Somebody to whom data is given, by name and country (ISO 3166-1 alpha-2), as a consent to it names them."""

    name: str
    country: str


@dataclass(frozen=True)
class Change:
    """What `refresh_effective` changed: a state, or only until when it holds; None is no state at all."""

    profile: UUID
    purpose: str
    channel: str
    brand: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Decision:
    """Whether a person may be contacted, and every reason why not (stable words, see `consent.queries.may_contact`)."""

    allowed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """How many live profiles have this state; `expired` is a grant whose time is over."""

    purpose: str
    channel: str
    state: str
    profiles: int


@dataclass(frozen=True)
class LedgerLine:
    """A line of the ledger as it concerns one profile, through `record`: given to it, or to a point it holds."""

    id: UUID
    record: UUID
    by_contact: bool
    purpose: str
    channel: str | None
    brand: str
    state: str
    given_at: datetime
    received_at: datetime
    expires_at: datetime | None
    method: str
    source: str | None
    basis: str
    notice_version: str
    notice_language: str
    recorded_by: str


@dataclass(frozen=True)
class DueConfirmation:
    """A grant that is to be confirmed again by `due_on`, a day in Seoul."""

    profile: UUID
    purpose: str
    channel: str
    brand: str
    since: datetime
    due_on: date


@dataclass(frozen=True)
class KnownPurpose:
    """A purpose and its names; one that does not rest on consent only minds objections."""

    key: str
    name_ko: str
    name_en: str
    rests_on_consent: bool


@dataclass(frozen=True)
class EffectiveConsent:
    """What the ledger adds up to for one purpose and contact channel; `brand` "" is all brands."""

    purpose: str
    channel: str
    brand: str
    state: TextChoices
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class RequestOfPerson:
    """A privacy request of somebody, closed or not; kind and state with their words."""

    id: UUID
    kind: TextChoices
    state: TextChoices
    received_at: datetime
    due_on: date


@dataclass(frozen=True)
class OpenRequest:
    """A privacy request that is not closed, and the day on which its answer is due."""

    id: UUID
    kind: TextChoices
    due_on: date


@dataclass(frozen=True)
class Stopped:
    """How much of a source's data the suppression list stopped, at one door (the kind of its counter)."""

    source: str
    door: str
    number: int


class Lifting(StrEnum):
    """What became of the wish to take a value off the suppression list."""

    ASKED = "lift_asked"
    LIFTED = "lifted"
    NOT_LISTED = "not_listed"


class SuppressionReason(TextChoices):
    """Why a value is on the suppression list, or no longer: one of a list, for free text may hold a personal value."""

    ERASED = "erased", _("The person was erased")
    ASKED = "asked", _("The person asked for it")
    LIST = "list", _("Taken over from another list")
    MISTAKE = "mistake", _("It was a mistake")


@dataclass(frozen=True)
class TakenValues:
    """How many values a list held, how many of them were new, how many were none of their kind, and where the first of
    those stood."""

    read: int
    added: int
    unusable: int
    unusable_lines: tuple[int, ...]


@dataclass(frozen=True)
class OwedResult:
    """Word that is owed of one line of the ledger. `subject` is the random id of the person's data key; None where only a
    number or address was named; `profile` the live profile it leads to now."""

    id: int
    line: UUID
    subject: UUID | None
    profile: UUID | None
    purpose: str
    channel: str | None
    state: str
    given_at: datetime
    due_on: date
    late: bool


@dataclass(frozen=True)
class Conflict:
    """A grant (`line`) that came after a browser's opt-out signal about the same purpose: it does not count yet."""

    line: UUID
    subject: UUID
    profile: UUID | None
    purpose: str
    channel: str | None
    brand: str
    objected_at: datetime
    granted_at: datetime


@dataclass(frozen=True)
class Meanings:
    """What signals mean here: the purposes that GPC objects to, the TCF purposes that a purpose needs, and what a consent
    platform's category stands for, by (source or None, category)."""

    gpc: tuple[str, ...] = ()
    tcf: tuple[tuple[str, frozenset[int]], ...] = ()
    categories: Mapping[tuple[UUID | None, str], tuple[tuple[str, str | None], ...]] | None = None

    def of_category(self, source: UUID, category: str) -> tuple[tuple[str, str | None], ...]:
        """(purpose, contact channel) of a category; one that nobody described is PURPOSE or PURPOSE:CHANNEL."""
        known = self.categories or {}
        if found := known.get((source, category)) or known.get((None, category)):
            return found
        purpose, _colon, channel = category.partition(":")
        return ((purpose, channel or None),)

    def of_purposes(self, consented: frozenset[int]) -> Iterator[tuple[str, str]]:
        """(purpose, state) of what a TCF string consents to: a purpose is granted where all that it needs is."""
        for purpose, needed in self.tcf:
            yield purpose, "granted" if needed <= consented else "withdrawn"
