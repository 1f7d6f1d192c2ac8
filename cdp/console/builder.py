"""What the builder of rules offers: the names of the catalog in the reader's words, and its own words.

The builder runs in the browser and knows nothing else: whether a rule may stand is for the server to say.
"""

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.console.labels import label, purpose_name
from cdp.core.errors import Refused
from cdp.events.models import Event
from cdp.events.tracking import plans
from cdp.events.tracking.shown import planned_events
from cdp.events.types import PlannedEvent
from cdp.events.words import EVENTS, FIELDS, event_word, field_word, in_korean
from consent import queries as consent
from consent.types import CONTACT_CHANNELS
from segments import queries
from segments.models import Segment

# Names of events and properties are an open set: those of the latest events are offered, any other may be written.
LATEST, FRESH_SECONDS = 2_000, 60
WORDS = {
    "all": _("All of these"), "any": _("Any of these"), "none": _("None of these"), "trait": _("Trait"),
    "event": _("Event"), "segment": _("Segment"), "list": _("Uploaded list"), "consent": _("Consent"),
    "group": _("Group"), "add": _("Add"), "what": _("What to add"), "remove": _("Remove"), "rule": _("Rule"),
    "did": _("has happened"), "not": _("has not happened"), "in": _("is in"), "out": _("is not in"),
    "agreed": _("has agreed"), "disagreed": _("has not agreed"), "purpose": _("Purpose"), "channel": _("Contact channel"),
    "count": _("number of times"), "sum": _("sum of"), "property": _("Property"), "op": _("Comparison"), "value": _("Value"),
    "to": _("Upper value"), "days": _("days"), "last": _("in the last"), "ever": _("any time"),
    "where": _("Add a property"), "json": _("The rule as JSON"), "unreadable": _("This JSON cannot be read."),
    "raw": _("Written as JSON; it stays as it is."), "yes": _("yes"), "no": _("no"), "comma": _("several, with commas between"),
    "empty": _("Nothing here yet: add a condition."), "left": _("left of those who reached this condition"),
    "move": _("Move"), "keys": _("Drag it, or use the arrow keys: up and down, right into the group beside it, left out of it."),
    "moved": _("Moved: now {place} of {number}."),
}  # fmt: skip
OPS = {
    "eq": pgettext_lazy("operator", "is"),
    "ne": pgettext_lazy("operator", "is not"),
    "in": pgettext_lazy("operator", "is one of"),
    "not_in": pgettext_lazy("operator", "is none of"),
    "contains": pgettext_lazy("operator", "contains"),
    "starts_with": pgettext_lazy("operator", "starts with"),
    "gt": pgettext_lazy("operator", "more than"),
    "gte": pgettext_lazy("operator", "at least"),
    "lt": pgettext_lazy("operator", "less than"),
    "lte": pgettext_lazy("operator", "at most"),
    "between": pgettext_lazy("operator", "from … to"),
    "since": pgettext_lazy("operator", "in the last … days"),
    "before": pgettext_lazy("operator", "longer ago than … days"),
    "exists": pgettext_lazy("operator", "is known"),
    "not_exists": pgettext_lazy("operator", "is not known"),
}
# Types of JSON Schema that rules compare.
TYPES = {"number": "number", "integer": "number", "string": "string", "boolean": "boolean"}
PRESENCE = ("exists", "not_exists")
ORDER = ("gt", "gte", "lt", "lte", "between")
OPS_OF = {
    "number": ("eq", "ne", *ORDER, *PRESENCE),
    "string": ("eq", "ne", "in", "not_in", "contains", "starts_with", *PRESENCE),
    "boolean": ("eq", *PRESENCE),
    "date": ("since", "before", "gte", "lt", "between", *PRESENCE),
    "moment": ("since", "before", "gte", "lt", "between", *PRESENCE),
    "measure": ("gte", "eq", "lte", "gt", "lt", "between"),
}


def vocabulary(purpose: str, zone: str) -> dict[str, Any] | None:
    """The names that a rule of this purpose may hold, for the builder; None where the purpose or zone does not exist."""
    try:
        catalog = queries.catalog(purpose, zone)
    except Refused:
        return None
    traits = {name: spec for name, spec in catalog.traits.items() if spec.data_class in catalog.allowed_classes}
    return {
        "traits": {name: {"label": spec.label or name, "type": spec.type} for name, spec in traits.items()},
        "events": seen_events(),
        "eventWords": event_words(),
        "fieldWords": {path: field_word(path) for path in FIELDS},
        "segments": dict(Segment.objects.filter(key__in=catalog.segments).values_list("key", "name")),
        "lists": {key: key for key in catalog.lists},
        "purposes": {key: purpose_name(known) for key, known in consent.purposes().items()},
        "channels": {key: label(CONTACT_CHANNELS, key) for key in sorted(catalog.channels)},
        "words": {key: str(word) for key, word in WORDS.items()},
        "ops": {key: str(word) for key, word in OPS.items()},
        "opsOf": OPS_OF,
    }


def event_words() -> dict[str, str]:
    """What events are called: as everywhere, and those of the house's own plans by their titles, where a title means one."""
    words, language = {name: event_word(name) for name in EVENTS}, "ko" if in_korean() else "en"
    for event in _planned(*_now()):
        title = event.titles[language]
        if title and event.event not in words and title not in {*words, *words.values()}:
            words[event.event] = title
    return words


def seen_events() -> dict[str, dict[str, str]]:
    """The names of the latest events and of planned ones, each with its clear properties and their types; at most a minute
    old."""
    return _seen(*_now())


def _now() -> tuple[int, str]:
    return int(time.monotonic() // FRESH_SECONDS), str(connection.settings_dict["NAME"])


@lru_cache(maxsize=2)
def _planned(minute: int, database: str) -> list[PlannedEvent]:
    return list(planned_events(plans.in_force()))


def _planned_kinds(event: PlannedEvent) -> Iterable[tuple[str, str]]:
    """(property, type) of what a rule may compare: of one type, not sealed, in no object."""
    for field in event.fields:
        kinds = {TYPES.get(name) for name in field.types}
        if len(kinds) == 1 and "." not in field.path and not field.personal and (kind := kinds.pop()):
            yield field.path, kind


@lru_cache(maxsize=2)
def _seen(minute: int, database: str) -> dict[str, dict[str, str]]:
    seen = {event.event: dict(_planned_kinds(event)) for event in _planned(minute, database)}
    for name, properties in Event.objects.order_by("-id").values_list("name", "properties")[:LATEST]:
        seen.setdefault(name, {}).update(_kinds(properties))
    return {name: dict(sorted(kinds.items())) for name, kinds in sorted(seen.items())}


def _kinds(properties: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(property, type) of what a rule compares: no lists, no objects."""
    for name, value in properties.items():
        if isinstance(value, bool):
            yield name, "boolean"
        elif isinstance(value, int | float):
            yield name, "number"
        elif isinstance(value, str):
            yield name, "string"
