"""One short lesson a role beside the generated data, each ending in a finished job; the audit log knows how far one is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.core.models import AuditEntry, User
from cdp.core.types import Actor
from cdp.events import queries as events

# Audit action → what its latest row names.
Done = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """Something to do: in words, where, and the audit actions of which one tells that it was done."""

    words: Any
    page: Callable[[Done], str]
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """For whoever may do its last step."""

    title: Any
    permission: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Learned:
    """A lesson as Home shows it: (words, address, done), and whether all of it is."""

    title: str
    steps: list[tuple[str, str, bool]]

    @property
    def over(self) -> bool:
        return all(done for _words, _address, done in self.steps)

    @property
    def next(self) -> int:
        """Which step comes next, from 1."""
        return next((number for number, (*_said, done) in enumerate(self.steps, 1) if not done), 0)


def _at(page: str, of: str = "", otherwise: str = "") -> Callable[[Done], str]:
    """An address of the console, of what the latest row of an action names; the `otherwise` where there is none."""

    def address(done: Done) -> str:
        if of and of not in done:
            return reverse(f"admin:{otherwise}")
        return reverse(f"admin:{page}", args=[done[of]] if of else [])

    return address


LESSONS = (
    Lesson(_("Send a letter to the right people"), "segments.publish_segment", (
        Step(_("Write a segment: say which people"), _at("segments_segment_add"), ("segment.created",)),
        Step(
            _("Publish it; a worker computes who is in it"),
            _at("segments_segment_change", "segment.created", "segments_segment_changelist"), ("segment.published",),
        ),
        Step(
            _("Have a file of those made who may be contacted"),
            _at("segments_exportjob_ask", "segment.created", "segments_segment_changelist"), ("export_file.asked",),
        ),
        Step(
            _("Fetch it: consent is asked once more"),
            _at("segments_exportjob_change", "export_file.asked", "segments_exportjob_changelist"), ("export_file.fetched",),
        ),
    )),
    Lesson(_("Judge a merge, and take one back"), "identity.change_reviewcase", (
        Step(_("Decide a case: the same person, or not?"), _at("identity_reviewcase_changelist"), ("review.decided",)),
        Step(
            _("Open a profile of several records, and undo a merge or let a record go"),
            _at("identity_profile_changelist"), ("profile.unmerged", "profile.record_expelled", "profile.split"),
        ),
    )),
    Lesson(_("Answer a person who asks about their data"), "consent.change_privacyrequest", (
        Step(_("Take the request in: its clock starts"), _at("consent_privacyrequest_receive"), ("privacy_request.opened",)),
        Step(
            _("Confirm who asks"),
            _at("consent_privacyrequest_change", "privacy_request.opened", "consent_privacyrequest_changelist"),
            ("privacy_request.verified",),
        ),
        Step(
            _("Close it: another officer approves, or you refuse it for a ground of the law"),
            _at("consent_privacyrequest_change", "privacy_request.opened", "consent_privacyrequest_changelist"),
            ("privacy_request.refused", "privacy_request.done"),
        ),
    )),
    Lesson(_("Connect a source of events"), "events.add_source", (
        Step(_("Make a source, and keep its write key"), _at("events_source_add"), ("source.created",)),
        Step(
            _("Send it the event that its page shows, and see it arrive"),
            _at("events_source_change", "source.created", "events_source_changelist"), ("source.first_event",),
        ),
    )),
)  # fmt: skip


def of(user: User | AnonymousUser) -> list[Learned]:
    """The lessons of an account's own work; none but beside quickstart, or for whoever may do everything."""
    if not settings.DEMO_STORIES or user.is_superuser:
        return []
    mine = [lesson for lesson in LESSONS if user.has_perm(lesson.permission)]
    done = _done(Actor.user(user).name, {action for one in mine for step in one.steps for action in step.actions})
    return [_learned(lesson, done) for lesson in mine]


def _learned(lesson: Lesson, done: Done) -> Learned:
    steps = [(str(step.words), step.page(done), not done.keys().isdisjoint(step.actions)) for step in lesson.steps]
    return Learned(str(lesson.title), steps)


def _done(actor: str, actions: set[str]) -> Done:
    """What the audit log tells of an account's own doing, and of its sources whether an event came."""
    rows = AuditEntry.objects.filter(actor=actor, action__in=actions).order_by("action", "-id").distinct("action")
    done = dict(rows.values_list("action", "target"))
    if "source.created" in done and events.latest(1, UUID(done["source.created"])):
        done["source.first_event"] = done["source.created"]
    return done
