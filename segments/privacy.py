"""What segments hold about records, to export and to erase."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from cdp.core.statements import column, execute, fetch
from segments import delivery_sql, export_jobs, lists_sql, sql, tombstones
from segments.models import Assignment, Membership, Segment, Transition
from segments.vocabulary import Names, classes_of, in_words, names_in

MEMBERSHIP = ("segment", "purpose", "entered_at")
SENT = ("segment", "purpose", "recipient", "country", "role", "since", "inside")
LISTED = ("list", "purpose", "came_from", "kept_until")
ASSIGNMENT = ("segment", "variant", "at")
TRANSITION = ("segment", "kind", "reason", "purpose", "channel", "at")


def export(records: list[UUID]) -> dict[str, Any]:
    """The segments that the profiles of these records are in, their history of coming and going, which data of theirs
    those segments' rules read, for which purpose, and to whom they were sent."""
    memberships = [dict(zip(MEMBERSHIP, row, strict=True)) for row in fetch(sql.MEMBERSHIPS_OF, [records])]
    transitions = [dict(zip(TRANSITION, row, strict=True)) for row in fetch(sql.HISTORY_OF, [records])]
    listed = [dict(zip(LISTED, row, strict=True)) for row in fetch(lists_sql.LISTS_OF, {"records": records})]
    assignments = [dict(zip(ASSIGNMENT, row, strict=True)) for row in fetch(sql.ASSIGNMENTS_OF, [records])]
    named = {row["segment"] for row in (*memberships, *transitions)}
    sent = [dict(zip(SENT, row, strict=True)) for row in fetch(delivery_sql.SENT, [records])]
    return {
        "memberships": memberships, "transitions": transitions, "assignments": assignments, "uses": _uses(named),
        "lists": listed,
        "sent": sent,
        "files": export_jobs.of_records(records),
    }  # fmt: skip


def _uses(segments: Collection[str]) -> list[dict[str, Any]]:
    """Which traits and events a segment's rule reads, for which purpose, of which data classes, and the rule in words."""
    names = Names.read()
    found = Segment.objects.filter(key__in=segments).order_by("purpose", "key")
    return [
        {
            "purpose": segment.purpose_id, "segment": segment.key, "data": sorted(names_in(segment.rule)),
            "data_classes": sorted(classes_of(segment.rule)),
            "rule": in_words(segment.rule, segment.purpose_id, names),
        }
        for segment in found
    ]  # fmt: skip


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Forget the profiles that consist of nothing but these records: table → rows. Readers are told that they left, and
    destinations that knew of them that they are erased.

    A profile with other records stays; the pipeline looks at it again.
    """
    profiles = column(sql.PROFILES_OF_ONLY, {"records": records})
    rows = {
        "segments_assignment": Assignment.objects.filter(record__in=records).count(),
        **tombstones.leave(profiles, records),
        **export_jobs.forget(records),
        "segments_membership": Membership.objects.filter(profile__in=profiles).count(),
        "segments_transition": Transition.objects.filter(profile__in=profiles).count(),
    }
    execute(sql.FORGET, {"profiles": profiles})
    execute(sql.FORGET_ASSIGNMENTS, [records])
    rows["segments_listentry"] = int(fetch(lists_sql.FORGET, {"records": records})[0][0])
    return rows
