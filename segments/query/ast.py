"""The rule as a tree of frozen values. Nodes are equal when they mean the same, so they serve as keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Kind = Literal["number", "string", "boolean", "date", "moment"]
MeasureKind = Literal["count", "sum", "avg", "min", "max", "distinct", "most_frequent"]
Unit = Literal["month"]
CalendarUnit = Literal["day", "week", "month", "quarter", "year"]

EVERY_OP = (
    "eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "contains", "starts_with", "birthday_within",
    "exists", "not_exists",
)  # fmt: skip
BIRTHDAY = "birthday_within"
ORDER_OPS = ("gt", "gte", "lt", "lte", "between")
MEASURE_OPS = ("eq", "ne", *ORDER_OPS)
TEXT_OPS = ("contains", "starts_with")
PRESENCE_OPS = ("exists", "not_exists")
LIST_OPS = ("in", "not_in")
EACH = "[]"
DAY_MINUTES = 24 * 60
NEGATIONS = {"ne": "eq", "not_in": "in", "not_exists": "exists"}


@dataclass(frozen=True, slots=True)
class Number:
    """A DECIMAL(38,6)."""

    value: Decimal
    kind: Kind = field(default="number", init=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A string; a date or a moment where the trait is one."""

    value: str
    kind: Kind = field(default="string", init=False)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false. (A class of its own, for Python holds that True equals 1.)"""

    value: bool
    kind: Kind = field(default="boolean", init=False)


@dataclass(frozen=True, slots=True)
class DaysAgo:
    """So many days before "as of": 24 hours each, or calendar days in the segment's zone."""

    days: int
    calendar: bool = False
    kind: Kind = field(default="date", init=False)


@dataclass(frozen=True, slots=True)
class This:
    """The number of the calendar unit that "as of" lies in, in the segment's zone: of the month, 1 to 12."""

    unit: Unit
    kind: Kind = field(default="number", init=False)


@dataclass(frozen=True, slots=True)
class NextDays:
    """Today in the segment's zone and so many days after it."""

    days: int
    kind: Kind = field(default="date", init=False)


Value = Number | Text | Flag | DaysAgo | This | NextDays


@dataclass(frozen=True, slots=True)
class Test:
    """An operator with no value (exists), one, two (between) or many (in)."""

    __test__ = False
    op: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The time before "as of": calendar months of the segment's zone, then seconds before that."""

    seconds: int
    months: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """From the start, in the segment's zone, of the unit so many units ago (0: the present one) up to "as of".

    With `whole` only up to where the present unit begins. Weeks begin on Monday.
    """

    unit: CalendarUnit
    ago: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """From one day or moment to another, both included; None leaves that side open."""

    start: Text | DaysAgo | None
    end: Text | DaysAgo | None


Period = Window | Calendar | Between


def spelt(path: tuple[str, ...]) -> str:
    """A path as rules write it: products[].category."""
    return "".join(part if part == EACH else f".{part}" for part in path)[1:]


