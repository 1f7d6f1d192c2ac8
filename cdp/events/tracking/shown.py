"""Plans as people read them: events and fields by their titles, and how often what arrived differed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from cdp.events import queries
from cdp.events.models import TrackingPlan
from cdp.events.tracking.files import Plan, words_of
from cdp.events.types import VIOLATIONS, DataClass, DescribedField, Mode, PlannedEvent, ViolationCount
from cdp.events.words import in_korean

DAYS, MOST = 7, 1000
TONES = {Mode.OBSERVE: "", Mode.WARN: "warn", Mode.BLOCK: "bad"}


def planned_events(rows: list[TrackingPlan]) -> Iterator[PlannedEvent]:
    """Every event of some plans, in order of their keys and names."""
    for row in rows:
        plan = Plan(row.content)
        for event, schema in sorted(plan.events.items()):
            yield PlannedEvent(
                row.key, row.version, row.source.name if row.source else "", event, plan.mode(event), plan.owner(event),
                words_of(schema, "title"), words_of(schema, "description"), tuple(_described(plan, event)),
            )  # fmt: skip


def shown(row: TrackingPlan) -> dict[str, Any]:
    """What the page of a plan tells."""
    source = row.source.name if row.source else None
    found: dict[str, list[ViolationCount]] = defaultdict(list)
    for one in queries.violations(timezone.now().date() - timedelta(days=DAYS), MOST, source):
        found[one.event].append(one)
    return {"days": DAYS, "planned": [_told(event, found[event.event]) for event in planned_events([row])]}


def _told(event: PlannedEvent, found: list[ViolationCount]) -> dict[str, Any]:
    language = "ko" if in_korean() else "en"
    return {
        "event": event, "title": event.titles[language] or event.event, "description": event.descriptions[language],
        "mode": Mode(event.mode).label, "tone": TONES[Mode(event.mode)],
        "fields": [_field(field, language) for field in event.fields],
        "found": [(one, VIOLATIONS.get(one.kind, one.kind)) for one in found], "differ": sum(one.number for one in found),
    }  # fmt: skip


def _field(field: DescribedField, language: str) -> dict[str, Any]:
    return {"field": field, "title": field.titles[language], "data_class": DataClass(field.data_class).label}


def _described(plan: Plan, event: str) -> Iterator[DescribedField]:
    required = {"": plan.events[event].get("required", [])}
    for path, field in plan.fields(event):
        items = field.get("items")
        required[path] = (items if isinstance(items, Mapping) else field).get("required", [])
        parent, _dot, name = path.rpartition(".")
        kind, personal = field.get("type", ()), field.get("personal")
        types = (kind,) if isinstance(kind, str) else tuple(kind)
        data_class = str(field.get("data_class", DataClass.GENERAL))
        yield DescribedField(path, words_of(field, "title"), types, name in required[parent], personal, data_class)
