"""What destinations are told of an erasure, and whether they have confirmed it."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from cdp.core.statements import execute, fetch
from consent import suppression
from segments import delivery_sql
from segments.models import Delivery

State = Delivery.State
STATES = {State.CONFIRMED: "confirmed", State.EXCEPTED: "excepted", State.DEAD: "failed", State.WAITING: "pending"}


def leave(profiles: Sequence[UUID], records: Sequence[UUID]) -> dict[str, int]:
    """Leave a tombstone for each destination that was told of these profiles, and have it told nothing else of them.

    In the transaction that erases; returns table → rows that knew of them.
    """
    execute(delivery_sql.ERASING)
    digests = suppression.digests_of([suppression.record_name(record) for record in records])
    known, waited = fetch(delivery_sql.LEAVE_TOMBSTONES, {"profiles": list(profiles), "digests": digests})[0]
    return {"segments_told": known, "segments_delivery": waited}


def confirmations(digests: Collection[bytes]) -> list[dict[str, Any]]:
    """Each destination that was told of a person, and how it stands: {"destination", "recipient", "country", "delivery",
    "state": pending, failed, confirmed or excepted, "at", "why"}. The person is named by digests of their records."""
    rows = Delivery.objects.filter(kind=Delivery.Kind.ERASED, digests__overlap=list(digests))
    return [_confirmation(row) for row in rows.select_related("destination").order_by("pk")]


def _confirmation(row: Delivery) -> dict[str, Any]:
    return {
        "destination": row.destination.name,
        "recipient": row.destination.recipient,
        "country": row.destination.country,
        "delivery": str(row.pk),
        "state": STATES[State(row.state)],
        "at": row.closed_at.isoformat() if row.closed_at else None,
        "why": row.excepted_for or row.failed,
    }
