"""The state of the whole, for the first page: a few queries however many rows there are, each number with its page."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console import recounted
from cdp.console.labels import label, purpose_name
from cdp.core import counts, stages, touched
from cdp.core.types import Actor
from cdp.events import queries as events
from cdp.events.quality import reading
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
    "quality": _("alerts of data quality"),
    "requests": _("privacy requests open"),
    "aside": _("set aside by the pipeline"),
    "versions": _("segment versions to review"),
    "exports": _("exports to approve"),
}
# What waits for whoever may do something about it, and is a number like any other for the rest.
ACTS = {
    "review": "identity.change_reviewcase",
    "requests": "consent.change_privacyrequest",
    "quarantine": "events.replay_quarantined",
    "quality": "events.replay_quarantined",
    "versions": "segments.publish_segment",
    "exports": "segments.approve_exportrequest",
    "aside": "core.view_touched",
}
SOON_DAYS = 3
# The stages behind that which takes events in, each of which takes what those before it touched.
STAGES = {
    "fold": _("Records, again"),
    "links": _("Links"),
    "identity": _("Profiles"),
    "profiles": _("Golden records"),
    "consent": _("Consent"),
    "segments": _("Segments"),
}
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
    detail: str = ""

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
class StageRow:
    """How many wait for a stage of the pipeline (`more` when counted no further), and since when the first."""

    name: str
    waiting: int
    more: bool
    since: datetime | None


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

    actor: Actor
    tasks: list[Number] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    channels: list[ChannelRow] = field(default_factory=list)
    coverage: Coverage | None = None
    segments: list[SegmentSize] = field(default_factory=list)
    requests: list[tuple[OpenRequest, int]] = field(default_factory=list)
    last_event: datetime | None = None
    oldest_waiting: datetime | None = None
    stages: list[StageRow] = field(default_factory=list)
    live: int = 0
    may: set[str] = field(default_factory=set)
    asked_at: datetime = field(default_factory=timezone.now)
    counted_at: datetime | None = None  # where something was counted before it was asked for
    sees_people: bool = False
    acts: bool = False


def of_the_whole(user: Any) -> State:
    """The state that `user` may see."""
    state = State(Actor.user(user), sees_people=user.has_perm("identity.view_profile"))
    for part, permission, fill in PARTS:
        if user.has_perm(permission):
            state.may.add(part)
            fill(state)
    mine = [number for number in state.numbers if number.key in ACTS and user.has_perm(ACTS[number.key])]
    state.numbers = [number for number in state.numbers if number not in mine]
    state.tasks = sorted((number for number in mine if number.value), key=lambda number: not number.urgent)
    state.acts = bool(mine)
    return state


def _counted(state: State, name: str) -> Any:
    """A count of everything, and how old it is."""
    found = recounted.counted(name)
    if found.at < state.asked_at:
        state.counted_at = min(found.at, state.counted_at or found.at)
    return found.value


def _events(state: State) -> None:
    state.last_event = events.last_received()
    state.oldest_waiting = events.oldest_waiting(EVENTS_STAGE)


def _quarantine(state: State) -> None:
    waiting = events.waiting_in_quarantine(MOST_COUNTED + 1)
    _add(state, "quarantine", waiting, _list("events_quarantined"), urgent=True)


def _quality(state: State) -> None:
    found = reading.alerts_now(timezone.now().date())
    _add(state, "quality", sum(found.values()), reverse("admin:quality"), urgent=True)


def _aside(state: State) -> None:
    if number := stages.set_aside():
        url = _list("core_touched", stage__gte=stages.ASIDE, stage__lt=stages.AFTER_ASIDE)
        _add(state, "aside", number, url, urgent=True)


def _review(state: State) -> None:
    _add(state, "review", identity.open_cases(MOST_COUNTED + 1), _list("identity_reviewcase"))


def _records(state: State) -> None:
    counted = _counted(state, "channels")
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
    state.live = _counted(state, "live")
    state.numbers.append(Number("profiles", state.live, _list("identity_profile", state__exact="live")))


def _coverage(state: State) -> None:
    counts = _counted(state, "allowed")
    channels = consent.contact_channels()
    purposes = consent.purposes().values() if state.live else ()
    state.coverage = Coverage(
        # A heading breaks between words only.
        channels=[label(CONTACT_CHANNELS, channel).replace("-", "\N{NON-BREAKING HYPHEN}") for channel in channels],
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
    count = counts.get((purpose.key, channel), 0)  # none yet of a purpose that is younger than the count
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
    rows = _counted(state, "segments")
    state.segments = [replace(row, members=counts.told(row.members, state.sees_people)) for row in rows[:ROWS_SHOWN]]
    state.numbers.append(Number("segments", len(rows), _list("segments_segment")))


def _requests(state: State) -> None:
    first, number = consent.open_requests(ROWS_SHOWN, MOST_COUNTED + 1)
    today = timezone.localdate()
    state.requests = [(request, (request.due_on - today).days) for request in first]
    overdue, soon, _later = consent.open_by_urgency(today, SOON_DAYS)
    told = [
        gettext("%(number)s overdue") % {"number": overdue} if overdue else "",
        gettext("%(number)s due within %(days)s days") % {"number": soon, "days": SOON_DAYS} if soon else "",
    ]
    detail = " · ".join(filter(None, told))
    _add(state, "requests", number, _list("consent_privacyrequest"), urgent=bool(detail), detail=detail)


def _versions(state: State) -> None:
    _add(state, "versions", segments.versions_to_review(state.actor), _list("segments_version", state__exact="review"))


def _exports(state: State) -> None:
    waiting = segments.exports_to_approve(state.actor)
    _add(state, "exports", waiting, _list("segments_exportrequest", state__exact="asked"), urgent=True)


def _stages(state: State) -> None:
    """The way of the data: events that are not taken in yet, then what each later stage has before it."""
    arrived = events.number_waiting(EVENTS_STAGE, MOST_COUNTED + 1)
    behind = [(gettext("Events"), arrived, events.oldest_waiting(EVENTS_STAGE))]
    behind += [(str(STAGES[key]), number, since) for key, number, since in touched.lag(list(STAGES), MOST_COUNTED + 1)]
    state.stages = [StageRow(name, min(n, MOST_COUNTED), n > MOST_COUNTED, since) for name, n, since in behind]


def _add(state: State, key: str, counted: int, url: str, *, urgent: bool = False, detail: str = "") -> None:
    more, urgent = counted > MOST_COUNTED, urgent and counted > 0
    state.numbers.append(Number(key, min(counted, MOST_COUNTED), url, more, urgent, detail))


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
    ("quality", "events.view_anomaly", _quality),
    ("requests", "consent.view_privacyrequest", _requests),
    ("aside", "core.view_touched", _aside),
    ("versions", ACTS["versions"], _versions),
    ("exports", ACTS["exports"], _exports),
    ("stages", "core.view_touched", _stages),
    ("coverage", "consent.view_effective", _coverage),
    ("events", "events.view_event", _events),
)
