"""AST → one SELECT of the live profiles that a rule describes.

The shape: live profiles, LEFT JOINed to the golden record and to one set of profile ids for every distinct event,
segment and consent clause; the rule itself is a boolean over trait conditions and "is in set n". A join is linear
whatever the rule: PostgreSQL turns `IS NOT NULL` under AND into an inner join and `IS NULL` into an anti-join, and
keeps hash joins under OR and NOT, where IN and NOT IN become subplans that turn quadratic once they outgrow work_mem.
Every condition is true or false, never NULL, so that `not` is plain NOT.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlglot import exp

from segments.query import relations, sequences
from segments.query.ast import (
    All,
    Any,
    Consent,
    Event,
    Node,
    Not,
    Number,
    Period,
    Segment,
    Sequence,
    Step,
    Test,
    Trait,
    happenings,
)  # fmt: skip
from segments.query.bounds import Clock
from segments.query.catalog import REVENUE, Catalog, kind_of, measures_revenue, require, uses_revenue
from segments.query.conditions import Conditions, Field, JsonField, compared, truth
from segments.query.dialects import POSTGRES, Dialect, cast, when
from segments.query.guard import guard
from segments.query.parameters import Parameters

PROFILES = "profiles"
Leaf = Event | Sequence | Segment | Consent


@dataclass(frozen=True, slots=True)
class Query:
    """SQL text and its named parameters. Compiled with `only_profiles` it also needs `profiles`, a list of UUIDs."""

    sql: str
    params: dict[str, object]


def compile_rule(
    node: Node, catalog: Catalog, *, as_of: datetime, zone: ZoneInfo, only_profiles: bool = False,
    dialect: Dialect = POSTGRES,
) -> Query:  # fmt: skip
    """The query whose one column `profile_id` names the rule's members among live profiles, each once.

    `as_of` (aware) moves the clock for events; traits, consent and record → profile are current. With `only_profiles`
    every scan is restricted to the parameter `profiles`. Raises `RuleError` where the catalog refuses the rule.
    """
    require(node, catalog)
    compiler = _Compiler(catalog, Clock(as_of, zone), only_profiles, dialect)
    tree = compiler.query(node)
    known = {*compiler.parameters.values, *([PROFILES] if only_profiles else [])}
    guard(tree, known)
    return Query(tree.sql(dialect=dialect.name, pretty=True, copy=False), compiler.parameters.values)


class _Compiler:
    def __init__(self, catalog: Catalog, clock: Clock, only_profiles: bool, dialect: Dialect) -> None:
        self.catalog = catalog
        self.clock = clock
        self.only_profiles = only_profiles
        self.dialect = dialect
        self.parameters = Parameters()
        self.conditions = Conditions(self.parameters, clock, dialect)
        self.sets: dict[Leaf, tuple[str, exp.Select]] = {}
        self.reads_traits = False

    def query(self, node: Node) -> exp.Select:
        """Live profiles, joined to what the rule reads, kept where it holds."""
        holds = self.holds(node)
        live = _equal(exp.column("state", "p"), exp.Literal.string(relations.LIVE))
        query = exp.select(exp.column("id", "p").as_("profile_id")).from_(_table(relations.PROFILE, "p"))
        if self.reads_traits:
            on = exp.and_(_same_profile("t"), *self._scope(exp.column("profile_id", "t")))
            query.join(_table(relations.GOLDEN, "t"), on=on, join_type="left", copy=False)
        for alias, select in self.sets.values():
            query.with_(alias, as_=select, copy=False)
            query.join(_table(alias), on=_same_profile(alias), join_type="left", copy=False)
        return query.where(live, *self._scope(exp.column("id", "p")), holds, copy=False)

    def _scope(self, profile_id: exp.Expr) -> list[exp.Expr]:
        if not self.only_profiles:
            return []
        uuids = cast(exp.Placeholder(this=PROFILES), "uuid[]")
        return [exp.EQ(this=profile_id, expression=exp.Any(this=exp.paren(uuids)))]

    def holds(self, node: Node) -> exp.Expr:
        """A condition over one live profile that is true or false."""
        match node:
            case All(parts):
                return exp.and_(*[self.holds(part) for part in parts], copy=False)
            case Any(parts):
                return exp.or_(*[self.holds(part) for part in parts], copy=False)
            case Not(part):
                return exp.Not(this=exp.paren(self.holds(part)))
            case Trait():
                return self._trait(node)
            case Event() | Sequence() | Segment() | Consent():
                return self._in_set(node)

    def _trait(self, node: Trait) -> exp.Expr:
        self.reads_traits = True
        found = self.dialect.member(exp.column("traits", "t"), node.name, self.parameters.text)
        field = JsonField(self.dialect, found)
        return self.conditions.holds(field, node.test, kind_of(node.test, self.catalog.traits[node.name]))

    def _in_set(self, node: Leaf) -> exp.Expr:
        if node not in self.sets:
            self.sets[node] = (f"s{len(self.sets)}", self._set(node))
        found = exp.column("profile_id", self.sets[node][0])
        missing = exp.Is(this=found, expression=exp.null())
        counts_none = isinstance(node, Event) and admits_zero(node)
        return missing if counts_none else exp.Not(this=missing)

    def _set(self, node: Leaf) -> exp.Select:
        match node:
            case Event():
                return self._event_set(node)
            case Sequence():
                return self._sequence_set(node)
            case Segment(key, ever):
                chosen = {"segment_id": self.parameters.uuid(self.catalog.segments[key])}
                return self._chosen(relations.EVER if ever else relations.MEMBERSHIP, chosen)
            case Consent(purpose, channel, brand):
                texts = {"purpose": purpose, "channel": channel, "brand": brand}
                chosen = {column: self.parameters.text(value) for column, value in texts.items()}
                return self._chosen(relations.CONSENT, chosen | {"state": exp.Literal.string(relations.GRANTED)})

    def _chosen(self, table: str, chosen: dict[str, exp.Expr]) -> exp.Select:
        profile_id = exp.column("profile_id", "r")
        conditions = [_equal(exp.column(column, "r"), value) for column, value in chosen.items()]
        query = exp.select(profile_id).distinct().from_(_table(table, "r"))
        return query.where(*conditions, *self._scope(profile_id.copy()), copy=False)

    def _event_set(self, node: Event) -> exp.Select:
        """Profiles by their events. Where zero satisfies the measure, those that do *not* satisfy it."""
        by_order = measures_revenue(node) and node.name in relations.WHOLE_ORDER
        query = self._latest_of_orders(node) if by_order else self._matching(node)
        profile_id = exp.column("profile_id", "e" if by_order else "r")
        measured = self._measured(node)
        having = exp.Not(this=exp.paren(measured)) if admits_zero(node) else measured
        return query.select(profile_id, copy=False).group_by(profile_id.copy(), copy=False).having(having, copy=False)

    def _sequence_set(self, node: Sequence) -> exp.Select:
        """Profiles in whose events the sequence is found; only events that any part of it describes are read."""
        described = [told for told in dict.fromkeys(happenings(node)) if isinstance(told, Step)]
        names = list(dict.fromkeys(step.name for step in described))
        start, end = self._bounds_of(node.in_last)
        query = self._scan(names, start, self.clock.now if node.then_not else end)
        answers = [self._answers(step, alone=len(names) == 1) for step in described]
        flags = {step: f"m{index}" for index, step in enumerate(described)}
        columns = [exp.column("profile_id", "r"), exp.column("occurred_at", "e")]
        query.select(*columns, *map(exp.alias_, answers, flags.values()), copy=False)
        query.where(exp.or_(*[answer.copy() for answer in answers]), copy=False)
        history = sequences.History(sequences.numbered(query, self._by_time()), flags)
        until = end if node.then_not and end < self.clock.now else None
        return sequences.completed(node, history, self.clock, self.parameters, until)

    def _answers(self, step: Step, *, alone: bool) -> exp.Expr:
        """Whether an event answers a description; its name is asked for where the scan finds events of several."""
        named = [] if alone else [_equal(exp.column("name", "e"), self.parameters.text(step.name))]
        return exp.and_(*named, *self._filters(step)) if named or step.where or step.currency else exp.true()

    def _by_time(self) -> list[exp.Expr]:
        """The order of events: event time, then message id, then record."""
        message_id = self.dialect.by_code_point(exp.column("message_id", "e"))
        return [exp.column("occurred_at", "e"), message_id, exp.column("record", "e")]

    def _named(self, names: list[str]) -> exp.Expr:
        name = exp.column("name", "e")
        if len(names) == 1:
            return _equal(name, self.parameters.text(names[0]))
        return _equal(name, exp.Any(this=exp.paren(self.parameters.texts(names))))

    def _scan(
        self, names: list[str], start: datetime | None, end: datetime, *also: exp.Expr
    ) -> exp.Select:  # fmt: skip
        """The events of these names from a moment until before another, each with its profile."""
        moment = exp.column("occurred_at", "e")
        conditions = [self._named(names)]
        if start is not None:
            conditions.append(exp.GTE(this=moment.copy(), expression=self.parameters.moment(start)))
        conditions.append(exp.LT(this=moment, expression=self.parameters.moment(end)))
        conditions.extend(self._scope(exp.column("profile_id", "r")))
        query = exp.Select().from_(_table(relations.EVENT, "e"))
        query.join(
            _table(relations.RECORD, "r"), on=_equal(exp.column("id", "r"), exp.column("record", "e")), copy=False
        )
        return query.where(*conditions, *also, copy=False)

    def _matching(self, node: Event) -> exp.Select:
        return self._scan([node.name], *self._bounds_of(node.within), *self._filters(node))

    def _bounds_of(self, period: Period | None) -> tuple[datetime | None, datetime]:
        """Since ever where a rule names no period; those at or after "as of" never count."""
        return (None, self.clock.now) if period is None else self.clock.bounds(period)

    def _latest_of_orders(self, node: Event) -> exp.Select:
        """Revenue once for each (profile, brand, order id): its last statement.

        Among the events of the leaf's name and window that state revenue, the last by event time, then message id, then
        record stands for the order; `where` and the currency are asked of that one. Events without order id each count,
        as do those that are not of whole orders.
        """
        columns = [exp.column("profile_id", "r"), exp.column("brand", "e"), exp.column("order_id", "e")]
        alone = exp.Is(this=exp.column("order_id", "e"), expression=exp.null())
        own = [when(alone.copy(), exp.column(name, "e")) for name in ("record", "message_id")]
        keys = [*columns, *own]
        fits = exp.and_(*self._filters(node)).as_("fits")
        query = self._scan(
            [node.name], *self._bounds_of(node.within), exp.column("revenue", "e").is_(exp.null()).not_()
        )
        query = query.select(exp.column("profile_id", "r"), exp.column("revenue", "e"), fits, copy=False)
        query = query.distinct(*[key.copy() for key in keys]).order_by(*self._latest_first(keys), copy=False)
        return exp.Select().from_(query.subquery("e")).where(exp.column("fits", "e"), copy=False)

    def _latest_first(self, keys: list[exp.Expr]) -> list[exp.Expr]:
        grouped = [exp.Ordered(this=key.copy(), desc=False, nulls_first=False) for key in keys]
        return [*grouped, *(exp.Ordered(this=tie, desc=True, nulls_first=False) for tie in self._by_time())]

    def _filters(self, node: Event | Step) -> list[exp.Expr]:
        currency = self._currency(node)
        filters = [self._in_currency(currency)] if currency and (node.currency or measures_revenue(node)) else []
        for condition in node.where:
            spec = self.catalog.property_spec(node.name, condition.name)
            field = self._property(condition.path, currency)
            filters.append(self.conditions.holds(field, condition.test, kind_of(condition.test, spec)))
        return filters

    def _currency(self, node: Event | Step) -> str | None:
        return node.currency or (self.catalog.currency if uses_revenue(node) else None)

    def _in_currency(self, currency: str) -> exp.Expr:
        return truth(_equal(exp.column("currency", "e"), self.parameters.text(currency)))

    def _property(self, path: tuple[str, ...], currency: str | None) -> Field:
        """A reserved property's column (money in minor units, of the currency asked for only), or a JSON value."""
        match path:
            case ("revenue",) if currency:
                return self.conditions.money(when(self._in_currency(currency), exp.column("revenue", "e")), currency)
            case ("currency" | "order_id" as name,):
                return self.conditions.column(exp.column(name, "e"))
        found: exp.Expr = exp.column("properties", "e")
        for key in path:
            found = self.dialect.member(found, key, self.parameters.text)
        return JsonField(self.dialect, found)

    def _measured(self, node: Event) -> exp.Expr:
        measure = node.measure
        bounds = self._bounds(node)
        if measure.kind == "count":
            return compared(exp.Count(this=exp.Star()), measure.test.op, bounds)
        value = self._summand(measure.path)
        match measure.kind:
            case "sum":
                total = exp.Coalesce(this=exp.Sum(this=value), expressions=[exp.Literal.number(0)])
                return compared(total, measure.test.op, bounds)
            case "avg":
                scaled = [exp.Mul(this=bound, expression=exp.Count(this=value.copy())) for bound in bounds]
                return compared(exp.Sum(this=value), measure.test.op, scaled)
            case "min":
                return compared(exp.Min(this=value), measure.test.op, bounds)
            case "max":
                return compared(exp.Max(this=value), measure.test.op, bounds)

    def _summand(self, path: tuple[str, ...]) -> exp.Expr:
        return exp.column("revenue", "e") if path == (REVENUE,) else self._property(path, None).typed("number")

    def _bounds(self, node: Event) -> list[exp.Expr]:
        currency = self._currency(node) if measures_revenue(node) else None
        return [self.parameters.number(number, currency) for number in numbers(node.measure.test)]


def numbers(test: Test) -> list[Decimal]:
    """The numbers that a measure compares with."""
    return [value.value for value in test.values if isinstance(value, Number)]


def admits_zero(node: Event) -> bool:
    """Whether a profile without a matching event fits: count and sum of none are 0; avg, min, max of none never fit."""
    return node.measure.kind in ("count", "sum") and ZERO_FITS[node.measure.test.op](*numbers(node.measure.test))


ZERO_FITS: dict[str, Callable[..., bool]] = {
    "eq": lambda value: value == 0, "ne": lambda value: value != 0, "gt": lambda value: value < 0,
    "gte": lambda value: value <= 0, "lt": lambda value: value > 0, "lte": lambda value: value >= 0,
    "between": lambda low, high: low <= 0 <= high,
}  # fmt: skip


def _table(name: str, alias: str | None = None) -> exp.Expr:
    named = exp.TableAlias(this=exp.to_identifier(alias)) if alias else None
    return exp.Table(this=exp.to_identifier(name), alias=named)


def _equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.EQ(this=left, expression=right)


def _same_profile(alias: str) -> exp.Expr:
    return _equal(exp.column("profile_id", alias), exp.column("id", "p"))
