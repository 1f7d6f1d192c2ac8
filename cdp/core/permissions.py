"""What permissions are called in the reader's language: Django knows them in English alone."""

from typing import Any

from django.contrib.auth.models import Permission
from django.utils.text import capfirst
from django.utils.translation import pgettext_lazy

from cdp.core.columns import word

# What may be done with a table, by the first word of a permission's name.
ACTIONS = {
    "view": pgettext_lazy("permission", "view"),
    "add": pgettext_lazy("permission", "add"),
    "change": pgettext_lazy("permission", "change"),
    "delete": pgettext_lazy("permission", "delete"),
    "approve": pgettext_lazy("permission", "approve"),
    "except": pgettext_lazy("permission", "except a destination from an erasure"),
    "export": pgettext_lazy("permission", "export"),
    "promote": pgettext_lazy("permission", "try and promote"),
    "publish": pgettext_lazy("permission", "publish"),
    "replay": pgettext_lazy("permission", "replay or drop"),
    "unmask": pgettext_lazy("permission", "see personal values"),
    "use": pgettext_lazy("permission", "send segments to it"),
}


def permission_word(permission: Permission) -> str:
    """Of which table, and what may be done with it."""
    model = permission.content_type.model_class()
    if model is None:
        return permission.name
    room, table = model._meta.app_config.verbose_name, capfirst(str(model._meta.verbose_name_plural))
    return f"{room} › {table} · {word(ACTIONS, permission.codename.partition('_')[0])}"


def in_words(field: Any) -> Any:
    """A form's field that offers permissions, each by its words."""
    if field is not None:
        field.label_from_instance = permission_word
    return field
