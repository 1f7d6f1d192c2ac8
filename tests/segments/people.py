"""Profiles with traits, events, contact points and consents, set up straight in the tables."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.models import Channel, Event, Source
from cdp.profiles.models import ContactPoint, Golden
from consent.actions import record_consents, refresh_effective
from consent.types import NewConsent
from identity.models import Profile, Record
from segments import actions
from segments.models import Membership, Segment, Transition

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
ACTOR = Actor.system("test")
VIP = {"trait": "orders_count", "op": "gte", "value": 3}


def source() -> Source:
    Channel.objects.get_or_create(key="web")
    fields = {"channel_id": "web", "zone": "Asia/Seoul", "currency": "KRW"}
    return Source.objects.get_or_create(name="shop", defaults=fields)[0]


def person(**traits: Any) -> UUID:
    """A live profile of one record, with these clear traits."""
    profile = Profile.objects.create()
    Record.objects.create(
        id=uuid4(), source=source(), kind="customer", profile=profile, first_seen=START, last_seen=START
    )
    Golden.objects.create(profile=profile, traits=traits)
    return profile.id


def people(number: int, **traits: Any) -> list[UUID]:
    """Many at once."""
    shop = source()
    profiles = Profile.objects.bulk_create([Profile() for _ in range(number)])
    Record.objects.bulk_create(
        Record(id=uuid4(), source=shop, kind="customer", profile=one, first_seen=START, last_seen=START)
        for one in profiles
    )
    Golden.objects.bulk_create(Golden(profile=one, traits=traits) for one in profiles)
    return [one.id for one in profiles]


def record_of(profile: UUID) -> UUID:
    return Record.objects.values_list("id", flat=True).get(profile=profile)


def happened(profile: UUID, name: str, at: datetime = NOW - timedelta(days=1), **fields: Any) -> None:
    """An event of this profile."""
    Event.objects.create(
        source=source(), message_id=str(uuid4()), type="track", name=name, record=record_of(profile), kind="customer",
        occurred_at=at, **fields,
    )  # fmt: skip


def retrait(profile: UUID, **traits: Any) -> None:
    """Give a profile other traits."""
    Golden.objects.filter(profile=profile).update(traits=traits)


def reachable(profile: UUID, kind: str = "email", **fields: Any) -> None:
    ContactPoint.objects.create(
        record_id=record_of(profile), kind=kind, digest=uuid4().bytes * 2, valid_from=START, **fields
    )


def says(profiles: UUID | list[UUID], state: str, **fields: Any) -> None:
    """A consent or its withdrawal in the ledger alone; `told` lets the rest know."""
    listed = [profiles] if isinstance(profiles, UUID) else profiles
    records = dict(Record.objects.filter(profile__in=listed).values_list("profile_id", "id"))
    crypto.data_keys(records.values())
    defaults: dict[str, Any] = {
        "purpose": "marketing", "channel": "email", "given_at": datetime.now(UTC), "method": "form",
        "recorded_by": "system:test", "state": state,
    }  # fmt: skip
    record_consents([NewConsent(key=uuid4(), record=records[profile], **defaults | fields) for profile in listed])


def told(*profiles: UUID) -> int:
    """What the consent stage does."""
    return actions.note_consent_changes(refresh_effective(list(profiles)))


def segment(key: str = "vip", rule: object = VIP, publish: bool = True, **fields: Any) -> Segment:
    fields.setdefault("purpose", "marketing")
    made = actions.create_segment(ACTOR, key=key, name=key, rule=rule, **fields)
    return actions.publish(ACTOR, made) if publish else made


def members_of(of: Segment) -> dict[UUID, datetime]:
    return dict(Membership.objects.filter(segment=of).values_list("profile_id", "entered_at"))


def transitions(of: Segment) -> list[tuple[UUID, str, str]]:
    """Every coming and going, in order of the profile."""
    return sorted(Transition.objects.filter(segment=of).values_list("profile", "kind", "reason"))


def execute(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []
