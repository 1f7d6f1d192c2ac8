"""JSON → AST. Shape only: which names exist is the catalog's question.

Every problem is found in one pass and points at its place. Depth and clauses are limited before descending, so that
no rule can exhaust the stack or the planner.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import get_args

from segments.query import values, windows
from segments.query.ast import (
    EACH,
    EVERY_OP,
    MEASURE_OPS,
    PRESENCE_OPS,
    All,
    Any,
    Consent,
    Event,
    Frequency,
    Listed,
    Measure,
    MeasureKind,
    Node,
    Not,
    Number,
    Pick,
    PropertyTest,
    Segment,
    Sequence,
    Step,
    Test,
    Trait,
)  # fmt: skip
from segments.query.comparisons import comparison
from segments.query.problems import Notes, Problem, RuleError, child

DEEPEST = 20
MOST_CLAUSES = 200
MOST_EVENTS = 10**9
DEEPEST_PATH = 5
MOST_STEPS = 8
MEASURES: tuple[MeasureKind, ...] = get_args(MeasureKind)
PICKS = {"first": 1, "last": -1, "nth": None}
PICKED = ("where", "at", "within", "between")
ASKED = (*MEASURES, *PICKS, "frequency")
MOST_PERIODS = 120
VALUE_OPS = tuple(op for op in EVERY_OP if op not in PRESENCE_OPS)
BETWEEN = ("within", "without")
FORBIDDEN = ("without", "then_not")
AROUND = ("within", "without", "then_not", "for", "in_last", "between")
AT_LEAST_ONCE = Measure("count", Test("gte", (Number(Decimal(1)),)))

Json = Mapping[str, object]


def parse(rule: object) -> Node:
    """The tree of a rule given as decoded JSON.

    Raises `RuleError` with all problems. An empty `all` or `any` is refused: "everybody" should be said by a
    condition, and a group whose last clause was deleted must not silently mean everybody or nobody.
    """
    reading = Reading()
    node = reading.node(rule, "", 1)
    reading.notes.raise_if_any()
    if node is None:
        raise RuleError([Problem("", "type", "This must be %(expected)s.", {"expected": "an object"})])
    return node


def parse_text(text: str | bytes) -> Node:
    """The tree of a rule given as JSON text; numbers are read exactly. Raises `RuleError`, however deep the text."""
    notes = Notes()
    try:
        return parse(json.loads(text, parse_float=Decimal))
    except RecursionError:
        notes.add("", "too_deep", limit=DEEPEST)
    except RuleError:
        raise
    except ValueError:
        notes.add("", "not_json")
    raise RuleError(notes.problems)


class Reading:
    """One pass over a rule: what it noted and how many clauses it has met."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.clauses = 0

    def node(self, rule: object, path: str, depth: int) -> Node | None:
        """A clause of any kind."""
        if not self._fits(path, depth):
            return None
        clause = values.mapping(rule, path, self.notes)
        if clause is None:
            return None
        kinds = [kind for kind in READERS if kind in clause]
        if len(kinds) != 1:
            self.notes.add(path, "kind", kinds=", ".join(READERS))
            return None
        return READERS[kinds[0]](self, clause, path, depth)

    def _fits(self, path: str, depth: int) -> bool:
        self.clauses += 1
        if depth > DEEPEST:
            self.notes.add(path, "too_deep", limit=DEEPEST)
        elif self.clauses == MOST_CLAUSES + 1:
            self.notes.add(path, "too_many_clauses", limit=MOST_CLAUSES)
        return depth <= DEEPEST and self.clauses <= MOST_CLAUSES

    def _parts(self, clause: Json, key: str, path: str, depth: int) -> tuple[Node, ...]:
        values.only_keys(clause, (key,), path, self.notes)
        below = child(path, key)
        listed = values.listed(clause[key], below, self.notes)
        if listed is not None and not listed:
            self.notes.add(below, "empty_group")
        # One more than allowed is enough to know that there are too many.
        some = (listed or [])[: MOST_CLAUSES + 1]
        read = [self.node(part, child(below, index), depth + 1) for index, part in enumerate(some)]
        return tuple(part for part in read if part is not None)

    def all(self, clause: Json, path: str, depth: int) -> Node | None:
        return All(self._parts(clause, "all", path, depth))

    def any(self, clause: Json, path: str, depth: int) -> Node | None:
        return Any(self._parts(clause, "any", path, depth))

    def negation(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("not",), path, self.notes)
        part = self.node(clause["not"], child(path, "not"), depth + 1)
        return None if part is None else Not(part)

    def trait(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("trait", "op", "value"), path, self.notes)
        name = values.name(clause["trait"], child(path, "trait"), self.notes)
        test = comparison(clause, path, EVERY_OP, self.notes)
        return None if name is None or test is None else Trait(name, test)

    def segment(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("segment", "ever"), path, self.notes)
        key = values.name(clause["segment"], child(path, "segment"), self.notes)
        ever = values.flag(clause.get("ever", False), child(path, "ever"), self.notes)
        return None if key is None else Segment(key, ever)

    def listed(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("list",), path, self.notes)
        key = values.name(clause["list"], child(path, "list"), self.notes)
        return None if key is None else Listed(key)

    def consent(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("consent",), path, self.notes)
        below = child(path, "consent")
        asked = values.mapping(clause["consent"], below, self.notes)
        if asked is None:
            return None
        values.only_keys(asked, ("purpose", "channel", "brand"), below, self.notes)
        purpose = values.name(asked.get("purpose"), child(below, "purpose"), self.notes)
        channel = values.name(asked.get("channel"), child(below, "channel"), self.notes)
        brand = values.text(asked.get("brand", ""), child(below, "brand"), self.notes, values.LONGEST_NAME)
        return None if purpose is None or channel is None or brand is None else Consent(purpose, channel, brand)

    def event(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("event", "where", "within", "between", "at", "currency", *ASKED), path, self.notes)
        name = values.name(clause["event"], child(path, "event"), self.notes)
        where = self._where(clause.get("where", []), child(path, "where"))
        within = windows.period(clause, "within", path, self.notes)
        currency = self._currency(clause, path)
        measure, at = self._measure(clause, path), windows.hours(clause, path, self.notes)
        return None if name is None or measure is None else Event(name, measure, where, within, currency, at)

    def _currency(self, clause: Json, path: str) -> str | None:
        given = clause.get("currency")
        return values.currency(given, child(path, "currency"), self.notes) if "currency" in clause else None

    def sequence(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("sequence", *AROUND), path, self.notes)
        steps = self._steps(clause["sequence"], child(path, "sequence"))
        self._check_sequence(clause, len(steps), path)
        without, then_not = (self._step(clause[key], child(path, key)) if key in clause else None for key in FORBIDDEN)
        within, silence = (windows.length(clause, key, path, self.notes) for key in ("within", "for"))
        in_last = windows.period(clause, "in_last", path, self.notes)
        return Sequence(tuple(step for step in steps if step), within, without, then_not, silence, in_last)

    def _steps(self, value: object, path: str) -> list[Step | None]:
        listed = values.listed(value, path, self.notes)
        if listed is not None and not 1 <= len(listed) <= MOST_STEPS:
            self.notes.add(path, "step_number", limit=MOST_STEPS)
        return [self._step(part, child(path, index)) for index, part in enumerate((listed or [])[:MOST_STEPS])]

    def _check_sequence(self, clause: Json, steps: int, path: str) -> None:
        """One step alone needs something that must not follow, and has nothing before or between."""
        if steps == 1 and "then_not" not in clause:
            self.notes.add(child(path, "sequence"), "single_step")
        for key in BETWEEN:
            if steps == 1 and key in clause:
                self.notes.add(child(path, key), "between_steps", name=key)
        if "for" in clause and "then_not" not in clause:
            self.notes.add(child(path, "for"), "nothing_follows")

    def _step(self, value: object, path: str) -> Step | None:
        if not self._fits(path, 1):
            return None
        held = values.mapping(value, path, self.notes)
        if held is None:
            return None
        values.only_keys(held, ("event", "where", "currency", "at"), path, self.notes)
        name = values.name(held.get("event"), child(path, "event"), self.notes)
        where = self._where(held.get("where", []), child(path, "where"))
        currency, at = self._currency(held, path), windows.hours(held, path, self.notes)
        return None if name is None else Step(name, where, currency, at)

    def _where(self, value: object, path: str) -> tuple[PropertyTest, ...]:
        listed = (values.listed(value, path, self.notes) or [])[: MOST_CLAUSES + 1]
        read = [self._property_test(part, child(path, index)) for index, part in enumerate(listed)]
        return tuple(test for test in read if test is not None)

    def _property_test(self, value: object, path: str) -> PropertyTest | None:
        if not self._fits(path, 1):
            return None
        held = values.mapping(value, path, self.notes)
        if held is None:
            return None
        values.only_keys(held, ("property", "op", "value"), path, self.notes)
        names = self._path(held.get("property"), child(path, "property"))
        test = comparison(held, path, EVERY_OP, self.notes)
        return None if names is None or test is None else PropertyTest(names, test)

    def _path(self, value: object, path: str) -> tuple[str, ...] | None:
        """`address.city`, or through every element of a list: `products[].category`, `tags[]`."""
        name = values.name(value, path, self.notes)
        if name is None:
            return None
        names = [(part.removesuffix(EACH), part.endswith(EACH)) for part in name.split(".")]
        if not all(key for key, _ in names) or len(names) > DEEPEST_PATH:
            self.notes.add(path, "bad_path", name=name)
            return None
        return tuple(part for key, each in names for part in ((key, EACH) if each else (key,)))

    def _measure(self, clause: Json, path: str) -> Measure | Pick | Frequency | None:
        named = [kind for kind in ASKED if kind in clause]
        if not named:
            return AT_LEAST_ONCE
        if len(named) > 1:
            self.notes.add(path, "one_measure", names=", ".join(named))
            return None
        below = child(path, named[0])
        held = values.mapping(clause[named[0]], below, self.notes)
        if held is None:
            return None
        if named[0] == "frequency":
            self._check_frequency(clause, path)
            return self._frequency(held, below)
        return self._pick(named[0], held, below) if named[0] in PICKS else self._of_all(named[0], held, below)

    def _check_frequency(self, clause: Json, path: str) -> None:
        for key in ("within", "between"):
            if key in clause:
                self.notes.add(child(path, key), "frequency_window")

    def _of_all(self, name: str, held: Json, path: str) -> Measure | None:
        """A measure of all matching events: a number, or the most frequent value of a property."""
        kind = next(kind for kind in MEASURES if kind == name)
        values.only_keys(held, ("op", "value") if kind == "count" else ("property", "op", "value"), path, self.notes)
        names = () if kind == "count" else self._path(held.get("property"), child(path, "property"))
        test = comparison(held, path, VALUE_OPS if kind == "most_frequent" else MEASURE_OPS, self.notes)
        if names is None or test is None:
            return None
        if kind != "most_frequent":
            self._numbers(test, child(path, "value"), whole=kind in ("count", "distinct"))
        return Measure(kind, test, names)

    def _numbers(self, test: Test, path: str, *, whole: bool) -> None:
        for value in test.values:
            number = value.value if isinstance(value, Number) else None
            if whole:
                values.integer(number, 0, MOST_EVENTS, path, self.notes)
            elif number is None:
                self.notes.add(path, "type", expected="a number")

    def _pick(self, name: str, held: Json, path: str) -> Pick | None:
        """`{"first": {"where": […]}}`, `{"last": {"within": {"days": 30}}}`, `{"nth": {"n": 3, "between": {…}}}`."""
        numbered = ("n",) if name == "nth" else ()
        values.only_keys(held, (*numbered, *PICKED), path, self.notes)
        number = PICKS.get(name) or values.integer(held.get("n"), 1, MOST_EVENTS, child(path, "n"), self.notes)
        where = self._where(held.get("where", []), child(path, "where"))
        within = windows.period(held, "within", path, self.notes)
        if not held.keys() & {*PICKED} or held.get("where") == []:
            self.notes.add(path, "empty_pick")
        return None if number is None else Pick(number, where, within, windows.hours(held, path, self.notes))

    def _frequency(self, held: Json, path: str) -> Frequency | None:
        """`{"times": 2, "unit": "week", "last": 4, "in": 3}`; once and in each of them where nothing else is said."""
        values.only_keys(held, ("times", "unit", "last", "in"), path, self.notes)
        unit = windows.unit(held.get("unit"), child(path, "unit"), self.notes)
        last = values.integer(held.get("last"), 1, MOST_PERIODS, child(path, "last"), self.notes)
        times = values.integer(held.get("times", 1), 1, MOST_EVENTS, child(path, "times"), self.notes)
        most = MOST_PERIODS if last is None else last
        periods = values.integer(held.get("in", most), 1, most, child(path, "in"), self.notes)
        if unit is None or last is None or times is None or periods is None:
            return None
        return Frequency(times, unit, last, periods)


Reader = Callable[[Reading, Json, str, int], Node | None]
READERS: Mapping[str, Reader] = {
    "all": Reading.all, "any": Reading.any, "not": Reading.negation, "trait": Reading.trait, "event": Reading.event,
    "sequence": Reading.sequence, "segment": Reading.segment, "consent": Reading.consent,
    "list": Reading.listed,
}  # fmt: skip
