"""Staff pages: who is it. A profile's own page spans packages and is the console's."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom, column, link
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from identity import actions, models

RECORD = link("record_id", _("record"), "identity_record")
LEFT = link("left", _("one record"), "identity_record")
RIGHT = link("right", _("other record"), "identity_record")
LEVELS = column("levels", _("how they compare"))
VERDICTS = (models.ReviewCase.State.SAME, models.ReviewCase.State.DIFFERENT)


class IdentifierInline(admin.TabularInline[models.Identifier, models.Record]):
    model = models.Identifier
    fields = readonly_fields = ("kind", "first_seen", "last_seen")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Record | None = None) -> bool:
        return False


@admin.register(models.Record)
class RecordAdmin(ReadOnlyRoom[models.Record]):
    list_display = (
        "id", "source", "kind", "leaf", link("profile_id", _("profile"), "identity_profile"), "first_seen", "last_seen",
    )  # fmt: skip
    list_filter = ("source", "leaf")
    list_select_related = ("source",)
    fields = (*list_display, "traits")
    ordering = ("-last_seen",)
    id_fields = ("id", "profile_id")
    search_help_text = _("A whole id: of the record or of its profile.")
    inlines = (IdentifierInline,)


@admin.register(models.Identifier)
class IdentifierAdmin(ReadOnlyRoom[models.Identifier]):
    list_display = ("kind", RECORD, "first_seen", "last_seen")
    fields = list_display
    ordering = ("-id",)
    id_fields = ("record_id",)
    search_help_text = _("The whole id of a record.")


@admin.register(models.BlockedValue)
class BlockedValueAdmin(ReadOnlyRoom[models.BlockedValue]):
    list_display = ("kind", "reason", "created_at")
    fields = list_display
    list_filter = ("kind",)
    search_fields = ("reason",)


@admin.register(models.Claim)
class ClaimAdmin(ReadOnlyRoom[models.Claim]):
    list_display = (
        link("leaf", _("leaf"), "identity_record"),
        link("record", _("record"), "identity_record"),
        column("at", _("when")),
    )
    fields = list_display
    ordering = ("-id",)
    id_fields = ("leaf", "record")
    search_help_text = _("The whole id of a record.")


@admin.register(models.LinkageModel)
class LinkageModelAdmin(ReadOnlyRoom[models.LinkageModel]):
    list_display = ("version", "state", "created_at")
    fields = ("version", "state", "created_at", "report", "parameters")
    list_filter = ("state",)
    ordering = ("-created_at",)


@admin.register(models.Link)
class LinkAdmin(ReadOnlyRoom[models.Link]):
    list_display = ("kind", "weight", LEFT, RIGHT, "actor", "created_at")
    fields = (
        "kind",
        "weight",
        LEFT,
        RIGHT,
        LEVELS,
        link("model_id", _("model"), "identity_linkagemodel"),
        "actor",
        "created_at",
    )
    list_filter = ("kind",)
    ordering = ("-id",)
    id_fields = ("left", "right")
    search_help_text = _("The whole id of a record.")


@admin.register(models.ResolutionRun)
class ResolutionRunAdmin(ReadOnlyRoom[models.ResolutionRun]):
    list_display = ("started_at", "finished_at", "model")
    list_select_related = ("model",)
    fields = ("started_at", "finished_at", "model", "counts")
    ordering = ("-started_at",)


@admin.register(models.ProfileChange)
class ProfileChangeAdmin(ReadOnlyRoom[models.ProfileChange]):
    list_display = ("at", "kind", "profile", "other", "actor")
    fields = (*list_display, column("records", _("records")), column("run", _("resolution run")))
    list_filter = ("kind",)
    ordering = ("-id",)
    id_fields = ("profile", "other")
    search_help_text = _("The whole id of a profile.")


class OpenFirst(admin.SimpleListFilter):
    """Open cases unless another state is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*models.ReviewCase.State.choices[1:], ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        shown = super().choices(changelist)
        yield {**next(shown), "display": models.ReviewCase.State.OPEN.label}
        yield from shown

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value() or models.ReviewCase.State.OPEN
        return queryset if state == "all" else queryset.filter(state=state)


@admin.register(models.ReviewCase)
class ReviewCaseAdmin(ReadOnlyRoom[models.ReviewCase]):
    """A steward reads the evidence and says whether two records are one person."""

    change_form_template = "console/review_case.html"
    list_display = ("reason", "weight", LEFT, RIGHT, "state", "created_at", "decided_at")
    list_filter = (OpenFirst, "reason")
    fields = ("reason", "weight", LEFT, RIGHT, LEVELS, "state", "created_at", "decided_at", "decided_by")
    ordering = ("-weight", "id")
    id_fields = ("id", "left", "right")
    search_help_text = _("A whole id: of the case or of a record.")

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<uuid:pk>/decide/", decide, name="identity_reviewcase_decide"), *super().get_urls()]

    def may_decide(self, request: HttpRequest) -> bool:
        """Whether the signed-in person may close a case."""
        return request.user.has_perm("identity.change_reviewcase")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {"may_decide": self.may_decide(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, shown)

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Close a case by a steward's word; the product may still refuse it."""
        if not self.may_decide(request):
            raise PermissionDenied
        case = get_object_or_404(models.ReviewCase, pk=pk)
        verdict = request.POST.get("verdict")
        if verdict not in VERDICTS:
            return HttpResponseBadRequest()
        try:
            actions.decide_case(Actor.user(request.user), case, verdict)
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Decided. The profiles follow in a moment."))
        return HttpResponseRedirect(reverse("admin:identity_reviewcase_changelist"))
