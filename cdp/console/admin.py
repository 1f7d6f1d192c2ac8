"""The pages that span packages: profiles here, review cases in `review`; both show personal values, masked. Linkage
models have theirs in `linkage`."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import consent_desk, linkage, privacy_desk, review, steward, unmask
from cdp.console import profile as profiles
from cdp.core.admin import ReadOnlyRoom
from identity import queries as identity
from identity.models import Profile

__all__ = ["ProfileAdmin", "consent_desk", "linkage", "privacy_desk", "review"]


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


@admin.register(Profile)
class ProfileAdmin(ReadOnlyRoom[Profile]):
    list_display = ("name", "contact", "records_number", "state", "changed_at", "id")
    list_display_links = ("name", "id")
    list_filter = ("state", "pinned")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a profile.")

    @admin.display(description=_("name"))
    def name(self, row: Any) -> str:
        return row.personal.get("full_name") or row.personal.get("given_name") or gettext("no name")

    @admin.display(description=_("contact"))
    def contact(self, row: Any) -> str:
        return row.personal.get("phone") or row.personal.get("email") or ""

    @admin.display(description=_("records"))
    def records_number(self, row: Any) -> int:
        return int(row.records_number)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileList

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(require_POST(self.steward))
        return [path("<uuid:pk>/steward/", act, name="identity_profile_steward"), *super().get_urls()]

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
            "may_steward": profile.state == Profile.State.LIVE and request.user.has_perm(steward.PERMISSION),
        }
        return TemplateResponse(request, "console/profile.html", shown)

    def _found(self, request: HttpRequest, object_id: str) -> Profile:
        profile = self.get_object(request, object_id)
        if profile is None:
            raise Http404
        if not self.has_view_permission(request, profile):
            raise PermissionDenied
        return profile
