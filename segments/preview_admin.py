"""What the rule on the page would find: how many, where it loses them, and a few of them, masked."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest

from cdp.core import counts
from cdp.core.actions import disclose
from cdp.core.errors import CdpError
from cdp.core.masking import mask_all
from cdp.core.types import Actor, now
from cdp.profiles import queries as profiles
from segments import dropoff, queries
from segments.models import Segment
from segments.query.compiler import Query
from segments.segment_form import SegmentForm, purpose_name
from segments.types import ClauseCount

# What of a member is shown, the first that is known.
NAMES, CONTACTS = ("full_name", "given_name"), ("phone", "email")


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
    told = {name: few(counts.told(getattr(found, name), seen)) for name in ("count", "consented", "reachable")}
    clauses = [_told(clause, seen) for clause in dropoff.drop_off(rule, purpose.pk, **asked)]
    members = queries.counted_rule(rule, purpose.pk, now(), **asked)
    people = _sample(request, members, purpose.pk, segment) if seen else []
    return {"found": told, "channel": channel, "purpose": purpose_name(purpose), "clauses": clauses, "people": people}


def _told(clause: ClauseCount, seen: bool) -> dict[str, Any]:
    """A clause as it may be told, and the length of its bar (0–100)."""
    among, left = counts.told(clause.among, seen), counts.told(clause.left, seen)
    percent = round(100 * left / among) if among and left is not None else 0
    return {**asdict(clause), "among": few(among), "left": few(left), "percent": percent}


def _sample(request: HttpRequest, query: Query, purpose: str, segment: Segment | None) -> list[tuple[UUID, str, str]]:
    """(profile, name, contact) of a few members, masked; written down as every look at people."""
    ids = dropoff.sample(query)
    known = {profile: mask_all(values) for profile, values in profiles.personal(ids).items()}
    shown = [(profile, known.get(profile, {})) for profile in ids]
    target = str(segment.pk) if segment else ""
    if ids:
        disclose(Actor.user(request.user), "segment.sample_shown", ids, target=target, purpose=purpose)
    return [(profile, _first(values, NAMES), _first(values, CONTACTS)) for profile, values in shown]


def _first(values: dict[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")
