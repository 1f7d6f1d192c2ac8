"""Review cases: a steward compares two records, masked, and says whether they are one person."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import floatformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import case, unmask
from cdp.console.labels import label
from cdp.core.actions import disclose
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import link
from cdp.core.errors import CdpError
from cdp.core.models import DataKey
from cdp.core.types import Actor
from cdp.events.types import RECORD_KINDS
from identity import actions, casework, queries
from identity.models import ReviewCase, Verdict
from identity.types import REVIEW_REASONS

SAID = {
    Verdict.Word.SAME: _("Decided. The profiles follow in a moment."),
    Verdict.Word.DIFFERENT: _("Decided. The profiles follow in a moment."),
    Verdict.Word.NOT_SURE: _("Noted. A case that two are not sure of is closed undecided."),
}


class OpenFirst(admin.SimpleListFilter):
    """Open cases unless another state is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*ReviewCase.State.choices[1:], ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        shown = super().choices(changelist)
        yield {**next(shown), "display": ReviewCase.State.OPEN.label}
        yield from shown

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value() or ReviewCase.State.OPEN
        return queryset if state == "all" else queryset.filter(state=state)


class ByReason(admin.SimpleListFilter):
    """Cases by why they are open, in words."""

    title = _("reason")
    parameter_name = "why"  # the column itself must not be searched: it tells what a blind case was drawn from

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(REVIEW_REASONS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(told_reason=self.value()) if self.value() else queryset


class CaseList(ChangeList):
    """A page of cases, the records they are about read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = list(self.result_list)
        records = queries.record_views({pk for row in shown for pk in (row.left, row.right)})
        for row in shown:
            row.records = {pk: records.get(pk) for pk in (row.left, row.right)}
        self.result_list = shown


def _side(row: Any, record_id: UUID) -> str:
    """A record in a few words: its source, its kind and the beginning of its id, which leads to it unless the case is
    blind: a record's page tells its profile."""
    record = row.records[record_id]
    if record is None:
        return gettext("erased")
    name, kind = str(record_id)[:8], label(RECORD_KINDS, record.kind)
    if not row.blind:
        name = format_html('<a href="{}">{}</a>', reverse("admin:identity_record_change", args=[record_id]), name)
    return format_html('<span class="side">{} <small>{} · {}</small></span>', record.source, kind, name)


def _said(pk: UUID, word: Verdict.Word, blind: bool) -> Any:
    """What a steward is told after a verdict; of a case that was judged blind also where the rest of it is shown now."""
    if not blind or word == Verdict.Word.NOT_SURE:
        return SAID[word]
    address = reverse("admin:identity_reviewcase_change", args=[pk])
    return format_html('{} <a href="{}">{}</a>', SAID[word], address, gettext("See what the model made of it."))


@admin.register(ReviewCase)
class ReviewCaseAdmin(ReadOnlyRoom[ReviewCase]):
    first_step = _("Records that may be of one person, or not, wait here for a verdict.")
    change_list_template = "console/review_cases.html"
    list_display = ("why", "urgency", "match_weight", "one_record", "other_record", "standing")
    list_filter = (OpenFirst, ByReason)
    ordering = ("-priority", "id")
    id_fields = ("id", "left", "right")
    search_help_text = _("A whole id: of the case or of a record.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return casework.as_told(super().get_queryset(request))

    @admin.display(description=_("reason"), ordering="told_reason")
    def why(self, row: Any) -> str:
        return label(REVIEW_REASONS, row.told_reason)

    @admin.display(description=_("urgency"), ordering="priority")
    def urgency(self, row: ReviewCase) -> str:
        return floatformat(row.priority, 1)

    @admin.display(description=_("match weight"), ordering="told_weight")
    def match_weight(self, row: Any) -> str | None:
        return None if row.told_weight is None else floatformat(row.told_weight, 1)

    @admin.display(description=_("one record"))
    def one_record(self, row: ReviewCase) -> str:
        return _side(row, row.left)

    @admin.display(description=_("other record"))
    def other_record(self, row: ReviewCase) -> str:
        return _side(row, row.right)

    @admin.display(description=_("state"), ordering="state")
    def standing(self, row: ReviewCase) -> str:
        """The state, and who has the case."""
        return format_html('<span class="side">{} <small>{}</small></span>', row.get_state_display(), row.assignee)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CaseList

    def get_urls(self) -> list[URLPattern]:
        decide, following = (self.admin_site.admin_view(require_POST(view)) for view in (self.decide, self.following))
        return [
            path("next/", following, name="identity_reviewcase_next"),
            path("<uuid:pk>/decide/", decide, name="identity_reviewcase_decide"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"progress": self._progress(request), "may_decide": self._may_decide(request)}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        self._note_sides(request, found)
        unmasked = unmask.asked(request, [found.left, found.right])
        return TemplateResponse(request, "console/review_case.html", self._shown(request, found, unmasked))

    def _note_sides(self, request: HttpRequest, found: ReviewCase) -> None:
        """Append the audit row of a view of both sides."""
        subjects = DataKey.objects.filter(record__in=[found.left, found.right]).values_list("pk", flat=True)
        disclose(Actor.user(request.user), "reviewcase.viewed", subjects=list(subjects), target=str(found.pk))

    def _shown(self, request: HttpRequest, found: ReviewCase, unmasked: bool) -> dict[str, Any]:
        records = queries.record_views([found.left, found.right])
        told = queries.review_case(found.pk)
        weights, weight = case.weights(told)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": found,
            "title": _("Is this one person?"),
            "sides": [records.get(found.left), records.get(found.right)],
            "lines": case.lines(found, weights, unmasked),
            "weights": weights,
            "weight": weight,
            "told": told,
            "radius": case.radius(told),
            "progress": self._progress(request),
            "mine": found.assignee == Actor.user(request.user).name,
            "doubted": found.verdicts.filter(actor=Actor.user(request.user).name).exists(),
            "unmasked": unmasked,
            "may_unmask": request.user.has_perm(unmask.PERMISSION),
            "may_decide": self._may_decide(request),
            "reasons": unmask.REASONS,
        }

    def _progress(self, request: HttpRequest) -> Any:
        return queries.review_progress(Actor.user(request.user))

    def _may_decide(self, request: HttpRequest) -> bool:
        return request.user.has_perm("identity.change_reviewcase")

    def following(self, request: HttpRequest) -> HttpResponse:
        """Lead a steward to the case that is theirs to decide next."""
        if not self._may_decide(request):
            raise PermissionDenied
        return self._next(request)

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Close a case by a steward's word, and lead to the next; the product may still refuse it."""
        if not self._may_decide(request):
            raise PermissionDenied
        blind = get_object_or_404(ReviewCase, pk=pk).blind
        verdict = request.POST.get("verdict")
        if verdict not in Verdict.Word.values:
            return HttpResponseBadRequest()
        try:
            actions.judge_case(Actor.user(request.user), pk, verdict)
        except CdpError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:identity_reviewcase_changelist"))
        messages.success(request, _said(pk, Verdict.Word(verdict), blind))
        return self._next(request)

    def _next(self, request: HttpRequest) -> HttpResponse:
        try:
            found = actions.hand_out_case(Actor.user(request.user))
        except CdpError as error:
            messages.info(request, str(error))
            return HttpResponseRedirect(reverse("admin:identity_reviewcase_changelist"))
        return HttpResponseRedirect(reverse("admin:identity_reviewcase_change", args=[found]))


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyRoom[Verdict]):
    list_display = ("at", "word", link("case_id", _("review case"), "identity_reviewcase"), "actor")
    fields = list_display
    list_filter = ("word",)
    ordering = ("-id",)
    id_fields = ("case_id",)
    search_help_text = _("The whole id of a review case.")
