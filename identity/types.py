"""What the rooms above ask identity in, and what it answers in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

LEAVES = frozenset({"anonymous", "device", "receipt"})
# What is known of a person.
ATTRIBUTES = {
    "full_name": _("Full name"),
    "given_name": _("Given name"),
    "family_name": _("Family name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "birth_date": _("Birth date"),
    "gender": _("Gender"),
    "address": _("Address"),
    "city": _("City"),
    "region": _("Region"),
    "postcode": _("Postcode"),
    "country": _("Country"),
}
# By what records are joined.
IDENTIFIERS = {
    **ATTRIBUTES,
    "user_id": _("Member number"),
    "customer": _("Customer number"),
    "loyalty_id": _("Loyalty number"),
}
# Why a steward is asked: what the model is unsure of, what a constraint refused, what alone holds a profile together, or
# chance.
REVIEW_REASONS = {
    "gray zone": pgettext_lazy("why a case is open", "Likely, but not sure"),
    "given names": pgettext_lazy("why a case is open", "Different given names"),
    "birth dates": pgettext_lazy("why a case is open", "Different birth dates"),
    "gender": pgettext_lazy("why a case is open", "Different genders"),
    "identifiers": pgettext_lazy("why a case is open", "Too many identifiers"),
    "no name": pgettext_lazy("why a case is open", "Without a name, and as near to another person"),
    "bridge": pgettext_lazy("why a case is open", "A weak link alone holds the profile together"),
    "automatic merge": pgettext_lazy("why a case is open", "Drawn at random: merged automatically"),
    "near miss": pgettext_lazy("why a case is open", "Drawn at random: nearly merged"),
    "drawn": pgettext_lazy("why a case is open", "Drawn at random, to be judged unseen"),
    "recycled number": pgettext_lazy("why a case is open", "A number that came back under another name"),
}
# What tells the people of one household apart.
APART = {**REVIEW_REASONS, "cannot-link": pgettext_lazy("why people are kept apart", "Held apart by a steward")}

Row = Mapping[str, str | None]  # what linkage compares: the columns of `linkage.normalise`


class Reason(TextChoices):
    """Why a steward changed a profile: one of a list, for what is written freely may hold a personal value."""

    DIFFERENT_PEOPLE = "different_people", _("These are different people")
    SHARED_CONTACT = "shared_contact", _("A phone, an e-mail or a device is shared")
    WRONG_DATA = "wrong_data", _("The data was entered wrongly")
    PERSON_ASKED = "person_asked", _("The person asked for it")
    REVIEW = "review", _("Decided in a review case")


class Shared(TextChoices):
    """What the people of one household share."""

    EMAIL = "email", pgettext_lazy("what a household shares", "e-mail")
    PHONE = "phone", pgettext_lazy("what a household shares", "phone")
    CARD = "loyalty_id", pgettext_lazy("what a household shares", "loyalty card")
    HOME = "address", pgettext_lazy("what a household shares", "address")


class Wish(TextChoices):
    """What staff ask to be done with a linkage model."""

    TRIAL = "trial", pgettext_lazy("linkage model", "trial")
    PROMOTION = "promotion", pgettext_lazy("linkage model", "promotion")


@dataclass(frozen=True)
class Seen:
    """What one event says about its record: the part of it that identity folds."""

    record: UUID
    kind: str
    source: UUID
    brand: str
    at: datetime
    message_id: str
    leaves: dict[str, UUID]
    external_id: str
    identifiers: dict[str, list[str]]
    attributes: dict[str, str]
    traits: dict[str, Any]


@dataclass
class Folded:
    """A record's attribute blob, opened (see `identity.models.Record`), and its clear traits."""

    external_id: str = ""
    values: dict[str, list[list[str]]] = field(default_factory=dict)
    identifiers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    traits: dict[str, list[Any]] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """What the events said of the person: the part that is sealed."""
        return {"external_id": self.external_id, "values": self.values, "identifiers": self.identifiers}

    def current(self) -> dict[str, str]:
        """The latest value of each attribute."""
        return {name: history[0][0] for name, history in self.values.items() if history}


@dataclass(frozen=True)
class Edge:
    """Two records that the model compared: its weight in bits, and the level of each comparison by name."""

    left: UUID
    right: UUID
    weight: float
    levels: dict[str, int]


class Cleaned(NamedTuple):
    """A person's record as linkage compares it; `stale`: an earlier version of the cleaning kept it, so that its blocking
    keys may be of that version too."""

    id: UUID
    profile: UUID | None
    version: int
    row: Row
    stale: bool = False


@dataclass(frozen=True)
class OpenRecord:
    """A record with its blob opened, for those who project it."""

    id: UUID
    source: UUID
    kind: str
    leaf: bool
    profile: UUID | None
    version: int
    first_seen: datetime
    last_seen: datetime
    folded: Folded


@dataclass(frozen=True)
class FoundProfile:
    """The live profile that an id means; `redirected_from` is that id, where it was merged into this profile."""

    id: UUID
    created_at: datetime
    redirected_from: UUID | None


