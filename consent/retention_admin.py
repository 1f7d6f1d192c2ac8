"""Staff pages of retention: the rules, what they would destroy tonight, and what was destroyed."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom, Room
from consent import retention
from consent.models import RetentionRule, RetentionRun


@admin.register(RetentionRule)
class RetentionRuleAdmin(Room[RetentionRule]):
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
            "standing": retention.standing(),
        }
        return TemplateResponse(
            request, "console/retention_preview.html", {**self.admin_site.each_context(request), **shown}
        )


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
