"""What the staff pages of every package share, and the pages of core's own tables."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from cdp.core import deeds, models
from cdp.core.actions import audit, disclose, revoke_service_key
from cdp.core.columns import column, link, titled
from cdp.core.facts import Words, readable
from cdp.core.permissions import in_words
from cdp.core.queries import actor_names
from cdp.core.types import Actor

M = TypeVar("M", bound=Model)
# How a page of rows may be narrowed by its address; anything else would search in what no column shows.
LOOKUPS = frozenset({"exact", "in", "isnull", "isempty", "gte", "lt"})
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
# By what a row names a person: its own table, else the attributes of it; a profile, a record, a subject.
WHOM = (("profile", "profile_id", "profile"), ("record", "record_id", "record"), ("", "subject"))

STAGE, STREAM = column("stage", _("stage")), column("stream", _("stream"))
ROW, CREATED = column("row", _("row")), column("created_at", _("created"))


class CappedPaginator(Paginator[Any]):
    """Counts no further than anybody pages: an exact count of a large table reads all of it."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        """Rows found, at most `most`."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.most].count()


class AuditedWrites(admin.ModelAdmin[M]):
    """Each write through a form leaves an audit row: the table, the id and the names of the fields, no values. A list is
    called by its table."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(str(self.opts.verbose_name_plural))}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.note(request, obj, "changed" if change else "created", fields=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self.note(request, obj, "deleted")
        super().delete_model(request, obj)

    def note(self, request: HttpRequest, obj: M, what: str, **details: Any) -> None:
        """Append the audit row of what the signed-in person did to `obj`."""
        audit(Actor.user(request.user), f"{self.opts.model_name}.{what}", target=str(obj.pk)[:100], **details)


class Room(AuditedWrites[M]):
    """A table's pages. Rows are found by whole ids (`id_fields`), never by personal values; none is deleted in bulk. An empty
    table says what to do (`first_step`)."""

    id_fields: tuple[str, ...] = ()
    first_step: Any = _("Add the first one.")
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    show_facets = admin.ShowFacets.NEVER

    def get_search_fields(self, request: HttpRequest) -> Any:
        return super().get_search_fields(request) or self.id_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        if not self.id_fields or not search_term:
            return super().get_search_results(request, queryset, search_term)
        wanted = _as_uuid(search_term)
        if wanted is None:
            return queryset.none(), False
        return queryset.filter(Q.create([(field, wanted) for field in self.id_fields], connector=Q.OR)), False

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """The first column that does not lead elsewhere: a link within a link would be none."""
        if self.list_display_links != () or not list_display:
            return super().get_list_display_links(request, list_display)
        return [next((name for name in list_display if not getattr(name, "leads", False)), list_display[0])]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters that the page offers; Django would let every field of the table be searched, in every way."""
        name, *rest = lookup.split(LOOKUP_SEP)
        offered = {_filter_name(item).split(LOOKUP_SEP)[0] for item in self.get_list_filter(request)}
        within = not rest or rest[-1] in LOOKUPS
        return name in offered and within and super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        shown = getattr(answer, "context_data", None) or {}
        if "cl" in shown:
            self.note_view(request, "listed", list(shown["cl"].result_list))
        return answer

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        title: dict[str, Any] = {"title": capfirst(str(self.opts.verbose_name))} if object_id else {}
        answer = super().changeform_view(request, object_id, form_url, {**title, **(extra_context or {})})
        shown = getattr(answer, "context_data", None) or {}
        if ID.search(str(shown.get("subtitle"))):
            shown["subtitle"] = None  # the page says it already, where it can be pointed at
        original = shown.get("original")
        if original is not None:
            self.note_view(request, "viewed", [original])
        return answer

    def note_view(self, request: HttpRequest, what: str, rows: Sequence[Any]) -> None:
        """Append the audit row of a page that tells of people, with whom it tells of; none for other pages."""
        profiles, records, subjects = (_ids(rows, *names) for names in WHOM)
        if profiles or records or subjects:
            keys = models.DataKey.objects.filter(record__in=records) if records else models.DataKey.objects.none()
            subjects |= set(keys.values_list("pk", flat=True))
            actor, target = Actor.user(request.user), str(rows[0].pk) if what == "viewed" else ""
            disclose(actor, f"{self.opts.model_name}.{what}", profiles, subjects=subjects, target=target[:100])

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        # What a row points at is written in its own room.
        return _without_wrapper(field)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class ReadOnlyRoom(Room[M]):
    """A table that people look at and only the product writes."""

    first_step = _("It fills by itself as the product works; there is nothing to do here.")
    # What the names within its JSON are called.
    words: Words = staticmethod(str)

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        return self._readable

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        return self._readable if self.fields else super().get_readonly_fields(request, obj)

    @cached_property
    def _readable(self) -> list[Any]:
        own = [field.name for field in self.opts.fields if field.editable and not field.auto_created]
        return readable(self.model, self.fields or own, self.words)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


