"""Staff pages: what happened."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.admin import ReadOnlyRoom, Room
from cdp.core.columns import column, titled
from cdp.core.objects import ObjectRoom, OpenedRoom
from cdp.events import models, quality_models
from cdp.events.queries import event_title
from cdp.events.tracking.shown import shown
from cdp.events.types import RECORD_KINDS, VIOLATIONS
from cdp.events.words import field_word

KIND = column("kind", _("record kind"), RECORD_KINDS)


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
    list_display = ("key", "__str__")
    search_fields = ("key",)


@admin.register(models.SourceGroupPermission)
class SourceGroupPermissionAdmin(OpenedRoom[models.SourceGroupPermission]):
    """Sources that are opened to groups."""


@admin.register(models.Source)
class SourceAdmin(ObjectRoom[models.Source]):
    first_step = _("Make a source for each shop, app or file; its page then shows how to send events.")
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
    first_step = _("Add a key on the page of its source.")
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
    first_step = _("Make a source and send it an event, which appears here within seconds.")
    list_display = ("named", "type", "source", KIND, "occurred_at", "received_at", "place", "order_id")
    list_filter = ("source",)
    list_select_related = ("source",)
    fields = (
        "id", "source", "named", "type", "record", KIND, "leaves", "occurred_at", "received_at", "sent_at", "flags",
        "session", "place", "campaign", "account", "order_id", "brand", "currency", "revenue", "properties",
    )  # fmt: skip
    words = staticmethod(field_word)
    ordering = ("-id",)
    id_fields = ("id", "record")
    search_help_text = _("A whole id: of the event or of its record.")

    @admin.display(description=models.Event._meta.get_field("name").verbose_name, ordering="name")
    def named(self, event: models.Event) -> str:
        return titled(event_title(event.name), event.name)


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


@admin.register(models.TrackingPlan)
class TrackingPlanAdmin(ReadOnlyRoom[models.TrackingPlan]):
    """Loaded by the command `tracking_plan`, from files that somebody has reviewed."""

    first_step = _("To begin, let an administrator run: manage.py tracking_plan load retail")
    list_display = ("key", "version", "in_force", "source", "events", "actor", "loaded_at")
    list_filter = ("in_force", "source")
    list_select_related = ("source",)
    fields = ("key", "version", "in_force", "source", "actor", "loaded_at")
    search_fields = ("key",)
    ordering = ("-in_force", "key", "-version")

    @admin.display(description=_("events"))
    def events(self, plan: models.TrackingPlan) -> int:
        return len(plan.content["events"])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With its events in the reader's language, and how often they differed lately."""
        return super().render_change_form(request, context | shown(kwargs["obj"]), *args, **kwargs)


@admin.register(models.PlanViolation)
class PlanViolationAdmin(ReadOnlyRoom[models.PlanViolation]):
    first_step = _("What differs from a tracking plan is counted here.")
    list_display = ("day", "source", "event", "field", "wrong", "count")
    list_filter = ("day", "source", "kind")
    list_select_related = ("source",)
    fields = list_display
    search_fields = ("event",)
    ordering = ("-day", "-count")

    @admin.display(description=_("field"), ordering="place")
    def field(self, row: models.PlanViolation) -> str:
        return row.place

    @admin.display(description=pgettext_lazy("tracking plan", "what is wrong"), ordering="kind")
    def wrong(self, row: models.PlanViolation) -> str:
        return str(VIOLATIONS.get(row.kind, row.kind))


@admin.register(models.PlannedField)
class PlannedFieldAdmin(Room[models.PlannedField]):
    list_display = ("field_named", "event_named", "source", "treatment", "data_class", "plan")
    list_filter = ("treatment", "data_class", "source")
    list_select_related = ("source",)
    search_fields = ("path", "event")
    ordering = ("event", "path")

    @admin.display(description=models.PlannedField._meta.get_field("path").verbose_name, ordering="path")
    def field_named(self, row: models.PlannedField) -> str:
        return titled(field_word(row.path), row.path)

    @admin.display(description=models.PlannedField._meta.get_field("event").verbose_name, ordering="event")
    def event_named(self, row: models.PlannedField) -> str:
        return titled(event_title(row.event), row.event)

    def has_change_permission(self, request: HttpRequest, obj: models.PlannedField | None = None) -> bool:
        # What the file of a plan says is changed there.
        return super().has_change_permission(request, obj) and not (obj and obj.plan)


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


@admin.register(quality_models.Anomaly)
class AnomalyAdmin(ReadOnlyRoom[quality_models.Anomaly]):
    first_step = _("What of a source is not as usual is listed here; judged every quarter of an hour.")
    list_display = ("day", "source", "measure", "event", "field", "value", "usual", "distance")
    list_filter = ("measure", "source")
    list_select_related = ("source",)
    fields = (*list_display, "found_at")
    ordering = ("-day", "-distance")


@admin.register(quality_models.SeenField)
class SeenFieldAdmin(ReadOnlyRoom[quality_models.SeenField]):
    list_display = ("event", "field", "source", "first")
    list_filter = ("source",)
    list_select_related = ("source",)
    fields = list_display
    ordering = ("-first", "event", "field")


@admin.register(models.ReferenceValue)
class ReferenceValueAdmin(ReadOnlyRoom[models.ReferenceValue]):
    first_step = _("Load a file: manage.py load_reference values FILE --table weather")
    list_display = ("reference", "key", "valid_from", "values")
    list_filter = ("reference",)
    search_fields = ("key",)
    fields = list_display
    ordering = ("reference", "key", "-valid_from")
