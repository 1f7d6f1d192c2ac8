"""Staff pages: the versions of segments, what each changes and whom it would move; submitted, approved, taken back."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import CdpError
from cdp.core.objects import may
from cdp.core.types import Actor
from segments import models, review, versions
from segments.preview_admin import moved
from segments.query.problems import RuleError
from segments.segment_form import sentences

Step = Callable[[Actor, models.Segment, int], models.Version]
STEPS: dict[str, Step] = {
    "submit": review.submit,
    "approve": lambda actor, segment, number: review.decide(actor, segment, number, approve=True),
    "refuse": lambda actor, segment, number: review.decide(actor, segment, number, approve=False),
    "rollback": review.roll_back,
}
NEEDS = {"approve": "segments.publish_segment", "refuse": "segments.publish_segment"}


@admin.register(models.Version)
class VersionAdmin(ReadOnlyRoom[models.Version]):
    """What a segment meant when; the next step stands on the page of a version."""

    change_form_template = "console/version.html"
    list_display = ("segment", "number", "state", "note", "written_at", "decided_at")
    list_filter = ("state", "segment")
    list_select_related = ("segment",)
    fields = ("segment", "number", "state", "note", "written_by", "written_at", "decided_by", "decided_at")
    ordering = ("-id",)
    id_fields = ("id", "segment_id")
    search_help_text = _("The whole id of a version or a segment.")

    def get_urls(self) -> list[URLPattern]:
        take = self.admin_site.admin_view(require_POST(self.take))
        movement = self.admin_site.admin_view(require_GET(self.movement))
        return [
            path("<uuid:pk>/take/<slug:step>/", take, name="segments_version_step"),
            path("<uuid:pk>/movement/", movement, name="segments_version_movement"),
            *super().get_urls(),
        ]

    def take(self, request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
        """Take one step with a version."""
        found = get_object_or_404(models.Version.objects.select_related("segment"), pk=pk)
        if step not in STEPS or not self._may(request, found.segment, step):
            raise PermissionDenied
        try:
            found = STEPS[step](Actor.user(request.user), found.segment, found.number)
        except (CdpError, RuleError) as error:
            for problem in sentences(error):
                messages.error(request, problem)
        else:
            messages.success(request, _("Done."))
        return HttpResponseRedirect(reverse("admin:segments_version_change", args=[found.pk]))

    def movement(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Whom a version would move: a part of its page, which comes later, for many members take long to compare."""
        found = self.get_object(request, str(pk))
        if found is None or not self.has_view_permission(request, found):
            raise PermissionDenied
        try:
            shown: dict[str, Any] = {"movement": moved(request, found.segment, found.definition)}
        except (CdpError, RuleError) as error:
            shown = {"refused": sentences(error)}
        return TemplateResponse(request, "console/moved.html", shown)

    def _may(self, request: HttpRequest, segment: models.Segment, step: str) -> bool:
        needed = {"segments.change_segment", NEEDS.get(step, "segments.change_segment")}
        return all(may(request.user, one, segment) for one in needed)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id) if object_id else None
        shown = self._shown(request, found) if found else {}
        return super().changeform_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def _shown(self, request: HttpRequest, found: models.Version) -> dict[str, Any]:
        before = versions.definition(found.segment)
        return {
            "differences": list(versions.diff(before, found.definition)),
            "steps": [name for name in self._steps(found) if self._may(request, found.segment, name)],
        }

    def _steps(self, found: models.Version) -> list[str]:
        by_state = {"draft": ["submit"], "review": ["approve", "refuse"]}
        return [*by_state.get(found.state, []), *(["rollback"] if found.number != found.segment.version else [])]
