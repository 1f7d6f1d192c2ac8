"""What the golden record holds about records, to export and to erase."""

from typing import Any
from uuid import UUID

from django.db import transaction

from cdp.core.touched import touch
from cdp.profiles.models import ContactPoint, Golden, GroupMember, Minor, TraitPeriod
from cdp.profiles.queries import personal
from identity import queries as identity


def export(records: list[UUID]) -> dict[str, Any]:
    """Golden values that these records won, the traits of their profiles, contact points, groups, past traits."""
    profiles = identity.profiles_of(records)
    points = ContactPoint.objects.filter(record__in=records).values(
        "kind", "usable", "reason", "valid_from", "valid_to"
    )
    periods = TraitPeriod.objects.filter(profile__in=profiles)
    return {
        "personal": list(personal(profiles).values()),
        "traits": list(Golden.objects.filter(pk__in=profiles).values_list("traits", flat=True)),
        "contact_points": list(points),
        "past_traits": list(periods.values("trait", "value", "valid_from", "valid_to")),
        "born_in_month_of": list(Minor.objects.filter(pk__in=profiles).values_list("born", flat=True)),
        "groups": list(GroupMember.objects.filter(record__in=records).values("group__kind", "role", "since")),
    }


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Delete it; profiles that keep other records are projected anew from those."""
    profiles = identity.profiles_of(records)
    touch("profiles", profiles)
    deleted = [
        ContactPoint.objects.filter(record__in=records).delete(),
        GroupMember.objects.filter(record__in=records).delete(),
        TraitPeriod.objects.filter(profile__in=profiles).delete(),
        Minor.objects.filter(pk__in=profiles).delete(),
        Golden.objects.filter(pk__in=profiles).delete(),
    ]
    tables = (
        "profiles_contactpoint", "profiles_groupmember", "profiles_traitperiod", "profiles_minor", "profiles_golden",
    )  # fmt: skip
    return dict(zip(tables, (count for count, _ in deleted), strict=True))
