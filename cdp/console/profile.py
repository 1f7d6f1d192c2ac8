"""A profile for its page: what the pipeline knows of it, in words, personal values masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from cdp import answers
from cdp.console import steward
from cdp.console.labels import in_words, label, purpose_name, reads_korean
from cdp.core import queries as core
from cdp.core.masking import mask_all
from cdp.core.types import local_time
from cdp.events.types import CHANNELS
from cdp.profiles import queries
from cdp.profiles.types import TRAITS, trait
from consent import queries as consent
from consent.types import CONTACT_CHANNELS, EffectiveConsent
from identity import queries as identity
from identity.types import APART, ATTRIBUTES, HouseholdMember, Shared
from segments import queries as segments

DEEDS_SHOWN = 10


@dataclass(frozen=True)
class Attribute:
    """One line of the golden record: what, and why this value won."""

    name: str
    value: str
    why: str
    at: str
    record: str
    source: str


def personal(profiles: list[UUID], unmasked: bool = False) -> dict[UUID, dict[str, str]]:
    """The golden personal values of `profiles`, masked unless asked otherwise."""
    known = queries.personal(profiles)
    return known if unmasked else {profile: mask_all(values) for profile, values in known.items()}


def name(profile: UUID) -> str:
    """What to call somebody on a page beside their own: the golden name, masked."""
    known = personal([profile]).get(profile, {})
    return known.get("full_name") or known.get("given_name") or gettext("no name")


def trail(request: HttpRequest, profile: UUID) -> dict[str, Any]:
    """The person's privacy requests, and what was done with their data, for those who may read these."""
    subjects = core.subjects_of(identity.records_of(profile))
    told: dict[str, Any] = {}
    if request.user.has_perm("consent.view_privacyrequest"):
        told["requests"] = consent.requests_of(subjects)
    if request.user.has_perm("core.view_auditentry"):
        told["trail"] = core.deeds_with(subjects, DEEDS_SHOWN)
    return told


def page(profile: UUID, unmasked: bool) -> dict[str, Any]:
    """The parts of a profile's page, by the names its template uses."""
    known = answers.profile_page(profile)
    values = known.personal if unmasked else mask_all(known.personal)
    sources = {record.id: record.source for record in known.records}
    return {
        "attributes": _attributes(values, known.golden.lineage, {str(pk): name for pk, name in sources.items()}),
        "traits": _traits(known.golden.traits),
        "records": [(record, label(CHANNELS, record.channel)) for record in known.records],
        "contact_points": [(point, sources[point.record]) for point in known.contact_points],
        "consents": consents(known.consents),
        "memberships": known.memberships,
        "events": known.events,
        "household": [(member.profile, _hints(member)) for member in known.household.members],
        "changes": steward.lines(profile, known.history),
        **steward.offers(profile, known.history),
    }


def _hints(member: HouseholdMember) -> list[str]:
    """Why somebody may live with this person, in words."""
    shared = [str(Shared(one).label) for one in member.shared]
    return [*shared, *(label(APART, reason) for reason in member.reasons)] or [gettext("through others")]


def _attributes(
    values: Mapping[str, str], lineage: Mapping[str, Mapping[str, str]], sources: Mapping[str, str]
) -> list[Attribute]:
    known = [name for name in ATTRIBUTES if name in values]
    named = [*known, *sorted(values.keys() - set(known))]
    return [_attribute(name, values[name], lineage.get(name) or {}, sources) for name in named]


def _attribute(name: str, value: str, origin: Mapping[str, str], sources: Mapping[str, str]) -> Attribute:
    record = origin.get("record", "")
    return Attribute(
        name=label(ATTRIBUTES, name),
        value=in_words(name, value),
        why=origin.get("why", ""),
        at=origin.get("at", ""),
        record=record,
        source=sources.get(record, record[:8]),
    )


def _traits(values: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """(technical name, word, value): the known traits in their own order, then those that sources named or we compute."""
    known = [name for name in TRAITS if name in values]
    computed = segments.computed_traits()
    words = {name: spec.label for name, spec in computed.items()}
    types = {name: spec.type for name, spec in computed.items()}
    return [
        (name, words.get(name) or _trait_word(name), _trait_value(name, values[name], types))
        for name in [*known, *sorted(values.keys() - TRAITS)]
    ]


def _trait_word(name: str) -> str:
    known = trait(name)
    if known is None:
        return name
    return known.label_ko if reads_korean() else known.label_en


def _trait_value(name: str, value: Any, computed: Mapping[str, str]) -> Any:
    """A moment in the reader's words, a list with commas."""
    if isinstance(value, list):
        return ", ".join(str(_trait_value(name, one, computed)) for one in value)
    known = trait(name)
    kind = known.type if known else computed.get(name)
    if kind != "moment" or not isinstance(value, str):
        return value
    return local_time(datetime.fromisoformat(value))


def consents(rows: list[EffectiveConsent]) -> list[tuple[str, list[str], EffectiveConsent]]:
    """(purpose, contact channels, one of their rows): channels of one purpose, brand, state and day stand together."""
    purposes = consent.purposes()
    alike: dict[tuple[Any, ...], list[EffectiveConsent]] = {}
    for row in sorted(rows, key=lambda row: (row.purpose, row.brand, row.channel)):
        alike.setdefault((row.purpose, row.brand, row.state, timezone.localdate(row.since)), []).append(row)
    return [
        (purpose_name(purposes[one[0].purpose]), [label(CONTACT_CHANNELS, row.channel) for row in one], one[0])
        for one in alike.values()
    ]
