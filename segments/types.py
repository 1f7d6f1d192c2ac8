"""What segments are asked and told in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from django.db.models import TextChoices

from cdp.core.models import User
from consent.models import Purpose


class SegmentFields(TypedDict, total=False):
    """What is said of a segment; `purpose` may be given by its key, `zone` is an IANA name, `rule` is JSON, `exclusions`
    are keys of segments, `split` is {part: percent}."""

    key: str
    name: str
    description: str
    owner: User | None
    purpose: Purpose | str
    brand: str
    zone: str
    rule: object
    exclusions: list[str]
    excluded_everywhere: bool
    split: dict[str, int]
    refresh_minutes: int


@dataclass(frozen=True)
class Preview:
    """How many live profiles a rule describes, how many of them consent, and how many of those can also be reached.

    `consented` and `reachable` are None where no contact channel was named. `margins` are empty where the numbers are exact;
    of an estimate, how far each may be off in 95 of 100 samples.
    """

    count: int
    consented: int | None
    reachable: int | None
    as_of: datetime
    margins: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ClauseCount:
    """A clause of a rule, at its place in the JSON: of how many whom the clauses before it left it was asked (`among`), and how
    many it leaves, estimated where the whole is. `group` is "all", "any" or "none" of the clauses that follow it, or "";
    `depth` how many groups it lies in."""

    path: str
    group: str
    words: str
    depth: int
    among: int
    left: int


@dataclass(frozen=True)
class Overlap:
    """Another segment, how many members it has, and how many of them are members of the one that was asked about too."""

    key: str
    name: str
    members: int
    both: int


@dataclass(frozen=True)
class Reach:
    """How many members consent to a contact channel, and how many of them also have a usable contact point for it.

    `margins` are empty where the numbers are exact; of estimates, how far each may be off in 95 of 100 samples.
    """

    channel: str
    consented: int
    reachable: int
    margins: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A profile in a segment, since when, and in which part of it, where it is split."""

    profile_id: UUID
    entered_at: datetime
    variant: str = ""


@dataclass(frozen=True)
class MemberPage:
    """Members in order of profile id; ask again with `after=next_after` while `has_more`."""

    rows: list[Member]
    next_after: UUID | None
    has_more: bool


@dataclass(frozen=True)
class Coming:
    """A profile `entered` or `left` a segment, as one reader may know it; `seq` grows in commit order."""

    seq: int
    profile_id: UUID
    kind: str
    reason: str
    at: datetime
    variant: str = ""


@dataclass(frozen=True)
class ChangePage:
    """Comings and goings after a number; ask again with `since=next_since`, at once while `has_more`.

    A page may be empty and still have advanced: what it passed over was not for this reader.
    """

    rows: list[Coming]
    next_since: int
    has_more: bool


FactName = Literal[
    "trait", "sum", "avg", "min", "max", "distinct", "most_frequent", "events", "first_at", "last_at", "picked_at", "periods",
    "entered_at", "left_at", "consent", "since",
]  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One value that decided a clause: what it is, of what (a trait, an event, a property, a segment; "": the clause), and
    the value: text, number, boolean, list or moment; None where there is none."""

    name: FactName
    of: str
    value: Any


@dataclass(frozen=True)
class Reason:
    """A clause of a rule, at its place in the JSON, whether it holds of a profile, and what decided it. `group` is "all",
    "any", "none" or "not_all" of the clauses that follow it, or ""; `depth` how many groups it lies in."""

    path: str
    group: str
    words: str
    depth: int
    holds: bool
    facts: list[Fact]


@dataclass(frozen=True)
class Way:
    """Whether somebody agreed to be contacted by a channel, and then also has a usable contact point for it."""

    channel: str
    agreed: bool
    reachable: bool


@dataclass(frozen=True)
class Explanation:
    """Why a profile is in a segment or not: `holds` by the rule and the exclusions at the moment `as_of`, `member` as last
    computed. `last_change` is how it last came in or went (`entered_at`, `left_at`), of which reason, and when."""

    segment: str
    profile_id: UUID
    as_of: datetime
    holds: bool
    member: bool
    entered_at: datetime | None
    last_change: Fact | None
    reasons: list[Reason]
    exclusions: list[Reason]
    channels: list[Way]


@dataclass(frozen=True)
class Frequent:
    """A value that many people have, and with what share (0–1) of those of whom the name is known."""

    value: Any
    share: float


@dataclass(frozen=True)
class OfferedName:
    """A trait or property that a rule may name, what it is called by language, in what share (0–1) of golden records, or of
    such events, it stands, and its frequent values."""

    name: str
    type: str
    data_class: str
    labels: dict[str, str]
    share: float
    values: list[Frequent]


@dataclass(frozen=True)
class OfferedEvent:
    """An event that a rule may name, what it is called by language, and its properties."""

    name: str
    labels: dict[str, str]
    properties: list[OfferedName]


@dataclass(frozen=True)
class Offers:
    """What rules of one purpose may name."""

    traits: list[OfferedName]
    events: list[OfferedEvent]


@dataclass(frozen=True)
class SegmentMembership:
    """A segment that a profile is in, and since when."""

    segment: UUID
    name: str
    entered_at: datetime


@dataclass(frozen=True)
class SegmentSize:
    """How many are in a segment, and when it was last computed."""

    segment: UUID
    name: str
    state: TextChoices
    members: int | None
    computed_at: datetime | None
