"""What the rule on the page would find: how many, where it loses them, and a few of them, masked."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from cdp.core import counts
from cdp.core.errors import CdpError
from cdp.core.types import Actor, now
from segments import dropoff, glimpses, queries, sampling, versions
from segments.models import Segment
from segments.segment_form import SegmentForm, purpose_name, sentence
from segments.types import ClauseCount, Preview, Reach
from segments.vocabulary import unseen


def sees_people(request: HttpRequest) -> bool:
    """Whether whoever asks may see people, and so any count of them."""
    return request.user.has_perm("identity.view_profile")


def few(count: int | None) -> int | str:
    """A count as it is shown where it may have been kept back."""
    return "–" if count is None else count


def preview(request: HttpRequest, channel: str, segment: Segment | None) -> dict[str, Any] | None:
    """What the rule on the page would find; None while something on the page is wrong."""
    form = SegmentForm(request.POST)
    if form.errors.keys() & {"rule", "purpose", "zone"}:
        return None
    try:
        return _found(request, form.cleaned_data, channel, segment)
    except CdpError as error:
        messages.error(request, str(error))
        return None


def _found(request: HttpRequest, cleaned: dict[str, Any], channel: str, segment: Segment | None) -> dict[str, Any]:
    rule, purpose, seen = cleaned["rule"], cleaned["purpose"], sees_people(request)
    asked: dict[str, Any] = {
        "zone": cleaned["zone"], "brand": cleaned.get("brand", ""), "leaving": cleaned.get("exclusions", ()),
        "key": cleaned.get("key", ""),
    }  # fmt: skip
    found = queries.preview(rule, purpose.pk, channel, **asked)
    told = {name: number(found, name, seen) for name in ("count", "consented", "reachable")}
    clauses = [_told(clause, seen) for clause in dropoff.drop_off(rule, purpose.pk, **asked)]
    members = queries.counted_rule(rule, purpose.pk, now(), **asked, draw=sampling.drawn())
    people = glimpses.of(Actor.user(request.user), dropoff.sample(members), purpose.pk, segment) if seen else []
    return {
        "found": told, "estimated": bool(found.margins), "channel": channel,
        "purpose": purpose_name(purpose), "clauses": clauses, "people": people,
        "movement": _movement(request, cleaned, segment), "notices": [sentence(one) for one in unseen(rule)],
    }  # fmt: skip


def number(found: Preview | Reach, name: str, seen: bool) -> dict[str, Any]:
    """A count as it may be told, and how far it may be off where it was estimated."""
    told = counts.told(getattr(found, name), seen)
    error = counts.margin(found.margins.get(name), seen)
    return {"number": few(told), "error": None if told is None else error}


def _told(clause: ClauseCount, seen: bool) -> dict[str, Any]:
    """A clause as it may be told, and the length of its bar (0–100)."""
    among, left = counts.told(clause.among, seen), counts.told(clause.left, seen)
    percent = round(100 * left / among) if among and left is not None else 0
    return {**asdict(clause), "among": few(among), "left": few(left), "percent": percent}


def _movement(request: HttpRequest, cleaned: dict[str, Any], segment: Segment | None) -> dict[str, Any]:
    """Whom the change on the page would move of a published segment; {} of another."""
    if segment is None or segment.state != Segment.State.PUBLISHED:
        return {}
    written = {name: cleaned[name] for name in versions.DEFINITION if name in cleaned}
    meaning = versions.definition(segment) | written | {"purpose": cleaned["purpose"].pk}
    return moved(request, segment, meaning)


def moved(request: HttpRequest, segment: Segment, meaning: dict[str, Any]) -> dict[str, Any]:
    """How many a definition would move, and a few of them, as they may be told to whoever asks."""
    seen = sees_people(request)
    found = versions.movement(segment, meaning, dropoff.SAMPLED if seen else 0)
    told = {name: few(counts.told(getattr(found, name), seen)) for name in ("entering", "leaving", "members")}
    return told | {"people": glimpses.of_movement(Actor.user(request.user), found, meaning["purpose"], segment)}