@dataclass(frozen=True)
class RecordView:
    """One source's view of a person without personal values: which source, when it was seen, its clear traits."""

    id: UUID
    source: str
    channel: str
    brand: str
    kind: str
    leaf: bool
    first_seen: datetime
    last_seen: datetime
    traits: dict[str, Any]


@dataclass(frozen=True)
class ChannelCount:
    """How many records one channel brought, and how many profiles they belong to."""

    channel: str
    records: int
    profiles: int


@dataclass(frozen=True)
class IdChange:
    """What happened to the id of a profile: created, merged into `other`, split from `other`, erased."""

    profile: UUID
    kind: TextChoices
    other: UUID | None
    at: datetime


@dataclass(frozen=True)
class NumberedChange(IdChange):
    """The same with its number in commit order."""

    seq: int


@dataclass(frozen=True)
class IdChangePage:
    """Changes after a number; ask again with `since=next_since`, at once while `has_more`."""

    rows: list[NumberedChange]
    next_since: int
    has_more: bool


@dataclass(frozen=True)
class HistoryEntry:
    """One thing that happened to a profile. `kind`: created, merged, split, erased as in `ProfileChange`; joined,
    moved, left of records that came without a profile, from another, or went to none.

    The records went from profile `left` to profile `joined`. On account of: a steward (`actor`, `reason`), a batch run
    (`run`, with the version of its model), or new evidence (neither). `change`: the id of the change, where an id began,
    ended or was split; a merge is undone by it.
    """

    at: datetime
    kind: str
    left: UUID | None
    joined: UUID | None
    records: list[UUID]
    actor: str
    reason: str
    run: UUID | None
    model: str
    change: UUID | None


@dataclass(frozen=True)
class Compared:
    """What one comparison of two records says: its level, all the bits that it adds, and those of them that come from
    how frequent the values are (None where they are not known one by one)."""

    comparison: str
    level: str
    bits: float
    frequency_bits: float | None


@dataclass(frozen=True)
class Bar:
    """One bar of a waterfall of bits, from `start` to `end`; the first is the prior, the last the whole weight."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class ExplainedLink:
    """One link between two records. `kind`: must (a steward's), identifier (`identifier` names its kind), claim (of a
    leaf), or probable (the model's).

    `weight` in bits, prior included, and `comparisons` are what the model of `model` says of the two: of a probable link
    as it was scored, of the others as their values are now; None and empty for leaves, which are not compared.
    """

    left: UUID
    right: UUID
    kind: str
    identifier: str
    weight: float | None
    comparisons: tuple[Compared, ...]
    waterfall: tuple[Bar, ...]
    model: str
    actor: str
    at: datetime | None


@dataclass(frozen=True)
class Explanation:
    """Why two records are in one profile: the strongest path of links from one to the other."""

    left: UUID
    right: UUID
    links: tuple[ExplainedLink, ...]


@dataclass(frozen=True)
class Tie:
    """What joins records of a profile. `kind` is as in `ExplainedLink`, or cannot: a steward holds them apart.

    An identifier ties all that hold its value, one record too; every other tie has two, `weight` in bits the probable
    alone.
    """

    kind: str
    identifier: str
    records: tuple[UUID, ...]
    weight: float | None


@dataclass(frozen=True)
class Weighed:
    """What the live model says of two persons' records as they are now; empty where one is a leaf or gone."""

    weight: float | None
    comparisons: tuple[Compared, ...]
    waterfall: tuple[Bar, ...]
    model: str


@dataclass(frozen=True)
class Case:
    """A review case: two records, why a steward is asked, its place in the queue, and who has it or decided it.

    `weight`: bits by which the model scored the pair when the case was opened (0 where an identifier joined it).
    `profiles`: those that the two records are in now, left and right, None for what was erased.
    `blind`: drawn at random and open, so that what the model made of it is kept back: `reason` and `stratum` say no more
    than that, `weight` is None, `profiles` is empty.
    """

    id: UUID
    left: UUID
    right: UUID
    profiles: tuple[UUID | None, ...]
    reason: str
    stratum: str
    weight: float | None
    priority: float
    state: str
    assignee: str
    assigned_at: datetime | None
    decided_by: str
    decided_at: datetime | None
    created_at: datetime
    doubts: int
    blind: bool

    @property
    def together(self) -> bool:
        """Whether both records are known to be in one profile now."""
        return None not in self.profiles and len(set(self.profiles)) == 1


@dataclass(frozen=True)
class HouseholdMember:
    """Somebody who may live with a person: what the two share, and what tells them apart; both empty where others of the
    household connect them."""

    profile: UUID
    shared: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Household:
    """Who may live with a person; `id` is the same for all of them, None where nobody is known to."""

    id: UUID | None
    members: list[HouseholdMember]


@dataclass(frozen=True)
class ReviewProgress:
    """How far review has come: one steward's day, and all of it. `agreed`: verdicts that say what the model found likelier,
    of `compared` that the model had scored."""

    handed_out: int
    daily_limit: int
    open: int
    decided: int
    agreed: int
    compared: int

    @property
    def whole(self) -> int:
        """All cases that were decided or wait; 1 for none."""
        return self.open + self.decided or 1
