"""Staff pages: which people. Segments are written, previewed, published and recomputed here."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core import counts
from cdp.core.admin import ReadOnlyRoom, link
from cdp.core.errors import CdpError, Refused
from cdp.core.objects import ObjectRoom, OpenedRoom, may
from cdp.core.types import Actor
from consent.models import ContactChannel, Purpose
from segments import (
    actions,
    assignment,
    destination_admin,
    exclusions,
    export_admin,
    list_admin,
    models,
    queries,
    review,
    version_admin,
)
from segments.query import catalog as rules
from segments.query.ast import Node
from segments.query.describe import describe
from segments.query.parse import parse
from segments.query.problems import EXPECTED, Problem, RuleError
from segments.types import Reach
from segments.versions import DEFINITION

__all__ = ["SegmentAdmin", "destination_admin", "export_admin", "list_admin", "version_admin"]

RUNS_SHOWN = 10
PREVIEW = "_preview"
CHANNEL = "email"
# The types that a problem may name.
TYPES = {
    "number": pgettext_lazy("type of a value", "number"),
    "string": pgettext_lazy("type of a value", "text"),
    "boolean": pgettext_lazy("type of a value", "true or false"),
    "date": pgettext_lazy("type of a value", "date"),
    "moment": pgettext_lazy("type of a value", "moment"),
}
PROFILE = link("profile_id", _("profile"), "identity_profile")
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


class Indented(json.JSONEncoder):
    """JSON as people read it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


class RuleField(forms.JSONField):
    """JSON as a person writes it, shown again as it was written; whatever cannot be read or stored is a mistake."""

    def to_python(self, value: Any) -> Any:
        try:
            if isinstance(value, str):
                value.encode()
            read = super().to_python(value)
            json.dumps(read, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ValidationError(self.error_messages["invalid"], "invalid") from None
        return read

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else data and InvalidJSONInput(data)


class SegmentForm(forms.ModelForm[models.Segment]):
    """A segment as a person writes it; a rule that is refused says at which place."""

    rule = RuleField(
        label=_("Rule"),
        encoder=Indented,
        widget=forms.Textarea(attrs={"rows": 12, "class": "rule", "spellcheck": "false"}),
        help_text=_("As JSON, built from all, any, not, trait, event, segment and consent. Examples stand below."),
    )

    exclusions = forms.MultipleChoiceField(
        label=_("leaves out"), required=False, help_text=_("Segments whose members are never in this one.")
    )

    split = RuleField(
        label=_("split"), required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "rule", "spellcheck": "false"}),
        help_text=_('As JSON, such as {"holdout": 10, "a": 45, "b": 45}. Drawn once for each member; see the guide.'),
    )  # fmt: skip

    class Meta:
        model = models.Segment
        fields = (
            "name", "key", "description", "owner", "purpose", "brand", "zone", "refresh_minutes", "rule", "exclusions",
            "excluded_everywhere", "split",
        )  # fmt: skip
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "exclusions" in self.fields:
            others = models.Segment.objects.exclude(pk=self.instance.pk).exclude(state=models.Segment.State.ARCHIVED)
            self.fields["exclusions"].choices = others.values_list("key", "name")  # type: ignore[attr-defined]
        if "purpose" in self.fields:
            self.fields["purpose"].label_from_instance = _purpose_name  # type: ignore[attr-defined]

    def clean_zone(self) -> str:
        """A time zone of the IANA database."""
        zone: str = self.cleaned_data["zone"]
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValidationError(_("There is no such time zone. Write it like Asia/Seoul.")) from None
        return zone

    def clean_split(self) -> dict[str, int]:
        """Parts in percent, or none."""
        split: dict[str, int] = self.cleaned_data["split"] or {}
        try:
            assignment.check(split)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return split

    def clean_refresh_minutes(self) -> int:
        """At least one minute."""
        minutes: int = self.cleaned_data["refresh_minutes"]
        if minutes < 1:
            raise ValidationError(_("At least one minute."))
        return minutes

    def clean(self) -> dict[str, Any]:
        """Ask the rule language, and the catalog of this purpose and zone, whether the rule may stand."""
        cleaned = super().clean() or self.cleaned_data
        shown: Any = self.instance
        # The sentence above the rule is of what stands on the page, not of what is stored.
        shown.told = ""
        if cleaned.keys() >= {"rule", "purpose", "zone"}:
            try:
                node = parse(cleaned["rule"])
                catalog = queries.catalog(cleaned["purpose"].pk, cleaned["zone"], node)
                rules.require(node, catalog)
                shown.told = told(exclusions.without(node, cleaned.get("exclusions", ())), catalog)
            except RuleError as error:
                self.add_error("rule", ValidationError([sentence(problem) for problem in error.problems]))
        return cleaned

    def is_valid(self) -> bool:
        # A preview shows the same page again and saves nothing.
        return super().is_valid() and PREVIEW not in self.data


def sees_people(request: HttpRequest) -> bool:
    """Whether whoever asks may see people, and so any count of them."""
    return request.user.has_perm("identity.view_profile")


def few(count: int | None) -> int | str:
    """A count as it is shown where it may have been kept back."""
    return "–" if count is None else count


def _reach_told(row: Reach, seen: bool) -> dict[str, Any]:
    numbers = {name: few(counts.told(getattr(row, name), seen)) for name in ("consented", "reachable")}
    return {"channel": row.channel, **numbers}


