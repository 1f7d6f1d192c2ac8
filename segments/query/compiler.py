"""AST → one SELECT of the live profiles that a rule describes.

The shape: live profiles, LEFT JOINed to the golden record and to one set of profile ids for every distinct event,
segment and consent clause; the rule itself is a boolean over trait conditions and "is in set n". A join is linear
whatever the rule: PostgreSQL turns `IS NOT NULL` under AND into an inner join and `IS NULL` into an anti-join, and
keeps hash joins under OR and NOT, where IN and NOT IN become subplans that turn quadratic once they outgrow work_mem.
Every condition is true or false, never NULL, so that `not` is plain NOT.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from segments.query import measures, relations, sequences
from segments.query.ast import (
    EACH,
    All,
    Any,
    Consent,
    Event,
    Kind,
    Listed,
    Node,
    Not,
    Segment,
    Sequence,
    Step,
    Trait,
    happenings,
)  # fmt: skip
from segments.query.bounds import Clock
from segments.query.catalog import Catalog, TraitSpec, kind_of, require
from segments.query.conditions import Conditions, JsonField
from segments.query.dialects import ELEMENT, POSTGRES, Dialect
from segments.query.guard import guard
from segments.query.happenings import PROFILES, Happenings, among, equal, table
from segments.query.parameters import Parameters

TRAITS = "traits"
Leaf = Event | Sequence | Segment | Consent | Listed


@dataclass(frozen=True, slots=True)
class Query:
    """SQL text and its named parameters. Compiled with `only_profiles` it also needs `profiles`, a list of UUIDs."""

    sql: str
    params: dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule, what it may name, and the zone in which its days begin."""

    node: Node
    catalog: Catalog
    zone: ZoneInfo


def compile_rule(
    node: Node, catalog: Catalog, *, as_of: datetime, zone: ZoneInfo, dialect: Dialect = POSTGRES
) -> Query:
    """The query whose one column `profile_id` names the rule's members among live profiles, each once.

    `as_of` (aware) moves the clock for events; traits, consent and record → profile are current. Raises `RuleError` where
    the catalog refuses the rule.
    """
    whole = _Whole(as_of, dialect)
    holds = whole.holds(Asked(node, catalog, zone))
    return whole.printed(whole.live().where(holds, copy=False))


def compile_flags(asked: Iterable[Asked], *, as_of: datetime, only_profiles: bool = False) -> Query:
    """The query of all live profiles, whose columns `m0`, `m1`, … say of each whether the rule at that place holds.

    As `compile_rule`, in one pass over them for however many rules, whose catalogs differ only in what a purpose allows
    and in traits; what several of them ask is looked up once. With `only_profiles` it is restricted to the parameter
    `profiles`.
    """
    whole = _Whole(as_of, POSTGRES, only_profiles)
    flags = [exp.alias_(whole.holds(rule), f"m{place}") for place, rule in enumerate(asked)]
    return whole.printed(whole.live().select(*flags, copy=False))


class _Whole:
    """One query, and what its rules share: the sets that they look up, and parameters."""

    def __init__(self, as_of: datetime, dialect: Dialect, only_profiles: bool = False) -> None:
        self.as_of, self.dialect, self.only_profiles = as_of, dialect, only_profiles
        self.parameters = Parameters()
        self.sets: dict[tuple[Leaf, str], tuple[str, exp.Select]] = {}
        self.traits: dict[tuple[Trait, Kind, str], tuple[str, exp.Expr]] = {}
        self.reads_traits = False

    def holds(self, asked: Asked) -> exp.Expr:
        """Whether a rule holds of a profile of `live`. Raises `RuleError` where its catalog refuses it."""
        require(asked.node, asked.catalog)
        return _Compiler(asked.catalog, Clock(self.as_of, asked.zone), self).holds(asked.node)

    def live(self) -> exp.Select:
        """Live profiles, joined to what was asked of `holds` before."""
        query = self._profiles()
        if self.traits:
            flags = [exp.alias_(condition, alias) for alias, condition in self.traits.values()]
            told = query.select(exp.column("id", "p"), *flags, copy=False)
            query = exp.Select().from_(table(TRAITS, "p")).with_(TRAITS, as_=told, materialized=True)
        for alias, select in self.sets.values():
            query.with_(alias, as_=select, copy=False)
            query.join(table(alias), on=_same_profile(alias), join_type="left", copy=False)
        return query.select(exp.column("id", "p").as_("profile_id"), copy=False)

    def _profiles(self) -> exp.Select:
        live = equal(exp.column("state", "p"), exp.Literal.string(relations.LIVE))
        scope = among(exp.column("id", "p")) if self.only_profiles else []
        query = exp.Select().from_(table(relations.PROFILE, "p")).where(live, *scope, copy=False)
        if self.reads_traits:
            query.join(table(relations.GOLDEN, "t"), on=_same_profile("t"), join_type="left", copy=False)
        return query

    def printed(self, tree: exp.Select) -> Query:
        """The text of a tree that holds no word but ours, and its parameters."""
        values, tree = self.parameters.values, self.dialect.worded(tree)
        guard(tree, {*values, *([PROFILES] if self.only_profiles else [])})
        return Query(tree.sql(dialect=self.dialect.name, pretty=True, copy=False), values)


