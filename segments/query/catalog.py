"""The allow-list: which traits, events, properties, segments, purposes and channels a rule may name.

Trait, segment, purpose and channel names must be listed. Event and property names are an open set: data arrives before
anybody describes it, so an unknown one is only a warning; it reaches SQL as a parameter like any value.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from segments.query import bounds
from segments.query.ast import (
    BIRTHDAY,
    EACH,
    LIST_OPS,
    ORDER_OPS,
    TEXT_OPS,
    All,
    Any,
    Consent,
    DaysAgo,
    Event,
    Kind,
    Listed,
    Measure,
    Node,
    Not,
    Number,
    Pick,
    PropertyTest,
    Segment,
    Sequence,
    Step,
    Test,
    Text,
    Trait,
    Value,
    conditions_of,
    pick_key,
)
from segments.query.problems import Notes, Problem, RuleError, child

REVENUE = "revenue"
COLUMNS: Mapping[str, Kind] = {REVENUE: "number", "currency": "string", "order_id": "string"}
MOST_MONEY = 10**28
# The events whose clear fields are traits of a person.
TRAIT_EVENTS = ("Identify", "Record Imported")
SEALED_TRAITS = frozenset({
    "name", "address", "street", "postcode", "postalcode", "zip", "avatar", "username", "userid", "externalid",
    "loyaltyid",
})  # fmt: skip
SEALED = frozenset({
    "email", "emailaddress", "phone", "phonenumber", "mobile", "tel", "fullname", "givenname", "firstname",
    "middlename", "familyname", "lastname", "surname", "nickname", "birthdate", "birthday", "dateofbirth", "dob",
    "ip", "ipaddress", "password", "ssn", "rrn", "passport", "residentnumber",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class TraitSpec:
    """A trait of the golden record that rules may read; one that is a list is catalogued with [] after its name. Of the
    product's `own`, which nobody else writes, a date or moment has the form of one."""

    type: Kind
    data_class: str = "general"
    label: str = ""
    many: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """A property seen in, or planned for, an event; its name may be a path joined by dots."""

    type: Kind
    data_class: str = "general"
    label: str = ""


@dataclass(frozen=True)
class Catalog:
    """What a rule may name. `currency` is assumed where a rule on revenue names none; None makes rules say it. `classes` are
    the data classes planned for fields, by (event, or "" for every one; field). The `…_word`s say what events,
    fields, segments, purposes and contact channels are called."""

    traits: Mapping[str, TraitSpec]
    events: Mapping[str, Mapping[str, PropertySpec]] | None = None
    segments: Mapping[str, UUID] = field(default_factory=dict)
    lists: Mapping[str, UUID] = field(default_factory=dict)
    purposes: Collection[str] = ()
    channels: Collection[str] = ()
    allowed_classes: frozenset[str] = frozenset({"general"})
    currency: str | None = None
    classes: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    event_word: Callable[[str], str] = str
    field_word: Callable[[str], str] = str
    segment_word: Callable[[str], str] = str
    purpose_word: Callable[[str], str] = str
    channel_word: Callable[[str], str] = str

    def property_spec(self, event: str, name: str) -> PropertySpec | None:
        """What is known of a property: reserved ones are columns of their own, the others as catalogued."""
        if name in COLUMNS:
            return PropertySpec(COLUMNS[name])
        return (self.events or {}).get(event, {}).get(name)


def planned_classes(
    classes: Mapping[tuple[str, str], frozenset[str]], events: Collection[str], name: str
) -> frozenset[str]:
    """The data classes planned for a field of these events, or for an object or list that it lies in."""
    parts = name.replace(EACH, "").split(".")
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return frozenset[str]().union(*(classes.get((event, path), ()) for event in ("", *events) for path in paths))


@dataclass(frozen=True, slots=True)
class Findings:
    """What the catalog says of a rule: problems refuse it, warnings do not."""

    problems: list[Problem]
    warnings: list[Problem]


def examine(node: Node, catalog: Catalog) -> Findings:
    """Compare every name and type in a rule with the catalog; each finding points at its place in the JSON."""
    examination = _Examination(catalog)
    examination.node(node, "")
    return Findings(examination.problems.problems, examination.warnings.problems)


def require(node: Node, catalog: Catalog) -> None:
    """Raise `RuleError` unless the catalog allows the rule."""
    problems = examine(node, catalog).problems
    if problems:
        raise RuleError(problems)


def kind_of(test: Test, spec: PropertySpec | TraitSpec | None) -> Kind:
    """The type in which a test compares: the described one, else that of its values."""
    if spec is not None:
        return spec.type
    kinds = {value.kind for value in test.values}
    return "date" if "date" in kinds else next(iter(kinds), "string")


