"""Write keys and the tracking plan, remembered for a few seconds: most requests ask the database for neither."""

import time

from cdp.events import queries
from cdp.events.types import KnownSource
from cdp.ingestion.plan import Plan
from consent import signals
from consent.types import Meanings

SECONDS = 3.0
_MOST = 10_000
_known: dict[str, tuple[float, KnownSource]] = {}
_plan: tuple[float, Plan] | None = None
_meanings: tuple[float, Meanings] | None = None


def by_write_key(key: str) -> KnownSource | None:
    """The source of a write key; only keys that exist are remembered, so a new one works at once."""
    kept = _known.get(key)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    source = queries.source_by_write_key(key) if 0 < len(key) <= 64 and key.isprintable() else None
    if source is not None:
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = (time.monotonic() + SECONDS, source)
    else:
        _known.pop(key, None)
    return source


def plan() -> Plan:
    """The tracking plan; versions of it that are known are not read again."""
    global _plan
    if _plan is None or _plan[0] < time.monotonic():
        _plan = (time.monotonic() + SECONDS, Plan.of(queries.planned_treatments(), queries.planned_rules()))
    return _plan[1]


def meanings() -> Meanings:
    """What signals of consent mean here."""
    global _meanings
    if _meanings is None or _meanings[0] < time.monotonic():
        _meanings = (time.monotonic() + SECONDS, signals.meanings())
    return _meanings[1]


def forget() -> None:
    """Drop what is remembered, as between tests."""
    global _plan, _meanings
    _known.clear()
    _plan = _meanings = None
