"""Computed traits: what is known of a profile by its events, as one value. The words and meanings are those of rules.

`count`, `sum`, `avg`, `min`, `max` and `distinct` are the measures of rules without a comparison; `most_frequent`, `first`
and `last` are values of one property, `list` its different values. `rfm` is how recently, how often and for how much each
profile bought: whoever computes it compares all profiles.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from sqlglot import exp

from cdp.core.money import exponent
from segments.query import relations, values
from segments.query.ast import Event, Kind, Measure, MeasureKind, Test
from segments.query.bounds import Clock
from segments.query.catalog import REVENUE, Catalog, examine, measures_revenue
from segments.query.compiler import Query
from segments.query.conditions import Conditions
from segments.query.dialects import POSTGRES
from segments.query.guard import guard
from segments.query.happenings import PROFILES, Happenings, equal, joined
from segments.query.measures import VALUE, aggregate, ranked_values, rows_of
from segments.query.parameters import Parameters
from segments.query.parse import MEASURES, parse
from segments.query.problems import MESSAGES, Notes, Problem, RuleError
from segments.query.sequences import PLACE, numbered

TraitKind = Literal["count", "sum", "avg", "min", "max", "distinct", "most_frequent", "first", "last", "list", "rfm"]
KINDS: tuple[TraitKind, ...] = get_args(TraitKind)
# Without a matching event these are 0, as in rules; the others are missing.
ZERO = ("count", "sum", "distinct")
NUMBERS = (*ZERO, "avg", "min", "max")
WITHOUT_PROPERTY = ("count", "rfm")
CONDITION = ("where", "within", "between", "at", "currency")
MOST_LISTED = 100
SIXTH = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Definition:
    """What is computed: of which events, what of them is measured, and of which type the value is."""

    kind: TraitKind
    told: Event
    measure: Measure
    type: Kind


def define(kind: TraitKind, event: str, name: str, value_type: Kind, condition: object, catalog: Catalog) -> Definition:
    """The definition of a computed trait: an event, a property ("" for a count or RFM), the type of value that is kept, and
    a condition (JSON: where, within, between, at, currency). Raises `RuleError`, whose places are /event, /property and
    those below /condition."""
    notes = Notes()
    held = values.mapping(condition, "/condition", notes) or {}
    values.only_keys(held, CONDITION, "/condition", notes)
    if (kind in WITHOUT_PROPERTY) and name:
        notes.add("/property", "surplus_property", name=name)
    notes.raise_if_any()
    measured = REVENUE if kind == "rfm" else name
    told, measure = _parsed(kind, {"event": event, **held}, measured)
    found = Definition(kind, told, measure, "number" if kind in NUMBERS else value_type)
    problems = [_placed(problem) for problem in examine(told, catalog).problems] + list(_mistyped(found, catalog))
    if problems:
        raise RuleError(problems)
    return found


def _parsed(kind: TraitKind, clause: Mapping[str, object], name: str) -> tuple[Event, Measure]:
    """The clause read as a rule that measures the property; the measure of the kind takes the place of that one."""
    asked = {} if kind == "count" else {"distinct": {"property": name, "op": "gte", "value": 0}}
    try:
        told = cast(Event, parse({**clause, **asked}))
    except RuleError as error:
        raise RuleError([_placed(problem) for problem in error.problems]) from None
    named: MeasureKind = next((known for known in MEASURES if known == kind), "distinct")
    measure = Measure(named, Test("exists"), cast(Measure, told.measure).path)
    return replace(told, measure=measure), measure


def _placed(problem: Problem) -> Problem:
    """A problem at its place in the definition rather than in the clause that was made of it."""
    if problem.code == "data_class":
        problem = replace(problem, code="trait_class", message=MESSAGES["trait_class"])
    first = problem.path.split("/")[1] if problem.path else ""
    if first in MEASURES:
        return replace(problem, path="/property")
    return problem if first == "event" else replace(problem, path=f"/condition{problem.path}")


def _mistyped(found: Definition, catalog: Catalog) -> Iterable[Problem]:
    """A value of another type than the property's own would never be there."""
    name, notes = found.measure.name, Notes()
    spec = catalog.property_spec(found.told.name, name) if name and found.kind not in (*NUMBERS, "rfm") else None
    if spec is not None and spec.type != found.type:
        notes.add("/value_type", "wrong_type", name=name, expected=spec.type, type=found.type)
    return notes.problems


# --- queries ----------------------------------------------------------------------------------------------------------


