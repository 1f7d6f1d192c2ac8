"""Answers about profiles that span identity, the golden record and consent."""

from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.api.errors import Problem, bad_request
from cdp.api.forms import UNSTORABLE
from cdp.core import crypto, sequence
from cdp.core.models import Sequence
from cdp.events.models import Source
from cdp.profiles.models import Golden
from consent.models import Effective
from identity.fold import BRANDED, qualified
from identity.linkage import normalise
from identity.models import Identifier, Profile, ProfileChange, Record
from identity.types import LEAVES

MOST_FOUND = 100
# All kinds of records that an external id may name.
KINDS = ("customer", "user", *sorted(LEAVES))


def find_profile(profile: UUID) -> Profile:
    """The live profile that an id means, now. Raises a 404 for an unknown one and a 410 for one that was erased."""
    found = Profile.objects.select_related("redirect").filter(pk=profile).first()
    if found is None:
        raise Problem(404, "not_found", _("There is no such profile."))
    meant = found.redirect or found
    if meant.state == Profile.State.ERASED:
        raise Problem(410, "erased", _("The profile was erased: delete what you keep of it."))
    return meant


# --- one profile ------------------------------------------------------------------------------------------------------


def golden_of(profile: Profile, asked: UUID) -> dict[str, Any]:
    """The clear part of a profile: coarse traits, the lineage of its attributes, effective consents."""
    golden = Golden.objects.filter(pk=profile.pk).first()
    return {
        "id": profile.pk,
        "redirected_from": asked if asked != profile.pk else None,
        "created_at": profile.created_at,
        "traits": golden.traits if golden else {},
        "lineage": golden.lineage if golden else {},
        "consents": effective(profile.pk),
        "records_count": Record.objects.filter(profile=profile).count(),
    }


def effective(profile: UUID) -> list[dict[str, Any]]:
    """What the ledger adds up to, as fresh as the pipeline; whether a grant's time is over is left to the reader."""
    rows = Effective.objects.filter(profile=profile).order_by("purpose", "channel", "brand")
    fields = ("purpose_id", "channel_id", "brand", "state", "since", "expires_at")
    named = ("purpose", "channel", "brand", "state", "since", "expires_at")
    return [dict(zip(named, row, strict=True)) for row in rows.values_list(*fields)]


def winning_records(profile: UUID) -> list[UUID]:
    """The records through which the personal values of a profile are read."""
    lineage = Golden.objects.filter(pk=profile).values_list("lineage", flat=True).first() or {}
    return sorted({UUID(won["record"]) for won in lineage.values()})


def records_page(profile: Profile, after: UUID | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to `limit` records in order of their ids, and whether there are more."""
    rows = Record.objects.filter(profile=profile).select_related("source").defer("attributes").order_by("id")
    found = list((rows.filter(pk__gt=after) if after else rows)[: limit + 1])
    return [_record(record) for record in found[:limit]], len(found) > limit


def _record(record: Record) -> dict[str, Any]:
    return {
        "id": record.pk,
        "source": record.source.name,
        "channel": record.source.channel_id,
        "brand": record.source.brand,
        "kind": record.kind,
        "leaf": record.leaf,
        "first_seen": record.first_seen,
        "last_seen": record.last_seen,
        "traits": {name: said[0] for name, said in record.traits.items()},
    }


# --- looking up -------------------------------------------------------------------------------------------------------


def profiles_with(kind: str, value: str, brand: str | None) -> list[UUID]:
    """The live profiles of records that hold an identifier, at most `MOST_FOUND`; none where it identifies nobody."""
    normal = normalise.identifier(kind, value)
    if normal is None:
        return []
    names = {qualified(kind, one) for one in _brands(kind, brand)}
    digests = [crypto.blind_index(name, normal) for name in names]
    holders = Identifier.objects.filter(kind__in=names, digest__in=digests).values("record")
    return _live(Record.objects.filter(pk__in=holders))


def _brands(kind: str, brand: str | None) -> set[str]:
    if kind not in BRANDED:
        return {""}
    return {brand} if brand is not None else {"", *Source.objects.values_list("brand", flat=True).distinct()}


def profiles_of_external(source: str, value: str) -> list[UUID]:
    """The live profile of the record that a source calls so. Raises a 400 for an unknown source."""
    named = Source.objects.none() if UNSTORABLE.search(source) else Source.objects.filter(name=source)
    found = named.values_list("pk", flat=True).first()
    if found is None:
        wrong = {"pointer": "/source", "code": "source_unknown", "detail": _("There is no such source.")}
        raise bad_request("source_unknown", wrong["detail"], wrong)
    if UNSTORABLE.search(value):
        return []
    records = [crypto.record_id(found, kind, text) for kind, text in product(KINDS, {value, value.strip()})]
    return _live(Record.objects.filter(pk__in=records))


def _live(records: QuerySet[Record]) -> list[UUID]:
    live = Profile.objects.filter(pk__in=records.values("profile"), state=Profile.State.LIVE).order_by("id")
    return list(live.values_list("pk", flat=True)[: MOST_FOUND + 1])


# --- what happened to ids ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What happened to the id of a profile: created, merged into `other`, split from `other`, erased."""

    seq: int
    profile: UUID
    kind: str
    other: UUID | None
    at: datetime


def profile_changes(since: int, limit: int) -> tuple[list[Change], int, bool]:
    """Changes after the number `since` in commit order, the number to go on from, and whether more wait.

    Numbers what is committed first, so that it is visible at once.
    """
    sequence.number(sequence.PROFILES)
    numbers = Sequence.objects.filter(stream=sequence.PROFILES, seq__gt=since).order_by("seq")
    found = list(numbers.values_list("seq", "row")[: limit + 1])
    rows = ProfileChange.objects.defer("records").in_bulk([row for _seq, row in found[:limit]])
    told = [
        Change(seq, rows[row].profile, rows[row].kind, rows[row].other, rows[row].at)
        for seq, row in found[:limit]
        if row in rows
    ]
    return told, found[:limit][-1][0] if found else since, len(found) > limit
