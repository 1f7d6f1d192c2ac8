"""Staff pages: what happened."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom, Room
from cdp.core.objects import ObjectRoom, OpenedRoom
from cdp.events import models


class WriteKeyInline(admin.TabularInline[models.WriteKey, models.Source]):
    model = models.WriteKey
    fields = ("key", "enabled", "created_at")
    readonly_fields = ("key", "created_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Source | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """With its name for whoever hears the page: in a table only the head of the column says it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = capfirst(str(db_field.verbose_name))
        return field


@admin.register(models.Channel)
class ChannelAdmin(Room[models.Channel]):
    list_display = ("key",)
    search_fields = ("key",)


@admin.register(models.SourceGroupPermission)
class SourceGroupPermissionAdmin(OpenedRoom[models.SourceGroupPermission]):
    """Sources that are opened to groups."""


@admin.register(models.Source)
class SourceAdmin(ObjectRoom[models.Source]):
    list_display = ("name", "channel", "party", "brand", "trust_rank", "zone", "currency", "enabled")
    list_filter = ("channel", "party", "enabled")
    list_select_related = ("channel",)
    search_fields = ("name", "brand")
    fields = (
        ("name", "channel"),
        ("party", "brand"),
        ("trust_rank", "enabled"),
        ("zone", "currency"),
        "required_purpose",
        "created_at",
    )
    readonly_fields = ("created_at",)
    inlines = (WriteKeyInline,)

    def has_change_permission(self, request: HttpRequest, obj: models.Source | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.built_in)


@admin.register(models.WriteKey)
class WriteKeyAdmin(Room[models.WriteKey]):
    list_display = ("key", "source", "enabled", "created_at")
    list_filter = ("enabled", "source")
    list_select_related = ("source",)
    fields = ("key", "source", "enabled", "created_at")
    readonly_fields = ("key", "source", "created_at")
    ordering = ("-created_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Made by the command `create_source`, so that it is never typed.
        return False


@admin.register(models.Event)
class EventAdmin(ReadOnlyRoom[models.Event]):
    list_display = ("name", "type", "source", "kind", "occurred_at", "received_at", "place", "order_id")
    list_filter = ("source",)
    list_select_related = ("source",)
    fields = (
        "id", "source", "name", "type", "record", "kind", "leaves", "occurred_at", "received_at", "sent_at", "flags",
        "session", "place", "campaign", "account", "order_id", "brand", "currency", "revenue", "properties",
    )  # fmt: skip
    ordering = ("-id",)
    id_fields = ("id", "record")
    search_help_text = _("A whole id: of the event or of its record.")


@admin.register(models.Mapping)
class MappingAdmin(ReadOnlyRoom[models.Mapping]):
    list_display = ("kind", "created_at", "id")
    list_filter = ("kind",)
    fields = ("id", "kind", "content", "created_at")
    ordering = ("-id",)
    id_fields = ("id",)


@admin.register(models.QuarantineRequest)
class QuarantineRequestAdmin(ReadOnlyRoom[models.QuarantineRequest]):
    list_display = ("remedy", "source", "reason", "place", "actor", "asked_at", "finished_at", "refused")
    list_filter = ("remedy", "source")
    list_select_related = ("source",)
    fields = (*list_display, "mapping", "counts", "id")
    ordering = ("-id",)
    id_fields = ("id",)


@admin.register(models.PlannedField)
class PlannedFieldAdmin(Room[models.PlannedField]):
    list_display = ("path", "event", "source", "treatment", "data_class")
    list_filter = ("treatment", "data_class", "source")
    list_select_related = ("source",)
    search_fields = ("path", "event")
    ordering = ("event", "path")


@admin.register(models.Place)
class PlaceAdmin(Room[models.Place]):
    list_display = ("key", "name", "kind", "brand", "region", "zone")
    search_fields = ("key", "name", "region")
    ordering = ("key",)


@admin.register(models.Product)
class ProductAdmin(Room[models.Product]):
    list_display = ("sku", "name", "category", "price", "currency", "valid_from")
    search_fields = ("sku", "name", "category")
    ordering = ("sku", "-valid_from")
