"""What of a profile's events decided a clause: how many answer a description, and the first and the last of them.

The words and meanings are those of rules, for PostgreSQL and the profiles that are the query's parameter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlglot import exp

from segments.query.ast import Event, Frequency, Kind, Measure, Pick, Sequence, Step
from segments.query.catalog import kind_of
from segments.query.compiler import Asked, Query
from segments.query.computed import Definition, printed, reading
from segments.query.happenings import Happenings
from segments.query.measures import units_reached
from segments.query.sequences import PLACE, numbered

Role = Literal["event", "step", "without", "then_not"]


@dataclass(frozen=True, slots=True)
class Description:
    """Events that a clause speaks of, and in what part: the one of an event clause, or a step of a sequence, or what may
    not happen between steps (`without`) or after them (`then_not`)."""

    role: Role
    told: Event | Step


def descriptions(leaf: Event | Sequence) -> Iterator[Description]:
    """The descriptions of events in a clause, in the order in which it is read."""
    if isinstance(leaf, Event):
        yield Description("event", leaf)
        return
    yield from (Description("step", step) for step in leaf.steps)
    if leaf.without:
        yield Description("without", leaf.without)
    if leaf.then_not:
        yield Description("then_not", leaf.then_not)


def compile_matches(leaf: Event | Sequence, asked: Description, about: Asked, *, as_of: datetime) -> Query:
    """The query of `profile_id`, number, first and last time of the events that answer a description in the time that the
    clause looks at; a profile without any has no row."""
    read = reading(about.catalog, as_of, about.zone, only_profiles=True)
    at = exp.column("occurred_at", "e")
    query = read.scan([asked.told.name], *_time(leaf, asked, read), *read.filters(asked.told))
    told = (exp.Count(this=exp.Star()), exp.Min(this=at), exp.Max(this=at.copy()))
    query = query.select(exp.column("profile_id", "r"), *told, copy=False)
    return printed(query.group_by(exp.column("profile_id", "r"), copy=False), read)


def _time(leaf: Event | Sequence, asked: Description, read: Happenings) -> tuple[datetime | None, datetime]:
    if isinstance(leaf, Sequence):
        start, end = read.bounds(leaf.in_last)
        return start, read.clock.now if asked.role == "then_not" else end
    if isinstance(leaf.measure, Frequency):
        unit, last = leaf.measure.unit, leaf.measure.last
        return read.clock.unit_start(unit, -last), read.clock.unit_start(unit)
    return read.bounds(leaf.within)


def compile_picked(leaf: Event, pick: Pick, about: Asked, *, as_of: datetime) -> Query:
    """The query of `profile_id` and the time of the first, last or n-th event that a clause asks of."""
    read = reading(about.catalog, as_of, about.zone, only_profiles=True)
    columns = [exp.column("profile_id", "r"), exp.column("occurred_at", "e")]
    rows = numbered(read.matching(leaf).select(*columns, copy=False), read.by_time(), newest_first=pick.number < 0)
    place = exp.EQ(this=exp.column(PLACE, "e"), expression=read.parameters.integer(abs(pick.number)))
    told = exp.select(exp.column("profile_id", "e"), exp.column("occurred_at", "e")).from_(rows.subquery("e"))
    return printed(told.where(place, copy=False), read)


def compile_periods(leaf: Event, frequency: Frequency, about: Asked, *, as_of: datetime) -> Query:
    """The query of `profile_id` and the number of units in which there were enough events."""
    read = reading(about.catalog, as_of, about.zone, only_profiles=True)
    units = units_reached(leaf, frequency, read).subquery("e")
    query = exp.select(exp.column("profile_id", "e"), exp.Count(this=exp.Star())).from_(units)
    return printed(query.group_by(exp.column("profile_id", "e"), copy=False), read)


def measured(leaf: Event, measure: Measure, about: Asked) -> Definition | None:
    """What a clause measures, as a computed trait would; None of a count, which `compile_matches` tells."""
    if measure.kind == "count":
        return None
    return Definition(measure.kind, leaf, measure, _kind(leaf, measure, about))


def _kind(leaf: Event, measure: Measure, about: Asked) -> Kind:
    known = about.catalog.property_spec(leaf.name, measure.name)
    return kind_of(measure.test, known) if measure.kind == "most_frequent" else "number"
