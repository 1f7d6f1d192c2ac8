"""Reads of the event store."""

from uuid import UUID

from cdp.events.models import PlannedField, Source, WriteKey
from cdp.events.types import KnownSource, PlannedTreatment

_FACTS = ("id", "name", "channel_id", "brand", "zone", "currency", "enabled")


def source_by_write_key(key: str) -> KnownSource | None:
    """The source that `key` writes to, enabled or not; None for a key that is unknown or switched off."""
    row = WriteKey.objects.filter(key=key, enabled=True).values_list(*(f"source__{fact}" for fact in _FACTS)).first()
    return KnownSource(*row) if row else None


def source_by_name(name: str) -> KnownSource | None:
    """The source called `name`, or None."""
    row = Source.objects.filter(name=name).values_list(*_FACTS).first()
    return KnownSource(*row) if row else None


def source_by_id(source: UUID) -> KnownSource | None:
    """The source with this id, or None."""
    row = Source.objects.filter(id=source).values_list(*_FACTS).first()
    return KnownSource(*row) if row else None


def planned_treatments() -> list[PlannedTreatment]:
    """The whole tracking plan: a few rows, kept by callers for a few seconds."""
    clear = PlannedField.Treatment.CLEAR
    rows = PlannedField.objects.values_list("source_id", "event", "path", "treatment")
    return [PlannedTreatment(source, event, path, word == clear) for source, event, path, word in rows]
