"""Everything that is known of one profile, for its page: a fixed number of queries, personal values masked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format

from cdp.console.labels import ATTRIBUTES, CHANNELS, CONTACT_CHANNELS, label, purpose_name, reads_korean
from cdp.console.masking import mask_all
from cdp.events.models import Event
from cdp.profiles import queries
from cdp.profiles.models import ContactPoint, Golden
from cdp.profiles.types import TRAITS
from consent.models import Effective
from identity.models import Profile, ProfileChange, Record
from segments.models import Membership

EVENTS_SHOWN = 25
CHANGES_SHOWN = 20


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


def page(profile: Profile, unmasked: bool) -> dict[str, Any]:
    """The parts of a profile's page, by the names its template uses."""
    records = list(Record.objects.filter(profile=profile).select_related("source").order_by("leaf", "first_seen"))
    golden = Golden.objects.filter(pk=profile.pk).first()
    ids = [record.pk for record in records]
    return {
        "attributes": _attributes(
            profile, golden, {str(record.pk): record.source.name for record in records}, unmasked
        ),
        "traits": _traits(golden),
        "records": [(record, label(CHANNELS, record.source.channel_id)) for record in records],
        "contact_points": _contact_points(ids),
        "consents": _consents(profile),
        "memberships": Membership.objects.filter(profile=profile).select_related("segment").order_by("-entered_at"),
        "events": Event.objects.filter(record__in=ids).select_related("source").order_by("-occurred_at")[:EVENTS_SHOWN],
        "changes": ProfileChange.objects.filter(profile=profile.pk).order_by("-at")[:CHANGES_SHOWN],
    }


def _contact_points(records: list[UUID]) -> QuerySet[ContactPoint]:
    present = ContactPoint.objects.filter(record__in=records, valid_to=None)
    return present.select_related("record__source").order_by("kind", "-usable")


def _attributes(profile: Profile, golden: Golden | None, sources: Mapping[str, str], unmasked: bool) -> list[Attribute]:
    values = personal([profile.pk], unmasked).get(profile.pk, {})
    lineage = golden.lineage if golden else {}
    known = [name for name in ATTRIBUTES if name in values]
    named = [*known, *sorted(values.keys() - set(known))]
    return [_attribute(name, values[name], lineage.get(name) or {}, sources) for name in named]


def _attribute(name: str, value: str, origin: Mapping[str, Any], sources: Mapping[str, str]) -> Attribute:
    record = str(origin.get("record", ""))
    return Attribute(
        name=label(ATTRIBUTES, name),
        value=value,
        why=str(origin.get("why", "")),
        at=str(origin.get("at", "")),
        record=record,
        source=sources.get(record, record[:8]),
    )


def _traits(golden: Golden | None) -> list[tuple[str, str, Any]]:
    """(technical name, word, value): the known traits in their own order, then those that sources named."""
    values = golden.traits if golden else {}
    known = [name for name in TRAITS if name in values]
    return [
        (name, _trait_word(name), _trait_value(name, values[name]))
        for name in [*known, *sorted(values.keys() - TRAITS)]
    ]


def _trait_word(name: str) -> str:
    trait = TRAITS.get(name)
    if trait is None:
        return name
    return trait.label_ko if reads_korean() else trait.label_en


def _trait_value(name: str, value: Any) -> Any:
    trait = TRAITS.get(name)
    if trait is None or trait.type != "moment" or not isinstance(value, str):
        return value
    return date_format(timezone.localtime(datetime.fromisoformat(value)), "SHORT_DATETIME_FORMAT")


def _consents(profile: Profile) -> list[tuple[str, list[str], Effective]]:
    """(purpose, contact channels, one of their rows): channels of one purpose, brand, state and day stand together."""
    rows = Effective.objects.filter(profile=profile).select_related("purpose").order_by("purpose", "brand", "channel")
    alike: dict[tuple[Any, ...], list[Effective]] = {}
    for row in rows:
        alike.setdefault((row.purpose_id, row.brand, row.state, timezone.localdate(row.since)), []).append(row)
    return [
        (purpose_name(rows[0].purpose), [label(CONTACT_CHANNELS, row.channel_id) for row in rows], rows[0])
        for rows in alike.values()
    ]
