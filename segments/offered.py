"""What rules may name here and what stands there: traits, events and properties with their types, data classes, words and
frequent values; learned from golden records, the latest events and the tracking plans, at most a minute old."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.translation import override

from cdp.core.statements import fetch
from cdp.events.models import Event
from cdp.events.queries import planned_titles
from cdp.events.tracking import plans
from cdp.events.tracking.shown import planned_events
from cdp.events.types import PlannedEvent
from cdp.events.words import event_words, field_word
from segments import queries, sql
from segments.query.ast import EACH, Kind
from segments.query.bounds import read_date
from segments.query.catalog import Catalog, planned_classes
from segments.types import Frequent, OfferedEvent, OfferedName, Offers
from segments.vocabulary import FRESH_SECONDS, SAMPLE

# Names of events and properties are an open set: those of the latest events are offered, any other may be written.
LATEST, DEEPEST = 2_000, 5
MOST_NAMES, MOST_VALUES, LONGEST, MOST_ELEMENTS = 500, 10, 60, 20
# Types of JSON Schema that rules compare.
TYPES: dict[str, Kind] = {"number": "number", "integer": "number", "string": "string", "boolean": "boolean"}
Scalar = str | int | float | bool


@dataclass(frozen=True)
class Standing:
    """In what share of golden records or of such events a name stands (0: none, or only planned), and frequent values."""

    share: float = 0.0
    values: tuple[Frequent, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A property: of which type, and how it stands."""

    type: Kind
    standing: Standing = Standing()


def offers(purpose: str) -> Offers:
    """All that rules of a purpose may name, in both languages. Raises `Refused` where there is no such purpose."""
    by_language = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            by_language[language] = _Words(queries.catalog(purpose), event_words(planned_titles()))
    return _Offering(by_language).offers()


@dataclass(frozen=True)
class _Words:
    """What a purpose allows, in one language."""

    catalog: Catalog
    events: Mapping[str, str]


class _Offering:
    """Offers made of the words of each language."""

    def __init__(self, words: Mapping[str, _Words]) -> None:
        self.words = words
        self.catalog = next(iter(words.values())).catalog
        self.seen = traits()

    def offers(self) -> Offers:
        allowed = self.catalog.allowed_classes
        rows = [self._trait(name) for name, spec in sorted(self.catalog.traits.items()) if spec.data_class in allowed]
        return Offers(rows, [self._event(name, held) for name, held in sorted(events().items())])

    def _trait(self, name: str) -> OfferedName:
        spec, held = self.catalog.traits[name], self.seen.get(name.removesuffix(EACH), Standing())
        labels = {language: str(told.catalog.traits[name].label) or name for language, told in self.words.items()}
        return OfferedName(name, spec.type, spec.data_class, labels, held.share, list(held.values))

    def _event(self, name: str, held: Mapping[str, Seen]) -> OfferedEvent:
        """An event and those of its properties that the purpose allows."""
        labels = {language: told.events.get(name, name) for language, told in self.words.items()}
        classes = {path: planned_classes(self.catalog.classes, (name,), path) for path in held}
        allowed = [path for path in sorted(held) if classes[path] <= self.catalog.allowed_classes]
        return OfferedEvent(name, labels, [_property(path, held[path], classes[path]) for path in allowed])


def _property(path: str, seen: Seen, classes: frozenset[str]) -> OfferedName:
    labels = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            labels[language] = field_word(path)
    held = seen.standing
    return OfferedName(path, seen.type, min(classes, default="general"), labels, held.share, list(held.values))


# --- what is there ----------------------------------------------------------------------------------------------------


def traits() -> dict[str, Standing]:
    """What golden records hold, by a sample of them."""
    return _traits(*_now())


def events() -> dict[str, dict[str, Seen]]:
    """The names of the latest events and of planned ones, each with its clear properties."""
    return _events(*_now())


