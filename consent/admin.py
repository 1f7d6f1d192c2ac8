"""Staff pages: may we. The ledger has its page in the console."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom, Room
from cdp.core.columns import column, link
from consent import models, package_admin, request_admin, retention_admin, suppression_admin

__all__ = ["package_admin", "request_admin", "retention_admin", "suppression_admin"]

PURPOSE = link("purpose", _("purpose"), "consent_purpose")
CHANNEL = link("channel", _("contact channel"), "consent_contactchannel")


@admin.register(models.ContactChannel)
class ContactChannelAdmin(Room[models.ContactChannel]):
    list_display = ("key", "__str__", "point", "night_rule", "also")
    list_select_related = ("also",)


@admin.register(models.Regime)
class RegimeAdmin(Room[models.Regime]):
    list_display = ("key", "__str__", "night_from", "night_to", "reconfirm_years", "result_days", "guardian_under")
    fields = (
        "key", ("name_ko", "name_en"), "zone", ("night_from", "night_to"), ("reconfirm_years", "unconfirmed_lapses"),
        ("expires_months", "result_days"), ("guardian_under", "dormant_months"),
        ("answer_months", "answer_days", "answer_rolls"), ("extension_months", "extension_days"),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: models.Regime | None = None) -> tuple[str, ...]:
        return ("key",) if obj else ()


@admin.register(models.Category)
class CategoryAdmin(Room[models.Category]):
    list_display = ("name", "source", PURPOSE, CHANNEL)
    list_filter = ("source", "purpose")
    list_select_related = ("source", "purpose", "channel")
    search_fields = ("name",)


@admin.register(models.Purpose)
class PurposeAdmin(Room[models.Purpose]):
    list_display = ("key", "__str__", "basis", "regime", "required", "reconfirm_years")
    list_filter = ("basis", "regime", "required")
    search_fields = ("key", "name_ko", "name_en")

    def get_readonly_fields(self, request: HttpRequest, obj: models.Purpose | None = None) -> tuple[str, ...]:
        # The ledger names the key: it is chosen once.
        return ("key",) if obj else ()


@admin.register(models.Notice)
class NoticeAdmin(Room[models.Notice]):
    list_display = ("version", PURPOSE, "language", "published_at")
    list_filter = ("purpose", "language")
    list_select_related = ("purpose",)
    ordering = ("purpose", "-published_at")

    def has_change_permission(self, request: HttpRequest, obj: models.Notice | None = None) -> bool:
        # People agreed to this very text: a new text is a new version.
        return False


@admin.register(models.ResultNotice)
class ResultNoticeAdmin(ReadOnlyRoom[models.ResultNotice]):
    list_display = ("due_on", link("line_id", _("consent record"), "consent_consentrecord"), "sent_at", "flagged_at")
    list_filter = (("sent_at", admin.EmptyFieldListFilter), ("flagged_at", admin.EmptyFieldListFilter))
    fields = (*list_display, "contact_channel")
    ordering = ("due_on", "id")
    id_fields = ("line_id",)
    search_help_text = _("The whole id of a consent record.")


@admin.register(models.Effective)
class EffectiveAdmin(ReadOnlyRoom[models.Effective]):
    list_display = (
        link("profile_id", _("profile"), "identity_profile"), PURPOSE, CHANNEL, column("brand", _("brand")),
        "state", "since", "expires_at",
    )  # fmt: skip
    list_filter = ("state", "purpose", "channel")
    list_select_related = ("purpose", "channel")
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile_id",)
    search_help_text = _("The whole id of a profile.")