class _Examination:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.problems = Notes()
        self.warnings = Notes()

    def node(self, node: Node, path: str) -> None:
        match node:
            case All(parts) | Any(parts):
                below = child(path, "all" if isinstance(node, All) else "any")
                for index, part in enumerate(parts):
                    self.node(part, child(below, index))
            case Not(part):
                self.node(part, child(path, "not"))
            case Trait():
                self.trait(node, path)
            case Event():
                self.event(node, path)
            case Sequence():
                self.sequence(node, path)
            case Segment(key):
                self._known("segment", key, self.catalog.segments, child(path, "segment"))
            case Listed(key):
                self._known("list", key, self.catalog.lists, child(path, "list"))
            case Consent(purpose, channel):
                self._known("purpose", purpose, self.catalog.purposes, path + "/consent/purpose")
                self._known("channel", channel, self.catalog.channels, path + "/consent/channel")

    def _known(self, what: str, name: str, known: Collection[str], path: str) -> None:
        if name not in known:
            _unknown(self.problems, what, name, known, path)

    def trait(self, node: Trait, path: str) -> None:
        spec = self.catalog.traits.get(node.name)
        if spec is not None:
            self._allowed(node.name, spec, child(path, "trait"), TRAIT_EVENTS)
            self._typed(node.name, node.test, kind_of(node.test, spec), path)
        elif _plain(node.name) in SEALED | SEALED_TRAITS:
            self.problems.add(child(path, "trait"), "sealed", name=node.name)
        else:
            _unknown(self.problems, "trait", node.name, self.catalog.traits, child(path, "trait"))

    def _allowed(self, name: str, spec: TraitSpec | PropertySpec | None, path: str, events: Collection[str]) -> None:
        """Refuse what is of a data class that the purpose does not allow: by its description, or by the tracking plan."""
        classes = {spec.data_class} if spec else set()
        planned = planned_classes(self.catalog.classes, events, name)
        for data_class in sorted((classes | planned) - self.catalog.allowed_classes):
            self.problems.add(path, "data_class", name=name, **{"class": data_class})

    def event(self, node: Event, path: str) -> None:
        self.happening(node, path)
        match node.measure:
            case Measure(kind=kind) as measure if measure.path:
                self._measured(node, measure, child(path, kind))
            case Pick(number) as pick:
                self._conditions(node, pick.where, child(path, pick_key(number)))

    def sequence(self, node: Sequence, path: str) -> None:
        for index, step in enumerate(node.steps):
            self.happening(step, child(child(path, "sequence"), index))
        for key, forbidden in (("without", node.without), ("then_not", node.then_not)):
            if forbidden is not None:
                self.happening(forbidden, child(path, key))

    def happening(self, node: Event | Step, path: str) -> None:
        known = self.catalog.events
        if known is not None and node.name not in known:
            _unknown(self.warnings, "event", node.name, known, child(path, "event"))
        self._conditions(node, node.where, path)
        if uses_revenue(node) and not (node.currency or self.catalog.currency):
            self.problems.add(path, "currency_missing")

    def _conditions(self, node: Event | Step, where: tuple[PropertyTest, ...], path: str) -> None:
        for index, condition in enumerate(where):
            self._condition(node, condition, child(child(path, "where"), index))

    def _condition(self, node: Event | Step, condition: PropertyTest, path: str) -> None:
        spec = self._property(node.name, condition.name, path)
        self._typed(condition.name, condition.test, kind_of(condition.test, spec), path)
        if condition.name == REVENUE:
            self._amount(condition.test, path)

    def _measured(self, node: Event, measure: Measure, path: str) -> None:
        name = measure.name
        spec = self._property(node.name, name, path)
        if measure.kind == "most_frequent":
            self._typed(name, measure.test, kind_of(measure.test, spec), path)
        elif measure.kind != "distinct" and spec is not None and spec.type != "number":
            self.problems.add(child(path, "property"), "wrong_type", name=name, expected=spec.type, type="number")
        if name == REVENUE and measure.kind != "distinct":
            self._amount(measure.test, path)

    def _property(self, event: str, name: str, path: str) -> PropertySpec | None:
        place = child(path, "property")
        spec = self.catalog.property_spec(event, name)
        self._allowed(name, spec, place, (event,))
        if spec is None and _plain(name.rpartition(".")[2]) in SEALED:
            self.problems.add(place, "sealed", name=name)
        elif spec is None and event in (self.catalog.events or {}):
            _unknown(self.warnings, "property", name, (self.catalog.events or {})[event], place)
        return spec

    def _amount(self, test: Test, path: str) -> None:
        if any(isinstance(value, Number) and abs(value.value) >= MOST_MONEY for value in test.values):
            self.problems.add(child(path, "value"), "number_range")

    def _typed(self, name: str, test: Test, kind: Kind, path: str) -> None:
        unfit = {"number": (*TEXT_OPS, BIRTHDAY), "string": (BIRTHDAY,), "boolean": (*TEXT_OPS, *ORDER_OPS, BIRTHDAY),
                 "date": TEXT_OPS, "moment": (*TEXT_OPS, *LIST_OPS, BIRTHDAY)}[kind]  # fmt: skip
        if test.op in unfit:
            self.problems.add(child(path, "op"), "op_type", op=test.op, type=kind)
            return
        for place, value in _places(test, child(path, "value")):
            self._value(name, value, kind, place)

    def _value(self, name: str, value: Value, kind: Kind, path: str) -> None:
        if kind in ("date", "moment") and isinstance(value, Text | DaysAgo):
            if not _is_time(value, kind):
                self.problems.add(path, f"bad_{kind}")
        elif value.kind != kind:
            self.problems.add(path, "wrong_type", name=name, expected=kind, type=value.kind)


def uses_revenue(node: Event | Step) -> bool:
    """Whether a description of events counts or tests money, and so needs a currency."""
    return measures_revenue(node) or any(condition.path == (REVENUE,) for condition in conditions_of(node))


def measures_revenue(node: Event | Step) -> bool:
    """Whether an event clause counts money."""
    return isinstance(node, Event) and isinstance(node.measure, Measure) and node.measure.path == (REVENUE,)


def _places(test: Test, path: str) -> Iterator[tuple[str, Value]]:
    listed = test.op in LIST_OPS or test.op == "between"
    for index, value in enumerate(test.values):
        yield (child(path, index) if listed else path), value


def _is_time(value: Text | DaysAgo, kind: Kind) -> bool:
    if isinstance(value, DaysAgo):
        return True
    return bounds.names_time(value.value) and (kind == "moment" or bounds.read_date(value.value) is not None)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _unknown(notes: Notes, what: str, name: str, known: Collection[str], path: str) -> None:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        notes.add(path, f"unknown_{what}_near", name=name, near=near[0])
    else:
        notes.add(path, f"unknown_{what}", name=name)
