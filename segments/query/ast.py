"""The rule as a tree of frozen values. Nodes are equal when they mean the same, so they serve as keys."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Kind = Literal["number", "string", "boolean", "date", "moment"]
MeasureKind = Literal["count", "sum", "avg", "min", "max"]

EVERY_OP = (
    "eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "contains", "starts_with", "exists", "not_exists",
)  # fmt: skip
ORDER_OPS = ("gt", "gte", "lt", "lte", "between")
MEASURE_OPS = ("eq", "ne", *ORDER_OPS)
TEXT_OPS = ("contains", "starts_with")
PRESENCE_OPS = ("exists", "not_exists")
LIST_OPS = ("in", "not_in")
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


Value = Number | Text | Flag | DaysAgo


@dataclass(frozen=True, slots=True)
class Test:
    """An operator with no value (exists), one, two (between) or many (in)."""

    __test__ = False
    op: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The time before "as of": seconds, or whole days of the segment's zone (then `seconds` is 86,400 × days)."""

    seconds: int
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class PropertyTest:
    """A test of one property; `path` leads through nested objects, never through arrays."""

    path: tuple[str, ...]
    test: Test

    @property
    def name(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted over the matching events and how it compares; `path` is empty for a count."""

    kind: MeasureKind
    test: Test
    path: tuple[str, ...] = ()


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
    measure: Measure
    where: tuple[PropertyTest, ...] = ()
    within: Window | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    key: str


@dataclass(frozen=True, slots=True)
class Consent:
    purpose: str
    channel: str
    brand: str = ""


Node = All | Any | Not | Trait | Event | Segment | Consent


def references(node: Node) -> frozenset[str]:
    """The keys of the segments that a rule names, for ordering runs and refusing cycles."""
    match node:
        case All(parts) | Any(parts):
            return frozenset().union(*(references(part) for part in parts))
        case Not(part):
            return references(part)
        case Segment(key):
            return frozenset({key})
        case _:
            return frozenset()
