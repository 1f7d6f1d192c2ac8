"""The state of the whole, for the first page: a few queries however many rows there are, each number with its page."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.console.labels import label, purpose_name
from cdp.core import counts, stages
from cdp.events import queries as events
from cdp.events.types import CHANNELS
from consent import queries as consent
from consent.types import CONTACT_CHANNELS, KnownPurpose, OpenRequest
from identity import queries as identity
from segments import queries as segments
from segments.types import SegmentSize

MOST_COUNTED = 10_000
ROWS_SHOWN = 8
NUMBERS = {
    "records": _("records"),
    "profiles": _("live profiles"),
    "segments": _("segments"),
    "review": _("review cases open"),
    "quarantine": _("waiting in quarantine"),
    "requests": _("privacy requests open"),
    "aside": _("set aside by the pipeline"),
}
SOON_DAYS = 3
# The stage that takes events in.
EVENTS_STAGE = "identity"


@dataclass(frozen=True)
class Number:
    """One number of the head row: `more` when it was counted no further."""

    key: str
    value: int
    url: str
    more: bool = False
    urgent: bool = False

    @property
    def label(self) -> str:
        return str(NUMBERS[self.key])


@dataclass(frozen=True)
class ChannelRow:
    """One channel's records, the profiles they belong to, and its bar (0–100)."""

    name: str
    records: int
    profiles: int
    bar: int
    url: str


@dataclass(frozen=True)
class Coverage:
    """Profiles whose data may be used, by purpose (rows) and contact channel (columns)."""

    channels: list[str]
    rows: list["CoverageRow"]


@dataclass(frozen=True)
class CoverageRow:
    """One purpose's shares; without `consent` it is allowed until somebody objects, and no choice counts as a yes."""

    name: str
    consent: bool
    shares: list["Share"]


@dataclass(frozen=True)
class Share:
    """A part of the live profiles, by a contact channel; `tenths` (0–10) picks its shade."""

    channel: str
    count: int
    percent: int
    tenths: int
    url: str


@dataclass
class State:
    """What the page shows; a part stays empty when the reader may not see its table."""

    numbers: list[Number] = field(default_factory=list)
    channels: list[ChannelRow] = field(default_factory=list)
    coverage: Coverage | None = None
    segments: list[SegmentSize] = field(default_factory=list)
    requests: list[tuple[OpenRequest, int]] = field(default_factory=list)
    last_event: datetime | None = None
    oldest_waiting: datetime | None = None
    live: int = 0
    may: set[str] = field(default_factory=set)
    sees_people: bool = False


def of_the_whole(user: Any) -> State:
    """The state that `user` may see."""
    state = State(sees_people=user.has_perm("identity.view_profile"))
    for part, permission, fill in PARTS:
        if user.has_perm(permission):
            state.may.add(part)
            fill(state)
    return state


def _events(state: State) -> None:
    state.last_event = events.last_received()
    state.oldest_waiting = events.oldest_waiting(EVENTS_STAGE)


def _quarantine(state: State) -> None:
    waiting = events.waiting_in_quarantine(MOST_COUNTED + 1)
    _add(state, "quarantine", waiting, _list("events_quarantined"), urgent=True)


def _aside(state: State) -> None:
    if number := stages.set_aside():
        url = _list("core_touched", stage__gte=stages.ASIDE, stage__lt=stages.AFTER_ASIDE)
        _add(state, "aside", number, url, urgent=True)


def _review(state: State) -> None:
    _add(state, "review", identity.open_cases(MOST_COUNTED + 1), _list("identity_reviewcase"))


def _records(state: State) -> None:
    counted = identity.channel_counts()
    most = counted[0].records if counted else 1
    state.channels = [
        ChannelRow(
            name=label(CHANNELS, row.channel),
            records=row.records,
            profiles=row.profiles,
            bar=round(100 * row.records / most),
            url=_list("identity_record", source__channel__key__exact=row.channel),
        )
        for row in counted
    ]
    state.numbers.append(Number("records", sum(row.records for row in counted), _list("identity_record")))


def _profiles(state: State) -> None:
    state.live = identity.live_profiles()
    state.numbers.append(Number("profiles", state.live, _list("identity_profile", state__exact="live")))


def _coverage(state: State) -> None:
    counts = consent.allowed_counts(timezone.now())
    channels = consent.contact_channels()
    purposes = consent.purposes().values() if state.live else ()
    state.coverage = Coverage(
        channels=[label(CONTACT_CHANNELS, channel) for channel in channels],
        rows=[
            CoverageRow(
                purpose_name(purpose),
                purpose.rests_on_consent,
                [_share(counts, state.live, purpose, channel) for channel in channels],
            )
            for purpose in purposes
        ],
    )


def _share(counts: dict[tuple[str, str], int], live: int, purpose: KnownPurpose, channel: str) -> Share:
    """Who may be contacted: those who agreed, or, where the purpose rests on something else, who did not object."""
    count = counts[purpose.key, channel]
    percent = round(100 * count / live) if live else 0
    decides = "granted" if purpose.rests_on_consent else "withdrawn"
    asked = {"purpose__key__exact": purpose.key, "channel__key__exact": channel, "state__exact": decides}
    return Share(
        label(CONTACT_CHANNELS, channel),
        count,
        percent,
        min(10, -(-percent // 10)),
        _list("consent_effective", **asked),
    )


def _segments(state: State) -> None:
    rows = segments.sizes()
    state.segments = [replace(row, members=counts.told(row.members, state.sees_people)) for row in rows[:ROWS_SHOWN]]
    state.numbers.append(Number("segments", len(rows), _list("segments_segment")))


def _requests(state: State) -> None:
    first, number = consent.open_requests(ROWS_SHOWN, MOST_COUNTED + 1)
    today = timezone.localdate()
    state.requests = [(request, (request.due_on - today).days) for request in first]
    soon = any(days <= SOON_DAYS for _, days in state.requests)
    _add(state, "requests", number, _list("consent_privacyrequest"), urgent=soon)


def _add(state: State, key: str, counted: int, url: str, *, urgent: bool = False) -> None:
    state.numbers.append(
        Number(key, min(counted, MOST_COUNTED), url, more=counted > MOST_COUNTED, urgent=urgent and counted > 0)
    )


def _list(page: str, **asked: str) -> str:
    address = reverse(f"admin:{page}_changelist")
    return f"{address}?{urlencode(asked)}" if asked else address


# Part → the permission to see it, in the order of the page.
PARTS: tuple[tuple[str, str, Callable[[State], None]], ...] = (
    ("records", "identity.view_record", _records),
    ("profiles", "identity.view_profile", _profiles),
    ("segments", "segments.view_segment", _segments),
    ("review", "identity.view_reviewcase", _review),
    ("quarantine", "events.view_quarantined", _quarantine),
    ("requests", "consent.view_privacyrequest", _requests),
    ("aside", "core.view_touched", _aside),
    ("coverage", "consent.view_effective", _coverage),
    ("events", "events.view_event", _events),
)
