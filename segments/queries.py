"""Reads of segments: what rules may name, counts, and members and changes as consent allows them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.db.utils import OperationalError
from django.utils.translation import gettext as _

from cdp.core import sequence
from cdp.core.actions import disclose
from cdp.core.errors import Refused
from cdp.core.statements import fetch
from cdp.core.types import Actor, now
from consent import queries as consent
from consent.models import ContactChannel
from segments import assignment, exclusions, sampling, sql
from segments.models import ComputedTrait, ExportRequest, Membership, Run, Segment, Version
from segments.query.ast import EACH, Node, references
from segments.query.catalog import Catalog, TraitSpec
from segments.query.compiler import Asked, Query, compile_flags, compile_rule
from segments.query.happenings import PROFILES
from segments.query.parse import parse
from segments.query.problems import RuleError
from segments.sampling import Drawn
from segments.types import (
    ChangePage,
    Coming,
    Member,
    MemberPage,
    Overlap,
    Preview,
    Reach,
    SegmentMembership,
    SegmentSize,
)
from segments.vocabulary import Names, built_in, computed_specs, named_traits, seen_traits, zone_of
from segments.vocabulary import unseen as unseen

GATE_CHUNK = 10_000
WINDOW, WINDOWS = 20_000, 10
FIRST = UUID(int=0)
CANCELLED = "57014"  # PostgreSQL: query_canceled


# --- what a rule may name -------------------------------------------------------------------------------------------


def catalog(purpose_key: str, zone: str = "", rule: Node | None = None) -> Catalog:
    """What a rule of this purpose may name: built-in traits, those seen in golden records (a sample, cached for a
    minute; those that `rule` names are looked up exactly), segments, purposes, contact channels.

    Raises `Refused` where the purpose or the zone (IANA name) does not exist.
    """
    if zone:
        zone_of(zone)
    traits = seen_traits() | built_in()
    return Names.read().catalog(purpose_key, traits | (named_traits(rule) if rule else {}))


def computed_traits() -> dict[str, TraitSpec]:
    """The published computed traits, by their names in golden records."""
    rows = ComputedTrait.objects.filter(state=ComputedTrait.State.PUBLISHED)
    return {name.removesuffix(EACH): spec for row in rows for name, spec in computed_specs(row).items()}


def segments_named(rule: object) -> frozenset[str]:
    """The keys of the segments that a rule (JSON) names; none where it cannot be read, which its own check will say."""
    try:
        return references(parse(rule))
    except RuleError:
        return frozenset()


# --- counts ---------------------------------------------------------------------------------------------------------


def preview(
    rule: object, purpose: str, channel: str | None = None, as_of: datetime | None = None, zone: str = "",
    brand: str = "", leaving: Sequence[str] = (), key: str = "",
) -> Preview:  # fmt: skip
    """How many live profiles a segment of this rule (JSON) would hold, how many consent, and how many can be reached;
    nobody is named. It leaves out the members of the segments in `leaving` and of those excluded everywhere; `key` is its
    own. Exact, or by a sample where there are more profiles than `PREVIEW_EXACT_UP_TO`.

    Without a contact channel only the first. Consent is that of the effective table, as fresh as the pipeline; of a sample
    that of the ledger. Raises `RuleError` where the rule is wrong, ValidationError where an exclusion is, `Refused` where a
    name is unknown or the count takes too long.
    """
    at, draw = as_of or now(), sampling.drawn()
    query = counted_rule(rule, purpose, at, zone=zone, brand=brand, leaving=leaving, key=key, draw=draw)
    if channel is None:
        return _preview(at, draw, *limited(sql.COUNT_MEMBERS.format(rule=query.sql), query.params)[0])
    about = (purpose, channel, now(), brand)
    # Of a few the ledger itself is asked: the effective table would be read whole.
    gate, asked = consent.allowed_among(sql.OF_MEMBERS, *about) if draw else consent.gate_sql(*about)
    params = query.params | asked | {"point": _channel(channel).point}
    return _preview(at, draw, *limited(sql.PREVIEW.format(rule=query.sql, gate=gate), params)[0])


def _preview(
    at: datetime, draw: Drawn | None, count: int, consented: int | None = None, reachable: int | None = None
) -> Preview:
    """Numbers as they were counted, or those of all whom a sample stands for."""
    if draw is None:
        return Preview(count, consented, reachable, at)
    hits = {"count": count, "consented": consented, "reachable": reachable}
    found = {name: None if number is None else draw.estimate(number) for name, number in hits.items()}
    margins = {name: draw.margin(number) for name, number in hits.items() if number is not None}
    return Preview(found["count"] or 0, found["consented"], found["reachable"], at, margins)


def counted_rule(
    rule: object, purpose: str, at: datetime, *, zone: str, brand: str, leaving: Sequence[str], key: str,
    draw: Drawn | None = None,
) -> Query:  # fmt: skip
    """The query of the members that a segment of this rule would have, as `preview` counts them; of those drawn alone where
    a sample is given."""
    node = parse(rule)
    whole, begins = exclusions.without(node, left_out(rule, brand, leaving, key)), zone_of(zone or settings.TIME_ZONE)
    known = catalog(purpose, zone, node)
    if draw is None:
        return compile_rule(whole, known, as_of=at, zone=begins)
    flags = compile_flags([Asked(whole, known, begins)], as_of=at, only_profiles=True)
    return Query(sql.FLAGGED.format(flags=flags.sql), flags.params | {PROFILES: draw.profiles})


def left_out(rule: object, brand: str, leaving: Sequence[str], key: str) -> frozenset[str]:
    """The keys of the segments whose members a segment of this rule leaves out; raises as `preview` does."""
    segment = Segment(key=key, rule=rule, brand=brand, exclusions=list(leaving))
    exclusions.check(segment)
    return exclusions.left_out_of(segment)


def reach(segment: Segment, *channels: str) -> list[Reach]:
    """For each contact channel, or those named: how many members consent (by the effective table) and have a usable
    contact point. Among many profiles the ledger itself is asked, and of more than a thousand members a sample is."""
    drawn = sampling.members_drawn(segment.pk, Membership.objects.filter(segment=segment).count())
    asked = ContactChannel.objects.order_by("key")
    return [_reach(segment, channel, drawn) for channel in (asked.filter(key__in=channels) if channels else asked)]


def _reach(segment: Segment, channel: ContactChannel, drawn: Drawn | None) -> Reach:
    about = (segment.purpose_id, channel.key, now(), segment.brand)
    gate, asked = consent.allowed_among(sql.OF_MEMBERS, *about) if drawn else consent.gate_sql(*about)
    whom = {"drawn": drawn.profiles} if drawn else {"segment": segment.pk}
    statement = sql.REACH_OF if drawn else sql.REACH
    _, consented, reachable = limited(statement.format(gate=gate), asked | whom | {"point": channel.point})[0]
    if drawn is None or drawn.chance == 1:
        return Reach(channel.key, consented, reachable)
    margins = {"consented": drawn.margin(consented), "reachable": drawn.margin(reachable)}
    return Reach(channel.key, drawn.estimate(consented), drawn.estimate(reachable), margins)


def overlap(segment: Segment, others: QuerySet[Segment]) -> list[Overlap]:
    """Of each of the `others` that has members, how many are members of this segment too, the most first; by their rules
    alone, before consent. Raises `Refused`, `too_slow`."""
    named = {row.pk: row for row in others.exclude(pk=segment.pk)}
    rows = limited(sql.OVERLAP, {"segment": segment.pk, "others": list(named)})
    found = [Overlap(named[pk].key, named[pk].name, members, both) for pk, members, both in rows]
    return sorted(found, key=lambda row: (-row.both, row.key))


def sizes() -> list[SegmentSize]:
    """The segments that are not archived, the largest first; by their rules alone, before consent."""
    members = dict(Membership.objects.order_by().values_list("segment").annotate(Count("id")))
    runs = Run.objects.filter(state=Run.State.DONE).order_by("segment_id", "-started_at").distinct("segment_id")
    computed = dict(runs.values_list("segment_id", "finished_at"))
    kept = Segment.objects.exclude(state=Segment.State.ARCHIVED)
    listed = [
        SegmentSize(row.pk, row.name, Segment.State(row.state), members.get(row.pk, 0), computed.get(row.pk))
        for row in kept
    ]
    return sorted(listed, key=lambda row: -(row.members or 0))


def versions_to_review(actor: Actor) -> int:
    """How many versions of segments wait for somebody else than who wrote them, such as the actor."""
    return Version.objects.filter(state=Version.State.REVIEW).exclude(written_by=actor.name).count()


def exports_to_approve(actor: Actor) -> int:
    """How many exports of contact values wait for somebody else than who asked for them, such as the actor."""
    return ExportRequest.objects.filter(state=ExportRequest.State.ASKED).exclude(asked_by=actor.name).count()


def memberships_of(profile: UUID) -> list[SegmentMembership]:
    """The segments that a profile is in by their rules alone, those entered last first."""
    rows = Membership.objects.filter(profile=profile).order_by("-entered_at")
    return [SegmentMembership(*row) for row in rows.values_list("segment_id", "segment__name", "entered_at")]


def limited(statement: str, params: dict[str, object]) -> list[tuple[Any, ...]]:
    """The rows of a rule's statement. Raises `Refused`, `too_slow`."""
    try:
        with transaction.atomic():
            limit_statements()
            return fetch(statement, params)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == CANCELLED:
            raise Refused("too_slow", _("Counting took too long. Make the rule simpler.")) from error
        raise


