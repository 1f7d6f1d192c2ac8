"""The pages that span packages: profiles here, review cases in `review`; both show personal values, masked. Linkage
models have theirs in `linkage`."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import (
    consent_desk,
    finding,
    linkage,
    privacy_desk,
    quarantine,
    review,
    steward,
    timeline,
    together,
    unmask,
    uploads,
)
from cdp.console import profile as profiles
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import titled
from identity import queries as identity
from identity.models import Profile, Record

__all__ = ["ProfileAdmin", "consent_desk", "linkage", "privacy_desk", "quarantine", "review", "uploads"]


class ProfileList(ChangeList):
    """A page of profiles, their masked names and record counts read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = list(self.result_list)
        ids = [row.pk for row in shown]
        known = profiles.personal(ids)
        counted = identity.record_counts(ids)
        for row in shown:
            row.personal, row.records_number = known.get(row.pk, {}), counted.get(row.pk, 0)
        self.result_list = shown


class KnownFirst(admin.SimpleListFilter):
    """People with a record of their own, unless visitors are asked for; a profile sought by its id is found in any case."""

    title = pgettext_lazy("which profiles a list shows", "who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("visitors", _("visitors without a name")), ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        shown = super().choices(changelist)
        yield {**next(shown), "display": _("known people")}
        yield from shown

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all" or (self.value() is None and request.GET.get(SEARCH_VAR)):
            return queryset
        known = Exists(Record.objects.filter(profile=OuterRef("pk"), leaf=False))
        return queryset.filter(~known if self.value() == "visitors" else known)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyRoom[Profile]):
    first_step = _("Profiles come of records: make a source and send it events.")
    list_display = ("name", "contact", "records_number", "state", "changed_at", "short_id")
    list_display_links = ("name", "short_id")
    list_filter = (KnownFirst, "state", "pinned")
    change_list_template = "console/profiles.html"
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a profile.")

    @admin.display(description=_("name"))
    def name(self, row: Any) -> str:
        return row.personal.get("full_name") or row.personal.get("given_name") or gettext("no name")

    @admin.display(description=_("contact"))
    def contact(self, row: Any) -> str:
        return row.personal.get("phone") or row.personal.get("email") or ""

    @admin.display(description=_("id"), ordering="id")
    def short_id(self, row: Any) -> str:
        """Its end, which tells ids apart that were made in one moment; the whole for whoever points at it."""
        return titled(f"…{str(row.pk)[-12:]}", str(row.pk))

    @admin.display(description=_("records"))
    def records_number(self, row: Any) -> int:
        return int(row.records_number)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileList

    def get_urls(self) -> list[URLPattern]:
        act, find = (self.admin_site.admin_view(require_POST(view)) for view in (self.steward, self.find))
        return [
            path("find/", find, name="identity_profile_find"),
            path("<uuid:pk>/steward/", act, name="identity_profile_steward"),
            path("<uuid:pk>/events/", self.admin_site.admin_view(self.timeline), name="identity_profile_events"),
            path("<uuid:pk>/together/", self.admin_site.admin_view(self.together), name="identity_profile_together"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"find": finding.FindForm(), **(extra_context or {})})

    def find(self, request: HttpRequest) -> HttpResponse:
        """The profiles that hold an identifier."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return finding.lead(request, {**self.admin_site.each_context(request), "opts": self.opts})

    def steward(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Undo, expel, split or correct, by a steward's word."""
        profile = self._found(request, str(pk))
        if not request.user.has_perm(steward.PERMISSION):
            raise PermissionDenied
        steward.act(request, profile.pk)
        return HttpResponseRedirect(reverse("admin:identity_profile_change", args=[profile.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One profile. A POST with a reason shows its personal values once, and leaves an audit row."""
        profile = self._found(request, object_id)
        self.note_view(request, "viewed", [profile])
        unmasked = unmask.asked(request, identity.records_of(profile.pk))
        shown = {
            **self.admin_site.each_context(request),
            **profiles.page(profile.pk, unmasked),
            "opts": self.opts,
            "original": profile,
            "title": _("Profile"),
            "unmasked": unmasked,
            "may_unmask": request.user.has_perm(unmask.PERMISSION),
            "reasons": unmask.REASONS,
            "may_explain": profile.state == Profile.State.LIVE and request.user.has_perm("segments.view_segment"),
            **profiles.trail(request, profile.pk),
            "may_steward": profile.state == Profile.State.LIVE and request.user.has_perm(steward.PERMISSION),
        }
        return TemplateResponse(request, "console/profile.html", shown)

    def timeline(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """All of a profile's events, by channel, filtered and in pages."""
        profile = self._found(request, str(pk))
        found = timeline.page(identity.records_of(profile.pk), request.GET)
        return self._part(request, profile, "console/timeline.html", title=_("Events of a profile"), **found)

    def together(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What joins a profile's records, and why two of them are one person."""
        profile = self._found(request, str(pk))
        found = together.page(profile.pk, request.GET)
        return self._part(request, profile, "console/together.html", title=_("How the records hang together"), **found)

    def _part(self, request: HttpRequest, profile: Profile, template: str, **shown: Any) -> HttpResponse:
        """A page beside a profile's own; that it was seen is written down as of the profile's."""
        self.note_view(request, "viewed", [profile])
        known = {**self.admin_site.each_context(request), "opts": self.opts, "original": profile}
        return TemplateResponse(request, template, {**known, "name": profiles.name(profile.pk), **shown})

    def _found(self, request: HttpRequest, object_id: str) -> Profile:
        profile = self.get_object(request, object_id)
        if profile is None:
            raise Http404
        if not self.has_view_permission(request, profile):
            raise PermissionDenied
        return profile
