"""Columns of staff pages, and the filters beside them: what a row holds, as its reader says it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html

# What stands where there is nothing: a form's page would say None.
EMPTY = "–"
# A callable: the stubs of `fields` know of names only.
Column = Any
Words = Mapping[str, Any] | Callable[[str], Any]


def column(attribute: str, label: Any, words: Words = str) -> Column:
    """A column that shows one attribute of a row under a label of our own; `words`: what its values are called."""

    @admin.display(description=label, ordering=attribute)
    def shown(row: Any) -> Any:
        value = getattr(row, attribute)
        if isinstance(value, str):
            return word(words, value)
        return display_for_value(value, EMPTY, boolean=isinstance(value, bool))

    return shown


def word(words: Words, key: str) -> str:
    """What a key is called; one that has no word stands for itself, and none for nothing."""
    told = words.get(key, key) if isinstance(words, Mapping) else words(key)
    return str(told) or EMPTY


def worded(field: str, words: Words) -> tuple[str, type[admin.AllValuesFieldListFilter]]:
    """A filter by the values that there are, each by its word."""

    class Worded(admin.AllValuesFieldListFilter):
        def choices(self, changelist: ChangeList) -> Iterator[Any]:
            for choice in super().choices(changelist):
                yield choice | {"display": word(words, str(choice["display"]))}

    return field, Worded


def link(attribute: str, label: Any, page: str) -> Column:
    """As `column`, for an id: a link to its page, given as `app_model`; no look-up of the row behind it. Of a long id its end is
    shown, which tells ids apart that were made in one moment. A row that was read with this one is called by its name."""

    @admin.display(description=label, ordering=attribute)
    def shown(row: Any) -> Any:
        held = getattr(row, attribute)
        if held is None:
            return EMPTY
        key, told = (held.pk, str(held)) if isinstance(held, Model) else (held, shortened(held))
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[key]), told)

    shown.leads = True  # type: ignore[attr-defined]
    return shown


def shortened(key: Any) -> str:
    """The end of a UUID, the whole for whoever points at it; any other key as it is."""
    return titled(f"…{str(key)[-12:]}", str(key)) if isinstance(key, UUID) else str(key)


def chip(text: Any, tone: str = "") -> str:
    """A short word in a pill; `tone` is good, warn, bad or none."""
    return format_html('<span class="chip {}">{}</span>', tone, text)


def titled(told: str, name: str) -> str:
    """A word for a technical name, which whoever points at it is told."""
    return told if told == name else format_html('<span title="{}">{}</span>', name, told)