@dataclass(frozen=True, slots=True)
class PropertyTest:
    """A test of one property; `path` leads through nested objects, and with `EACH` through every element of an array.

    There it holds where an element fits; `ne`, `not_in` and `not_exists` where none is, is in, is there.
    """

    path: tuple[str, ...]
    test: Test

    @property
    def name(self) -> str:
        return spelt(self.path)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted over the matching events and how it compares; `path` is empty for a count.

    `distinct` is the number of different values of a property, `most_frequent` the value that most events have.
    """

    kind: MeasureKind
    test: Test
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return spelt(self.path)


@dataclass(frozen=True, slots=True)
class Frequency:
    """At least so many times in each of at least `periods` of the `last` whole units before the present one."""

    times: int
    unit: CalendarUnit
    last: int
    periods: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week (1 is Monday; none: every one) and minutes of the day in the segment's zone, the last outside.

    A time that ends before it begins goes over midnight; the day of the week is that of the event itself.
    """

    weekdays: tuple[int, ...] = ()
    start: int = 0
    end: int = DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Pick:
    """One of the matching events, counted from the first (1, 2, …) or the last (-1), and what must hold of it."""

    number: int
    where: tuple[PropertyTest, ...] = ()
    within: Period | None = None
    at: Hours | None = None


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class Trait:
    name: str
    test: Test


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    measure: Measure | Pick | Frequency
    where: tuple[PropertyTest, ...] = ()
    within: Period | None = None
    currency: str | None = None
    at: Hours | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a sequence: a name and what must hold of it."""

    name: str
    where: tuple[PropertyTest, ...] = ()
    currency: str | None = None
    at: Hours | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Events of one profile in strict order of event time, then message id, then record.

    `within` is the longest time from one step to the next, `without` what may not happen between two of them,
    `then_not` what may not happen after the last: for the time of `silence`, which must be over, else up to "as of".
    All steps lie in the period `in_last`. True where any choice of events fits; an event serves for one step only.
    """

    steps: tuple[Step, ...]
    within: Window | None = None
    without: Step | None = None
    then_not: Step | None = None
    silence: Window | None = None
    in_last: Period | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A member of a segment now; with `ever`, also who once was."""

    key: str
    ever: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    purpose: str
    channel: str
    brand: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """On an uploaded list."""

    key: str


Leaf = Trait | Event | Sequence | Segment | Consent | Listed
Node = All | Any | Not | Leaf


def leaves(node: Node) -> Iterator[Leaf]:
    """The clauses of a rule that are no groups, each as often as it stands there."""
    match node:
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node


def references(node: Node) -> frozenset[str]:
    """The keys of the segments that a rule names, for ordering runs and refusing cycles."""
    return frozenset(leaf.key for leaf in leaves(node) if isinstance(leaf, Segment))


def list_names(node: Node) -> frozenset[str]:
    """The keys of the uploaded lists that a rule names."""
    return frozenset(leaf.key for leaf in leaves(node) if isinstance(leaf, Listed))


def trait_names(node: Node) -> frozenset[str]:
    """The names of the traits that a rule reads."""
    return frozenset(leaf.name for leaf in leaves(node) if isinstance(leaf, Trait))


def happenings(leaf: Leaf) -> tuple[Event | Step, ...]:
    """The descriptions of events in a clause: what must happen and what must not."""
    match leaf:
        case Event():
            return (leaf,)
        case Sequence(steps=steps, without=without, then_not=then_not):
            return (*steps, *(step for step in (without, then_not) if step is not None))
        case _:
            return ()


def event_names(node: Node) -> frozenset[str]:
    """The names of the events that a rule reads, also of those that must not happen."""
    return frozenset(told.name for leaf in leaves(node) for told in happenings(leaf))


def pick_key(number: int) -> str:
    """The key of a clause that asks for the first, the last or the n-th event."""
    return {1: "first", -1: "last"}.get(number, "nth")


def conditions_of(told: Event | Step) -> tuple[PropertyTest, ...]:
    """Every test of a property that a description of events makes, also of one picked event."""
    picked = told.measure.where if isinstance(told, Event) and isinstance(told.measure, Pick) else ()
    return (*told.where, *picked)


def properties_of(told: Event | Step) -> frozenset[str]:
    """The names of the properties that a description of events reads."""
    measured = {told.measure.name} if isinstance(told, Event) and isinstance(told.measure, Measure) else set[str]()
    return frozenset(condition.name for condition in conditions_of(told)) | (measured - {""})


def tests_of(leaf: Leaf) -> tuple[Test, ...]:
    """Every test of a trait, a property or a measure in a clause."""
    if isinstance(leaf, Trait):
        return (leaf.test,)
    measured = (leaf.measure.test,) if isinstance(leaf, Event) and isinstance(leaf.measure, Measure) else ()
    return (*measured, *(condition.test for told in happenings(leaf) for condition in conditions_of(told)))
