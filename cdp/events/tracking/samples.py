"""The latest events that are kept, opened, and what a plan would have said of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from cdp.core import crypto
from cdp.core.money import major_units
from cdp.events.models import Event
from cdp.events.tracking.files import Plan
from cdp.events.tracking.infer import whole
from cdp.events.types import Violation

CHUNK = 500
# Of identify calls and rows about people what was sent is not kept as it was, but by what it means.
TYPES = ("track", "page", "screen", "group")


class Kept(NamedTuple):
    """One event as it is kept: the clear and the sealed part of its properties, and columns that are of them."""

    name: str
    clear: Mapping[str, Any]
    sealed: Mapping[str, Any]
    columns: Mapping[str, Any]

    def said(self) -> dict[str, Any]:
        """Its properties as they were sent; those that a file's mapping named come from the columns."""
        said: dict[str, Any] = whole(dict(self.clear), dict(self.sealed))
        return {name: value for name, value in self.columns.items() if value is not None} | said


def latest(most: int, source: UUID | None = None, event: str = "") -> Iterator[Kept]:
    """At most `most` events, the latest first: of a source, of a name, or all."""
    asked = {"source": source, "name": event}
    rows = Event.objects.filter(type__in=TYPES, **{name: value for name, value in asked.items() if value})
    facts = ("name", "record", "properties", "sealed", "order_id", "revenue", "currency")
    found = list(rows.order_by("-id").values_list(*facts)[:most])
    for at in range(0, len(found), CHUNK):
        keys = crypto.existing_data_keys([row[1] for row in found[at : at + CHUNK]])
        yield from (_kept(row, keys) for row in found[at : at + CHUNK])


def differences(plan: Plan, kept: Iterator[Kept]) -> tuple[int, Counter[Violation], int]:
    """(how many of these events the plan describes, how they differ, how many do)."""
    rules, described, differ, found = plan.rules(), 0, 0, Counter[Violation]()
    for event in kept:
        rule = rules.get(event.name)
        if rule is not None:
            violations = rule.violations(event.name, event.said())
            described, differ = described + 1, differ + bool(violations)
            found.update(violations)
    return described, found, differ


def _kept(row: tuple[Any, ...], keys: Mapping[UUID, crypto.RecordKey]) -> Kept:
    name, record, clear, sealed, order_id, revenue, currency = row
    opened = crypto.unseal(keys[record], "events_event", "sealed", sealed) if sealed and record in keys else {}
    money = None if revenue is None else float(major_units(revenue, currency))
    return Kept(name, clear, opened.get("properties", {}), {"order_id": order_id, "revenue": money})
