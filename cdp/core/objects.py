"""Tables some of whose rows may be opened to groups that may not see the others (django-guardian, by direct foreign keys).

A right to all rows comes from a role; a right to one row from a permission on it. Few, long-lived rows only: never people.
"""

from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from guardian.shortcuts import get_objects_for_group, get_objects_for_user

from cdp.core.admin import Room
from cdp.core.columns import column
from cdp.core.models import ServiceKey
from cdp.core.permissions import in_words, permission_word

M = TypeVar("M", bound=Model)
# What a line of an opened row says.
LABELS = {"group": _("group"), "permission": _("permission"), "content_object": _("opened row")}


def may(user: Any, permission: str, row: Any) -> bool:
    """Whether somebody may do this with all rows, or with this one."""
    return bool(user.has_perm(permission) or user.has_perm(permission, row))


def seen_by(key: ServiceKey, rows: QuerySet[M], permission: str) -> QuerySet[M]:
    """Those of `rows` that a service key sees: all, or those that its group does."""
    if key.group is None:
        return rows
    allowed: QuerySet[M] = get_objects_for_group(key.group, permission, rows)
    return allowed


class ObjectRoom(Room[M]):
    """A table's pages, whose rows may be opened one by one."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        rows = super().get_queryset(request)
        if any(request.user.has_perm(self._named(action)) for action in ("view", "change")):
            return rows
        opened: QuerySet[M] = get_objects_for_user(
            request.user, [self._named("view"), self._named("change")], rows, any_perm=True, accept_global_perms=False
        )
        return opened

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return super().has_view_permission(request, obj) or self._opened(request, obj, "view", "change")

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return super().has_change_permission(request, obj) or self._opened(request, obj, "change")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self._opened(request, None, "view", "change")

    def _named(self, action: str) -> str:
        return f"{self.opts.app_label}.{get_permission_codename(action, self.opts)}"

    def _opened(self, request: HttpRequest, obj: M | None, *actions: str) -> bool:
        """Whether this row, or any without one, is opened to somebody who has no right to all."""
        if not request.user.is_active:  # also who has not signed in
            return False
        names = [self._named(action) for action in actions]
        if obj is not None:
            return any(request.user.has_perm(name, obj) for name in names)
        rows = self.model._default_manager.all()
        found = get_objects_for_user(request.user, names, rows, any_perm=True, accept_global_perms=False)
        return bool(found.exists())


class OpenedRoom(Room[M]):
    """Which rows are opened to which groups: written by administrators, each line audited."""

    list_display = (column("group", LABELS["group"]), "allowed", column("content_object", LABELS["content_object"]))
    list_select_related = ("group", "permission__content_type", "content_object")
    fields = tuple(LABELS)
    ordering = ("group__name",)

    @admin.display(description=LABELS["permission"], ordering="permission")
    def allowed(self, row: Any) -> str:
        return permission_word(row.permission)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return super().formfield_for_dbfield(db_field, request, **kwargs, label=capfirst(str(LABELS[db_field.name])))

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "permission":
            of: Any = self.model._meta.get_field("content_object").related_model
            kwargs["queryset"] = db_field.related_model.objects.filter(
                content_type__app_label=of._meta.app_label, content_type__model=of._meta.model_name
            )
            return in_words(super().formfield_for_foreignkey(db_field, request, **kwargs))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """In the menu of those who open rows, or who look after groups; others find their rows without it."""
        cares = self.has_add_permission(request) or request.user.has_perm("auth.view_group")
        return cares and super().has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}")
