"""Reading windows: so many seconds, minutes, hours, days and weeks, or calendar days of the segment's zone."""

from collections.abc import Mapping

from segments.query import values
from segments.query.ast import Window
from segments.query.problems import Notes, child

UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}


def optional(
    clause: Mapping[str, object], key: str, path: str, notes: Notes, *, calendar: bool = True
) -> Window | None:
    """The window under a key of a clause; None where there is none, or where it is wrong and noted."""
    return window(clause[key], child(path, key), notes, calendar=calendar) if key in clause else None


def window(value: object, path: str, notes: Notes, *, calendar: bool = True) -> Window | None:
    """`{"days": 30}`, units added up; `"calendar": true` counts days of the zone, where that is allowed at all."""
    held = values.mapping(value, path, notes)
    if held is None:
        return None
    values.only_keys(held, (*UNITS, *(["calendar"] if calendar else [])), path, notes)
    by_calendar = values.flag(held.get("calendar", False), child(path, "calendar"), notes)
    used = [unit for unit in UNITS if unit in held]
    if not used:
        notes.add(path, "empty_window")
    if by_calendar and used != ["days"]:
        notes.add(path, "calendar_days")
    return _length(held, used, by_calendar, path, notes)


def _length(held: Mapping[str, object], used: list[str], calendar: bool, path: str, notes: Notes) -> Window | None:
    most = values.MOST_DAYS * UNITS["days"]
    read = [values.integer(held[unit], 1, most, child(path, unit), notes) for unit in used]
    seconds = sum((count or 0) * UNITS[unit] for unit, count in zip(used, read, strict=True))
    if seconds > most:
        notes.add(path, "window_length", limit=values.MOST_DAYS)
        return None
    return Window(seconds, calendar)
