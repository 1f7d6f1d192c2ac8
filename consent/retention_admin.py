"""Staff pages of retention: the rules, what they would destroy tonight, and what was destroyed."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom, Room
from cdp.events.types import DataClass
from consent import retention
from consent.models import Purpose, RetentionRule, RetentionRun


@admin.register(RetentionRule)
class RetentionRuleAdmin(Room[RetentionRule]):
    first_step = _("Say how long what is kept; the preview tells what would go.")
    change_list_template = "console/retention.html"
    list_display = ("what", "purpose", "source", "data_class", "days", "enabled")
    list_display_links = ("what", "days")
    list_filter = ("what", "enabled")
    list_select_related = ("purpose", "source")
    fields = ("what", "purpose", "source", "data_class", "days", "enabled")
    ordering = ("what", "purpose", "source", "data_class")

    def has_delete_permission(self, request: HttpRequest, obj: RetentionRule | None = None) -> bool:
        return request.user.has_perm("consent.delete_retentionrule")

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        return [path("preview/", preview, name="consent_retentionrule_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What the rules would destroy now, and for how long they keep what; destroys nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = retention.preview()
        due = [(retention.What(what).label, sorted(of.items())) for what, of in found.due.items()]
        shown = {
            "title": _("What is due"),
            "opts": self.opts,
            "found": found,
            "due": due,
            "standing": _alike(retention.standing()),
        }
        return TemplateResponse(
            request, "console/retention_preview.html", {**self.admin_site.each_context(request), **shown}
        )


def _alike(standing: list[retention.Kept]) -> list[tuple[retention.Kept, str, str, list[str]]]:
    """(one of them, data class, purpose, sources): what is kept equally long for the same purpose stands together."""
    names = {purpose.key: str(purpose) for purpose in Purpose.objects.all()}
    alike: dict[Any, list[retention.Kept]] = {}
    for kept in standing:
        alike.setdefault((kept.what, kept.data_class, kept.period), []).append(kept)
    return [
        (one[0], _class_name(one[0].data_class), names.get(one[0].period.because_of, ""), [kept.source for kept in one])
        for one in alike.values()
    ]


def _class_name(data_class: str) -> str:
    return str(DataClass(data_class).label) if data_class else ""


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyRoom[RetentionRun]):
    list_display = ("started_at", "finished_at", "interrupted", "destroyed", "actor")
    fields = ("id", "started_at", "finished_at", "interrupted", "actor", "counts", "rules")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a run.")

    @admin.display(description=_("destroyed"))
    def destroyed(self, run: Any) -> int:
        return sum(number for of in run.counts.values() if isinstance(of, dict) for number in of.values())
