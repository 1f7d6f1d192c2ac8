"""What the event store holds about records, to export and to erase. Last in the order: with the data keys goes the rest."""

from typing import Any
from uuid import UUID

from django.db import transaction

from cdp.core import crypto
from cdp.core.models import DataKey
from cdp.events.models import Event

FACTS = (
    "id", "source__name", "type", "name", "occurred_at", "received_at", "session", "place", "campaign", "account",
    "order_id", "brand", "currency", "revenue", "properties",
)  # fmt: skip


def export(records: list[UUID]) -> dict[str, Any]:
    """Every event of these records, its sealed part opened."""
    keys = crypto.existing_data_keys(records)
    events = Event.objects.filter(record__in=records).order_by("occurred_at", "id")
    return {"events": [_event(event, keys) for event in events.values("record", "sealed", *FACTS).iterator()]}


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Delete the events and destroy the data keys, after which no copy of a sealed value can be opened."""
    events, _ = Event.objects.filter(record__in=records).delete()
    shredded, _ = DataKey.objects.filter(record__in=records).delete()
    return {"events_event": events, "keys.core_datakey": shredded}


def _event(event: dict[str, Any], keys: dict[UUID, crypto.RecordKey]) -> dict[str, Any]:
    record, sealed = event.pop("record"), event.pop("sealed")
    opened = crypto.unseal(keys[record], "events_event", "sealed", sealed) if sealed and record in keys else {}
    return event | {"personal": opened}
