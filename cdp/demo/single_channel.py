"""Who of a segment's members any one channel could have found by itself: the worth of putting records together.

A channel can find a member only if its records alone make the rule true *and* it carries every event and trait that the
rule names: one that never sees a fact cannot know that it is absent. (A till knows no app, so it cannot tell who has
none.) A channel carries an event that it has sent at least once, of anybody, and a trait that its records alone give
anybody with a value that says something: no, nothing and none are what it says of everybody.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from cdp.core.statements import column, execute, execute_over, fetch
from cdp.core.types import now
from cdp.events import queries as events
from cdp.profiles import queries as profiles
from cdp.profiles.survivorship import survivors
from cdp.profiles.traits import coarse
from segments.models import Membership, Segment
from segments.queries import catalog
from segments.query.ast import event_names, trait_names
from segments.query.compiler import compile_rule
from segments.query.parse import parse

# Temporary tables stand before the real ones in the search path, so the segment's own SQL sees one channel only.
ONE_CHANNEL = """
create temporary table identity_record on commit drop as
select r.* from public.identity_record r join public.events_source s on s.id = r.source_id
where r.profile_id is not null and s.channel_id = %s
"""
# What a channel carries shows in a few of its profiles.
SAMPLE = "select distinct profile_id from pg_temp.identity_record limit 500"
GOLDEN = "create temporary table profiles_golden (profile_id uuid primary key, traits jsonb) on commit drop"
EVENTS = "select distinct e.name from events_event e join pg_temp.identity_record r on r.id = e.record"
DROP = "drop table pg_temp.identity_record, pg_temp.profiles_golden"
SAVE = "insert into pg_temp.profiles_golden select * from unnest(%s::uuid[], %s::jsonb[])"


def only_together(segments: list[Segment]) -> dict[UUID, int]:
    """For each segment: how many of its members no single channel's records would have put into it."""
    members = {segment.pk: set(_members(segment)) for segment in segments}
    found: dict[UUID, set[UUID]] = {segment.pk: set() for segment in segments}
    for channel in sorted(set(events.source_channels().values())):
        for segment, alone in _found_by(channel, segments, members).items():
            found[segment] |= alone
    return {segment: len(inside - found[segment]) for segment, inside in members.items()}


@transaction.atomic
def _found_by(channel: str, segments: list[Segment], members: dict[UUID, set[UUID]]) -> dict[UUID, set[UUID]]:
    execute(ONE_CHANNEL, [channel])
    execute("create index on pg_temp.identity_record (profile_id); create index on pg_temp.identity_record (id)")
    execute("analyze pg_temp.identity_record")
    execute(GOLDEN)
    seen = set(column(EVENTS))
    seeing = [segment for segment in segments if event_names(parse(segment.rule)) <= seen]
    carried = _save_golden({profile for segment in seeing for profile in members[segment.pk]}) if seeing else set()
    found = {segment.pk: _evaluate(segment) for segment in seeing if trait_names(parse(segment.rule)) <= carried}
    execute(DROP)
    return found


def _save_golden(members: set[UUID]) -> set[str]:
    """Give everybody what the channel alone knows of them; returns the traits that it carries."""
    golden = _golden(members.union(column(SAMPLE)))
    execute_over(SAVE, [(profile, Jsonb(traits)) for profile, traits in golden])
    execute("analyze pg_temp.profiles_golden")
    return {name for _, held in golden for name, value in held.items() if value}


def _golden(everyone: Collection[UUID]) -> list[tuple[UUID, dict[str, Any]]]:
    records, facts = profiles.records_by_profile(everyone), profiles.facts(everyone)
    rank, channels, today = events.source_ranks(), events.source_channels(), timezone.localdate()
    return [
        (profile, coarse(mine, survivors(mine, rank), facts.get(profile), channels, today))
        for profile, mine in records.items()
    ]


def _evaluate(segment: Segment) -> set[UUID]:
    node = parse(segment.rule)
    names = catalog(segment.purpose_id, segment.zone, node)
    query = compile_rule(node, names, as_of=now(), zone=ZoneInfo(segment.zone))
    return {row[0] for row in fetch(query.sql, query.params)}


def _members(segment: Segment) -> list[UUID]:
    return list(Membership.objects.filter(segment=segment).values_list("profile_id", flat=True))
