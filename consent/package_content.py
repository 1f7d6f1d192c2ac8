"""Everything that is known about one person, gathered from every package's `privacy` hook and from what consent itself can
say: the golden values with their origin, how consents stand, who looked, and which purposes used which data."""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from cdp.core.models import AuditEntry, DataKey, Disclosure
from cdp.core.privacy import hooks
from cdp.core.types import now
from cdp.profiles import queries as profiles
from consent import people, queries, receipts
from consent.models import ConsentRecord, Purpose
from identity import queries as identity

FORMAT = "access-package/1"
MOST_RECEIPTS = 100_000
LINE = ("purpose", "channel", "brand", "state", "given_at", "received_at", "method", "source__name")
PURPOSE = ("key", "name_ko", "name_en", "basis", "required", "data_classes")
# Readings that tell of many people at once; which, is written beside them.
OF_MANY = "disclosure"


def of_person(subject: UUID) -> dict[str, Any]:
    """Section → what is known of the person of a data key; empty sections for one who was erased. Nothing of others: who
    among the staff looked is told by kind only, and nobody of the household by name."""
    records = people.records_of(subject)
    ids = identity.profiles_of(records)
    held: dict[str, Any] = {"format": FORMAT, "made_at": now(), "golden": [line for of in ids for line in _golden(of)]}
    for hook in hooks().values():
        held |= hook.export(records)
    return held | {
        "consents_now": [_effective(row) for of in ids for row in queries.effective(of)],
        "opt_outs": [line for of in ids for line in _opt_outs(of)],
        "receipts": [row for of in ids for row in receipts.of_profile(of, None, MOST_RECEIPTS)[0]],
        "readings": list(_readings(records, ids)),
        "purposes": list(Purpose.objects.order_by("key").values(*PURPOSE)),
    }


def _golden(profile: UUID) -> Iterator[dict[str, Any]]:
    """Each golden value with the source it came from and why it won."""
    values = profiles.personal([profile]).get(profile, {})
    lineage = profiles.golden(profile).lineage
    origin = identity.record_views(UUID(won["record"]) for won in lineage.values())
    for attribute, value in sorted(values.items()):
        won = lineage[attribute]
        source = origin[UUID(won["record"])].source
        yield {"attribute": attribute, "value": value, "source": source, "at": won["at"], "why": won["why"]}


def _effective(row: Any) -> dict[str, Any]:
    return {
        "purpose": row.purpose, "channel": row.channel, "brand": row.brand, "state": str(row.state), "since": row.since,
        "expires_at": row.expires_at,
    }  # fmt: skip


def _opt_outs(profile: UUID) -> list[dict[str, Any]]:
    """Lines that name nobody but a number or address which the person holds, and so bind them."""
    named = [line.id for line in queries.history(profile) if line.by_contact]
    lines = ConsentRecord.objects.filter(pk__in=named, subject=None).order_by("given_at", "key")
    return list(lines.values(*LINE))


def _readings(records: Collection[UUID], ids: Collection[UUID]) -> Iterator[dict[str, Any]]:
    """Every audit row about the person, and every reading of many people that told of them, oldest first."""
    subjects = list(DataKey.objects.filter(record__in=records).values_list("pk", flat=True))
    own = AuditEntry.objects.filter(subject__in=subjects)
    told = Disclosure.objects.filter(profiles__overlap=list(ids)).values_list("pk", flat=True) if ids else ()
    many = AuditEntry.objects.filter(details__disclosure__in=[str(pk) for pk in told])
    for entry in sorted([*own, *many], key=lambda entry: (entry.at, entry.pk)):
        details = entry.details
        yield {
            "at": entry.at, "what": entry.action, "purpose": entry.purpose, "by": entry.actor.partition(":")[0],
            "fields": details.get("fields") or details.get("attribute"), "channel": details.get("channel"),
        }  # fmt: skip
