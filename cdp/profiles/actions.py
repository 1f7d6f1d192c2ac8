"""Writes of the golden record: all of it is a projection, so writing it again is harmless."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from cdp.core import crypto
from cdp.core.statements import column, execute, execute_over
from cdp.core.touched import touch
from cdp.profiles import queries, sql
from cdp.profiles.survivorship import survivors
from cdp.profiles.traits import coarse
from cdp.profiles.types import ContactPointValue, Winner
from identity.linkage import normalise
from identity.types import OpenRecord

# Traits whose past is kept.
KEPT = ("country", "region", "city", "age_band", "gender")


@transaction.atomic
def refresh(profiles: Collection[UUID]) -> int:
    """Project profiles anew: golden record, contact points, trait periods; those no longer live lose theirs.

    Touches `consent` and `segments` for all of them. Returns how many are live.
    """
    live = column(sql.LIVE, [list(profiles)])
    records = queries.records_by_profile(live)
    facts = queries.facts(live)
    rank, channel_of = queries.source_ranks(), queries.source_channels()
    today = timezone.localdate()
    golden = {}
    for profile, mine in records.items():
        winners = survivors(mine, rank)
        golden[profile] = (coarse(mine, winners, facts.get(profile), channel_of, today), winners)
    _save_golden(golden)
    _save_contacts(point for mine in records.values() for record in mine for point in contact_points(record))
    _keep_periods({profile: traits for profile, (traits, _) in golden.items()})
    execute(sql.DROP_GOLDEN, [sorted(set(profiles) - golden.keys())])
    for stage in ("consent", "segments"):
        touch(stage, profiles)
    return len(golden)


def contact_points(record: OpenRecord) -> Iterable[ContactPointValue]:
    """A record's e-mails, phones, push tokens and address; what was replaced ends when its successor began."""
    for kind in ("email", "phone"):
        until: datetime | None = None
        for value, at, _ in record.folded.values.get(kind, []):
            begun = datetime.fromisoformat(at)
            if normal := normalise.identifier(kind, value):
                yield ContactPointValue(record.id, kind, normal, begun, until, until is None)
            until = begun
    for token, (first, _) in record.folded.identifiers.get("push_token", {}).items():
        yield ContactPointValue(record.id, "push", token, datetime.fromisoformat(first), None, True)
    if address := record.folded.values.get("address"):
        yield ContactPointValue(record.id, "address", address[0][0], datetime.fromisoformat(address[0][1]), None, True)


def _save_golden(golden: dict[UUID, tuple[dict[str, Any], dict[str, Winner]]]) -> None:
    rows = [
        (profile, Jsonb(traits), Jsonb({name: _lineage(winner) for name, winner in winners.items()}))
        for profile, (traits, winners) in sorted(golden.items())
    ]
    execute_over(sql.SAVE_GOLDEN, rows)


def _lineage(winner: Winner) -> dict[str, str]:
    return {"record": str(winner.record), "at": winner.at, "why": winner.why}


def _save_contacts(points: Iterable[ContactPointValue]) -> None:
    newest: dict[tuple[UUID, str, str], ContactPointValue] = {}
    for point in points:
        newest.setdefault((point.record, point.kind, point.value), point)
    rows = [
        (
            p.record,
            p.kind,
            crypto.blind_index(p.kind, p.value),
            p.usable,
            "" if p.usable else "replaced",
            p.valid_from,
            p.valid_to,
        )
        for _, p in sorted(newest.items(), key=lambda item: item[0])
    ]
    execute_over(sql.SAVE_CONTACTS, rows)


def _keep_periods(traits: dict[UUID, dict[str, Any]]) -> None:
    rows = [
        (profile, name, Jsonb(known[name]) if name in known else None)
        for profile, known in sorted(traits.items())
        for name in KEPT
    ]
    execute_over(sql.CLOSE_PERIODS, rows)
    execute_over(sql.OPEN_PERIODS, rows)