def _purpose_name(purpose: Purpose) -> str:
    return purpose.name_ko if (get_language() or "").startswith("ko") else purpose.name_en


def sentence(problem: Problem) -> str:
    """A problem in the reader's language, with its place in the rule."""
    text = gettext(problem.message) % {name: _word(value) for name, value in problem.params.items()}
    return f"{problem.path}: {text}" if problem.path else text


def _word(value: str) -> str:
    if value in EXPECTED:
        return gettext(value)
    return str(TYPES.get(value, value))


def told(rule: Node, catalog: rules.Catalog) -> str:
    """The sentence that describes a rule in the reader's language."""
    return describe(rule, get_language() or "en", catalog)


@admin.register(models.SegmentGroupPermission)
class SegmentGroupPermissionAdmin(OpenedRoom[models.SegmentGroupPermission]):
    """Segments that are opened to groups."""


@admin.register(models.Segment)
class SegmentAdmin(ObjectRoom[models.Segment]):
    """Written by people with the change permission; published by those who may also publish."""

    form = SegmentForm
    change_form_template = "console/segment.html"
    list_display = ("name", "size", "state", "purpose_named", "owner", "last_run", "key")
    list_filter = ("state", "purpose")
    list_select_related = ("owner", "purpose")
    search_fields = ("name", "key")
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

    @admin.display(description=_("members"), ordering="members")
    def size(self, segment: Any) -> int | str:
        return few(counts.told(segment.members or 0, segment.seen))

    @admin.display(description=_("last recompute"), ordering="ran_at")
    def last_run(self, segment: Any) -> Any:
        return segment.ran_at or _("never")

    @admin.display(description=_("purpose"), ordering="purpose")
    def purpose_named(self, segment: models.Segment) -> str:
        return _purpose_name(segment.purpose)

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
        ] + super().get_urls()

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
        except RuleError as error:
            for problem in error.problems:
                messages.error(request, sentence(problem))
        except CdpError as error:
            messages.error(request, str(error))
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
        if request.method == "POST" and PREVIEW in request.POST:
            shown["preview"] = self._preview(request)
        try:
            return super().changeform_view(request, object_id, form_url, shown)
        except Refused as refusal:
            messages.error(request, str(refusal))
        # What was written stands on the page again, unsaved.
        asked = request.POST.copy()
        asked[PREVIEW] = ""
        request.POST = asked  # type: ignore[assignment]
        return super().changeform_view(request, object_id, form_url, shown)

    def _history(self, request: HttpRequest, segment: models.Segment) -> dict[str, Any]:
        seen, published = sees_people(request), segment.state == models.Segment.State.PUBLISHED
        size = models.Membership.objects.filter(segment=segment).count()
        may_change = may(request.user, "segments.change_segment", segment)
        return {
            "reach": [_reach_told(row, seen) for row in queries.reach(segment)] if published else [],
            "runs": models.Run.objects.filter(segment=segment).order_by("-started_at")[:RUNS_SHOWN] if seen else [],
            "sees_people": seen,
            "size": few(counts.told(size, seen)),
            "parts": {name: few(counts.told(part, seen)) for name, part in assignment.sizes(segment).items()},
            "may_publish": may_change and may(request.user, "segments.publish_segment", segment),
            "may_recompute": published and may_change,
        }

    def _preview(self, request: HttpRequest) -> Any:
        """What the rule on the page would find; None while something on the page is wrong."""
        form = SegmentForm(request.POST)
        if form.errors.keys() & {"rule", "purpose", "zone"}:
            return None
        cleaned = form.cleaned_data
        purpose, channel = cleaned["purpose"].pk, request.POST.get("channel", CHANNEL)
        try:
            found = queries.preview(
                cleaned["rule"], purpose, channel, zone=cleaned["zone"], brand=cleaned.get("brand", ""),
                leaving=cleaned.get("exclusions", ()), key=cleaned.get("key", ""),
            )  # fmt: skip
        except CdpError as error:
            messages.error(request, str(error))
            return None
        seen = sees_people(request)
        told = {name: few(counts.told(getattr(found, name), seen)) for name in ("count", "consented", "reachable")}
        return {"found": told, "channel": channel, "purpose": _purpose_name(cleaned["purpose"])}


@admin.register(models.Run)
class RunAdmin(ReadOnlyRoom[models.Run]):
    list_display = ("started_at", "segment", "state", "members", "entered", "left", "version", "engine", "finished_at")
    list_filter = ("state", "segment")
    list_select_related = ("segment",)
    fields = (*list_display, "as_of", "error")
    ordering = ("-started_at",)


@admin.register(models.Membership)
class MembershipAdmin(ReadOnlyRoom[models.Membership]):
    list_display = (PROFILE, link("segment_id", _("segment"), "segments_segment"), "entered_at")
    list_filter = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile_id",)
    search_help_text = _("The whole id of a profile.")


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnlyRoom[models.Assignment]):
    list_display = ("at", "segment", "record", "variant")
    list_filter = ("segment",)
    list_select_related = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("record",)
    search_help_text = _("The whole id of a record.")


@admin.register(models.Transition)
class TransitionAdmin(ReadOnlyRoom[models.Transition]):
    list_display = ("at", "segment", "profile", "kind", "reason", "purpose", "channel")
    list_filter = ("kind", "segment")
    list_select_related = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile",)
    search_help_text = _("The whole id of a profile.")
