"""Reading the values of a rule: numbers, texts, flags, days ago. Each reader notes what is wrong and returns None."""

import math
import re
from collections.abc import Collection, Mapping
from decimal import Context, Decimal
from typing import get_args

from segments.query.ast import DaysAgo, Flag, NextDays, Number, Text, This, Unit, Value
from segments.query.problems import Notes, child

LONGEST_TEXT = 500
LONGEST_NAME = 200
MOST_DAYS = 36_525
YEAR = 365
MOST_UNKNOWN_KEYS = 5
WHOLE_DIGITS = 32
DECIMALS = 6
EXACT = Context(prec=60)
THESE: tuple[Unit, ...] = get_args(Unit)
CURRENCY = re.compile(r"[A-Z]{3}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def mapping(value: object, path: str, notes: Notes) -> Mapping[str, object] | None:
    """An object with string keys."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    notes.add(path, "type", expected="an object")
    return None


def listed(value: object, path: str, notes: Notes) -> list[object] | None:
    """A list."""
    if isinstance(value, list):
        return value
    notes.add(path, "type", expected="a list")
    return None


def only_keys(value: Mapping[str, object], known: Collection[str], path: str, notes: Notes) -> None:
    """Note keys that this clause does not know: a misspelt window must not silently mean "ever"."""
    for name in [key for key in value if key not in known][:MOST_UNKNOWN_KEYS]:
        notes.add(child(path, name), "unknown_key", name=name, known=", ".join(known))


def scalar(value: object, path: str, notes: Notes) -> Value | None:
    """A number, text, flag, `{"days_ago": n}` or `{"this": "month"}`."""
    match value:
        case bool():
            return Flag(value)
        case int() | float() | Decimal():
            return number(value, path, notes)
        case str():
            read = text(value, path, notes)
            return None if read is None else Text(read)
        case dict() if "this" in value:
            return this(value, path, notes)
        case dict():
            return days_ago(value, path, notes)
    notes.add(path, "type", expected="a number, a text, true, false, days ago or this month")
    return None


def number(value: object, path: str, notes: Notes) -> Number | None:
    """A DECIMAL(38,6): finite, below 10^32, at most six decimals. A boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        notes.add(path, "type", expected="a number")
        return None
    if not finite(value):
        notes.add(path, "number_finite")
        return None
    return _decimal(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), path, notes)


def finite(value: int | float | Decimal) -> bool:
    """Neither infinite nor not-a-number (an int always is, whatever its size)."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or math.isfinite(value)


def _decimal(value: Decimal, path: str, notes: Notes) -> Number | None:
    if not value:
        return Number(Decimal(0))
    if value.adjusted() >= WHOLE_DIGITS:
        notes.add(path, "number_range")
        return None
    digits = "".join(map(str, value.as_tuple().digits))
    exponent = int(value.as_tuple().exponent) + len(digits) - len(digits.rstrip("0"))
    if exponent < -DECIMALS:
        notes.add(path, "number_decimals")
        return None
    return Number(Decimal(format(value.normalize(EXACT), "f")))


def integer(value: object, low: int, high: int, path: str, notes: Notes) -> int | None:
    """A whole number within bounds; 3.0 counts as 3, true does not count."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not finite(value):
        notes.add(path, "type", expected="a whole number")
    elif not low <= value <= high:
        notes.add(path, "integer_range", low=low, high=high)
    elif value != int(value):
        notes.add(path, "type", expected="a whole number")
    else:
        return int(value)
    return None


def text(value: object, path: str, notes: Notes, limit: int = LONGEST_TEXT, empty: bool = True) -> str | None:
    """A text that every engine can store: no NUL, no lone surrogate, not too long."""
    if not isinstance(value, str):
        notes.add(path, "type", expected="a text")
    elif len(value) > limit:
        notes.add(path, "too_long", limit=limit)
    elif UNSTORABLE.search(value):
        notes.add(path, "bad_text")
    elif not value and not empty:
        notes.add(path, "empty_text")
    else:
        return value
    return None


def name(value: object, path: str, notes: Notes) -> str | None:
    """The name of an event, trait, segment, purpose or channel: 1 to 200 characters."""
    return text(value, path, notes, limit=LONGEST_NAME, empty=False)


def flag(value: object, path: str, notes: Notes) -> bool:
    """True or false; false where it is neither."""
    if not isinstance(value, bool):
        notes.add(path, "type", expected="true or false")
    return value is True


def currency(value: object, path: str, notes: Notes) -> str | None:
    """An ISO 4217 code."""
    if isinstance(value, str) and CURRENCY.fullmatch(value):
        return value
    notes.add(path, "currency_code")
    return None


def days_ago(value: object, path: str, notes: Notes) -> DaysAgo | None:
    """`{"days_ago": 60}`, with `"calendar": true` for days of the segment's zone."""
    held = mapping(value, path, notes)
    if held is None:
        return None
    only_keys(held, ("days_ago", "calendar"), path, notes)
    days = integer(held.get("days_ago"), 0, MOST_DAYS, child(path, "days_ago"), notes)
    calendar = flag(held.get("calendar", False), child(path, "calendar"), notes)
    return None if days is None else DaysAgo(days, calendar)


def next_days(value: object, path: str, notes: Notes) -> NextDays | None:
    """`{"days": 7}`: today and the seven days after it."""
    held = mapping(value, path, notes)
    if held is None:
        return None
    only_keys(held, ("days",), path, notes)
    days = integer(held.get("days"), 0, YEAR, child(path, "days"), notes)
    return None if days is None else NextDays(days)


def this(value: object, path: str, notes: Notes) -> This | None:
    """`{"this": "month"}`: the number of the month that it is in the segment's zone."""
    held = mapping(value, path, notes)
    if held is None:
        return None
    only_keys(held, ("this",), path, notes)
    for unit in THESE:
        if held["this"] == unit:
            return This(unit)
    notes.add(child(path, "this"), "unknown_unit", name=held["this"], known=", ".join(THESE))
    return None
