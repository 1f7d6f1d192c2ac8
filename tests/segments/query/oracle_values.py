"""How the oracle reads, types and compares single values."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

EXACT = Context(prec=200, rounding=ROUND_HALF_UP)
MISSING = None


def reach(properties: Any, path: str) -> list[Any]:
    """The values at a dotted path: one, missing where anything on the way is no object; with [] those of the elements."""
    found = [properties]
    for name in path.split("."):
        found = [value.get(name.removesuffix("[]")) if isinstance(value, dict) else MISSING for value in found]
        if name.endswith("[]"):
            found = [element for value in found if isinstance(value, list) for element in value]
    return found


def number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    rounded = EXACT.quantize(Decimal(str(value)), Decimal("0.000001"))
    return rounded if abs(rounded) < 10**32 else None


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def day_text(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None


def moment_text(value: Any) -> str | None:
    shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z"
    return value if isinstance(value, str) and re.fullmatch(shape, value) else None


READ: dict[str, Callable[[Any], Any]] = {
    "number": number,
    "string": text,
    "boolean": boolean,
    "date": day_text,
    "moment": moment_text,
}


def kind_of(condition: dict[str, Any]) -> str:
    """The type of an undescribed property: that of the value it is compared with."""
    wanted = condition.get("value")
    several = wanted if isinstance(wanted, list) else [wanted]
    if any(isinstance(one, dict) for one in several):
        return "number" if {"this": "month"} in several else "date"
    if isinstance(several[0], bool):
        return "boolean"
    return "number" if isinstance(several[0], int | float) else "string"


def compare(value: Any, test: dict[str, Any]) -> bool:
    wanted = test["value"]
    checks: dict[str, Callable[[], bool]] = {
        "eq": lambda: value == wanted,
        "ne": lambda: value != wanted,
        "in": lambda: value in wanted,
        "gt": lambda: value > wanted,
        "gte": lambda: value >= wanted,
        "lt": lambda: value < wanted,
        "lte": lambda: value <= wanted,
        "between": lambda: wanted[0] <= value <= wanted[1],
    }
    return checks[test["op"]]()


def countable(value: Any) -> Any:
    """A value as it is told from others: a text, a number or a flag."""
    return next((one for one in (text(value), boolean(value), number(value)) if one is not None), None)


def most_frequent(values: list[Any]) -> Any:
    """Of values that are equally frequent the least."""
    return min(values, key=lambda value: (-values.count(value), value))


def measured(kind: str, values: list[Decimal], asked: dict[str, Any]) -> bool:
    """The sum of none is 0; avg, min and max of none fit nothing. An average is compared without dividing."""
    wanted = asked["value"]
    bounds = [Decimal(str(one)) for one in (wanted if isinstance(wanted, list) else [wanted])]
    if kind != "sum" and not values:
        return False
    result = {"sum": sum, "avg": sum, "min": min, "max": max}[kind](values)
    factor = len(values) if kind == "avg" else 1
    scaled = [bound * factor for bound in bounds]
    return compare(result, {"op": asked["op"], "value": scaled if isinstance(wanted, list) else scaled[0]})
