"""Staff pages: which people. Segments are written, previewed, published and recomputed here."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from cdp.core import counts
from cdp.core.errors import CdpError, Refused
from cdp.core.objects import ObjectRoom, OpenedRoom, may
from cdp.core.types import Actor
from consent.models import ContactChannel
from segments import (
    actions,
    assignment,
    destination_admin,
    exclusions,
    explanation_admin,
    export_admin,
    export_file_admin,
    list_admin,
    membership,
    membership_admin,
    models,
    preview_admin,
    queries,
    review,
    trait_admin,
    version_admin,
)
from segments.preview_admin import few, sees_people
from segments.query.parse import parse
from segments.query.problems import RuleError
from segments.segment_form import PREVIEW, SegmentForm, purpose_name, sentences, told
from segments.types import Overlap, Reach
from segments.versions import DEFINITION

__all__ = [
    "SegmentAdmin",
    "destination_admin",
    "export_admin",
    "export_file_admin",
    "list_admin",
    "membership_admin",
    "trait_admin",
    "version_admin",
]

RUNS_SHOWN = 10
# The page tells it where its address asks for it: it reads all members.
OVERLAP, MOST_OVERLAPS = "overlap", 20
CHANNEL = "email"
EXAMPLES = (
    (
        _("Women in Seoul"),
        '{"all": [{"trait": "gender", "op": "eq", "value": "F"},\n'
        '         {"trait": "region", "op": "eq", "value": "서울"}]}',
    ),
    (
        _("Three orders or more in 90 days"),
        '{"event": "Order Completed",\n "count": {"op": "gte", "value": 3},\n "within": {"days": 90}}',
    ),
    (
        _("Spent over 500,000 won, and ordered nothing in the last 60 days"),
        '{"all": [{"trait": "revenue_total_KRW", "op": "gt", "value": 500000},\n'
        '         {"not": {"event": "Order Completed", "within": {"days": 60}}}]}',
    ),
    (
        _("In another segment, and agreed to marketing by e-mail"),
        '{"all": [{"segment": "vip"},\n         {"consent": {"purpose": "marketing", "channel": "email"}}]}',
    ),
)


def _reach_told(row: Reach, seen: bool) -> dict[str, Any]:
    numbers = {name: preview_admin.number(row, name, seen) for name in ("consented", "reachable")}
    return {"channel": row.channel, **numbers}


def _overlap_told(row: Overlap, seen: bool) -> dict[str, Any]:
    """Counts as they may be told, and the length of the bar: the share of the other's members (0–100)."""
    members, both = counts.told(row.members, seen), counts.told(row.both, seen)
    share = round(100 * both / members) if both and members else 0
    return {"key": row.key, "name": row.name, "members": few(members), "both": few(both), "share": share}


@admin.register(models.SegmentGroupPermission)
class SegmentGroupPermissionAdmin(OpenedRoom[models.SegmentGroupPermission]):
    """Segments that are opened to groups."""


