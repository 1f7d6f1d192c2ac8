"""One spelling for rules of one meaning, and its hash: a rule changed only in spelling need not be computed again.

The hash covers the rule and the version of the semantics, never the compiled text, so that a better compiler does not
start everything over.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal

from segments.query.ast import (
    DAY_MINUTES,
    LIST_OPS,
    All,
    Any,
    Between,
    Calendar,
    Consent,
    DaysAgo,
    Event,
    Flag,
    Frequency,
    Hours,
    Listed,
    Measure,
    NextDays,
    Node,
    Not,
    Number,
    Period,
    Pick,
    PropertyTest,
    Segment,
    Sequence,
    Step,
    Test,
    Text,
    This,
    Trait,
    Value,
    Window,
    pick_key,
)  # fmt: skip
from segments.query.parse import AT_LEAST_ONCE, parse
from segments.query.windows import WEEKDAYS

SEMANTICS = 2
"""Raised whenever the same rule may come to mean something else."""


def canonical(rule: object) -> bytes:
    """The rule (JSON or tree) as UTF-8 JSON with sorted keys, plain numbers and defaults left out.

    It parses to an equal tree. Raises `RuleError` where `rule` is JSON and wrong.
    """
    return spelt(tree_to_json(rule if isinstance(rule, NODES) else parse(rule))).encode()


def fingerprint(rule: object) -> str:
    """SHA-256, in hex, of the canonical rule and the version of its semantics."""
    return hashlib.sha256(b"%d:%s" % (SEMANTICS, canonical(rule))).hexdigest()


NODES = (All, Any, Not, Trait, Event, Sequence, Segment, Consent, Listed)


def tree_to_json(node: Node) -> dict[str, object]:
    """The JSON of a tree; numbers stay Decimal."""
    match node:
        case All(parts):
            return {"all": [tree_to_json(part) for part in parts]}
        case Any(parts):
            return {"any": [tree_to_json(part) for part in parts]}
        case Not(part):
            return {"not": tree_to_json(part)}
        case Trait(name, test):
            return {"trait": name, **_test(test)}
        case Event():
            return _event(node)
        case Sequence():
            return _sequence(node)
        case Segment(key, ever):
            return {"segment": key} | ({"ever": True} if ever else {})
        case Listed(key):
            return {"list": key}
        case Consent(purpose, channel, brand):
            asked = {"purpose": purpose, "channel": channel}
            return {"consent": asked | ({"brand": brand} if brand else {})}


def _event(node: Event) -> dict[str, object]:
    held: dict[str, object] = {"event": node.name}
    if node.measure != AT_LEAST_ONCE:
        held |= _measure(node.measure)
    if node.where:
        held["where"] = [_condition(condition) for condition in node.where]
    held |= _period("within", node.within) | _hours(node.at)
    return held if node.currency is None else held | {"currency": node.currency}


def _sequence(node: Sequence) -> dict[str, object]:
    held: dict[str, object] = {"sequence": [_step(step) for step in node.steps]}
    for key, step in (("without", node.without), ("then_not", node.then_not)):
        held |= {key: _step(step)} if step is not None else {}
    for key, period in (("within", node.within), ("for", node.silence), ("in_last", node.in_last)):
        held |= _period(key, period)
    return held


def _step(step: Step) -> dict[str, object]:
    held: dict[str, object] = {"event": step.name}
    if step.where:
        held["where"] = [_condition(condition) for condition in step.where]
    held |= _hours(step.at)
    return held if step.currency is None else held | {"currency": step.currency}


def _measure(measure: Measure | Pick | Frequency) -> dict[str, object]:
    match measure:
        case Measure(kind, test):
            return {kind: ({"property": measure.name} if measure.path else {}) | _test(test)}
        case Frequency(times, unit, last, periods):
            counts = (
                {"last": last} | ({"times": times} if times > 1 else {}) | ({"in": periods} if periods < last else {})
            )
            return {"frequency": {"unit": unit} | {key: Decimal(count) for key, count in counts.items()}}
        case Pick(number, where, within, at):
            numbered = {} if number in (1, -1) else {"n": Decimal(number)}
            tests = {"where": [_condition(condition) for condition in where]} if where else {}
            return {pick_key(number): numbered | tests | _period("within", within) | _hours(at)}


def _condition(condition: PropertyTest) -> dict[str, object]:
    return {"property": condition.name, **_test(condition.test)}


def _hours(at: Hours | None) -> dict[str, object]:
    if at is None:
        return {}
    weekdays = {"weekdays": [WEEKDAYS[day - 1] for day in at.weekdays]} if at.weekdays else {}
    start = {"from": clock_time(at.start)} if at.start else {}
    end = {"to": clock_time(at.end)} if at.end < DAY_MINUTES else {}
    return {"at": weekdays | start | end}


def clock_time(minute: int) -> str:
    """A minute of the day as rules write it: 09:30."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _period(key: str, period: Period | None) -> dict[str, object]:
    """A period under the key of a clause; one from a day to another has a key of its own."""
    match period:
        case None:
            return {}
        case Window(seconds, months):
            lengths = {"seconds": seconds, "months": months}
            return {key: {unit: Decimal(count) for unit, count in lengths.items() if count}}
        case Calendar(unit, ago, whole):
            named = {} if ago and not whole else {"previous" if whole else "this": unit}
            return {key: named or {"calendar": True, f"{unit}s": Decimal(ago)}}
        case Between(start, end):
            return {
                "between": {side: _value(edge) for side, edge in (("from", start), ("to", end)) if edge is not None}
            }


def _test(test: Test) -> dict[str, object]:
    if not test.values:
        return {"op": test.op}
    values = [_value(value) for value in test.values]
    listed = test.op in LIST_OPS or test.op == "between"
    return {"op": test.op, "value": values if listed else values[0]}


def _value(value: Value) -> object:
    match value:
        case Number(held) | Text(held) | Flag(held):
            return held
        case DaysAgo(days, calendar):
            return {"days_ago": Decimal(days)} | ({"calendar": True} if calendar else {})
        case NextDays(days):
            return {"days": Decimal(days)}
        case This(unit):
            return {"this": unit}


def spelt(value: object) -> str:
    """JSON text with sorted keys, no spaces, and every Decimal as a plain number."""
    match value:
        case Mapping():
            return "{" + ",".join(f"{spelt(key)}:{spelt(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(spelt(part) for part in value) + "]"
        case Decimal():
            return format(value, "f")
        case _:
            return json.dumps(value, ensure_ascii=False)