def _without_wrapper(field: Any) -> Any:
    if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
        field.widget = field.widget.widget
    return field


def _filter_name(item: Any) -> str:
    """The name that a filter has in addresses: of a field, of a field with its kind of filter, or of a filter's own."""
    if isinstance(item, str):
        return item
    return str(item[0]) if isinstance(item, tuple) else str(item.parameter_name)


def _ids(rows: Sequence[Any], table: str, *attributes: str) -> set[UUID]:
    """Whom rows tell of: by their own key in `table`, else by the first of `attributes` that they have."""
    named = (
        row.pk
        if row._meta.model_name == table
        else next((getattr(row, a) for a in attributes if hasattr(row, a)), None)
        for row in rows
    )
    return {one for one in named if isinstance(one, UUID)}


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


@admin.register(models.User)
class StaffAdmin(AuditedWrites[models.User], UserAdmin[models.User]):
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "groups")

    def get_readonly_fields(self, request: HttpRequest, obj: models.User | None = None) -> Any:
        # Roles are given by groups; whoever could tick these would give themselves everything.
        given = super().get_readonly_fields(request, obj)
        return given if request.user.is_superuser else (*given, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: models.User | None = None) -> bool:
        # A superuser's account, with its password, is another superuser's to change.
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def has_delete_permission(self, request: HttpRequest, obj: models.User | None = None) -> bool:
        # Audit rows name the account: it is made inactive, never deleted.
        return False

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return in_words(field) if db_field.name == "user_permissions" else field


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(AuditedWrites[Group], GroupAdmin):
    """What the people of a group may do; each change is audited."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        return in_words(super().formfield_for_manytomany(db_field, request, **kwargs))


@admin.register(models.Authenticator)
class AuthenticatorAdmin(ReadOnlyRoom[models.Authenticator]):
    """Who has a second factor. Deleting one lets its owner, whose telephone is lost, set up another."""

    list_display = ("user", "confirmed", "made_at")
    list_filter = ("confirmed",)
    list_select_related = ("user",)
    fields = list_display
    ordering = ("user__username",)

    def has_delete_permission(self, request: HttpRequest, obj: models.Authenticator | None = None) -> bool:
        """Another's only, and a superuser's by a superuser."""
        if obj is not None and (obj.user_id == request.user.pk or obj.user.is_superuser > request.user.is_superuser):
            return False
        return request.user.has_perm("core.delete_authenticator")


@admin.register(models.ServiceKey)
class ServiceKeyAdmin(Room[models.ServiceKey]):
    list_display = (
        "name",
        "prefix",
        "scopes",
        "purpose",
        "contact_channel",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    readonly_fields = (
        "prefix", "scopes", "purpose", "contact_channel", "group", "created_at", "expires_at", "last_used_at",
        "revoked_at",
    )  # fmt: skip
    actions = ("revoke",)

    @admin.action(description=_("Revoke the chosen service keys, at once and for good"), permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[models.ServiceKey]) -> None:
        """Every request asks anew whether its key is valid, so the next one is refused."""
        for key in chosen:
            revoke_service_key(Actor.user(request.user), key)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Its secret is shown once, by the command `create_service_key`.
        return False


class AuditList(ChangeList):
    """A page of the audit, its actors' names read for the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = list(self.result_list)
        names = actor_names({row.actor for row in shown})
        for row in shown:
            row.actor_name = names[row.actor]
        self.result_list = shown


