"""Staff pages: who is it. Profiles and review cases show personal values, masked: their pages are the
console's, as are those of linkage models."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import column, link, word, worded
from cdp.events.types import RECORD_KINDS
from identity import models
from identity.types import APART, ATTRIBUTES, IDENTIFIERS

RECORD = link("record_id", _("record"), "identity_record")
LEFT = link("left", _("one record"), "identity_record")
PROFILE = link("profile", _("profile"), "identity_profile")
RIGHT = link("right", _("other record"), "identity_record")
HELD = column("kind", _("kind"), IDENTIFIERS)
RECORD_KIND = column("kind", _("record kind"), RECORD_KINDS)

# What a model compares.
COMPARED = {**ATTRIBUTES, "name": _("Name"), "place": _("Address")}
# What a run counted.
COUNTED = {
    "records": _("records"), "pairs": _("pairs compared"), "links": _("links found"), "merged": _("profiles merged"),
    "created": _("profiles created"), "split": _("profiles split"), "ceiling": _("share of matches that keys can find"),
}  # fmt: skip


class IdentifierInline(admin.TabularInline[models.Identifier, models.Record]):
    model = models.Identifier
    fields = readonly_fields = (HELD, "first_seen", "last_seen")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Record | None = None) -> bool:
        return False


@admin.register(models.Record)
class RecordAdmin(ReadOnlyRoom[models.Record]):
    first_step = _("Records come with events: make a source and send it some.")
    list_display = (
        "id", "source", RECORD_KIND, "leaf", link("profile_id", _("profile"), "identity_profile"), "first_seen", "last_seen",
    )  # fmt: skip
    list_filter = ("source", "source__channel", "leaf")
    list_select_related = ("source",)
    fields = (*list_display, "traits")
    ordering = ("-first_seen",)
    id_fields = ("id", "profile_id")
    search_help_text = _("A whole id: of the record or of its profile.")
    inlines = (IdentifierInline,)


@admin.register(models.Identifier)
class IdentifierAdmin(ReadOnlyRoom[models.Identifier]):
    list_display = (HELD, RECORD, "first_seen", "last_seen")
    fields = list_display
    ordering = ("-id",)
    id_fields = ("record_id",)
    search_help_text = _("The whole id of a record.")


@admin.register(models.BlockedValue)
class BlockedValueAdmin(ReadOnlyRoom[models.BlockedValue]):
    list_display = (HELD, "reason", "created_at")
    fields = list_display
    list_filter = (worded("kind", IDENTIFIERS),)
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


@admin.register(models.Link)
class LinkAdmin(ReadOnlyRoom[models.Link]):
    list_display = ("kind", "bits", LEFT, RIGHT, "actor", "created_at")
    fields = (
        "kind", "bits", LEFT, RIGHT, "levels", link("model_id", _("model"), "identity_linkagemodel"), "actor", "created_at",
    )  # fmt: skip
    words = staticmethod(lambda name: word(COMPARED, name))
    list_filter = ("kind",)
    ordering = ("-id",)
    id_fields = ("left", "right")
    search_help_text = _("The whole id of a record.")

    @admin.display(description=_("match weight"), ordering="weight")
    def bits(self, row: models.Link) -> str:
        return number_format(row.weight, decimal_pos=1)


@admin.register(models.HouseholdHint)
class HouseholdHintAdmin(ReadOnlyRoom[models.HouseholdHint]):
    list_display = ("shared", column("reason", _("told apart by"), APART), LEFT, RIGHT, "household")
    fields = list_display
    list_filter = ("shared", worded("reason", APART))
    ordering = ("-id",)
    id_fields = ("left", "right", "household")
    search_help_text = _("A whole id: of a record or of a household.")


@admin.register(models.ModelRequest)
class ModelRequestAdmin(ReadOnlyRoom[models.ModelRequest]):
    first_step = _("Trials and promotions are asked for on the page of a linkage model.")
    list_display = ("asked_at", "kind", "model", "actor", "started_at", "finished_at", "refused")
    list_select_related = ("model",)
    fields = (*list_display, "step")
    list_filter = ("kind",)
    ordering = ("-asked_at",)


@admin.register(models.ResolutionRun)
class ResolutionRunAdmin(ReadOnlyRoom[models.ResolutionRun]):
    list_display = ("started_at", "finished_at", "model")
    list_select_related = ("model",)
    fields = ("started_at", "finished_at", "model", "counts")
    words = staticmethod(lambda name: str(COUNTED.get(name, name)))
    ordering = ("-started_at",)


@admin.register(models.ProfileChange)
class ProfileChangeAdmin(ReadOnlyRoom[models.ProfileChange]):
    list_display = ("at", "kind", PROFILE, link("other", _("other profile"), "identity_profile"), "actor")
    fields = (*list_display, "reason", column("records", _("records")), column("run", _("resolution run")))
    list_filter = ("kind",)
    ordering = ("-id",)
    id_fields = ("profile", "other")
    search_help_text = _("The whole id of a profile.")


@admin.register(models.Move)
class MoveAdmin(ReadOnlyRoom[models.Move]):
    list_display = (
        "at",
        link("record", _("record"), "identity_record"),
        link("left", _("profile before"), "identity_profile"),
        link("joined", _("profile"), "identity_profile"),
        "actor",
        "reason",
    )
    fields = (*list_display, column("run", _("resolution run")))
    list_filter = ("reason",)
    ordering = ("-id",)
    id_fields = ("record", "left", "joined")
    search_help_text = _("A whole id: of the record or of a profile.")


@admin.register(models.Sample)
class SampleAdmin(ReadOnlyRoom[models.Sample]):
    list_display = ("at", "stratum", "drawn", "pairs")
    fields = (*list_display, column("run", _("resolution run")))
    list_filter = ("stratum",)
    ordering = ("-id",)
