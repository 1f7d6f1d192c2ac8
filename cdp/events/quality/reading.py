"""Reads of the quality of what arrives: by source and day, and what was not as usual."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from uuid import UUID

from cdp.core.statements import fetch
from cdp.events import sql
from cdp.events.models import Source
from cdp.events.quality_models import Anomaly
from cdp.events.types import MEASURED, Alert, Measure, QualityDay

COUNTED = ("received", "repeated", *MEASURED)
# What of today and yesterday was not as usual is an alert.
ALERTED = timedelta(days=1)
_FACTS = ("source_id", "source__name", "day", "measure", "event", "field", "value", "usual")


def quality(sources: Collection[UUID], since: date) -> dict[UUID, dict[date, QualityDay]]:
    """What came in from some sources, by day (UTC); a day on which nothing came is not there."""
    counts: dict[UUID, dict[date, dict[str, int]]] = {}
    asked = {"since": since, "sources": list(sources), "kinds": list(COUNTED)}
    for source, day, kind, number in fetch(sql.QUALITY_DAYS, asked):
        counts.setdefault(source, {}).setdefault(day, {})[kind] = number
    return {source: {day: QualityDay(day, **its) for day, its in days.items()} for source, days in counts.items()}


def days_of(source: UUID, since: date, until: date) -> list[QualityDay]:
    """Every day of a source, from its first, but not before `since`."""
    found = quality([source], since).get(source, {})
    return list(_unbroken(found, until)) if found else []


def _unbroken(found: dict[date, QualityDay], until: date) -> Iterator[QualityDay]:
    day = min(found)
    while day <= until:
        yield found.get(day) or QualityDay(day)
        day += timedelta(days=1)


def measured_sources() -> dict[UUID, str]:
    """The sources of which quality is told: name by id."""
    return dict(Source.objects.filter(built_in=False).values_list("pk", "name"))


def alerts(since: date, most: int, source: UUID | None = None) -> list[Alert]:
    """What was not as usual since a day, the latest and farthest from it first."""
    rows = Anomaly.objects.filter(day__gte=since)
    if source is not None:
        rows = rows.filter(source=source)
    ordered = rows.order_by("-day", "-distance", "source__name", "measure", "event", "field")
    return [_alert(*row) for row in ordered.values_list(*_FACTS)[:most]]


def _alert(
    source: UUID, name: str, day: date, measure: str, event: str, field: str, value: float, middle: float | None
) -> Alert:
    return Alert(source, name, day, Measure(measure), event, field, value, middle)


def alerts_now(today: date) -> dict[tuple[str, Measure], int]:
    """How many alerts there are of yesterday and today, by the name of the source and the measure: for metrics."""
    rows = Anomaly.objects.filter(day__gte=today - ALERTED).values_list("source__name", "measure")
    found: dict[tuple[str, Measure], int] = {}
    for name, measure in rows:
        found[name, Measure(measure)] = found.get((name, Measure(measure)), 0) + 1
    return found