@admin.register(models.AuditEntry)
class AuditEntryAdmin(ReadOnlyRoom[models.AuditEntry]):
    list_display = ("at", "who", "deed", "subject", "target", "purpose")
    fields = ("at", "who", "actor", "deed", "action", "subject", "target", "purpose", "details")
    ordering = ("-id",)
    id_fields = ("id", "subject")
    search_help_text = _("A whole id: of the entry or of its subject.")

    @admin.display(description=_("who"), ordering="actor")
    def who(self, row: Any) -> str:
        return getattr(row, "actor_name", None) or actor_names({row.actor})[row.actor]

    @admin.display(description=_("what was done"), ordering="action")
    def deed(self, row: models.AuditEntry) -> str:
        return titled(deeds.told(row.action), row.action)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditList


@admin.register(models.Disclosure)
class DisclosureAdmin(ReadOnlyRoom[models.Disclosure]):
    list_display = ("id", "people")
    fields = ("id", "people")
    ordering = ("-id",)
    id_fields = ("id",)
    search_help_text = _("The whole id of a disclosure, as an audit entry names it.")

    @admin.display(description=_("people"))
    def people(self, row: models.Disclosure) -> int:
        return len(row.profiles) or len(row.subjects)


@admin.register(models.Counter)
class CounterAdmin(ReadOnlyRoom[models.Counter]):
    list_display = ("day", "kind", "count", "source")
    list_filter = ("day",)
    ordering = ("-day", "kind")
    id_fields = ("source",)
    search_help_text = _("The whole id of a source.")


@admin.register(models.Watermark)
class WatermarkAdmin(ReadOnlyRoom[models.Watermark]):
    list_display = (STAGE, column("moved_at", _("moved")), column("txid", _("transaction")))
    fields = (*list_display, ROW, column("system_identifier", _("database")))


@admin.register(models.Touched)
class TouchedAdmin(ReadOnlyRoom[models.Touched]):
    list_display = ("id", STAGE, column("subject", _("subject")), column("at", _("when")))
    list_filter = ("stage",)
    fields = list_display
    ordering = ("id",)

    def note_view(self, request: HttpRequest, what: str, rows: Sequence[Any]) -> None:
        """Its subjects are records and profiles that wait for a stage, and tell nothing of a person."""


@admin.register(models.Unnumbered)
class UnnumberedAdmin(ReadOnlyRoom[models.Unnumbered]):
    list_display = ("id", STREAM, ROW)
    fields = list_display
    ordering = ("id",)


@admin.register(models.Sequence)
class SequenceAdmin(ReadOnlyRoom[models.Sequence]):
    list_display = (STREAM, column("seq", _("number")), ROW)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("row",)
    search_help_text = _("The whole id of a row.")


@admin.register(models.KeyEncryptionKey)
class KeyEncryptionKeyAdmin(ReadOnlyRoom[models.KeyEncryptionKey]):
    list_display = ("id", column("root", _("root key")), column("writes", _("in use")), CREATED)
    fields = list_display
    ordering = ("-created_at",)


@admin.register(models.IndexKey)
class IndexKeyAdmin(ReadOnlyRoom[models.IndexKey]):
    list_display = ("generation", "key", "state", column("made_at", _("created")))
    fields = list_display
    ordering = ("generation",)


@admin.register(models.KeyProof)
class KeyProofAdmin(ReadOnlyRoom[models.KeyProof]):
    list_display = ("name", column("made_at", _("created")))
    fields = list_display
    ordering = ("name",)


@admin.register(models.DataKey)
class DataKeyAdmin(ReadOnlyRoom[models.DataKey]):
    list_display = ("id", link("record", _("record"), "identity_record"), CREATED)
    fields = list_display
    ordering = ("id",)
    id_fields = ("id", "record")
    search_help_text = _("A whole id: the subject of an audit entry or a record.")
