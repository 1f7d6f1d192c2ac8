"""Reads of the golden record; personal values are decrypted here, in memory."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from cdp.core import crypto
from cdp.core.statements import column, fetch
from cdp.profiles import sql
from cdp.profiles.models import ContactPoint, Golden
from cdp.profiles.traits import Facts
from cdp.profiles.types import ContactPointState, GoldenRecord
from identity import queries as identity
from identity.linkage import normalise
from identity.types import OpenRecord


def golden(profile: UUID) -> GoldenRecord:
    """The clear part of a profile's golden record; an empty one before the first projection."""
    row = Golden.objects.filter(pk=profile).values_list("traits", "lineage").first()
    return GoldenRecord(*(row or ({}, {})))


def winning_records(profile: UUID) -> list[UUID]:
    """The records through which the personal values of a profile are read, sorted."""
    return sorted({UUID(won["record"]) for won in golden(profile).lineage.values()})


def contact_points(records: Collection[UUID]) -> list[ContactPointState]:
    """The present contact points of these records, by kind, the usable before the others."""
    rows = ContactPoint.objects.filter(record__in=records, valid_to=None).order_by("kind", "-usable")
    return [ContactPointState(*row) for row in rows.values_list("record_id", "kind", "usable", "reason")]


def personal(profiles: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """The golden personal values of profiles: each attribute read through its lineage from the winning record."""
    lineages = dict(Golden.objects.filter(pk__in=profiles).values_list("pk", "lineage"))
    wanted = {UUID(won["record"]) for lineage in lineages.values() for won in lineage.values()}
    values = {record.id: record.folded.current() for record in identity.open_records(sorted(wanted))}
    return {profile: _through(lineage, values) for profile, lineage in lineages.items()}


def contact_values(profiles: Collection[UUID] | str, kind: str) -> dict[UUID, str]:
    """The best usable contact value of each profile (also as PostgreSQL writes an array of them) that has one: the golden one
    if usable, else the latest."""
    asked = profiles if isinstance(profiles, str) else list(profiles)
    points = fetch(sql.CONTACTABLE, {"profiles": asked, "kind": kind})
    records = {record for _, usable, won in points for record in ((*usable, won) if won else usable)}
    stated = {one: normalise.identifier(kind, value) for one, value in identity.latest_values(records, kind).items()}
    best = (
        (profile, _best([stated.get(one) for one in usable], won and stated.get(won)))
        for profile, usable, won in points
    )
    return {profile: value for profile, value in best if value}


def still_reached(values: Mapping[UUID, str], kind: str) -> set[UUID]:
    """Of profiles with a contact value each, those who can still be reached by it."""
    digests = [crypto.contact_digest(kind, value) for value in values.values()]
    return set(column(sql.STILL_REACHED, {"profiles": list(values), "digests": digests, "kind": kind}))


def _best(usable: list[str | None], golden: str | None) -> str | None:
    return golden if golden and golden in usable else next(filter(None, usable), None)


def records_by_profile(profiles: Collection[UUID]) -> dict[UUID, list[OpenRecord]]:
    """The opened records of each profile, leaves included, in order of their ids."""
    ids = column(sql.RECORDS_OF, [list(profiles)])
    grouped: dict[UUID, list[OpenRecord]] = {}
    for record in identity.open_records(ids):
        if record.profile:
            grouped.setdefault(record.profile, []).append(record)
    return grouped


def facts(profiles: Collection[UUID]) -> dict[UUID, Facts]:
    """What the events of each profile add up to; one statement."""
    params = {
        "profiles": list(profiles),
        "orders": list(sql.ORDER_EVENTS),
        "lines": list(sql.LINE_EVENTS),
        "refunds": list(sql.REFUND_EVENTS),
    }
    return {row[0]: _facts(row[1:]) for row in fetch(sql.FACTS, params)}


def _through(lineage: dict[str, Any], values: dict[UUID, dict[str, str]]) -> dict[str, str]:
    read = {name: values.get(UUID(won["record"]), {}).get(name) for name, won in lineage.items()}
    return {name: value for name, value in read.items() if value is not None}


def _facts(row: tuple[Any, ...]) -> Facts:
    events, first_at, last_at, orders, last_order_at, spent, nps, csat = row
    money = json.loads(spent) if isinstance(spent, str) else spent or {}
    return Facts(events, first_at, last_at, orders, last_order_at, money, _number(nps), _number(csat))


def _number(score: Any) -> float | None:
    return None if score is None else float(score)
