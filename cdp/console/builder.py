"""What the builder of rules offers: the names of the catalog in the reader's words, and its own words.

The builder runs in the browser and knows nothing else: whether a rule may stand is for the server to say.
"""

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from cdp.console.builder_words import OPS, OPS_OF, TIME_OPS, WORDS
from cdp.console.labels import label, purpose_name
from cdp.core.errors import Refused
from cdp.events import queries as events
from cdp.events.models import Event
from cdp.events.tracking import plans
from cdp.events.tracking.shown import planned_events
from cdp.events.types import PlannedEvent
from cdp.events.words import FIELDS, event_words, field_word
from consent import queries as consent
from consent.types import CONTACT_CHANNELS
from segments import queries
from segments.models import Segment
from segments.query.ast import EACH
from segments.query.bounds import read_date

# Names of events and properties are an open set: those of the latest events are offered, any other may be written.
LATEST, FRESH_SECONDS = 2_000, 60
# Types of JSON Schema that rules compare.
TYPES = {"number": "number", "integer": "number", "string": "string", "boolean": "boolean"}
DEEPEST = 5


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
        "eventWords": event_words(events.planned_titles()),
        "fieldWords": field_words(),
        "segments": dict(Segment.objects.filter(key__in=catalog.segments).values_list("key", "name")),
        "lists": {key: key for key in catalog.lists},
        "purposes": {key: purpose_name(known) for key, known in consent.purposes().items()},
        "channels": {key: label(CONTACT_CHANNELS, key) for key in sorted(catalog.channels)},
        "words": {key: str(word) for key, word in WORDS.items()},
        "ops": {key: str(word) for key, word in OPS.items()},
        "timeOps": {key: str(word) for key, word in TIME_OPS.items()},
        "opsOf": OPS_OF,
        "brands": {key: key for key in sorted(events.brands() - {""})},
        "currency": settings.DEFAULT_CURRENCY,
    }


def field_words() -> dict[str, str]:
    """What the properties on offer are called; of those within others each part."""
    paths = {path for kinds in seen_events().values() for path in kinds} | FIELDS.keys()
    return {path: word for path in sorted(paths) if (word := field_word(path)) != path or path in FIELDS}


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


def _kinds(properties: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterable[tuple[str, str]]:
    """(path, type) of what a rule compares: also what lies in objects, and with [] in the elements of lists."""
    for name, value in properties.items():
        yield from _kind(before + name, value, depth)


def _kind(path: str, value: Any, depth: int) -> Iterable[tuple[str, str]]:
    if isinstance(value, bool):
        yield path, "boolean"
    elif isinstance(value, int | float):
        yield path, "number"
    elif isinstance(value, str):
        yield path, "date" if read_date(value) else "string"
    elif isinstance(value, dict) and depth < DEEPEST:
        yield from _kinds(value, f"{path}.", depth + 1)
    elif isinstance(value, list) and value and not path.endswith(EACH):
        yield from _kind(path + EACH, value[0], depth)
