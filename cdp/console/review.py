"""Review cases: a steward compares two records, masked, and says whether they are one person."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import unmask
from cdp.console.labels import ATTRIBUTES, RECORD_KINDS, REVIEW_REASONS, label
from cdp.console.masking import mask
from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from identity import actions, queries
from identity.models import ReviewCase

VERDICTS = (ReviewCase.State.SAME, ReviewCase.State.DIFFERENT)


@dataclass(frozen=True)
class Line:
    """One attribute of both records; `agrees` is None where one of them does not know it."""

    name: str
    left: str
    right: str
    agrees: bool | None


def lines(case: ReviewCase, unmasked: bool) -> list[Line]:
    """What both records say, attribute by attribute; they are compared before masking."""
    opened = {record.id: record.folded.current() for record in queries.open_records([case.left, case.right])}
    left, right = opened.get(case.left, {}), opened.get(case.right, {})
    return [_line(name, left.get(name), right.get(name), unmasked) for name in ATTRIBUTES if name in {*left, *right}]


def _line(name: str, left: str | None, right: str | None, unmasked: bool) -> Line:
    agrees = None if left is None or right is None else left.casefold() == right.casefold()
    shown = [(value or "") if unmasked else mask(name, value or "") for value in (left, right)]
    return Line(label(ATTRIBUTES, name), shown[0], shown[1], agrees)


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
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(REVIEW_REASONS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class CaseList(ChangeList):
    """A page of cases, the records they are about read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = list(self.result_list)
        records = queries.record_views({pk for row in shown for pk in (row.left, row.right)})
        for row in shown:
            row.records = {pk: records.get(pk) for pk in (row.left, row.right)}
        self.result_list = shown


def _side(case: Any, record_id: UUID) -> str:
    """A record in a few words: its source, its kind and the beginning of its id, which leads to it."""
    record = case.records[record_id]
    if record is None:
        return gettext("erased")
    address = reverse("admin:identity_record_change", args=[record_id])
    kind = label(RECORD_KINDS, record.kind)
    return format_html(
        '<span class="side">{} <small>{} · <a href="{}">{}</a></small></span>',
        record.source, kind, address, str(record_id)[:8],
    )  # fmt: skip


@admin.register(ReviewCase)
class ReviewCaseAdmin(ReadOnlyRoom[ReviewCase]):
    list_display = ("why", "match_weight", "one_record", "other_record", "state")
    list_filter = (OpenFirst, ByReason)
    ordering = ("-weight", "id")
    id_fields = ("id", "left", "right")
    search_help_text = _("A whole id: of the case or of a record.")

    @admin.display(description=_("reason"), ordering="reason")
    def why(self, case: ReviewCase) -> str:
        return label(REVIEW_REASONS, case.reason)

    @admin.display(description=_("match weight"), ordering="weight")
    def match_weight(self, case: ReviewCase) -> str:
        return number_format(round(case.weight, 1), decimal_pos=1)

    @admin.display(description=_("one record"))
    def one_record(self, case: ReviewCase) -> str:
        return _side(case, case.left)

    @admin.display(description=_("other record"))
    def other_record(self, case: ReviewCase) -> str:
        return _side(case, case.right)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CaseList

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [path("<uuid:pk>/decide/", decide, name="identity_reviewcase_decide"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        case = self.get_object(request, object_id)
        if case is None:
            raise Http404
        if not self.has_view_permission(request, case):
            raise PermissionDenied
        unmasked = unmask.asked(request, [case.left, case.right])
        return TemplateResponse(request, "console/review_case.html", self._shown(request, case, unmasked))

    def _shown(self, request: HttpRequest, case: ReviewCase, unmasked: bool) -> dict[str, Any]:
        records = queries.record_views([case.left, case.right])
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": case,
            "title": _("Is this one person?"),
            "sides": [records.get(case.left), records.get(case.right)],
            "lines": lines(case, unmasked),
            "unmasked": unmasked,
            "may_unmask": request.user.has_perm(unmask.PERMISSION),
            "may_decide": self._may_decide(request),
            "reasons": unmask.REASONS,
        }

    def _may_decide(self, request: HttpRequest) -> bool:
        return request.user.has_perm("identity.change_reviewcase")

    def decide(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Close a case by a steward's word; the product may still refuse it."""
        if not self._may_decide(request):
            raise PermissionDenied
        case = get_object_or_404(ReviewCase, pk=pk)
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
