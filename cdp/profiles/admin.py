"""Staff pages: the golden record. Personal values are not among these tables; a profile's page shows them, masked."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import column, link
from cdp.events.words import in_korean
from cdp.profiles import models
from cdp.profiles.types import trait
from identity.types import IDENTIFIERS

PROFILE = link("profile_id", _("profile"), "identity_profile")
KIND = column("kind", _("kind"), IDENTIFIERS)
RECORD = link("record_id", _("record"), "identity_record")
GROUP = link("group_id", _("group"), "profiles_group")


def trait_word(name: str) -> str:
    """What a trait is called; one that a source named, as it is."""
    known = trait(name)
    if known is None:
        return name
    return known.label_ko if in_korean() else known.label_en


TRAIT = column("trait", _("trait"), trait_word)


@admin.register(models.Golden)
class GoldenAdmin(ReadOnlyRoom[models.Golden]):
    list_display = (PROFILE, "updated_at")
    fields = (PROFILE, "traits", "computed", "lineage", "updated_at")
    words = staticmethod(trait_word)
    ordering = ("-profile_id",)
    id_fields = ("profile_id",)
    search_help_text = _("The whole id of a profile.")


@admin.register(models.ContactPoint)
class ContactPointAdmin(ReadOnlyRoom[models.ContactPoint]):
    list_display = (KIND, RECORD, "usable", "reason", "valid_from", "valid_to")
    list_filter = ("usable",)
    fields = (RECORD, KIND, "usable", "reason", "valid_from", "valid_to")
    ordering = ("-id",)
    id_fields = ("record_id",)
    search_help_text = _("The whole id of a record.")


@admin.register(models.TraitPeriod)
class TraitPeriodAdmin(ReadOnlyRoom[models.TraitPeriod]):
    list_display = (TRAIT, "value", PROFILE, "valid_from", "valid_to")
    fields = (PROFILE, TRAIT, "value", "valid_from", "valid_to", "received_at")
    ordering = ("-id",)
    id_fields = ("profile_id",)
    search_help_text = _("The whole id of a profile.")


@admin.register(models.Group)
class GroupAdmin(ReadOnlyRoom[models.Group]):
    list_display = ("id", "kind")
    fields = ("id", "kind", "traits")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a group.")


@admin.register(models.GroupMember)
class GroupMemberAdmin(ReadOnlyRoom[models.GroupMember]):
    list_display = (GROUP, RECORD, "role", "since")
    fields = (GROUP, RECORD, "role", "since")
    ordering = ("-id",)
    id_fields = ("group_id", "record_id")
    search_help_text = _("A whole id: of a group or a record.")