def _now() -> tuple[int, str]:
    return int(time.monotonic() // FRESH_SECONDS), str(connection.settings_dict["NAME"])


@lru_cache(maxsize=2)
def _traits(minute: int, database: str) -> dict[str, Standing]:
    share = fetch(sql.SHARE, [SAMPLE])[0][0]
    asked = {"share": share, "rows": SAMPLE, "names": MOST_NAMES, "longest": LONGEST, "values": MOST_VALUES}
    rows = fetch(sql.TRAIT_VALUES, asked | {"least": max(1, settings.SMALLEST_COUNT)})
    return {name: Standing(held, tuple(Frequent(*one) for one in json.loads(values))) for name, held, values in rows}


@lru_cache(maxsize=2)
def _events(minute: int, database: str) -> dict[str, dict[str, Seen]]:
    found = {event.event: dict(_planned(event)) for event in planned_events(plans.in_force())}
    for name, held in _observed(_latest()).items():
        found.setdefault(name, {}).update(held)
    return {name: dict(sorted(held.items())) for name, held in sorted(found.items())}


def _latest() -> Iterable[tuple[str, UUID, Mapping[str, Any]]]:
    return Event.objects.order_by("-id").values_list("name", "record", "properties")[:LATEST]


def _planned(event: PlannedEvent) -> Iterable[tuple[str, Seen]]:
    """Properties of what a rule may compare: of one type, not sealed, in no object."""
    for planned in event.fields:
        kinds = {TYPES.get(name) for name in planned.types}
        if len(kinds) == 1 and "." not in planned.path and not planned.personal and (kind := kinds.pop()):
            yield planned.path, Seen(kind)


# --- what the latest events hold --------------------------------------------------------------------------------------


@dataclass
class _Held:
    """What stands at a path of the events of one name: of what type, in how many of them, and with whom each value."""

    type: Kind
    events: int = 0
    records: set[UUID] = field(default_factory=set)
    values: dict[tuple[Kind, Scalar], set[UUID]] = field(default_factory=dict)

    def note(self, record: UUID, values: Iterable[tuple[Kind, Scalar]]) -> None:
        """What one event holds there."""
        self.events += 1
        self.records.add(record)
        for value in values:
            if len(str(value[1])) <= LONGEST:
                self.values.setdefault(value, set()).add(record)

    def seen(self, total: int) -> Seen:
        """With the values that enough different people have, the most frequent first."""
        least = max(1, settings.SMALLEST_COUNT)
        told = [(len(who), value) for (_kind, value), who in self.values.items() if len(who) >= least]
        told.sort(key=lambda one: (-one[0], str(one[1])))
        values = tuple(Frequent(value, round(number / len(self.records), 4)) for number, value in told[:MOST_VALUES])
        return Seen(self.type, Standing(round(self.events / total, 4), values))


def _observed(rows: Iterable[tuple[str, UUID, Mapping[str, Any]]]) -> dict[str, dict[str, Seen]]:
    held: dict[str, dict[str, _Held]] = {}
    totals: dict[str, int] = {}
    for name, record, properties in rows:
        totals[name] = totals.get(name, 0) + 1
        for path, values in _by_path(properties).items():
            held.setdefault(name, {}).setdefault(path, _Held(values[-1][0])).note(record, values)
    return {name: {path: one.seen(total) for path, one in held.get(name, {}).items()} for name, total in totals.items()}


def _by_path(properties: Mapping[str, Any]) -> dict[str, list[tuple[Kind, Scalar]]]:
    found: dict[str, list[tuple[Kind, Scalar]]] = {}
    for path, kind, value in _leaves(properties):
        found.setdefault(path, []).append((kind, value))
    return found


def _leaves(properties: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterator[tuple[str, Kind, Scalar]]:
    """(path, type, value) of what a rule compares: also what lies in objects, and with [] in the elements of lists."""
    for name, value in properties.items():
        yield from _leaf(before + name, value, depth)


def _leaf(path: str, value: Any, depth: int) -> Iterator[tuple[str, Kind, Scalar]]:
    match value:
        case bool():
            yield path, "boolean", value
        case int() | float():
            yield path, "number", value
        case str():
            yield path, "date" if read_date(value) else "string", value
        case dict() if depth < DEEPEST:
            yield from _leaves(value, f"{path}.", depth + 1)
        case list() if not path.endswith(EACH):
            for one in value[:MOST_ELEMENTS]:
                yield from _leaf(path + EACH, one, depth)