@admin.register(models.Segment)
class SegmentAdmin(ObjectRoom[models.Segment]):
    """Written by people with the change permission; published by those who may also publish."""

    first_step = _("Write a rule that says which people; its members are recomputed by themselves.")
    form = SegmentForm
    change_form_template = "console/segment.html"
    list_display = ("named", "size", "state", "purpose_named", "owner", "last_run", "took", "late")
    list_filter = ("state", "purpose")
    list_select_related = ("owner", "purpose")
    search_fields = ("name", "key")
    search_help_text = _("A part of the name or the key.")
    prepopulated_fields = {"key": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "key", "description", "owner")}),
        (_("What it may be used for"), {"fields": (("purpose", "brand"), ("zone", "refresh_minutes"))}),
        (_("Who is in it"), {"fields": ("in_words", "rule", "exclusions", "excluded_everywhere", "split")}),
    )
    readonly_fields = ("in_words",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Segment]:
        done = models.Run.objects.filter(segment=OuterRef("pk"), state=models.Run.State.DONE).order_by("-started_at")
        counted = models.Membership.objects.filter(segment=OuterRef("pk")).order_by().values("segment")
        return super().get_queryset(request).annotate(
            members=Subquery(counted.annotate(number=Count("*")).values("number")),
            seen=Value(sees_people(request)),
            ran_at=Subquery(done.values("finished_at")[:1]),
            took_time=Subquery(done.values(took=F("finished_at") - F("started_at"))[:1]),
        )  # fmt: skip

    @admin.display(description=_("in words"))
    def in_words(self, segment: Any) -> str:
        """The sentence of the rule on the page, else of the stored one; empty where there is none yet or it is wrong."""
        if hasattr(segment, "told") or not segment.rule:
            return getattr(segment, "told", "") or self.get_empty_value_display()
        try:
            node = parse(segment.rule)
            whole = exclusions.without(node, exclusions.left_out_of(segment))
            return told(whole, queries.catalog(segment.purpose_id, segment.zone, node))
        except (RuleError, Refused):
            return self.get_empty_value_display()

    @admin.display(description=_("name"), ordering="name")
    def named(self, segment: models.Segment) -> str:
        """The name, with the key by which rules and tools know it."""
        return format_html('<span class="side">{} <small>{}</small></span>', segment.name, segment.key)

    @admin.display(description=_("members"), ordering="members")
    def size(self, segment: Any) -> int | str:
        return few(counts.told(segment.members or 0, segment.seen))

    @admin.display(description=_("last recompute"), ordering="ran_at")
    def last_run(self, segment: Any) -> Any:
        return segment.ran_at or _("never")

    @admin.display(description=_("took"))
    def took(self, segment: Any) -> str:
        """The last recompute, in whole seconds."""
        if segment.took_time is None:
            return self.get_empty_value_display()
        seconds = round(segment.took_time.total_seconds())
        return str(timedelta(seconds=seconds)) if seconds else gettext("under a second")

    @admin.display(description=_("late by"))
    def late(self, segment: models.Segment) -> str:
        """Since when a recompute is due that is not done."""
        late = membership.lateness(segment)
        return str(timedelta(seconds=round(late.total_seconds()))) if late else self.get_empty_value_display()

    @admin.display(description=_("purpose"), ordering="purpose")
    def purpose_named(self, segment: models.Segment) -> str:
        return purpose_name(segment.purpose)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        rule = {"all": [{"trait": "has_email", "op": "eq", "value": True}]}
        given = {"zone": settings.TIME_ZONE, "owner": request.user.pk, "purpose": "marketing", "rule": rule}
        return {**given, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: models.Segment, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in SegmentForm.Meta.fields}
        actor = Actor.user(request.user)
        if change:
            stored = models.Segment.objects.get(pk=obj.pk)
            changed: dict[str, Any] = {name: fields[name] for name in form.changed_data if name in fields}
            self._change(request, stored, changed)
        else:
            obj.pk = actions.create_segment(actor, **fields).pk

    def _change(self, request: HttpRequest, stored: models.Segment, changed: dict[str, Any]) -> None:
        """At once, or as a version to be reviewed where what is published changes so only."""
        actor, published = Actor.user(request.user), stored.state == models.Segment.State.PUBLISHED
        meaning = {name: changed[name] for name in DEFINITION if name in changed}
        if not (meaning and published and settings.SEGMENT_REVIEW):
            actions.change_segment(actor, stored, **changed)
            return
        if "purpose" in meaning:
            meaning["purpose"] = meaning["purpose"].pk
        rest: dict[str, Any] = {name: value for name, value in changed.items() if name not in meaning}
        if rest:
            actions.change_segment(actor, stored, **rest)
        made = review.propose(actor, stored, **meaning)
        messages.info(request, _("Version %(number)s waits to be submitted for review.") % {"number": made.number})

    def get_urls(self) -> list[URLPattern]:
        return [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(require_POST(view)), name=f"segments_segment_{name}")
            for name, view in (("publish", self.publish), ("recompute", self.recompute))
        ] + [
            path("<uuid:pk>/reach/", self.admin_site.admin_view(require_GET(self.reach)), name="segments_segment_reach"),
            path("why/", self.admin_site.admin_view(require_GET(self.why)), name="segments_segment_why"), *super().get_urls(),
        ]  # fmt: skip

    def reach(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How many members agreed and can be reached, by contact channel: a part of the page that comes later."""
        segment = self.get_object(request, str(pk))
        if segment is None or not self.has_view_permission(request, segment):
            raise PermissionDenied
        try:
            shown: dict[str, Any] = {
                "reach": [_reach_told(row, sees_people(request)) for row in queries.reach(segment)]
            }
        except Refused as error:
            shown = {"refused": str(error)}
        return TemplateResponse(request, "console/reach.html", shown)

    def why(self, request: HttpRequest) -> HttpResponse:
        """Why somebody is in a segment or not: `?segment=…&profile=…`, or a form that asks for them."""
        if not (sees_people(request) and self.has_view_permission(request)):
            raise PermissionDenied
        shown = explanation_admin.page(request, self.get_queryset(request))
        context = {**self.admin_site.each_context(request), **shown, "opts": self.opts}
        return TemplateResponse(request, "console/explanation.html", context)

    def publish(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Publish the saved rule; it is computed at once by the worker."""
        self._require(request, pk, "segments.change_segment", "segments.publish_segment")
        return self._do(
            request, pk, lambda segment: actions.publish(Actor.user(request.user), segment),
            _("Published. The worker is computing its members."),
        )  # fmt: skip

    def recompute(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Compute the members of the saved rule now."""
        self._require(request, pk, "segments.change_segment")
        return self._do(request, pk, self._recompute, _("Recomputed."))

    def _recompute(self, segment: models.Segment) -> None:
        run = actions.recompute(segment.pk)
        if run.state == models.Run.State.FAILED:
            raise Refused("run_failed", gettext("The recompute failed; the members are those of before."))

    def _require(self, request: HttpRequest, pk: UUID, *permissions: str) -> None:
        segment = models.Segment.objects.filter(pk=pk).first()
        if not all(may(request.user, permission, segment) for permission in permissions):
            raise PermissionDenied

    def _do(self, request: HttpRequest, pk: UUID, act: Callable[[models.Segment], Any], done: Any) -> HttpResponse:
        segment = get_object_or_404(models.Segment, pk=pk)
        try:
            act(segment)
        except (CdpError, RuleError) as error:
            for problem in sentences(error):
                messages.error(request, problem)
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:segments_segment_change", args=[pk]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown: dict[str, Any] = {"examples": EXAMPLES, "channel": request.POST.get("channel", CHANNEL)}
        shown |= {"channels": list(ContactChannel.objects.order_by("key").values_list("key", flat=True))}
        segment = self.get_object(request, object_id) if object_id else None
        if segment is not None:
            shown |= self._history(request, segment)
        if segment is not None and OVERLAP in request.GET:
            shown["overlap"] = self._overlap(request, segment)
        may_write = self.has_change_permission(request, segment) if segment else self.has_add_permission(request)
        if request.method == "POST" and PREVIEW in request.POST and may_write:
            shown["preview"] = preview_admin.preview(request, shown["channel"], segment)
        try:
            return super().changeform_view(request, object_id, form_url, shown)
        except Refused as refusal:
            messages.error(request, str(refusal))
        # What was written stands on the page again, unsaved.
        asked = request.POST.copy()
        asked[PREVIEW] = ""
        request.POST = asked  # type: ignore[assignment]
        return super().changeform_view(request, object_id, form_url, shown)

    def _overlap(self, request: HttpRequest, segment: models.Segment) -> list[dict[str, Any]]:
        """Other segments of which the reader may know, and how many of their members are this one's too."""
        seen = sees_people(request)
        try:
            found = queries.overlap(segment, super().get_queryset(request))
        except Refused as refusal:
            messages.error(request, str(refusal))
            return []
        return [_overlap_told(row, seen) for row in found[:MOST_OVERLAPS]]

    def _history(self, request: HttpRequest, segment: models.Segment) -> dict[str, Any]:
        seen, published = sees_people(request), segment.state == models.Segment.State.PUBLISHED
        size = models.Membership.objects.filter(segment=segment).count()
        may_change = may(request.user, "segments.change_segment", segment)
        return {
            "runs": models.Run.objects.filter(segment=segment).order_by("-started_at")[:RUNS_SHOWN] if seen else [],
            "sees_people": seen,
            "size": few(counts.told(size, seen)),
            "parts": {name: few(counts.told(part, seen)) for name, part in assignment.sizes(segment).items()},
            "may_publish": may_change and not published and may(request.user, "segments.publish_segment", segment),
            "may_recompute": published and may_change,
            "may_export": may(request.user, export_file_admin.EXPORT, segment),
        }
