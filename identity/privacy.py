"""What identity holds about records, to export and to erase."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from cdp.core.statements import column, execute
from cdp.core.touched import touch
from identity import households, online, parting_sql, registry, sql
from identity.models import Claim, Identifier, Link, Move, Profile, ProfileChange, Record, ReviewCase
from identity.queries import open_records


def export(records: list[UUID]) -> dict[str, Any]:
    """Each record with its attributes, identifiers and clear traits, as the sources said them; and what hints at people
    who may live with the person, without naming those."""
    return {
        "records": [
            {"record": record.id, "kind": record.kind, "traits": record.folded.traits} | record.folded.said()
            for record in open_records(records)
        ],
        "household_hints": households.told(records),
    }


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Delete the records and all evidence about them; a profile left without records is erased, its id kept as a tombstone."""
    execute(sql.LOCK)
    profiles = {p for p in Record.objects.filter(pk__in=records).values_list("profile_id", flat=True) if p}
    pairs = Q(left__in=records) | Q(right__in=records)
    keys, hints = online.drop_keys(records), households.forget(records)
    changes = column(parting_sql.FORGET_IN_CHANGES, {"records": records, "names": [str(one) for one in records]})
    deleted = [
        ReviewCase.objects.filter(pairs).delete(),
        Link.objects.filter(pairs).delete(),
        Claim.objects.filter(Q(leaf__in=records) | Q(record__in=records)).delete(),
        Identifier.objects.filter(record__in=records).delete(),
        Move.objects.filter(record__in=records).delete(),
        Record.objects.filter(pk__in=records).delete(),
    ]
    registry.forget(records)
    _entomb(profiles)
    touch("profiles", profiles)
    names = ("reviewcase", "link", "claim", "identifier", "move", "record")
    tables = [f"identity_{name}" for name in names]
    others = {
        "identity_blockingkey": keys, "identity_householdhint": hints, "identity_profilechange": len(changes),
    }  # fmt: skip
    return {**others, **dict(zip(tables, (count for count, _ in deleted), strict=True))}


def _entomb(profiles: set[UUID]) -> None:
    empty = list(Profile.objects.filter(pk__in=profiles, records=None, state=Profile.State.LIVE))
    Profile.objects.filter(pk__in=[profile.pk for profile in empty]).update(state=Profile.State.ERASED)
    ProfileChange.objects.bulk_create(
        [ProfileChange(profile=profile.pk, kind=ProfileChange.Kind.ERASED, actor="system:privacy") for profile in empty]
    )
