"""Reading the times of a rule: lengths, windows up to now, units of the calendar, and from one day to another."""

import re
from collections.abc import Mapping
from typing import get_args

from segments.query import bounds, values
from segments.query.ast import DAY_MINUTES, Between, Calendar, CalendarUnit, DaysAgo, Hours, Period, Text, Window
from segments.query.problems import Notes, child

Json = Mapping[str, object]
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
MONTHS = {"months": 1, "quarters": 3, "years": 12}
CALENDAR: Mapping[str, CalendarUnit] = {f"{unit}s": unit for unit in get_args(CalendarUnit)}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = re.compile(r"([0-2][0-9]):([0-5][0-9])")
NAMED = ("this", "previous")
# A month of the Gregorian calendar on average, so that a hundred years are as long in months as in days.
MONTH = 2_629_800
MOST = values.MOST_DAYS * 86_400


def length(clause: Json, key: str, path: str, notes: Notes) -> Window | None:
    """The length of time under a key, in units that are always equally long; None where there is none, or it is wrong."""
    if key not in clause:
        return None
    held = values.mapping(clause[key], child(path, key), notes)
    return None if held is None else _rolling(held, SECONDS, child(path, key), notes)


def period(clause: Json, key: str, path: str, notes: Notes) -> Period | None:
    """The window under a key, or what stands under "between"; None where there is neither, or it is wrong and noted."""
    if key in clause and "between" in clause:
        notes.add(child(path, "between"), "one_window", names=f"{key}, between")
    if "between" in clause:
        return _between(clause["between"], child(path, "between"), notes)
    held = values.mapping(clause[key], child(path, key), notes) if key in clause else None
    return None if held is None else _window(held, child(path, key), notes)


def _window(held: Json, path: str, notes: Notes) -> Period | None:
    """`{"days": 30}`, units added up; `{"weeks": 2, "calendar": true}`; `{"this": "month"}`; `{"previous": "week"}`."""
    for key in NAMED:
        if key in held:
            values.only_keys(held, (key,), path, notes)
            named = unit(held[key], child(path, key), notes)
            return Calendar(named, int(key == "previous"), key == "previous") if named else None
    if values.flag(held.get("calendar", False), child(path, "calendar"), notes):
        return _by_calendar(held, path, notes)
    return _rolling(held, SECONDS | MONTHS, path, notes, ("calendar", *NAMED))


def unit(value: object, path: str, notes: Notes) -> CalendarUnit | None:
    """The name of a unit of the calendar."""
    for known in CALENDAR.values():
        if value == known:
            return known
    notes.add(path, "unknown_unit", name=value, known=", ".join(CALENDAR.values()))
    return None


def hours(clause: Json, path: str, notes: Notes) -> Hours | None:
    """`"at": {"weekdays": ["sat", "sun"], "from": "22:00", "to": "02:00"}`: when in the week an event happened."""
    held = values.mapping(clause["at"], child(path, "at"), notes) if "at" in clause else None
    if held is None:
        return None
    path = child(path, "at")
    values.only_keys(held, ("weekdays", "from", "to"), path, notes)
    if not held:
        notes.add(path, "empty_hours")
    weekdays = _weekdays(held["weekdays"], child(path, "weekdays"), notes) if "weekdays" in held else ()
    start = _minute(held.get("from", "00:00"), child(path, "from"), notes) % DAY_MINUTES
    end = _minute(held.get("to", "24:00"), child(path, "to"), notes)
    if held.keys() & {"from", "to"} and start == end % DAY_MINUTES:
        notes.add(path, "no_hours")
    return Hours(weekdays, start, end)


def _weekdays(value: object, path: str, notes: Notes) -> tuple[int, ...]:
    listed = values.listed(value, path, notes)
    if listed == []:
        notes.add(path, "empty_list")
    found: set[int] = set()
    for index, name in enumerate((listed or [])[: len(WEEKDAYS) + 1]):
        if isinstance(name, str) and name in WEEKDAYS:
            found.add(WEEKDAYS.index(name) + 1)
        else:
            notes.add(child(path, index), "unknown_unit", name=name, known=", ".join(WEEKDAYS))
    return tuple(sorted(found))


def _minute(value: object, path: str, notes: Notes) -> int:
    """The minute of the day; 24:00 is its end."""
    read = TIME.fullmatch(value) if isinstance(value, str) else None
    minute = int(read[1]) * 60 + int(read[2]) if read else -1
    if not 0 <= minute <= DAY_MINUTES:
        notes.add(path, "bad_time")
    return minute


def _by_calendar(held: Json, path: str, notes: Notes) -> Calendar | None:
    values.only_keys(held, (*SECONDS, *MONTHS, "calendar"), path, notes)
    used = [key for key in held if key in CALENDAR or key in SECONDS]
    if len(used) != 1 or used[0] not in CALENDAR:
        notes.add(path, "calendar_units", known=", ".join(CALENDAR))
        return None
    size = SECONDS.get(used[0]) or MONTHS[used[0]] * MONTH
    count = values.integer(held[used[0]], 1, MOST // size, child(path, used[0]), notes)
    return None if count is None else Calendar(CALENDAR[used[0]], count)


def _rolling(held: Json, units: Json, path: str, notes: Notes, also: tuple[str, ...] = ()) -> Window | None:
    values.only_keys(held, (*units, *also), path, notes)
    used = [key for key in units if key in held]
    if not used:
        notes.add(path, "empty_window")
    counts = {key: values.integer(held[key], 1, MOST, child(path, key), notes) or 0 for key in used}
    seconds = sum(count * SECONDS[key] for key, count in counts.items() if key in SECONDS)
    months = sum(count * MONTHS[key] for key, count in counts.items() if key in MONTHS)
    if seconds + months * MONTH > MOST:
        notes.add(path, "window_length", limit=values.MOST_DAYS)
        return None
    return Window(seconds, months)


def _between(value: object, path: str, notes: Notes) -> Between | None:
    """`{"from": "2026-01-01", "to": {"days_ago": 30}}`, both included; one of them may be left out."""
    held = values.mapping(value, path, notes)
    if held is None:
        return None
    values.only_keys(held, ("from", "to"), path, notes)
    if not held.keys() & {"from", "to"}:
        notes.add(path, "empty_between")
    start, end = (_edge(held[key], child(path, key), notes) if key in held else None for key in ("from", "to"))
    if _descends(start, end):
        notes.add(path, "between_order")
    return Between(start, end)


def _edge(value: object, path: str, notes: Notes) -> Text | DaysAgo | None:
    if isinstance(value, dict):
        return values.days_ago(value, path, notes)
    if not isinstance(value, str) or not bounds.names_time(value):
        notes.add(path, "bad_moment")
        return None
    return Text(value)


def _descends(start: Text | DaysAgo | None, end: Text | DaysAgo | None) -> bool:
    """Whether the end lies before the start; unknown of a day and a moment, whose order the zone decides."""
    match start, end:
        case DaysAgo(later, one), DaysAgo(earlier, other):
            return one == other and later < earlier
        case Text(low), Text(high):
            read = [(bounds.read_date(text), bounds.read_moment(text)) for text in (low, high)]
            return any(one is not None and other is not None and one > other for one, other in zip(*read, strict=True))
    return False
