"""Staff pages: runs of segments, who is in them, and how that changed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import column, link
from cdp.core.errors import CdpError
from cdp.core.objects import may
from cdp.core.types import Actor
from segments import actions, models

# Why somebody came or went.
REASONS = {
    "rule": pgettext_lazy("why a membership changed", "the rule"),
    "consent": pgettext_lazy("why a membership changed", "consent"),
    "merged": pgettext_lazy("profile", "merged"),
    "erased": pgettext_lazy("profile", "erased"),
}
PROFILE = link("profile_id", _("profile"), "identity_profile")


@admin.register(models.Run)
class RunAdmin(ReadOnlyRoom[models.Run]):
    """How each recompute went; one that is under way can be cancelled."""

    change_form_template = "console/run.html"
    list_display = (
        "started_at", "segment", "state", "took", "members", "entered", "left", "version",
    )  # fmt: skip
    list_filter = ("state", "segment")
    list_select_related = ("segment",)
    fields = (*list_display, "engine", "beat_at", "finished_at", "cancelled_by", "as_of", "error")
    ordering = ("-started_at",)

    @admin.display(description=_("took"))
    def took(self, run: models.Run) -> str:
        """How long it took, in whole seconds."""
        if run.finished_at is None:
            return self.get_empty_value_display()
        return str(timedelta(seconds=round((run.finished_at - run.started_at).total_seconds())))

    def get_urls(self) -> list[URLPattern]:
        cancel = self.admin_site.admin_view(require_POST(self.cancel))
        return [path("<uuid:pk>/cancel/", cancel, name="segments_run_cancel"), *super().get_urls()]

    def cancel(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Stop a run that is under way."""
        run = get_object_or_404(models.Run.objects.select_related("segment"), pk=pk)
        if not may(request.user, "segments.change_segment", run.segment):
            raise PermissionDenied
        try:
            actions.cancel(Actor.user(request.user), run.segment)
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("It stops within seconds; the members are those of before."))
        return HttpResponseRedirect(reverse("admin:segments_run_change", args=[pk]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        run = self.get_object(request, object_id) if object_id else None
        open_ = run is not None and run.state == models.Run.State.RUNNING and not run.cancelled_by
        may_cancel = open_ and run is not None and may(request.user, "segments.change_segment", run.segment)
        return super().changeform_view(
            request, object_id, form_url, {"may_cancel": may_cancel, **(extra_context or {})}
        )


class BySegment(admin.RelatedFieldListFilter):
    """Segments by name, under a heading in the reader's language."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = gettext("segment")


@admin.register(models.Membership)
class MembershipAdmin(ReadOnlyRoom[models.Membership]):
    list_display = (PROFILE, column("segment", _("segment")), "entered_at")
    list_filter = (("segment", BySegment),)
    list_select_related = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile_id",)
    search_help_text = _("The whole id of a profile.")


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnlyRoom[models.Assignment]):
    list_display = ("at", "segment", link("record", _("record"), "identity_record"), "variant")
    list_filter = ("segment",)
    list_select_related = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("record",)
    search_help_text = _("The whole id of a record.")


@admin.register(models.Transition)
class TransitionAdmin(ReadOnlyRoom[models.Transition]):
    list_display = (
        "at",
        "segment",
        link("profile", _("profile"), "identity_profile"),
        "kind",
        column("reason", _("reason"), REASONS),
        "purpose",
        "channel",
    )
    list_filter = ("kind", "segment")
    list_select_related = ("segment",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile",)
    search_help_text = _("The whole id of a profile.")
