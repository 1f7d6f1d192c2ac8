"""What the builder of rules offers: the names of the catalog in the reader's words, and its own words.

The builder runs in the browser and knows nothing else: whether a rule may stand is for the server to say.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from cdp.console.builder_words import OPS, OPS_OF, TIME_OPS, WORDS
from cdp.console.labels import label, purpose_name
from cdp.core.errors import Refused
from cdp.events import queries as events
from cdp.events.words import FIELDS, event_words, field_word
from consent import queries as consent
from consent.types import CONTACT_CHANNELS
from segments import offered, queries
from segments.models import Segment
from segments.offered import Seen, Standing
from segments.query.catalog import Catalog, planned_classes


def vocabulary(purpose: str, zone: str) -> dict[str, Any] | None:
    """The names that a rule of this purpose may hold, for the builder; None where the purpose or zone does not exist."""
    try:
        catalog = queries.catalog(purpose, zone)
    except Refused:
        return None
    traits = {name: spec for name, spec in catalog.traits.items() if spec.data_class in catalog.allowed_classes}
    found = offered.events()
    return {
        "traits": {name: {"label": spec.label or name, "type": spec.type} for name, spec in traits.items()},
        "traitValues": {name: texts for name in traits if (texts := _texts(offered.traits().get(name)))},
        "events": {name: {path: seen.type for path, seen in held.items()} for name, held in found.items()},
        "propertyValues": {name: values for name, held in found.items() if (values := _values(name, held, catalog))},
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
    paths = {path for held in offered.events().values() for path in held} | FIELDS.keys()
    return {path: word for path in sorted(paths) if (word := field_word(path)) != path or path in FIELDS}


def _texts(held: Standing | None) -> list[str]:
    """The frequent values that are texts."""
    return [one.value for one in held.values if isinstance(one.value, str)] if held else []


def _values(event: str, held: Mapping[str, Seen], catalog: Catalog) -> dict[str, list[str]]:
    """The frequent texts of those properties of an event that the purpose allows."""
    allowed = {
        path: seen for path, seen in held.items()
        if planned_classes(catalog.classes, (event,), path) <= catalog.allowed_classes
    }  # fmt: skip
    return {path: texts for path, seen in allowed.items() if (texts := _texts(seen.standing))}
