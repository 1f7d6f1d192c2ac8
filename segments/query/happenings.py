"""Reading events in SQL: which of them a description means, when they count, and what their properties say."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from segments.query import relations
from segments.query.ast import DAY_MINUTES, EACH, NEGATIONS, Event, Hours, Kind, Period, PropertyTest, Step, Test
from segments.query.bounds import Clock
from segments.query.catalog import Catalog, kind_of, measures_revenue, uses_revenue
from segments.query.conditions import Conditions, Field, JsonField
from segments.query.dialects import ELEMENT, Dialect, cast, truth, when
from segments.query.parameters import Parameters

PROFILES = "profiles"
WEEKDAY = "ISODOW"


@dataclass
class Happenings:
    """The events of one query; with `only_profiles` those of the profiles that are its parameter."""

    catalog: Catalog
    clock: Clock
    only_profiles: bool
    dialect: Dialect
    parameters: Parameters
    conditions: Conditions

    def scope(self, profile_id: exp.Expr) -> list[exp.Expr]:
        """Nothing, or that a profile is one of those asked for."""
        return among(profile_id) if self.only_profiles else []

    def scan(
        self, names: list[str], start: datetime | None, end: datetime, *also: exp.Expr
    ) -> exp.Select:  # fmt: skip
        """The events of these names from a moment until before another, each with its profile."""
        conditions = [self._named(names), *self.from_until(start, end), *self.scope(exp.column("profile_id", "r"))]
        query = exp.Select().from_(table(relations.EVENT, "e"))
        query.join(table(relations.RECORD, "r"), on=equal(exp.column("id", "r"), exp.column("record", "e")), copy=False)
        return query.where(*conditions, *also, copy=False)

    def from_until(self, start: datetime | None, end: datetime) -> list[exp.Expr]:
        """That an event happened from one moment (None: ever) until before another."""
        moment = exp.column("occurred_at", "e")
        after = [] if start is None else [exp.GTE(this=moment.copy(), expression=self.parameters.moment(start))]
        return [*after, exp.LT(this=moment, expression=self.parameters.moment(end))]

    def _named(self, names: list[str]) -> exp.Expr:
        name = exp.column("name", "e")
        if len(names) == 1:
            return equal(name, self.parameters.text(names[0]))
        return equal(name, exp.Any(this=exp.paren(self.parameters.texts(names))))

    def bounds(self, period: Period | None) -> tuple[datetime | None, datetime]:
        """Since ever where a rule names no period; those at or after "as of" never count."""
        return (None, self.clock.now) if period is None else self.clock.bounds(period)

    def matching(self, node: Event) -> exp.Select:
        """The events that a clause describes."""
        return self.scan([node.name], *self.bounds(node.within), *self.filters(node))

    def latest_of_orders(self, node: Event, *also: exp.Expr) -> exp.Select:
        """Revenue, and what else is asked for, once for each (profile, brand, order id): its last statement.

        Among the events of the leaf's name and window that state revenue, the last by event time, then message id, then
        record stands for the order; `where` and the currency are asked of that one. Events without order id each count,
        as do those that are not of whole orders.
        """
        columns = [exp.column("profile_id", "r"), exp.column("brand", "e"), exp.column("order_id", "e")]
        alone = exp.Is(this=exp.column("order_id", "e"), expression=exp.null())
        own = [when(alone.copy(), exp.column(name, "e")) for name in ("record", "message_id")]
        keys = [*columns, *own]
        fits = exp.and_(*self.filters(node)).as_("fits")
        query = self.scan([node.name], *self.bounds(node.within), exp.column("revenue", "e").is_(exp.null()).not_())
        query = query.select(exp.column("profile_id", "r"), exp.column("revenue", "e"), *also, fits, copy=False)
        query = query.distinct(*[key.copy() for key in keys]).order_by(*self._latest_first(keys), copy=False)
        return exp.Select().from_(query.subquery("e")).where(exp.column("fits", "e"), copy=False)

    def _latest_first(self, keys: list[exp.Expr]) -> list[exp.Expr]:
        grouped = [exp.Ordered(this=key.copy(), desc=False, nulls_first=False) for key in keys]
        return [*grouped, *(exp.Ordered(this=tie, desc=True, nulls_first=False) for tie in self.by_time())]

    def by_time(self) -> list[exp.Expr]:
        """The order of events: event time, then message id, then record."""
        message_id = self.dialect.by_code_point(exp.column("message_id", "e"))
        return [exp.column("occurred_at", "e"), message_id, exp.column("record", "e")]

    def filters(self, node: Event | Step) -> list[exp.Expr]:
        """What must hold of an event of this name for it to answer the description."""
        currency = self.currency(node)
        asked = [self._in_currency(currency)] if currency and (node.currency or measures_revenue(node)) else []
        return [*asked, *(self.condition(node, condition) for condition in node.where), *self.hours(node.at)]

    def hours(self, at: Hours | None) -> list[exp.Expr]:
        """That an event happened on these days of the week and at this time of the day in the segment's zone."""
        if at is None:
            return []
        local = exp.AtTimeZone(this=exp.column("occurred_at", "e"), zone=self.parameters.text(self.clock.zone.key))
        time = cast(local.copy(), "time")
        after = [exp.GTE(this=time, expression=self.parameters.time(at.start))] if at.start else []
        before = [exp.LT(this=time.copy(), expression=self.parameters.time(at.end))] if at.end < DAY_MINUTES else []
        by_clock = [exp.or_(*after, *before)] if at.end < at.start else [*after, *before]
        weekday = exp.Extract(this=exp.Var(this=WEEKDAY), expression=local)
        days = [equal(weekday, exp.Any(this=exp.paren(self.parameters.integers(at.weekdays))))] if at.weekdays else []
        return [*days, *by_clock]

    def condition(self, node: Event | Step, condition: PropertyTest) -> exp.Expr:
        """Whether an event's property fits; of a list, whether an element does."""
        kind = kind_of(condition.test, self.catalog.property_spec(node.name, condition.name))
        elements, field = self.property(condition.path, self.currency(node))
        return self.some(elements, field, condition.test, kind)

    def some(self, elements: list[exp.Expr], field: Field, asked: Test, kind: Kind) -> exp.Expr:
        """The test of a field; where it lies in lists, of any of their elements, and of a negation that of none."""
        if not elements:
            return self.conditions.holds(field, asked, kind)
        opposite = NEGATIONS.get(asked.op)
        test = asked if opposite is None else Test(opposite, asked.values)
        found = exp.Exists(
            this=joined(exp.select(exp.Literal.number(1)), elements).where(self.conditions.holds(field, test, kind))
        )
        return found if opposite is None else exp.Not(this=found)

    def currency(self, node: Event | Step) -> str | None:
        """The currency of the money that a description speaks of; None where it speaks of none."""
        return node.currency or (self.catalog.currency if uses_revenue(node) else None)

    def _in_currency(self, currency: str) -> exp.Expr:
        return truth(equal(exp.column("currency", "e"), self.parameters.text(currency)))

    def property(self, path: tuple[str, ...], currency: str | None) -> tuple[list[exp.Expr], Field]:
        """A reserved property's column (money in minor units, of the currency asked for only), or a JSON value.

        With the lists on the way to it, whose elements are to be joined one after the other.
        """
        match path:
            case ("revenue",) if currency:
                return [], self.conditions.money(
                    when(self._in_currency(currency), exp.column("revenue", "e")), currency
                )
            case ("currency" | "order_id" as name,):
                return [], self.conditions.column(exp.column(name, "e"))
        elements: list[exp.Expr] = []
        found: exp.Expr = exp.column("properties", "e")
        for key in path:
            if key == EACH:
                alias = f"v{len(elements)}"
                elements.append(self.dialect.elements(found, alias))
                found = exp.column(ELEMENT, alias)
            else:
                found = self.dialect.member(found, key, self.parameters.text)
        return elements, JsonField(self.dialect, found)


def joined(query: exp.Select, elements: list[exp.Expr]) -> exp.Select:
    """A query over the elements of lists, each of which may lie in the one before."""
    for element in elements:
        query = query.join(element, join_type="cross") if query.args.get("from_") else query.from_(element)
    return query


def among(profile_id: exp.Expr) -> list[exp.Expr]:
    """That a profile is one of the parameter."""
    uuids = cast(exp.Placeholder(this=PROFILES), "uuid[]")
    return [equal(profile_id, exp.Any(this=exp.paren(uuids)))]


def table(name: str, alias: str | None = None) -> exp.Expr:
    """A table or a set of ours."""
    named = exp.TableAlias(this=exp.to_identifier(alias)) if alias else None
    return exp.Table(this=exp.to_identifier(name), alias=named)


def equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """left = right."""
    return exp.EQ(this=left, expression=right)
