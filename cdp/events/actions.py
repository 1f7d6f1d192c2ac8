"""Writes of the event store."""

import secrets

from django.conf import settings
from django.db import transaction

from cdp.core.actions import audit
from cdp.core.types import Actor
from cdp.events.models import Channel, Source, WriteKey

CHANNELS = (
    "web", "app", "pos", "call_center", "chat", "email", "messaging", "social", "survey", "crm", "ads", "partner",
)  # fmt: skip
STEWARD = "steward"


def ship_rows(using: str) -> None:
    """The rows every installation has: the channels, and the built-in source of stewards' corrections."""
    channels = Channel.objects.using(using)
    channels.bulk_create([Channel(key=key) for key in CHANNELS], ignore_conflicts=True)
    Source.objects.using(using).get_or_create(
        name=STEWARD,
        defaults={
            "channel_id": "crm",
            "trust_rank": 0,
            "zone": settings.TIME_ZONE,
            "currency": settings.DEFAULT_CURRENCY,
            "built_in": True,
        },
    )


@transaction.atomic
def create_source(
    actor: Actor,
    name: str,
    channel: str,
    *,
    brand: str = "",
    party: str = Source.Party.FIRST,
    trust_rank: int = 50,
    zone: str = "",
    currency: str = "",
) -> tuple[Source, str]:
    """Make a source and its first write key; returns both."""
    source = Source.objects.create(
        name=name,
        channel_id=channel,
        brand=brand,
        party=party,
        trust_rank=trust_rank,
        zone=zone or settings.TIME_ZONE,
        currency=currency or settings.DEFAULT_CURRENCY,
    )
    audit(actor, "source.created", target=str(source.id))
    return source, create_write_key(actor, source)


@transaction.atomic
def create_write_key(actor: Actor, source: Source) -> str:
    """One more write key of `source`."""
    key = WriteKey.objects.create(key=f"wk_{secrets.token_urlsafe(24)}", source=source)
    audit(actor, "write_key.created", target=str(source.id))
    return key.key
