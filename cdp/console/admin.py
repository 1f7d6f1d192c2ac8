"""A profile's pages, which span packages: the list with masked names, the page of one profile, showing values."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from cdp.console import profile as profiles
from cdp.core.actions import audit
from cdp.core.admin import ReadOnlyRoom
from cdp.core.models import DataKey
from cdp.core.types import Actor
from identity.models import Profile, Record

UNMASK = "profiles.unmask_golden"
REASONS = (
    ("contact", _("The person is in contact with us")),
    ("review", _("Deciding a review case")),
    ("request", _("Answering a privacy request")),
    ("correction", _("Correcting wrong data")),
)


class ProfileList(ChangeList):
    """A page of profiles, their masked names and record counts read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = list(self.result_list)
        ids = [row.pk for row in shown]
        known = profiles.personal(ids)
        counted = dict(Record.objects.filter(profile__in=ids).order_by().values_list("profile").annotate(Count("id")))
        for row in shown:
            row.personal, row.records_number = known.get(row.pk, {}), counted.get(row.pk, 0)
        self.result_list = shown


@admin.register(Profile)
class ProfileAdmin(ReadOnlyRoom[Profile]):
    list_display = ("id", "name", "contact", "records_number", "state", "changed_at")
    list_filter = ("state", "pinned")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a profile.")

    @admin.display(description=_("name"))
    def name(self, row: Any) -> str:
        return row.personal.get("full_name") or row.personal.get("given_name") or ""

    @admin.display(description=_("contact"))
    def contact(self, row: Any) -> str:
        return row.personal.get("phone") or row.personal.get("email") or ""

    @admin.display(description=_("records"))
    def records_number(self, row: Any) -> int:
        return row.records_number

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One profile. A POST with a reason shows its personal values once, and leaves an audit row."""
        profile = self._found(request, object_id)
        unmasked = request.method == "POST" and self._may_show(request, profile)
        shown = {
            **self.admin_site.each_context(request),
            **profiles.page(profile, unmasked),
            "opts": self.opts,
            "original": profile,
            "title": _("Profile"),
            "unmasked": unmasked,
            "may_unmask": request.user.has_perm(UNMASK),
            "reasons": REASONS,
        }
        response = TemplateResponse(request, "console/profile.html", shown)
        response["Cache-Control"] = "no-store"
        return response

    def _found(self, request: HttpRequest, object_id: str) -> Profile:
        profile = self.get_object(request, object_id)
        if profile is None:
            raise Http404
        if not self.has_view_permission(request, profile):
            raise PermissionDenied
        return profile

    def _may_show(self, request: HttpRequest, profile: Profile) -> bool:
        """Whether values are shown: by permission, with a reason of the list; audited before anything is shown."""
        if not request.user.has_perm(UNMASK):
            raise PermissionDenied
        reason = request.POST.get("reason")
        if reason not in dict(REASONS):
            messages.error(request, _("Choose a reason."))
            return False
        records = Record.objects.filter(profile=profile).values("pk")
        for subject in DataKey.objects.filter(record__in=records).values_list("pk", flat=True):
            audit(Actor.user(request.user), "profile.unmasked", subject=subject, reason=reason)
        return True
