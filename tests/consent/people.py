"""Records, profiles and lines of the ledger, set up straight in the tables."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from cdp.core import crypto
from cdp.events.models import Channel, Source
from cdp.profiles.models import ContactPoint
from consent.actions import record_consents
from consent.types import NewConsent
from identity.models import Profile, Record

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


def day(month: int, year: int = 2026) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def source(name: str = "shop") -> Source:
    Channel.objects.get_or_create(key="web")
    fields = {"channel_id": "web", "zone": "Asia/Seoul", "currency": "KRW"}
    return Source.objects.get_or_create(name=name, defaults=fields)[0]


def profile() -> UUID:
    return Profile.objects.create().id


def record(of: UUID | None) -> UUID:
    made = Record.objects.create(
        id=uuid4(), source=source(), kind="customer", profile_id=of, first_seen=START, last_seen=START
    )
    crypto.data_keys([made.id])
    return made.id


def person() -> tuple[UUID, UUID]:
    """A profile of one record."""
    of = profile()
    return of, record(of)


def holds(record_id: UUID, kind: str, digest: bytes, **fields: Any) -> None:
    ContactPoint.objects.create(record_id=record_id, kind=kind, digest=digest, valid_from=START, **fields)


def line(record_id: UUID | None, state: str, at: datetime, **fields: Any) -> NewConsent:
    defaults: dict[str, Any] = {"purpose": "marketing", "channel": "email", "key": uuid4(), "method": "form"}
    return NewConsent(record=record_id, state=state, given_at=at, recorded_by="system:test", **defaults | fields)


def say(record_id: UUID | None, state: str, at: datetime, **fields: Any) -> int:
    return record_consents([line(record_id, state, at, **fields)])
