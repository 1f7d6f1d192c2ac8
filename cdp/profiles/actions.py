"""Writes of the golden record: all of it is a projection, so writing it again is harmless."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from psycopg.types.json import Jsonb

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.statements import column, execute, execute_over, prepared
from cdp.core.touched import touch
from cdp.core.types import Actor
from cdp.events import queries as events
from cdp.profiles import queries, sql
from cdp.profiles.survivorship import survivors
from cdp.profiles.traits import coarse, minor
from cdp.profiles.types import ContactPointValue, Winner
from identity import actions as identity
from identity import queries as identity_queries
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
    rank, channel_of = events.source_ranks(), events.source_channels()
    today = timezone.localdate()
    golden, minors = {}, {}
    for profile, mine in records.items():
        winners, fact = survivors(mine, rank), facts.get(profile)
        golden[profile] = (coarse(mine, winners, fact, channel_of, today), winners)
        if born := minor(winners, fact.first_at.date() if fact else today):
            minors[profile] = born
    _save_golden(golden)
    _save_minors(profiles, minors)
    _save_contacts([record for mine in records.values() for record in mine])
    _keep_periods({profile: traits for profile, (traits, _) in golden.items()})
    execute(sql.DROP_GOLDEN, [sorted(set(profiles) - golden.keys())])
    for stage in ("consent", "segments"):
        touch(stage, profiles)
    return len(golden)


@transaction.atomic
def publish_computed(names: Collection[str], values: Mapping[UUID, Mapping[str, Any]]) -> list[UUID]:
    """Make the computed traits of these names what they are for these profiles, absent where nothing is given; returns
    the profiles for which that changed something. Values are JSON, numbers also Decimal."""
    execute(sql.HOLD_GOLDEN, [list(values)])
    return column(sql.PUBLISH, {"names": sorted(names), "given": Jsonb(values)})


def correct(actor: Actor, profile: UUID, attribute: str, value: str, reason: str) -> UUID:
    """Correct an attribute of a profile, live or merged, where its golden value comes from; where it has none, at the
    person's first record. Returns the record of the correction. Raises `Refused` as `find_profile` and
    `identity.actions.correct`."""
    found = identity_queries.find_profile(profile).id
    won = queries.golden(found).lineage.get(attribute)
    persons = [record.id for record in identity_queries.all_records(found) if not record.leaf]
    present = UUID(won["record"]) if won and UUID(won["record"]) in persons else None
    if not persons:
        raise Refused("anonymous", gettext("Only what is known of a person can be corrected."))
    return identity.correct(actor, present or persons[0], attribute, value, reason)


def contact_points(record: OpenRecord) -> Iterable[ContactPointValue]:
    """A record's e-mails, phones, addresses and push tokens; what was replaced ends when its successor began.

    Numbers and e-mails that the history is too short for are replaced ones: who opted one out stays opted out.
    """
    for kind in ("email", "phone", "address"):
        until: datetime | None = None
        for value, at, _ in record.folded.values.get(kind, []):
            begun = datetime.fromisoformat(at)
            if normal := value if kind == "address" else normalise.identifier(kind, value):
                yield ContactPointValue(record.id, kind, normal, begun, until, until is None)
            until = begun
        if until is not None:
            yield from _forgotten(record, kind)
    for token, (first, _) in record.folded.identifiers.get("push_token", {}).items():
        yield ContactPointValue(record.id, "push", token, datetime.fromisoformat(first), None, True)


def _forgotten(record: OpenRecord, kind: str) -> Iterable[ContactPointValue]:
    """All numbers or e-mails a record ever had, from first to last sight; those of its history go before."""
    for value, (first, last) in record.folded.identifiers.get(kind, {}).items():
        begun, ended = datetime.fromisoformat(first), datetime.fromisoformat(last)
        yield ContactPointValue(record.id, kind, value, begun, ended, usable=False)


def _save_golden(golden: dict[UUID, tuple[dict[str, Any], dict[str, Winner]]]) -> None:
    rows = [
        (profile, Jsonb(traits), Jsonb({name: _lineage(winner) for name, winner in winners.items()}))
        for profile, (traits, winners) in sorted(golden.items())
    ]
    execute_over(sql.SAVE_GOLDEN, rows)


def _save_minors(profiles: Collection[UUID], minors: dict[UUID, date]) -> None:
    prepared(sql.SAVE_MINORS, [list(profiles), list(minors.keys()), list(minors.values())])


def _lineage(winner: Winner) -> dict[str, str]:
    return {"record": str(winner.record), "at": winner.at, "why": winner.why}


def _save_contacts(records: Collection[OpenRecord]) -> None:
    newest: dict[tuple[UUID, str, str], ContactPointValue] = {}
    for point in chain.from_iterable(map(contact_points, records)):
        newest.setdefault((point.record, point.kind, point.value), point)
    rows = [
        (
            p.record,
            p.kind,
            crypto.contact_digest(p.kind, p.value),
            p.usable,
            "" if p.usable else "replaced",
            p.valid_from,
            p.valid_to,
        )
        for _, p in sorted(newest.items(), key=lambda item: item[0])
    ]
    execute_over(sql.SAVE_CONTACTS, rows)
    kept = [list(column) for column in zip(*(row[:3] for row in rows), strict=True)] or [[], [], []]
    execute(sql.DROP_CONTACTS, [[record.id for record in records], *kept])


def _keep_periods(traits: dict[UUID, dict[str, Any]]) -> None:
    rows = [
        (profile, name, Jsonb(known[name]) if name in known else None)
        for profile, known in sorted(traits.items())
        for name in KEPT
    ]
    execute_over(sql.CLOSE_PERIODS, rows)
    execute_over(sql.OPEN_PERIODS, rows)
