"""What differs between two versions of a plan, as lines that a reviewer reads. Pure."""

import json
from collections.abc import Iterator
from typing import Any

LONGEST_VALUE = 60


def changes(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """One line a difference: `+ place: value`, `- place`, `~ place: value → value`."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield f"~ {place}: {_short(before)} → {_short(after)}"
        return
    for name in sorted({*before, *after}):
        inner = f"{place}/{name}" if place else name
        if name not in before:
            yield f"+ {inner}: {_short(after[name])}"
        elif name not in after:
            yield f"- {inner}"
        else:
            yield from changes(before[name], after[name], inner)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
