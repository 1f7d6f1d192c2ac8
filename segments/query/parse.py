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
    EVERY_OP,
    LIST_OPS,
    MEASURE_OPS,
    ORDER_OPS,
    PRESENCE_OPS,
    TEXT_OPS,
    All,
    Any,
    Consent,
    Event,
    Flag,
    Measure,
    MeasureKind,
    Node,
    Not,
    Number,
    PropertyTest,
    Segment,
    Sequence,
    Step,
    Test,
    Text,
    Trait,
    Value,
)  # fmt: skip
from segments.query.problems import Notes, Problem, RuleError, child

DEEPEST = 20
MOST_CLAUSES = 200
MOST_VALUES = 1_000
MOST_EVENTS = 10**9
DEEPEST_PATH = 5
MOST_STEPS = 8
MEASURES: tuple[MeasureKind, ...] = get_args(MeasureKind)
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
        listed = self._listed(clause[key], below)
        if listed is not None and not listed:
            self.notes.add(below, "empty_group")
        # One more than allowed is enough to know that there are too many.
        some = (listed or [])[: MOST_CLAUSES + 1]
        read = [self.node(part, child(below, index), depth + 1) for index, part in enumerate(some)]
        return tuple(part for part in read if part is not None)

    def _listed(self, value: object, path: str) -> list[object] | None:
        if isinstance(value, list):
            return value
        self.notes.add(path, "type", expected="a list")
        return None

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
        test = self.test(clause, path, EVERY_OP)
        return None if name is None or test is None else Trait(name, test)

    def segment(self, clause: Json, path: str, depth: int) -> Node | None:
        values.only_keys(clause, ("segment", "ever"), path, self.notes)
        key = values.name(clause["segment"], child(path, "segment"), self.notes)
        ever = values.flag(clause.get("ever", False), child(path, "ever"), self.notes)
        return None if key is None else Segment(key, ever)

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
        values.only_keys(clause, ("event", "where", "within", "between", "currency", *MEASURES), path, self.notes)
        name = values.name(clause["event"], child(path, "event"), self.notes)
        where = self._where(clause.get("where", []), child(path, "where"))
        within = windows.period(clause, "within", path, self.notes)
        currency = self._currency(clause, path)
        measure = self._measure(clause, path)
        return None if name is None or measure is None else Event(name, measure, where, within, currency)

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
        listed = self._listed(value, path)
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
        values.only_keys(held, ("event", "where", "currency"), path, self.notes)
        name = values.name(held.get("event"), child(path, "event"), self.notes)
        where = self._where(held.get("where", []), child(path, "where"))
        currency = self._currency(held, path)
        return None if name is None else Step(name, where, currency)

    def _where(self, value: object, path: str) -> tuple[PropertyTest, ...]:
        listed = (self._listed(value, path) or [])[: MOST_CLAUSES + 1]
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
        test = self.test(held, path, EVERY_OP)
        return None if names is None or test is None else PropertyTest(names, test)

    def _path(self, value: object, path: str) -> tuple[str, ...] | None:
        name = values.name(value, path, self.notes)
        names = tuple(name.split(".")) if name is not None else ()
        if name is not None and (not all(names) or len(names) > DEEPEST_PATH):
            self.notes.add(path, "bad_path", name=name)
            return None
        return names or None

    def _measure(self, clause: Json, path: str) -> Measure | None:
        named = [kind for kind in MEASURES if kind in clause]
        if not named:
            return AT_LEAST_ONCE
        if len(named) > 1:
            self.notes.add(path, "one_measure", names=", ".join(named))
            return None
        below = child(path, named[0])
        held = values.mapping(clause[named[0]], below, self.notes)
        if held is None:
            return None
        return self._count(held, below) if named[0] == "count" else self._total(named[0], held, below)

    def _count(self, held: Json, path: str) -> Measure | None:
        values.only_keys(held, ("op", "value"), path, self.notes)
        test = self.test(held, path, MEASURE_OPS)
        if test is None:
            return None
        for value in test.values:
            whole = value.value if isinstance(value, Number) else None
            values.integer(whole, 0, MOST_EVENTS, child(path, "value"), self.notes)
        return Measure("count", test)

    def _total(self, kind: MeasureKind, held: Json, path: str) -> Measure | None:
        values.only_keys(held, ("property", "op", "value"), path, self.notes)
        names = self._path(held.get("property"), child(path, "property"))
        test = self.test(held, path, MEASURE_OPS)
        if names is None or test is None:
            return None
        if not all(isinstance(value, Number) for value in test.values):
            self.notes.add(child(path, "value"), "type", expected="a number")
        return Measure(kind, test, names)

    def test(self, held: Json, path: str, known: tuple[str, ...]) -> Test | None:
        """The operator and its values, one kind of value throughout."""
        op = held.get("op")
        if not isinstance(op, str) or op not in known:
            self.notes.add(child(path, "op"), "unknown_op", name=op, known=", ".join(known))
            return None
        if op in PRESENCE_OPS:
            return self._presence(op, held, path)
        if "value" not in held:
            self.notes.add(path, "missing_key", name="value")
            return None
        read = self._values(op, held["value"], child(path, "value"))
        return None if read is None else self._agreeing(op, read, child(path, "value"))

    def _presence(self, op: str, held: Json, path: str) -> Test:
        if "value" in held:
            self.notes.add(child(path, "value"), "surplus_value", op=op)
        return Test(op)

    def _values(self, op: str, value: object, path: str) -> tuple[Value, ...] | None:
        if op in LIST_OPS or op == "between":
            return self._several(op, value, path)
        one = values.scalar(value, path, self.notes)
        return None if one is None else (one,)

    def _several(self, op: str, value: object, path: str) -> tuple[Value, ...] | None:
        listed = self._listed(value, path)
        if listed is None:
            return None
        if op == "between" and len(listed) != 2:
            self.notes.add(path, "between_pair")
        elif not listed:
            self.notes.add(path, "empty_list")
        elif len(listed) > MOST_VALUES:
            self.notes.add(path, "too_many_values", limit=MOST_VALUES)
        else:
            read = [values.scalar(part, child(path, index), self.notes) for index, part in enumerate(listed)]
            return tuple(part for part in read if part is not None) if None not in read else None
        return None

    def _agreeing(self, op: str, read: tuple[Value, ...], path: str) -> Test | None:
        # A text beside days ago may be a date; the catalog knows.
        kinds = {"date" if len(read) > 1 and _may_be_date(value, read) else value.kind for value in read}
        if len(kinds) > 1:
            self.notes.add(path, "mixed_values")
        elif op in TEXT_OPS and kinds != {"string"}:
            self.notes.add(path, "type", expected="a text")
        elif op in TEXT_OPS and read == (Text(""),):
            self.notes.add(path, "empty_text")
        elif op in ORDER_OPS and isinstance(read[0], Flag):
            self.notes.add(path, "op_type", op=op, type="boolean")
        elif op == "between" and _descends(*read):
            self.notes.add(path, "between_order")
        else:
            return Test(op, read)
        return None


def _may_be_date(value: Value, among: tuple[Value, ...]) -> bool:
    return isinstance(value, Text) and any(other.kind == "date" for other in among)


def _descends(low: Value, high: Value) -> bool:
    return isinstance(low, Number) and isinstance(high, Number) and low.value > high.value


Reader = Callable[[Reading, Json, str, int], Node | None]
READERS: Mapping[str, Reader] = {
    "all": Reading.all, "any": Reading.any, "not": Reading.negation, "trait": Reading.trait, "event": Reading.event,
    "sequence": Reading.sequence, "segment": Reading.segment, "consent": Reading.consent,
}  # fmt: skip
