"""Quarantine: what does not fit, in groups, and what somebody asks to become of it."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console.labels import label
from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import Refused
from cdp.core.types import Actor
from cdp.events import quarantine, queries
from cdp.events.models import Quarantined, QuarantineRequest
from cdp.events.quarantine import Chosen
from cdp.events.types import QUARANTINE_REASONS, QuarantineGroup, Remedy
from cdp.ingestion import replay

PERMISSION = "events.replay_quarantined"
GROUPS_SHOWN, REQUESTS_SHOWN = 30, 8
LONGEST_MAPPING = 100_000
COUNTS = {
    "taken": _("taken"),
    "repeated": _("repeated"),
    "suppressed": _("suppressed"),
    "unconsented": _("without the consent that the source requires"),
    "still": _("still in quarantine"),
    "dropped": _("dropped"),
}
REFUSALS = {"source_disabled": _("The source is switched off: nothing of it is taken in.")}


@dataclass(frozen=True)
class Shown:
    """A group in words; `mapping` is JSON to be mended, where it came from a file."""

    group: QuarantineGroup
    why: str
    mapping: str


@dataclass(frozen=True)
class Asked:
    """A request in words, and how far it is; `tone` of its chip."""

    request: QuarantineRequest
    why: str
    state: str
    tone: str
    counts: list[tuple[str, int]]


class RemedyForm(forms.Form):
    """What is to become of one group; with a mapping, rows of files are read by it."""

    remedy = forms.ChoiceField(choices=Remedy.choices)
    source = forms.UUIDField()
    reason = forms.CharField(max_length=60)
    place = forms.CharField(max_length=200, required=False, strip=False)
    mapping = forms.CharField(max_length=LONGEST_MAPPING, required=False)

    def ask(self, actor: Actor) -> UUID:
        """Ask for it; raises `Refused`."""
        said = self.cleaned_data
        mended = said["mapping"].encode() if said["mapping"] else None
        return replay.ask(actor, Remedy(said["remedy"]), Chosen(said["source"], said["reason"], said["place"]), mended)


@admin.register(Quarantined)
class QuarantinedAdmin(ReadOnlyRoom[Quarantined]):
    first_step = _("Events that cannot be taken as they are wait here until somebody mends them.")
    change_list_template = "console/quarantine.html"
    list_display = ("why", "place", "source", "received_at")
    list_filter = ("reason", "source")
    list_select_related = ("source",)
    fields = ("why", "reason", "place", "source", "received_at", "unreadable", "mapping", "message_id", "id")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a quarantined event.")

    @admin.display(description=_("what is wrong"), ordering="reason")
    def why(self, row: Quarantined) -> str:
        return str(row)

    def get_urls(self) -> list[URLPattern]:
        remedy = self.admin_site.admin_view(require_POST(self.remedy))
        return [path("remedy/", remedy, name="events_quarantined_remedy"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        groups = queries.quarantine_groups(GROUPS_SHOWN + 1) if self.has_view_permission(request) else []
        told = {
            "groups": [_shown(group) for group in groups[:GROUPS_SHOWN]],
            "more": len(groups) > GROUPS_SHOWN,
            "asked": [_asked(asked) for asked in quarantine.latest(REQUESTS_SHOWN)],
            "may_mend": request.user.has_perm(PERMISSION),
        }
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def remedy(self, request: HttpRequest) -> HttpResponse:
        """Ask for a group to be replayed or dropped; a worker does it."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        form = RemedyForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Choose what is to be done."))
            return self._back()
        try:
            form.ask(Actor.user(request.user))
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("A worker does it now. How far it is stands on this page."))
        return self._back()

    def _back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:events_quarantined_changelist"))


def _shown(group: QuarantineGroup) -> Shown:
    mapping = ""
    if group.mapping:
        mapping = json.dumps(quarantine.mapping(group.mapping).content, ensure_ascii=False, indent=2)
    return Shown(group, label(QUARANTINE_REASONS, group.reason), mapping)


def _asked(request: QuarantineRequest) -> Asked:
    if request.finished_at is None:
        state, tone = gettext("A worker is at it"), "warn"
    elif request.refused:
        state, tone = label(REFUSALS, request.refused), "bad"
    else:
        state, tone = gettext("Over"), "good"
    counts = Counter(request.counts)
    why = label(QUARANTINE_REASONS, request.reason) if request.reason else ""
    return Asked(
        request, why, state, tone, [(str(words), counts[kind]) for kind, words in COUNTS.items() if counts[kind]]
    )