def statement_seconds() -> int:
    """After how many seconds a rule's statement is cancelled."""
    return int(getattr(settings, "SEGMENT_STATEMENT_SECONDS", 60))


def too_slow() -> str:
    """What is said of a rule that was cancelled."""
    return _("The rule took longer than %(seconds)s seconds.") % {"seconds": statement_seconds()}


def limit_statements() -> None:
    """Cancel statements that take too long, until the end of the present transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [f"{statement_seconds()}s"])


# --- members, as consent allows --------------------------------------------------------------------------------------


def bind(segment: Segment, purpose: str, channel: str) -> ContactChannel:
    """Make sure that a reader may read this segment for this purpose and contact channel; raises `Refused`."""
    if purpose != segment.purpose_id:
        raise Refused("purpose_mismatch", _("The segment serves another purpose."))
    return _channel(channel)


def _channel(key: str) -> ContactChannel:
    channel = ContactChannel.objects.filter(pk=key).first()
    if channel is None:
        raise Refused("channel_unknown", _("There is no such contact channel."))
    return channel


def members(
    segment: Segment, purpose: str, channel: str, after: UUID | None = None, limit: int = 100, *, actor: Actor,
    at: datetime | None = None,
) -> MemberPage:  # fmt: skip
    """A page of the members, or of who was one `at` a moment, who may be contacted now, in order of profile id; full while
    there are enough. Audited.

    Raises `Refused` where the segment serves another purpose or the contact channel does not exist.
    """
    bind(segment, purpose, channel)
    rows: list[Member] = []
    for chunk in chunks(segment, after or FIRST, min(limit + limit // 4 + 1, GATE_CHUNK), at):
        rows += allowed_of(segment, channel, chunk)
        if len(rows) > limit:
            break
    parts = assignment.variants(segment, [row.profile_id for row in rows[:limit]])
    page = [replace(row, variant=parts.get(row.profile_id, "")) for row in rows[:limit]]
    told = [row.profile_id for row in page]
    disclose(actor, "segment.members_read", told, target=str(segment.pk), purpose=purpose, channel=channel)
    return MemberPage(page, page[-1].profile_id if page else after, len(rows) > limit)


def chunks(segment: Segment, after: UUID, size: int, at: datetime | None = None) -> Iterator[list[Member]]:
    """Members in order of profile id; every chunk is a statement, and so a snapshot, of its own."""
    while True:
        params = {"segment": segment.pk, "after": after, "limit": size, "at": at}
        chunk = [Member(*row) for row in fetch(sql.MEMBERS_AT if at else sql.MEMBERS_AFTER, params)]
        if chunk:
            yield chunk
        if len(chunk) < size:
            return
        after, size = chunk[-1].profile_id, min(size * 4, GATE_CHUNK)


def allowed_of(segment: Segment, channel: str, chunk: Sequence[Member]) -> list[Member]:
    """Those of a chunk whom consent allows to contact at this moment, asked of the ledger in a fresh snapshot."""
    ids = [member.profile_id for member in chunk]
    allowed = consent.allowed(ids, segment.purpose_id, channel, now(), segment.brand)
    return [member for member in chunk if member.profile_id in allowed]


# --- changes ---------------------------------------------------------------------------------------------------------


def changes(
    segment: Segment, purpose: str, channel: str, since: int = 0, limit: int = 1_000, brand: str | None = None
) -> ChangePage:
    """Who came and went after the number `since`, in commit order: all who left, who entered if they may be contacted.

    A consent given later is an `entered` of its own, so nobody is lost by being passed over. Numbers what is committed
    first, so that it is visible at once. Raises `Refused` as `members` does.
    """
    bind(segment, purpose, channel)
    if brand and segment.brand and brand != segment.brand:
        raise Refused("brand_mismatch", _("The segment serves another brand."))
    sequence.number(sequence.SEGMENTS)
    last = int(fetch(sql.LAST_NUMBER)[0][0])
    rows: list[Coming] = []
    for _window in range(WINDOWS):
        until = min(since + WINDOW, last)
        found, since = _told(segment, purpose, channel, since, until, limit - len(rows), brand or segment.brand)
        rows += found
        if since >= last or len(rows) >= limit:
            break
    return ChangePage(rows, since, since < last)


def _told(
    segment: Segment, purpose: str, channel: str, since: int, until: int, room: int, brand: str
) -> tuple[list[Coming], int]:
    """What of a window of numbers this reader is told, at most `room` rows, and up to which number that is complete."""
    params = {"segment": segment.pk, "purpose": purpose, "channel": channel, "since": since, "until": until}
    found = [Coming(*row) for row in fetch(sql.NUMBERED, params)]
    entered = sorted({row.profile_id for row in found if row.kind == "entered"})
    allowed = consent.allowed(entered, purpose, channel, now(), brand) if entered else set()
    parts = assignment.variants(segment, {row.profile_id for row in found})
    told = [
        replace(row, variant=parts.get(row.profile_id, ""))
        for row in found
        if row.kind == "left" or row.profile_id in allowed
    ]
    return (told[:room], told[room - 1].seq) if len(told) > room else (told, max(until, since))
