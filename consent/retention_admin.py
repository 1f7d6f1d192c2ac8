"""Staff pages of retention: the rules, what they would destroy tonight, and what was destroyed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom, Room
from consent.models import PackageLink, RetentionRule, RetentionRun


@admin.register(RetentionRule)
class RetentionRuleAdmin(Room[RetentionRule]):
    list_display = ("what", "purpose", "source", "data_class", "days", "enabled")
    list_display_links = ("what", "days")
    list_filter = ("what", "enabled")
    list_select_related = ("purpose", "source")
    fields = ("what", "purpose", "source", "data_class", "days", "enabled")
    ordering = ("what", "purpose", "source", "data_class")

    def has_delete_permission(self, request: HttpRequest, obj: RetentionRule | None = None) -> bool:
        return request.user.has_perm("consent.delete_retentionrule")


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyRoom[RetentionRun]):
    list_display = ("started_at", "finished_at", "interrupted", "destroyed", "actor")
    fields = ("id", "started_at", "finished_at", "interrupted", "actor", "counts", "rules")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a run.")

    @admin.display(description=_("destroyed"))
    def destroyed(self, run: RetentionRun) -> int:
        return sum(number for what, of in run.counts.items() if isinstance(of, dict) for number in of.values())


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
