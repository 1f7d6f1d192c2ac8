"""What somebody touched between two moments, by the audit log: for whoever must say whose data leaked."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cdp.core.models import AuditEntry, DataKey, Disclosure

PROFILE = "profile."


@dataclass
class Touched:
    """The records and profiles that audit rows name, the subjects that nothing leads from any more, and what was done."""

    records: set[UUID] = field(default_factory=set)
    profiles: set[UUID] = field(default_factory=set)
    severed: set[UUID] = field(default_factory=set)
    actions: Counter[str] = field(default_factory=Counter)


def touched(since: datetime, until: datetime, *, actor: str = "", target: str = "", export: str = "") -> Touched:
    """By an actor (`key:…`, `user:…`, `system:…`), by what names a target, or by an export; in [since, until)."""
    found, subjects, told = Touched(), set[UUID](), list[str]()
    entries = AuditEntry.objects.filter(at__gte=since, at__lt=until)
    asked = {"actor": actor, "target": target, "details__export": export}
    entries = entries.filter(**{name: value for name, value in asked.items() if value})
    for action, subject, named, details in entries.values_list("action", "subject", "target", "details").iterator():
        found.actions[action] += 1
        subjects |= {subject} if subject else set()
        told += [details["disclosure"]] if "disclosure" in details else []
        found.profiles |= _profile(action, named)
    for profiles, others in Disclosure.objects.filter(pk__in=told).values_list("profiles", "subjects").iterator():
        found.profiles.update(profiles)
        subjects.update(others)
    records = dict(DataKey.objects.filter(pk__in=subjects).values_list("pk", "record"))
    found.records, found.severed = set(records.values()), subjects - records.keys()
    return found


def _profile(action: str, target: str) -> set[UUID]:
    """The profile that an audit row of a profile's names."""
    if not action.startswith(PROFILE):
        return set()
    try:
        return {UUID(target)}
    except ValueError:
        return set()