class _Compiler:
    """Conditions over one live profile."""

    def __init__(self, catalog: Catalog, clock: Clock, whole: _Whole) -> None:
        self.catalog, self.clock, self.whole = catalog, clock, whole
        self.dialect, self.parameters = whole.dialect, whole.parameters
        conditions = Conditions(self.parameters, clock, self.dialect)
        self.events = Happenings(catalog, clock, whole.only_profiles, self.dialect, self.parameters, conditions)

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
            case Event() | Sequence() | Segment() | Consent() | Listed():
                return self._in_set(node)

    def _trait(self, node: Trait) -> exp.Expr:
        """A condition on the golden record; where many rules are asked of some profiles, looked at once for all."""
        self.whole.reads_traits = True
        spec, traits = self.catalog.traits[node.name], self.whole.traits
        if not self.whole.only_profiles:
            return self._told(node, spec)
        key = (node, spec.type, self.clock.zone.key)
        if key not in traits:
            traits[key] = (f"t{len(traits)}", self._told(node, spec))
        return exp.column(traits[key][0], "p")

    def _told(self, node: Trait, spec: TraitSpec) -> exp.Expr:
        key = node.name.removesuffix(EACH) if spec.many else node.name
        found = self.dialect.member(exp.column("traits", "t"), key, self.parameters.text)
        elements = [self.dialect.elements(found, "v0")] if spec.many else []
        field = JsonField(self.dialect, exp.column(ELEMENT, "v0") if spec.many else found, own=spec.own)
        return self.events.some(elements, field, node.test, kind_of(node.test, spec))

    def _in_set(self, node: Leaf) -> exp.Expr:
        sets, key = self.whole.sets, (node, self.clock.zone.key)
        if key not in sets:
            sets[key] = (f"s{len(sets)}", self._set(node))
        found = exp.column("profile_id", sets[key][0])
        missing = exp.Is(this=found, expression=exp.null())
        counts_none = isinstance(node, Event) and measures.admits_zero(node)
        return missing if counts_none else exp.Not(this=missing)

    def _set(self, node: Leaf) -> exp.Select:
        match node:
            case Event():
                return measures.profiles(node, self.events)
            case Sequence():
                return self._sequence_set(node)
            case Segment(key, ever):
                chosen = {"segment_id": self.parameters.uuid(self.catalog.segments[key])}
                return self._chosen(relations.EVER if ever else relations.MEMBERSHIP, chosen)
            case Listed(key):
                return self._chosen(relations.LISTED, {"list_id": self.parameters.uuid(self.catalog.lists[key])})
            case Consent(purpose, channel, brand):
                texts = {"purpose": purpose, "channel": channel, "brand": brand}
                chosen = {column: self.parameters.text(value) for column, value in texts.items()}
                return self._chosen(relations.CONSENT, chosen | {"state": exp.Literal.string(relations.GRANTED)})

    def _chosen(self, relation: str, chosen: dict[str, exp.Expr]) -> exp.Select:
        profile_id = exp.column("profile_id", "r")
        conditions = [equal(exp.column(column, "r"), value) for column, value in chosen.items()]
        query = exp.select(profile_id).distinct().from_(table(relation, "r"))
        return query.where(*conditions, *self.events.scope(profile_id.copy()), copy=False)

    def _sequence_set(self, node: Sequence) -> exp.Select:
        """Profiles in whose events the sequence is found; only events that any part of it describes are read."""
        described = [told for told in dict.fromkeys(happenings(node)) if isinstance(told, Step)]
        names = list(dict.fromkeys(step.name for step in described))
        start, end = self.events.bounds(node.in_last)
        query = self.events.scan(names, start, self.clock.now if node.then_not else end)
        answers = [self._answers(step, alone=len(names) == 1) for step in described]
        flags = {step: f"m{index}" for index, step in enumerate(described)}
        columns = [exp.column("profile_id", "r"), exp.column("occurred_at", "e")]
        query.select(*columns, *map(exp.alias_, answers, flags.values()), copy=False)
        query.where(exp.or_(*[answer.copy() for answer in answers]), copy=False)
        history = sequences.History(sequences.numbered(query, self.events.by_time()), flags)
        until = end if node.then_not and end < self.clock.now else None
        return sequences.completed(node, history, self.clock, self.parameters, until)

    def _answers(self, step: Step, *, alone: bool) -> exp.Expr:
        """Whether an event answers a description; its name is asked for where the scan finds events of several."""
        named = [] if alone else [equal(exp.column("name", "e"), self.parameters.text(step.name))]
        return (
            exp.and_(*named, *self.events.filters(step))
            if named or step.where or step.currency or step.at
            else exp.true()
        )


def _same_profile(alias: str) -> exp.Expr:
    return equal(exp.column("profile_id", alias), exp.column("id", "p"))
