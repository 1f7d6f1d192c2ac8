"""What a database says in the end, in words that do not depend on ids drawn at random, clocks or the way it came there.

Profiles are called by the set of their records, whose ids follow from (source, kind, external id).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from consent.models import Effective
from identity import queries as identity
from identity.models import Claim, Identifier, Profile, Record
from segments.models import Membership

Name = frozenset[UUID]


def people() -> dict[UUID, Name]:
    """Every live profile and its records."""
    grouped: dict[UUID, set[UUID]] = {}
    for record, profile in Record.objects.values_list("pk", "profile_id"):
        if profile is not None:
            grouped.setdefault(profile, set()).add(record)
    return {profile: frozenset(records) for profile, records in grouped.items()}


def outcome() -> dict[str, Any]:
    """The partition of records, records, golden values, effective consents and memberships."""
    names = people()
    return {
        "partition": frozenset(names.values()),
        "live": Profile.objects.filter(state="live").count() - len(names),
        "homeless": frozenset(Record.objects.filter(profile=None).values_list("pk", flat=True)),
        "records": {record.id: _said(record) for record in identity.open_records(_all_records())},
        "claims": frozenset(Claim.objects.values_list("leaf", "record", "at", "message_id")),
        "identifiers": frozenset(_identifiers()),
        "contact points": frozenset(rows("select record_id, kind, digest, usable, valid_from, valid_to from profiles_contactpoint")),
        "golden": {names[pk]: (traits, lineage) for pk, traits, lineage in _golden()},
        "consents": frozenset((names[row[0]], *row[1:]) for row in _effective()),
        "members": frozenset((key, names[pk]) for key, pk in Membership.objects.values_list("segment__key", "profile")),
    }  # fmt: skip


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The parts in which two outcomes differ, the first cause first."""
    return [part for part in one if one[part] != other[part]]


def _all_records() -> list[UUID]:
    return list(Record.objects.order_by("pk").values_list("pk", flat=True))


def _said(record: Any) -> tuple[Any, ...]:
    part = record.folded
    return part.external_id, part.values, part.identifiers, part.traits, record.first_seen, record.last_seen


def _identifiers() -> Iterable[tuple[Any, ...]]:
    rows = Identifier.objects.values_list("record", "kind", "digest", "first_seen", "last_seen")
    return ((record, kind, bytes(digest), first, last) for record, kind, digest, first, last in rows)


def _golden() -> list[tuple[Any, ...]]:
    read = rows("select profile_id, traits::text, lineage::text from profiles_golden")
    return [(profile, json.loads(traits), json.loads(lineage)) for profile, traits, lineage in read]


def _effective() -> Iterable[tuple[Any, ...]]:
    return Effective.objects.values_list("profile", "purpose", "channel", "brand", "state", "since", "expires_at")


def rows(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """What a statement answers, bytes as bytes."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]


def digest(value: object) -> str:
    """A short name for any value."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
