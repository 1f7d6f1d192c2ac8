"""Whose data somebody touched between two moments: what the audit log names, as the profiles of today."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cdp.core import incident
from identity import queries
from identity.models import Profile


@dataclass(frozen=True)
class Exposure:
    """The live profiles concerned, how many people were erased since, and what was done how often."""

    profiles: list[UUID]
    erased: int
    actions: Counter[str]


def exposure(since: datetime, until: datetime, *, actor: str = "", target: str = "", export: str = "") -> Exposure:
    """What an actor did, what was done to a target, or what an export told, in [since, until); narrowed by all given."""
    found = incident.touched(since, until, actor=actor, target=target, export=export)
    named = Profile.objects.filter(pk__in=found.profiles | set(queries.profiles_of(found.records)))
    states = {pk: (state, into) for pk, state, into in named.values_list("pk", "state", "redirect_id")}
    live = {into or pk for pk, (state, into) in states.items() if state != Profile.State.ERASED}
    gone = set(Profile.objects.filter(pk__in=live, state=Profile.State.ERASED).values_list("pk", flat=True))
    erased = {pk for pk, (state, _into) in states.items() if state == Profile.State.ERASED} | gone
    return Exposure(sorted(live - gone), len(erased) + len(found.severed), found.actions)
