"""What an event clause asks of a profile's matching events: how many, how much, which, and which of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from sqlglot import exp

from segments.query import relations
from segments.query.ast import Event, Frequency, Kind, Measure, Number, Pick, Test
from segments.query.catalog import REVENUE, kind_of, measures_revenue
from segments.query.conditions import ColumnField, Field, compared
from segments.query.dialects import cast
from segments.query.happenings import Happenings, joined
from segments.query.sequences import PLACE, numbered

VALUE, BEGUN = "value", "begun"
WORDS = frozenset({VALUE, BEGUN})
# A property that nobody described may hold any of these; a number is never equal to a text.
COUNTABLE: tuple[Kind, ...] = ("string", "number", "boolean")


def profiles(node: Event, read: Happenings) -> exp.Select:
    """The profiles by their events; where zero satisfies the measure, those that do *not* satisfy it."""
    match node.measure:
        case Pick():
            return _picked(node, node.measure, read)
        case Frequency():
            return _frequent(node, node.measure, read)
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


@dataclass(frozen=True)
class Rows:
    """What is counted: a clause's events, or the elements of lists in them, with the value that is measured."""

    query: exp.Select
    profile_id: exp.Expr
    value: Field

    @property
    def number(self) -> exp.Expr:
        return self.value.typed("number")


def rows_of(node: Event, measure: Measure, read: Happenings) -> Rows:
    """Money counts once for each order, and is not asked for its currency again, for the events are of one."""
    if measures_revenue(node):
        of_orders = node.name in relations.WHOLE_ORDER
        query = read.latest_of_orders(node) if of_orders else read.matching(node)
        money = ColumnField(exp.column(REVENUE, "e"), None if measure.kind == "distinct" else read.currency(node))
        return Rows(query, exp.column("profile_id", "e" if of_orders else "r"), money)
    elements, value = read.property(measure.path, None)
    return Rows(joined(read.matching(node), elements), exp.column("profile_id", "r"), value)


def _measured(node: Event, measure: Measure, read: Happenings) -> exp.Select:
    rows = rows_of(node, measure, read)
    holds = _holds(node, measure, rows, read)
    having = exp.Not(this=exp.paren(holds)) if admits_zero(node) else holds
    query = rows.query.select(rows.profile_id, copy=False).group_by(rows.profile_id.copy(), copy=False)
    return query.having(having, copy=False)


def _holds(node: Event, measure: Measure, rows: Rows, read: Happenings) -> exp.Expr:
    """The measure of one profile, compared. An average is its sum against so many times the bound: nothing is divided."""
    bounds = [read.parameters.number(number, rows.value.currency) for number in numbers(measure.test)]
    if measure.kind == "avg":
        bounds = [exp.Mul(this=bound, expression=exp.Count(this=rows.number)) for bound in bounds]
    return compared(aggregate(node, measure, rows, read), measure.test.op, bounds)


def aggregate(node: Event, measure: Measure, rows: Rows, read: Happenings) -> exp.Expr:
    """The measure of one profile; of an average, its sum."""
    match measure.kind:
        case "count":
            return exp.Count(this=exp.Star())
        case "distinct":
            spec = read.catalog.property_spec(node.name, measure.name)
            return _distinct(rows.value, COUNTABLE if spec is None else (spec.type,))
        case "sum":
            return exp.Coalesce(this=exp.Sum(this=rows.number), expressions=[exp.Literal.number(0)])
        case "min":
            return exp.Min(this=rows.number)
        case "max":
            return exp.Max(this=rows.number)
    return exp.Sum(this=rows.number)


def _distinct(value: Field, kinds: Sequence[Kind]) -> exp.Expr:
    """The number of different values; where a property may be of several types, each is told from the others by a mark."""
    if len(kinds) == 1:
        return exp.Count(this=exp.Distinct(expressions=[value.typed(kinds[0])]))
    first, *others = [_marked(kind, value.typed(kind)) for kind in kinds]
    return exp.Count(this=exp.Distinct(expressions=[exp.Coalesce(this=first, expressions=others)]))


def _marked(kind: Kind, value: exp.Expr) -> exp.Expr:
    """A value as text that no value of another type is."""
    text = value if kind == "string" else cast(value, "text")
    return exp.DPipe(this=exp.Literal.string(kind[0]), expression=text, safe=False)


def _most_frequent(node: Event, measure: Measure, read: Happenings) -> exp.Select:
    """The value that most events have; of several the one that sorts first. Values of other types do not count."""
    kind = kind_of(measure.test, read.catalog.property_spec(node.name, measure.name))
    rows = rows_of(node, measure, read)
    ranked, value = ranked_values(rows, kind), exp.column(VALUE, "e")
    fits = read.conditions.holds(ColumnField(value, rows.value.currency), measure.test, kind)
    return _placed(ranked, exp.Literal.number(1), fits)


