"""Staff pages: exports of contact values that wait for a second person."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import CdpError
from cdp.core.objects import ObjectRoom, OpenedRoom, may
from cdp.core.types import Actor
from segments import approval, models

APPROVE = "segments.approve_exportrequest"


@admin.register(models.ExportRequestGroupPermission)
class ExportRequestGroupPermissionAdmin(OpenedRoom[models.ExportRequestGroupPermission]):
    """Exports that are opened to groups, to see or to decide."""


@admin.register(models.ExportRequest)
class ExportRequestAdmin(ReadOnlyRoom[models.ExportRequest], ObjectRoom[models.ExportRequest]):
    """Who asks for contact values, for what; another person approves or refuses."""

    change_form_template = "console/export_request.html"
    list_display = ("asked_at", "segment", "channel", "destination", "reason", "state", "asked_by", "decided_by")
    list_filter = ("state",)
    list_select_related = ("segment", "channel", "destination")
    fields = (*list_display, "version", "decided_at", "used_at", "id")
    ordering = ("-asked_at",)
    id_fields = ("id",)
    search_help_text = _("The whole id of an export request.")

    @admin.display(description=_("version"))
    def version(self, asked: models.ExportRequest) -> str:
        """What the segment meant when it was asked for: the approval is for this alone."""
        return str(asked.versions.get(str(asked.segment_id), "–"))

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<uuid:pk>/decide/", decide, name="segments_exportrequest_decide"), *super().get_urls()]

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Approve or refuse by the word of a second person."""
        if not may(request.user, APPROVE, models.ExportRequest.objects.filter(pk=pk).first()):
            raise PermissionDenied
        found = get_object_or_404(models.ExportRequest, pk=pk)
        try:
            approval.decide(Actor.user(request.user), found.pk, request.POST.get("word") == "approve")
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Decided."))
        return HttpResponseRedirect(reverse("admin:segments_exportrequest_change", args=[pk]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        asked = self.get_object(request, object_id) if object_id else None
        may_decide = {"may_decide": asked is not None and may(request.user, APPROVE, asked)}
        return super().changeform_view(request, object_id, form_url, {**may_decide, **(extra_context or {})})
