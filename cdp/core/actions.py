"""Writes of core: audit rows, counters, service keys."""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core import sql
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, Disclosure, ServiceKey
from cdp.core.statements import execute, hexadecimals, literal
from cdp.core.types import Actor, now, uuid7

SCOPES = (
    "profiles:read",
    "profiles:lookup",
    "profiles:personal",
    "identity:write",
    "segments:read",
    "segments:write",
    "members:read",
    "destinations:read",
    "destinations:write",
    "destinations:use",
    "privacy:read",
    "privacy:write",
    "consents:write",
    "events:read",
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
    actor: Actor, action: str, profiles: Collection[UUID] | str = (), *, subjects: Collection[UUID] = (),
    target: str = "", purpose: str = "", **details: Any,
) -> None:  # fmt: skip
    """Append the audit row of a reading, and beside it whom it told of; the row's digest seals that list.

    Profile ids (also as PostgreSQL writes an array of them) and subjects are opaque, and lead to nobody once a person is
    erased.
    """
    told, of, about = uuid7(), sorted(hexadecimals(profiles)), sorted(hexadecimals(subjects))
    execute(sql.TELL, [told, literal(of), literal(about)])
    details |= {"disclosure": str(told), "digest": _digest(of, about), "count": len(of) or len(about)}
    audit(actor, action, target=target, purpose=purpose, **details)


def disclosed(told: Disclosure) -> str:
    """SHA-256 over the ids of a disclosure, in hexadecimal."""
    return _digest(hexadecimals(told.profiles), hexadecimals(told.subjects))


def _digest(profiles: Sequence[str], subjects: Sequence[str]) -> str:
    return hashlib.sha256(b"\x1f".join(bytes.fromhex("".join(ids)) for ids in (profiles, subjects))).hexdigest()


def count(source: UUID | None, kinds: Mapping[str, int], day: date | None = None) -> None:
    """Add to today's counters of `source`, or of another day (UTC), in sorted order so that writers at once cannot
    deadlock."""
    rows = sorted((kind, number) for kind, number in kinds.items() if number)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(sql.COUNT, [day, source, [kind for kind, _ in rows], [number for _, number in rows]])


# While one replaces the other.
MOST_ACTIVE = 2
VALID_FOR = timedelta(days=365)


@transaction.atomic
def create_service_key(
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    *,
    purpose: str = "",
    contact_channel: str = "",
    expires_at: datetime | None = None,
    group: Group | None = None,
) -> tuple[ServiceKey, str]:
    """Make a bearer key; the secret is returned this once and kept only as a SHA-256 of its 256 bits.

    It expires after a year where nothing else is said. A key of a group sees the segments that the group sees. Raises
    `Refused` where two keys of this name are active: revoke one first.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.ONE_AT_A_TIME, [name])
    if active_keys(name).count() >= MOST_ACTIVE:
        raise Refused("too_many_keys", _("Two service keys of this name are active: revoke one first."))
    prefix = f"cdp_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ServiceKey.objects.create(
        name=name,
        prefix=prefix,
        digest=hashlib.sha256(secret.encode()).digest(),
        scopes=list(scopes),
        purpose=purpose,
        contact_channel=contact_channel,
        expires_at=expires_at or now() + VALID_FOR,
        group=group,
    )
    audit(actor, "service_key.created", target=str(key.id), scopes=list(scopes))
    return key, secret


def active_keys(name: str) -> QuerySet[ServiceKey]:
    """The keys of a name that open something now."""
    return ServiceKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now()), name=name, revoked_at=None)


@transaction.atomic
def revoke_service_key(actor: Actor, key: ServiceKey) -> None:
    """From now on the key opens nothing: every request asks anew, and a running export ends with its present part."""
    if ServiceKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now()):
        audit(actor, "service_key.revoked", target=str(key.pk))