def compile_trait(
    found: Definition, catalog: Catalog, *, as_of: datetime, zone: ZoneInfo, only_profiles: bool = False
) -> Query:
    """The query, for PostgreSQL, of `profile_id` and value; a profile without a value has no row or NULL.

    An average is sum and number of values; a list has a row for each of its first `MOST_LISTED` values in order; RFM has
    the last time, the number and the sum of orders. With `only_profiles` as `compile_flags`.
    """
    read = reading(catalog, as_of, zone, only_profiles=only_profiles)
    return printed(_query(found, read), read)


def reading(catalog: Catalog, as_of: datetime, zone: ZoneInfo, *, only_profiles: bool) -> Happenings:
    """What reads events for one query in PostgreSQL."""
    parameters, clock = Parameters(), Clock(as_of, zone)
    return Happenings(catalog, clock, only_profiles, POSTGRES, parameters, Conditions(parameters, clock, POSTGRES))


def printed(tree: exp.Select, read: Happenings) -> Query:
    """The text of a query that holds no word but ours, and its parameters."""
    values = read.parameters.values
    guard(tree, {*values, *([PROFILES] if read.only_profiles else [])})
    return Query(tree.sql(dialect=POSTGRES.name, pretty=True, copy=False), values)


def _query(found: Definition, read: Happenings) -> exp.Select:
    match found.kind:
        case "first" | "last":
            return _at_an_end(found, read)
        case "most_frequent":
            ranked = ranked_values(rows_of(found.told, found.measure, read), found.type)
            return _values(ranked).where(equal(exp.column(PLACE, "e"), exp.Literal.number(1)))
        case "list":
            ranked = ranked_values(rows_of(found.told, found.measure, read), found.type, frequent=False)
            kept = exp.LTE(this=exp.column(PLACE, "e"), expression=read.parameters.integer(MOST_LISTED))
            return _values(ranked).where(kept).order_by(exp.column("profile_id", "e"), exp.column(PLACE, "e"))
        case "rfm":
            return _bought(found.told, read)
    return _measured(found, read)


def _measured(found: Definition, read: Happenings) -> exp.Select:
    rows = rows_of(found.told, found.measure, read)
    counted = [exp.Count(this=rows.number)] if found.kind == "avg" else []
    query = rows.query.select(rows.profile_id, aggregate(found.told, found.measure, rows, read), *counted, copy=False)
    return query.group_by(rows.profile_id.copy(), copy=False)


def _at_an_end(found: Definition, read: Happenings) -> exp.Select:
    """The value of the first or last event that has one; of the elements of a list the least or the greatest."""
    node = found.told
    elements, field = read.property(found.measure.path, read.currency(node) if measures_revenue(node) else None)
    value = field.typed(found.type)
    query = joined(read.matching(node), elements).select(exp.column("profile_id", "r"), value.as_(VALUE), copy=False)
    query = query.where(value.copy().is_(exp.null()).not_(), copy=False)
    ordered = numbered(query, [*read.by_time(), value.copy()], newest_first=found.kind == "last")
    return _values(ordered).where(equal(exp.column(PLACE, "e"), exp.Literal.number(1)))


def _values(rows: exp.Select) -> exp.Select:
    return exp.select(exp.column("profile_id", "e"), exp.column(VALUE, "e")).from_(rows.subquery("e"))


def _bought(node: Event, read: Happenings) -> exp.Select:
    """Each order once, by its last statement; events that are not of whole orders each count."""
    at, amount = exp.column("occurred_at", "e"), exp.column("revenue", "e")
    if node.name in relations.WHOLE_ORDER:
        query, profile_id = read.latest_of_orders(node, at.copy()), exp.column("profile_id", "e")
    else:
        query = read.matching(node).where(amount.copy().is_(exp.null()).not_(), copy=False)
        profile_id = exp.column("profile_id", "r")
    query = query.select(profile_id, exp.Max(this=at), exp.Count(this=exp.Star()), exp.Sum(this=amount), copy=False)
    return query.group_by(profile_id.copy(), copy=False)


# --- values -----------------------------------------------------------------------------------------------------------


def value_of(found: Definition, row: tuple[object, ...], currency: str | None) -> object:
    """The value of a row of the query without its profile: text, boolean or exact number, money in major units of its
    currency; None for none. An average is rounded to six decimals, half away from zero."""
    value = row[0]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    number = Decimal(value)
    if measures_revenue(found.told) and found.kind != "distinct":
        number = number.scaleb(-exponent(currency or ""), values.EXACT)
    if found.kind == "avg":
        number = values.EXACT.divide(number, Decimal(str(row[1]))).quantize(SIXTH, ROUND_HALF_UP, values.EXACT)
    whole = number.to_integral_value(context=values.EXACT)
    return int(number) if number == whole else number.normalize(values.EXACT)
