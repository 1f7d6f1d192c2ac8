"""Staff pages: files of members, asked for on a segment's page, watched while a worker makes them, and fetched."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import Column, chip
from cdp.core.errors import CdpError, Refused
from cdp.core.objects import may
from cdp.core.types import Actor
from consent.models import ContactChannel
from segments import approval, export_jobs, exports, models
from segments.formats import PERSONAL
from segments.queries import computed_traits
from segments.vocabulary import built_in

EXPORT, SEES_PEOPLE = "segments.export_segment", "identity.view_profile"
State = models.ExportJob.State
TONES = {State.DONE: "good", State.FAILED: "bad", State.RUNNING: "warn"}
FORMATS = (("csv", _("CSV, for spreadsheets")), ("ndjson", "NDJSON"), ("parquet", "Parquet"))
CHANNEL = "email"
OWN_COLUMNS = {
    "profile_id": _("Profile"), "entered_at": _("member since"), "variant": _("part of the split"),
    "is_holdout": _("whether it is held out"), "contact": _("contact value"),
    "contact_sha256": _("SHA-256 of the contact value, for ad platforms"),
}  # fmt: skip


class AskForm(forms.Form):
    """What is to be in a file, and what it is for."""

    channel = forms.ModelChoiceField(ContactChannel.objects.order_by("key"))
    format = forms.ChoiceField(choices=FORMATS)
    columns = forms.MultipleChoiceField()
    once = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=200)
    approval = forms.UUIDField(required=False)

    def __init__(self, segment: models.Segment, data: Any) -> None:
        super().__init__(data)
        columns: Any = self.fields["columns"]
        columns.choices = [(name, name) for name in exports.all_columns(segment)]


@admin.display(description=_("state"), ordering="state")
def _state(job: models.ExportJob) -> str:
    word = job.get_why_gone_display() if job.why_gone else job.get_state_display()
    return chip(word, TONES.get(State(job.state), ""))


STATE: Column = _state


@admin.register(models.ExportJob)
class ExportJobAdmin(ReadOnlyRoom[models.ExportJob]):
    """Who had which file made; whoever asked for one fetches it."""

    first_step = _("A segment's page makes a file of its members: choose Export there.")
    list_display = ("asked_at", "segment", "channel", STATE, "count", "ends_at")
    list_filter = ("state", "format")
    list_select_related = ("segment", "channel")
    ordering = ("-id",)
    id_fields = ("id", "segment_id")
    search_help_text = _("A whole id: of the file or of its segment.")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Counts of people for those who may see people."""
        seen = request.user.has_perm(SEES_PEOPLE)
        return [name for name in self.list_display if seen or name != "count"]

    def has_view_permission(self, request: HttpRequest, obj: models.ExportJob | None = None) -> bool:
        return super().has_view_permission(request, obj) or (obj is not None and _is_own(request, obj))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of/<uuid:pk>/", view(self.ask), name="segments_exportjob_ask"),
            path("<uuid:pk>/work/", view(self.work), name="segments_exportjob_work"),
            path("<uuid:pk>/content/", view(require_POST(self.content)), name="segments_exportjob_content"),
            path("<uuid:pk>/destroy/", view(require_POST(self.destroy)), name="segments_exportjob_destroy"),
            *super().get_urls(),
        ]

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A form that asks for a file of a segment; contact values without an approval ask for that."""
        segment = models.Segment.objects.filter(pk=pk).first()
        if not may(request.user, EXPORT, segment):
            raise PermissionDenied
        segment = get_object_or_404(models.Segment, pk=pk)
        form = AskForm(segment, request.POST if request.method == "POST" else None)
        try:
            if form.is_bound and form.is_valid():
                return HttpResponseRedirect(_asked(request, segment, form.cleaned_data))
        except CdpError as error:
            messages.error(request, str(error))
        context = {**self.admin_site.each_context(request), **_choices(request, segment, form), "opts": self.opts}
        return TemplateResponse(request, "console/export_ask.html", context)

    # --- a file -------------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self._found(request, object_id)
        parts = job.parts.order_by("number").values("number", "at", "members__len")
        shown = {
            **self.admin_site.each_context(request), "opts": self.opts, "job": job, "original": job, "title": job.segment.name,
            "state": _state(job), "own": _is_own(request, job), "open": job.state in export_jobs.OPEN,
            "sees_people": request.user.has_perm(SEES_PEOPLE) or _is_own(request, job),
            "parts": [{"number": row["number"] + 1, "at": row["at"], "count": row["members__len"]} for row in parts],
            "columns": labelled(job.columns),
        }  # fmt: skip
        return TemplateResponse(request, "console/export_file.html", shown)

    def work(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How far it is, as a part of the page; 204 once it is over."""
        job = self._found(request, str(pk))
        if job.state not in export_jobs.OPEN:
            return HttpResponse(status=204)
        return TemplateResponse(request, "console/export_work.html", {"job": job})

    def content(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """The file, for whoever asked for it."""
        job = self._own(request, pk)
        try:
            told, parts = export_jobs.fetched(Actor.user(request.user), job.pk)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return _to(pk)
        return StreamingHttpResponse(parts, headers=export_jobs.headers(told))

    def destroy(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Destroy it, or have it made no further."""
        export_jobs.delete(Actor.user(request.user), self._own(request, pk).pk)
        messages.success(request, _("The file was destroyed."))
        return _to(pk)

    def _found(self, request: HttpRequest, object_id: str) -> models.ExportJob:
        job = self.get_object(request, object_id)
        if request.method == "POST" or not self.has_view_permission(request, job):
            raise PermissionDenied
        if job is None:
            raise Http404
        return job

    def _own(self, request: HttpRequest, pk: UUID) -> models.ExportJob:
        job = models.ExportJob.objects.select_related("segment").filter(pk=pk).first()
        if job is None or not _is_own(request, job) or not may(request.user, EXPORT, job.segment):
            raise PermissionDenied
        return job


def _is_own(request: HttpRequest, job: models.ExportJob) -> bool:
    return job.asked_by == Actor.user(request.user).name


def _to(pk: UUID) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:segments_exportjob_change", args=[pk]))


def _asked(request: HttpRequest, segment: models.Segment, said: dict[str, Any]) -> str:
    """Ask for the file, or where contact values want an approval for that; returns which page comes next."""
    actor, columns, channel = Actor.user(request.user), said["columns"], said["channel"].pk
    personal = bool(PERSONAL.keys() & set(columns))
    if personal and said["approval"] is None:
        approval.ask(actor, segment, channel, said["reason"])
        told = gettext("Contact values leave by the word of two people: once somebody has approved it, choose it here.")
        messages.info(request, told)
        return reverse("admin:segments_exportjob_ask", args=[segment.pk])
    made = export_jobs.ask(
        actor, segment, segment.purpose_id, channel, said["format"], columns, personal=personal,
        approval=said["approval"] if personal else None, once=said["once"] and personal, reason=said["reason"],
    )  # fmt: skip
    return reverse("admin:segments_exportjob_change", args=[made.pk])


def _choices(request: HttpRequest, segment: models.Segment, form: AskForm) -> dict[str, Any]:
    """What the form offers, and what was chosen."""
    chosen = request.POST.getlist("columns") if form.is_bound else exports.default_columns(segment)
    offered = labelled(exports.all_columns(segment))
    return {
        "segment": segment, "channel": form.data.get("channel", CHANNEL), "title": gettext("Export"), "form": form, "formats": FORMATS,
        "channels": ContactChannel.objects.order_by("key").values_list("key", flat=True),
        "columns": [(name, label, name in chosen) for name, label in offered if name not in PERSONAL],
        "personal": [(name, label, name in chosen) for name, label in offered if name in PERSONAL],
        "asked": approval.open_requests(Actor.user(request.user), segment=segment),
    }  # fmt: skip


def labelled(names: Sequence[str]) -> list[tuple[str, str]]:
    """Columns with what they are called in the reader's language."""
    known = {**built_in(), **computed_traits()}
    return [(name, str(OWN_COLUMNS.get(name) or (known[name].label if name in known else name))) for name in names]
