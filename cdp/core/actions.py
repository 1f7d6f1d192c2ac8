"""Writes of core: audit rows, counters, service keys."""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from cdp.core import sql
from cdp.core.models import AuditEntry, Disclosure, ServiceKey
from cdp.core.types import Actor

SCOPES = (
    "profiles:read",
    "profiles:lookup",
    "profiles:personal",
    "identity:write",
    "segments:read",
    "segments:write",
    "members:read",
    "privacy:read",
    "privacy:write",
)


def audit(
    actor: Actor, action: str, *, subject: UUID | None = None, target: str = "", purpose: str = "", **details: Any
) -> None:
    """Append one audit row: opaque ids and names of fields only, never a personal value."""
    AuditEntry(actor=actor.name, action=action, subject=subject, target=target, purpose=purpose, details=details).save(
        force_insert=True
    )


@transaction.atomic
def disclose(
    actor: Actor, action: str, profiles: Collection[UUID] = (), *, subjects: Collection[UUID] = (), target: str = "",
    purpose: str = "", **details: Any,
) -> None:  # fmt: skip
    """Append the audit row of a reading, and beside it whom it told of; the row's digest seals that list.

    Profile ids and subjects are opaque, and lead to nobody once a person is erased.
    """
    told = Disclosure(profiles=sorted(profiles), subjects=sorted(subjects))
    told.save(force_insert=True)
    details |= {"disclosure": str(told.pk), "digest": disclosed(told), "count": len(profiles) or len(subjects)}
    audit(actor, action, target=target, purpose=purpose, **details)


def disclosed(told: Disclosure) -> str:
    """SHA-256 over the ids of a disclosure, in hexadecimal."""
    listed = (b"".join(one.bytes for one in ids) for ids in (told.profiles, told.subjects))
    return hashlib.sha256(b"\x1f".join(listed)).hexdigest()


def count(source: UUID | None, kinds: Mapping[str, int]) -> None:
    """Add to today's counters of `source`, in sorted order so that writers at once cannot deadlock."""
    rows = sorted((kind, number) for kind, number in kinds.items() if number)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(sql.COUNT, [source, [kind for kind, _ in rows], [number for _, number in rows]])


@transaction.atomic
def create_service_key(
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    *,
    purpose: str = "",
    contact_channel: str = "",
    expires_at: datetime | None = None,
) -> tuple[ServiceKey, str]:
    """Make a bearer key; the secret is returned this once and kept only as a SHA-256 of its 256 bits."""
    prefix = f"cdp_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ServiceKey.objects.create(
        name=name,
        prefix=prefix,
        digest=hashlib.sha256(secret.encode()).digest(),
        scopes=list(scopes),
        purpose=purpose,
        contact_channel=contact_channel,
        expires_at=expires_at,
    )
    audit(actor, "service_key.created", target=str(key.id), scopes=list(scopes))
    return key, secret
