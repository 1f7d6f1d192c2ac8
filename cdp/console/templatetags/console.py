"""How values of traits and properties are written on a page."""

import json
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext

from cdp.console import builder
from cdp.console import snippets as told
from cdp.console.labels import POINT_REASONS, REQUEST_STEPS, WHY, label
from cdp.core import deeds
from cdp.core.columns import titled
from cdp.core.queries import actor_names
from cdp.events.queries import event_title
from cdp.events.types import RECORD_KINDS
from cdp.events.words import field_word
from consent.types import CONTACT_CHANNELS
from identity.types import ATTRIBUTES, REVIEW_REASONS

register = template.Library()
LONGEST = 200


@register.simple_tag
def rule_vocabulary(purpose: str | None, zone: str | None) -> dict[str, Any] | None:
    """What the builder of rules offers for a purpose and a time zone; nothing where there is no such."""
    return builder.vocabulary(purpose or "", zone or "")


@register.filter
def snippets(request: HttpRequest, key: str) -> list[tuple[str, str]]:
    """(library, code) that sends to this installation with a write key."""
    return told.snippets(request.scheme or "http", request.get_host(), key)


@register.filter
def shown(value: Any) -> str:
    """A clear value for reading: yes and no in words, numbers grouped, things in a cart by name, what is nested otherwise
    as short JSON."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        return number_format(value, use_l10n=True, force_grouping=abs(value) >= 10_000)
    text = value if isinstance(value, str) else _named(value) or json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _named(value: Any) -> str:
    """The things of a list by name, with how many of each where more than one; nothing where one has no name."""
    things = value if isinstance(value, list) else []
    if not things or not all(isinstance(thing, dict) and isinstance(thing.get("name"), str) for thing in things):
        return ""
    numbers = [(thing["name"], thing.get("quantity", 1)) for thing in things]
    return ", ".join(name if number == 1 else f"{name} × {number}" for name, number in numbers)


@register.filter
def percent(share: float) -> str:
    """A share in percent."""
    return f"{number_format(100 * share, 1)} %"


@register.filter
def moment(text: str) -> datetime | None:
    """A moment written in ISO 8601."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@register.filter
def ago(at: datetime) -> str:
    """How long ago, in words."""
    if timezone.now() - at < timedelta(minutes=1):
        return gettext("just now")
    return gettext("%(time)s ago") % {"time": timesince(at, depth=1)}


@register.filter
def pairs(values: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and values of properties. (In a template `.items` would be the property of that name.)"""
    return list(values.items())


@register.filter
def event_name(name: str) -> str:
    """What an event is called, its technical name for whoever points at it."""
    return titled(event_title(name), name)


@register.filter
def field_name(path: str) -> str:
    """What a field of an event is called, as `event_name`."""
    return titled(field_word(path), path)


@register.filter
def attribute(name: str) -> str:
    """The word for a canonical attribute or kind of contact point."""
    return label(ATTRIBUTES, name)


@register.filter
def contact_channel(key: str) -> str:
    """The word for a contact channel."""
    return label(CONTACT_CHANNELS, key)


@register.filter
def reason(key: str) -> str:
    """Why a value won, in words."""
    return label(WHY, key)


@register.filter
def who(actor: str) -> str:
    """What people call an actor."""
    return actor_names({actor})[actor] if actor else ""


@register.filter
def done(action: str) -> str:
    """What an audit row about a privacy request says was done, in words."""
    return label(REQUEST_STEPS, action)


@register.filter
def deed(action: str) -> str:
    """What an audit row says was done, its action for whoever points at it."""
    return titled(deeds.told(action), action)


@register.filter
def review_reason(key: str) -> str:
    """Why a review case is open, in words."""
    return label(REVIEW_REASONS, key)


@register.filter
def point_reason(key: str) -> str:
    """Why a contact point is not used, in words."""
    return label(POINT_REASONS, key)


@register.filter
def record_kind(key: str) -> str:
    """The word for a record's kind."""
    return label(RECORD_KINDS, key)
