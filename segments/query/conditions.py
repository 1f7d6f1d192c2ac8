"""One test of one value as SQL that is true or false: a missing value fails every test but its negations."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from sqlglot import exp

from segments.query.ast import NEGATIONS, Flag, Kind, NextDays, Number, Test, Text, This, Value
from segments.query.bounds import Clock, canonical
from segments.query.dialects import SHAPES, Dialect, has_shape, truth, when
from segments.query.parameters import Parameters

COMPARISONS: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.NEQ, "gt": exp.GT, "gte": exp.GTE, "lt": exp.LT, "lte": exp.LTE,
}  # fmt: skip


class Field(Protocol):
    """A value in SQL, of a type known only to the row."""

    currency: str | None

    def typed(self, kind: Kind) -> exp.Expr:
        """The value where it is of this kind, else NULL."""

    def compared(self, kind: Kind) -> tuple[exp.Expr, list[exp.Expr]]:
        """The value to compare, and what must hold besides where it fits: dearer to find out than that it fits."""

    def present(self) -> exp.Expr:
        """Whether there is a value."""


@dataclass
class JsonField:
    """A value inside a JSON document; of one of our `own` the form need not be looked at."""

    dialect: Dialect
    json: exp.Expr
    currency: str | None = None
    own: bool = False

    def typed(self, kind: Kind) -> exp.Expr:
        match kind:
            case "number":
                return self.dialect.number(self.json.copy())
            case "string":
                return self.dialect.text(self.json.copy())
            case "boolean":
                return self.dialect.boolean(self.json.copy())
            case "date" | "moment":
                return when(has_shape(self.dialect, self.json, kind), self.dialect.words(self.json.copy()))

    def compared(self, kind: Kind) -> tuple[exp.Expr, list[exp.Expr]]:
        if kind in SHAPES:
            shape = [] if self.own else [has_shape(self.dialect, self.json, kind)]
            return self.dialect.words(self.json.copy()), shape
        return self.typed(kind), []

    def present(self) -> exp.Expr:
        return self.dialect.present(self.json.copy())


@dataclass
class ColumnField:
    """A column of its own; the catalog has made sure of the kind. With a currency: money in its minor units."""

    column: exp.Expr
    currency: str | None = None

    def typed(self, kind: Kind) -> exp.Expr:
        return self.column.copy()

    def compared(self, kind: Kind) -> tuple[exp.Expr, list[exp.Expr]]:
        return self.column.copy(), []

    def present(self) -> exp.Expr:
        return exp.Not(this=exp.Is(this=self.column.copy(), expression=exp.null()))


class Conditions:
    """Builds conditions; their values become parameters."""

    def __init__(self, parameters: Parameters, clock: Clock, dialect: Dialect) -> None:
        self.parameters = parameters
        self.clock = clock
        self.dialect = dialect

    def money(self, amount: exp.Expr, currency: str) -> Field:
        """An amount in minor units of a currency, to be compared with major units."""
        return ColumnField(amount, currency)

    def column(self, text: exp.Expr) -> Field:
        """A column of text."""
        return ColumnField(self.dialect.by_code_point(text))

    def holds(self, field: Field, test: Test, kind: Kind) -> exp.Expr:
        """The test of a field. `ne`, `not_in` and `not_exists` are the complements of `eq`, `in` and `exists`."""
        positive = NEGATIONS.get(test.op)
        if positive is not None:
            return exp.Not(this=self.holds(field, Test(positive, test.values), kind))
        return truth(field.present() if test.op == "exists" else self._compared(field, test, kind))

    def _compared(self, field: Field, test: Test, kind: Kind) -> exp.Expr:
        value, also = field.compared(kind)
        fits = self._fits(value, field, test, kind)
        return exp.and_(fits, *also, copy=False) if also else fits

    def _fits(self, value: exp.Expr, field: Field, test: Test, kind: Kind) -> exp.Expr:
        match test.op:
            case "in":
                return exp.EQ(this=value, expression=exp.Any(this=exp.paren(self._array(test.values, kind, field))))
            case "birthday_within":
                return self._falls_on(value, [day for day in test.values if isinstance(day, NextDays)])
            case "contains":
                position = exp.StrPosition(this=value, substr=self._scalar(test.values[0], kind, field))
                return exp.GT(this=position, expression=exp.Literal.number(0))
            case "starts_with":
                return exp.StartsWith(this=value, expression=self._scalar(test.values[0], kind, field))
        if kind == "moment":
            return self._spanned(value, test)
        return compared(value, test.op, [self._scalar(bound, kind, field) for bound in test.values])

    def _falls_on(self, date: exp.Expr, coming: list[NextDays]) -> exp.Expr:
        """A date, as it is stored, whose month and day are those of a day to come."""
        days = [day for span in coming for day in self.clock.days_of_year(span)]
        of_year = exp.Substring(this=date, start=exp.Literal.number(6), length=exp.Literal.number(5))
        return exp.EQ(this=of_year, expression=exp.Any(this=exp.paren(self.parameters.texts(days))))

    def _spanned(self, value: exp.Expr, test: Test) -> exp.Expr:
        """A moment against what the rule names: a day counts as a whole, so `lte` a day ends with that day."""
        spans = [self.clock.span(bound) for bound in test.values]
        starts, ends = canonical(spans[0][0]), canonical(spans[-1][1])
        bounds = {"gt": (exp.GTE, ends), "gte": (exp.GTE, starts), "lt": (exp.LT, starts), "lte": (exp.LT, ends)}
        if test.op in bounds:
            operator, bound = bounds[test.op]
            return operator(this=value, expression=self.parameters.text(bound))
        after = exp.GTE(this=value, expression=self.parameters.text(starts))
        return exp.and_(after, exp.LT(this=value.copy(), expression=self.parameters.text(ends)), copy=False)

    def _scalar(self, value: Value, kind: Kind, field: Field) -> exp.Expr:
        match value:
            case Number() | This():
                return self.parameters.number(self._number(value), field.currency)
            case Flag(flag):
                return self.parameters.boolean(flag)
            case _:
                return self.parameters.text(self._text(value, kind))

    def _number(self, value: Number | This) -> Decimal:
        return value.value if isinstance(value, Number) else Decimal(self.clock.this(value.unit))

    def _text(self, value: Value, kind: Kind) -> str:
        if isinstance(value, Text) and kind == "string":
            return value.value
        return self.clock.date_text(value)

    def _array(self, values: Sequence[Value], kind: Kind, field: Field) -> exp.Expr:
        match kind:
            case "number":
                numbers = [self._number(value) for value in values if isinstance(value, Number | This)]
                return self.parameters.numbers(numbers, field.currency)
            case "boolean":
                return self.parameters.booleans([value.value for value in values if isinstance(value, Flag)])
            case _:
                return self.parameters.texts([self._text(value, kind) for value in values])


def compared(left: exp.Expr, op: str, bounds: Sequence[exp.Expr]) -> exp.Expr:
    """A comparison with one bound, or inclusively with two."""
    if op == "between":
        return exp.Between(this=left, low=bounds[0], high=bounds[1])
    return COMPARISONS[op](this=left, expression=bounds[0])
