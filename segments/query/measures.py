"""What an event clause asks of a profile's matching events: how many, how much, which, and which of them."""

from collections.abc import Callable
from decimal import Decimal

from sqlglot import exp

from segments.query import relations
from segments.query.ast import Event, Kind, Measure, Number, Pick, Test
from segments.query.catalog import REVENUE, kind_of, measures_revenue
from segments.query.conditions import ColumnField, Field, compared
from segments.query.happenings import Happenings
from segments.query.sequences import PLACE, numbered

VALUE = "value"
WORDS = frozenset({VALUE})
# A property that nobody described may hold any of these; a number is never equal to a text.
COUNTABLE: tuple[Kind, ...] = ("string", "number", "boolean")


def profiles(node: Event, read: Happenings) -> exp.Select:
    """The profiles by their events; where zero satisfies the measure, those that do *not* satisfy it."""
    match node.measure:
        case Pick():
            return _picked(node, node.measure, read)
        case Measure(kind="most_frequent"):
            return _most_frequent(node, node.measure, read)
        case Measure():
            return _measured(node, node.measure, read)


def admits_zero(node: Event) -> bool:
    """Whether a profile without a matching event fits: count, number of values and sum of none are 0; of others none is."""
    match node.measure:
        case Measure("count" | "sum" | "distinct", test):
            return ZERO_FITS[test.op](*numbers(test))
    return False


def _measured(node: Event, measure: Measure, read: Happenings) -> exp.Select:
    query, profile_id = _counted(node, read)
    holds = _holds(node, measure, read)
    having = exp.Not(this=exp.paren(holds)) if admits_zero(node) else holds
    return query.select(profile_id, copy=False).group_by(profile_id.copy(), copy=False).having(having, copy=False)


def _counted(node: Event, read: Happenings) -> tuple[exp.Select, exp.Expr]:
    """The events that count, revenue once for each order, and the column of their profile."""
    if measures_revenue(node) and node.name in relations.WHOLE_ORDER:
        return read.latest_of_orders(node), exp.column("profile_id", "e")
    return read.matching(node), exp.column("profile_id", "r")


def _holds(node: Event, measure: Measure, read: Happenings) -> exp.Expr:
    """The measure of one profile, compared. An average is its sum against so many times the bound: nothing is divided."""
    currency = read.currency(node) if measures_revenue(node) and measure.kind != "distinct" else None
    bounds = [read.parameters.number(number, currency) for number in numbers(measure.test)]
    if measure.kind == "avg":
        count = exp.Count(this=_number(node, measure, read))
        bounds = [exp.Mul(this=bound, expression=count.copy()) for bound in bounds]
    return compared(_aggregate(node, measure, read), measure.test.op, bounds)


def _aggregate(node: Event, measure: Measure, read: Happenings) -> exp.Expr:
    match measure.kind:
        case "count":
            return exp.Count(this=exp.Star())
        case "distinct":
            return _distinct(node, measure, read)
        case "sum":
            none = exp.Literal.number(0)
            return exp.Coalesce(this=exp.Sum(this=_number(node, measure, read)), expressions=[none])
        case "min":
            return exp.Min(this=_number(node, measure, read))
        case "max":
            return exp.Max(this=_number(node, measure, read))
    return exp.Sum(this=_number(node, measure, read))


def _distinct(node: Event, measure: Measure, read: Happenings) -> exp.Expr:
    """The number of different values, of the property's own type or of each type that it may have."""
    field, spec = _value(measure, read), read.catalog.property_spec(node.name, measure.name)
    kinds = COUNTABLE if spec is None else (spec.type,)
    counts = [exp.Count(this=exp.Distinct(expressions=[field.typed(kind)])) for kind in kinds]
    total: exp.Expr = counts[0]
    for count in counts[1:]:
        total = exp.Add(this=total, expression=count)
    return total


def _most_frequent(node: Event, measure: Measure, read: Happenings) -> exp.Select:
    """The value that most events have; of several the one that sorts first. Values of other types do not count."""
    kind = kind_of(measure.test, read.catalog.property_spec(node.name, measure.name))
    query, profile_id = _counted(node, read)
    value = _value(measure, read).typed(kind)
    rows = query.select(profile_id, value.as_(VALUE), copy=False).subquery("e")
    mine, held = exp.column("profile_id", "e"), exp.column(VALUE, "e")
    order = [exp.Ordered(this=exp.Count(this=exp.Star()), desc=True, nulls_first=False),
             exp.Ordered(this=held.copy(), desc=False, nulls_first=False)]  # fmt: skip
    place = exp.Window(this=exp.RowNumber(), partition_by=[mine.copy()], order=exp.Order(expressions=order))
    ranked = exp.select(mine.copy(), held.copy(), place.as_(PLACE)).from_(rows)
    ranked = ranked.where(exp.Not(this=exp.Is(this=held.copy(), expression=exp.null())), copy=False)
    ranked = ranked.group_by(mine.copy(), held.copy(), copy=False)
    currency = read.currency(node) if measures_revenue(node) else None
    fits = read.conditions.holds(ColumnField(held, currency), measure.test, kind)
    first = exp.EQ(this=exp.column(PLACE, "e"), expression=exp.Literal.number(1))
    return exp.select(mine).from_(ranked.subquery("e")).where(first, fits, copy=False)


def _picked(node: Event, pick: Pick, read: Happenings) -> exp.Select:
    """The profiles whose first, last or n-th event, by event time, then message id, then record, is as asked."""
    fits = [read.condition(node, condition) for condition in pick.where]
    if pick.within is not None:
        start, end = read.clock.bounds(pick.within)
        fits += read.from_until(start, end)
    query = read.matching(node).select(exp.column("profile_id", "r"), exp.and_(*fits).as_("fits"), copy=False)
    rows = numbered(query, read.by_time(), newest_first=pick.number < 0)
    place = exp.EQ(this=exp.column(PLACE, "e"), expression=read.parameters.integer(abs(pick.number)))
    return exp.select(exp.column("profile_id", "e")).from_(rows.subquery("e")).where(place, exp.column("fits", "e"))


def _value(measure: Measure, read: Happenings) -> Field:
    """What is measured; money is not asked for its currency again, for the events are of one."""
    if measure.path == (REVENUE,):
        return ColumnField(exp.column(REVENUE, "e"))
    return read.property(measure.path, None)


def _number(node: Event, measure: Measure, read: Happenings) -> exp.Expr:
    return _value(measure, read).typed("number")


def numbers(test: Test) -> list[Decimal]:
    """The numbers that a measure compares with."""
    return [value.value for value in test.values if isinstance(value, Number)]


ZERO_FITS: dict[str, Callable[..., bool]] = {
    "eq": lambda value: value == 0, "ne": lambda value: value != 0, "gt": lambda value: value < 0,
    "gte": lambda value: value <= 0, "lt": lambda value: value > 0, "lte": lambda value: value >= 0,
    "between": lambda low, high: low <= 0 <= high,
}  # fmt: skip
