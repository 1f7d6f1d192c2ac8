"""JSON columns of staff pages, as names with their values."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import JSONField, Model
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

Words = Callable[[str], str]
EMPTY = "–"


def readable(model: type[Model], fields: Any, words: Words) -> list[Any]:
    """The fields of a page, those that hold JSON as columns that show it as names with values."""
    held = {field.name: field for field in model._meta.get_fields() if isinstance(field, JSONField)}
    return [_column(held[name], words) if isinstance(name, str) and name in held else name for name in fields]


def _column(field: Any, words: Words) -> Any:
    @admin.display(description=field.verbose_name)
    def shown(row: Any) -> str:
        return _value(getattr(row, field.name), words)

    shown.__name__ = field.name
    return shown


def _value(value: Any, words: Words) -> str:
    if isinstance(value, Mapping) and value:
        return _facts(value, words)
    if isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((_value(one, words),) for one in value)))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return display_for_value(value, EMPTY)


def _facts(values: Mapping[str, Any], words: Words) -> str:
    told = ((name, words(name), _value(value, words)) for name, value in sorted(values.items()))
    return format_html('<dl class="facts">{}</dl>', format_html_join("", '<dt title="{}">{}</dt><dd>{}</dd>', told))
