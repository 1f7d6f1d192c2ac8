"""Staff pages of access links: making one for an approved request, and what became of those that were made."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import Refused
from cdp.core.types import Actor
from consent import package
from consent.models import PackageLink

MAKE = "consent.change_privacyrequest"


@admin.register(PackageLink)
class PackageLinkAdmin(ReadOnlyRoom[PackageLink]):
    list_display = ("created_at", "request", "created_by", "expires_at", "used_at", "revoked_at")
    fields = ("id", "request", "created_at", "created_by", "expires_at", "used_at", "revoked_at")
    list_select_related = ("request",)
    ordering = ("-id",)
    id_fields = ("id", "request")
    search_help_text = _("A whole id: of the link or of its request.")

    def get_readonly_fields(self, request: HttpRequest, obj: PackageLink | None = None) -> Any:
        return self.fields

    def get_urls(self) -> list[URLPattern]:
        make = self.admin_site.admin_view(never_cache(require_POST(self.make)))
        return [path("make/<uuid:pk>/", make, name="consent_packagelink_make"), *super().get_urls()]

    def make(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Make a link for a request and show it, this once."""
        if not request.user.has_perm(MAKE):
            raise PermissionDenied
        try:
            link, token = package.issue(Actor.user(request.user), pk)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:consent_privacyrequest_changelist"))
        url = request.build_absolute_uri(reverse("access-package", args=[token]))
        shown = {**self.admin_site.each_context(request), "title": _("Access link"), "link": link, "url": url}
        return TemplateResponse(request, "console/package_made.html", {**shown, "opts": self.opts})
