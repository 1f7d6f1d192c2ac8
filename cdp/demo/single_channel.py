"""Who of a segment's members any one channel could have found by itself: the worth of putting records together."""

from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from cdp.core.statements import execute, execute_over, fetch
from cdp.core.types import now
from cdp.profiles import queries as profiles
from cdp.profiles.survivorship import survivors
from cdp.profiles.traits import coarse
from segments.models import Membership, Segment
from segments.queries import catalog
from segments.query.compiler import compile_rule
from segments.query.parse import parse

# Temporary tables stand before the real ones in the search path, so the segment's own SQL sees one channel only.
ONE_CHANNEL = """
create temporary table identity_record on commit drop as
select r.* from public.identity_record r join public.events_source s on s.id = r.source_id
where r.profile_id = any(%s) and s.channel_id = %s
"""
GOLDEN = "create temporary table profiles_golden (profile_id uuid primary key, traits jsonb) on commit drop"
SAVE = "insert into pg_temp.profiles_golden select * from unnest(%s::uuid[], %s::jsonb[])"


def only_together(segments: list[Segment]) -> dict[UUID, int]:
    """For each segment: how many of its members no single channel's records would have put into it."""
    members = {segment.pk: set(_members(segment)) for segment in segments}
    everyone = sorted(set().union(*members.values()))
    found: dict[UUID, set[UUID]] = {segment.pk: set() for segment in segments}
    for channel in sorted(set(profiles.source_channels().values())):
        for segment, alone in _found_by(channel, segments, everyone).items():
            found[segment] |= alone
    return {segment: len(inside - found[segment]) for segment, inside in members.items()}


@transaction.atomic
def _found_by(channel: str, segments: list[Segment], everyone: list[UUID]) -> dict[UUID, set[UUID]]:
    execute(ONE_CHANNEL, [everyone, channel])
    execute("create index on pg_temp.identity_record (profile_id); create index on pg_temp.identity_record (id)")
    execute("analyze pg_temp.identity_record")
    execute(GOLDEN)
    execute_over(SAVE, _golden(everyone))
    execute("analyze pg_temp.profiles_golden")
    return {segment.pk: _evaluate(segment) for segment in segments}


def _golden(everyone: list[UUID]) -> list[tuple[UUID, Jsonb]]:
    records, facts = profiles.records_by_profile(everyone), profiles.facts(everyone)
    rank, channels, today = profiles.source_ranks(), profiles.source_channels(), timezone.localdate()
    return [
        (profile, Jsonb(coarse(mine, survivors(mine, rank), facts.get(profile), channels, today)))
        for profile, mine in records.items()
    ]


def _evaluate(segment: Segment) -> set[UUID]:
    node = parse(segment.rule)
    names = catalog(segment.purpose_id, segment.zone, node)
    query = compile_rule(node, names, as_of=now(), zone=ZoneInfo(segment.zone))
    return {row[0] for row in fetch(query.sql, query.params)}


def _members(segment: Segment) -> list[UUID]:
    return list(Membership.objects.filter(segment=segment).values_list("profile_id", flat=True))