def ranked_values(rows: Rows, kind: Kind, *, frequent: bool = True) -> exp.Select:
    """The different values of each profile, of one kind, with their place: the more frequent first, then the lesser."""
    valued = rows.query.select(rows.profile_id, rows.value.typed(kind).as_(VALUE), copy=False)
    profile_id, value = exp.column("profile_id", "e"), exp.column(VALUE, "e")
    ranked = exp.select(profile_id, value, _rank(profile_id, value, frequent).as_(PLACE)).from_(valued.subquery("e"))
    ranked = ranked.where(exp.Not(this=exp.Is(this=value.copy(), expression=exp.null())), copy=False)
    return ranked.group_by(profile_id.copy(), value.copy(), copy=False)


def _rank(profile_id: exp.Expr, value: exp.Expr, frequent: bool) -> exp.Expr:
    keys = [exp.Ordered(this=exp.Count(this=exp.Star()), desc=True, nulls_first=False)] if frequent else []
    keys.append(exp.Ordered(this=value.copy(), desc=False, nulls_first=False))
    return exp.Window(this=exp.RowNumber(), partition_by=[profile_id.copy()], order=exp.Order(expressions=keys))


def _placed(rows: exp.Select, place: exp.Expr, fits: exp.Expr) -> exp.Select:
    """The profiles whose row at a place fits."""
    at_place = exp.EQ(this=exp.column(PLACE, "e"), expression=place)
    return exp.select(exp.column("profile_id", "e")).from_(rows.subquery("e")).where(at_place, fits, copy=False)


def _picked(node: Event, pick: Pick, read: Happenings) -> exp.Select:
    """The profiles whose first, last or n-th event, by event time, then message id, then record, is as asked."""
    fits = [read.condition(node, condition) for condition in pick.where]
    if pick.within is not None:
        start, end = read.clock.bounds(pick.within)
        fits += read.from_until(start, end)
    fits += read.hours(pick.at)
    query = read.matching(node).select(exp.column("profile_id", "r"), exp.and_(*fits).as_("fits"), copy=False)
    rows = numbered(query, read.by_time(), newest_first=pick.number < 0)
    return _placed(rows, read.parameters.integer(abs(pick.number)), exp.column("fits", "e"))


def _frequent(node: Event, frequency: Frequency, read: Happenings) -> exp.Select:
    """The units with enough events, counted by profile."""
    return _at_least(frequency.periods, units_reached(node, frequency, read), [exp.column("profile_id", "e")], read)


def units_reached(node: Event, frequency: Frequency, read: Happenings) -> exp.Select:
    """Each profile once for every unit in which it has enough events."""
    starts = [read.clock.unit_start(frequency.unit, -ago) for ago in range(frequency.last, -1, -1)]
    query = read.scan([node.name], starts[0], starts[-1], *read.filters(node))
    rows = query.select(exp.column("profile_id", "r"), _unit_of(starts, read).as_(BEGUN), copy=False)
    profile_id, begun = exp.column("profile_id", "e"), exp.column(BEGUN, "e")
    return _at_least(frequency.times, rows, [profile_id, begun], read)


def _unit_of(starts: list[datetime], read: Happenings) -> exp.Expr:
    """The start of the unit that an event lies in."""
    moments = [read.parameters.moment(start) for start in starts]
    units = [exp.If(this=exp.LT(this=exp.column("occurred_at", "e"), expression=end.copy()), true=start)
             for start, end in pairwise(moments)]  # fmt: skip
    return exp.Case(ifs=units)


def _at_least(count: int, rows: exp.Select, keys: list[exp.Expr], read: Happenings) -> exp.Select:
    """The profiles that have so many rows with the same keys, once for each."""
    enough = exp.GTE(this=exp.Count(this=exp.Star()), expression=read.parameters.integer(count))
    query = exp.select(keys[0].copy()).from_(rows.subquery("e")).group_by(*keys, copy=False)
    return query.having(enough, copy=False)


def numbers(test: Test) -> list[Decimal]:
    """The numbers that a measure compares with."""
    return [value.value for value in test.values if isinstance(value, Number)]


ZERO_FITS: dict[str, Callable[..., bool]] = {
    "eq": lambda value: value == 0, "ne": lambda value: value != 0, "gt": lambda value: value < 0,
    "gte": lambda value: value <= 0, "lt": lambda value: value > 0, "lte": lambda value: value >= 0,
    "between": lambda low, high: low <= 0 <= high,
}  # fmt: skip
