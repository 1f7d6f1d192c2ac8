"""Laying out deliveries: whom a destination may have to be told of, in commit order, without asking yet what to tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from cdp.core import sequence, touched
from cdp.core.statements import column, execute, fetch
from cdp.core.types import now
from consent import queries as consent
from consent.types import ThirdParty
from segments import assignment, delivery_sql, sql
from segments.models import Delivery, Destination, Membership, Subscription

# Profiles a message: some 15 kB, as Standard Webhooks recommends.
BATCH = 100
WINDOW = 20_000
SUBJECTS_A_STEP = 2_000
FIRST = UUID(int=0)
# For how long confirmed deliveries are listed.
KEPT = timedelta(days=30)
# Where profiles wait whose consents changed.
STAGE = "deliveries"


def lay_out() -> int:
    """Lay out deliveries for all that was committed; returns how many profiles. Harmless at any time and twice at once."""
    sequence.number(sequence.SEGMENTS)
    last = int(fetch(sql.LAST_NUMBER)[0][0])
    behind = Subscription.objects.filter(ended_at=None, since__lt=last, destination__enabled=True)
    found = sum(_catch_up(pk, last) for pk in behind.order_by("pk").values_list("pk", flat=True))
    while (taken := _lay_out_touched()) is not None:
        found += taken
    return found


def _catch_up(pk: UUID, last: int) -> int:
    found, more = 0, True
    while more:
        told, more = _next_window(pk, last)
        found += told
    return found


@transaction.atomic
def _next_window(pk: UUID, last: int) -> tuple[int, bool]:
    """Lay out one window of numbers; how many profiles, and whether another follows (not where somebody else is at it)."""
    row = Subscription.objects.select_for_update(of=("self",), skip_locked=True)
    found = row.select_related("destination").filter(pk=pk, ended_at=None, since__lt=last).first()
    if found is None:
        return 0, False
    until = min(found.since + WINDOW, last)
    about = {"segment": found.segment_id, "since": found.since, "until": until}
    bound = {"purpose": found.destination.purpose_id, "channel": found.destination.channel_id}
    ids = column(delivery_sql.CONCERNED, about | bound)
    lay(found, ids)
    found.since = until
    found.save(update_fields=["since"])
    return len(ids), until < last


@transaction.atomic
def _lay_out_touched() -> int | None:
    """Those whose consents changed, for destinations to whom data is given: the feed tells of them only what holds for our
    own use. None where nobody waits."""
    ids = touched.take(STAGE, SUBJECTS_A_STEP)
    return sum(_lay_known(one, ids) for one in _to_recipients()) if ids else None


def note_consent_changes(profiles: Sequence[UUID]) -> None:
    """Have these profiles looked at again for every destination to whom data is given, in the caller's transaction."""
    if _to_recipients():
        touched.touch(STAGE, profiles)


def _to_recipients() -> list[Subscription]:
    given = Destination.Role.RECIPIENT
    return list(Subscription.objects.filter(ended_at=None, destination__role=given).order_by("pk"))


def _lay_known(subscription: Subscription, ids: Sequence[UUID]) -> int:
    about = {"subscription": subscription.pk, "segment": subscription.segment_id, "profiles": list(ids)}
    known = column(delivery_sql.KNOWN_TO, about)
    lay(subscription, known)
    return len(known)


def look_again() -> int:
    """Lay out whoever is inside and may no longer be: time alone ends consents. Forgets old deliveries. How many."""
    execute(delivery_sql.FORGET_OLD, [now() - KEPT])
    found = 0
    for one in Subscription.objects.filter(ended_at=None).select_related("destination", "segment").order_by("pk"):
        for ids in _inside(one):
            over = sorted(set(ids) - standing(one, ids).allowed)
            lay(one, over)
            found += len(over)
    return found


def lay_inside(subscription: Subscription) -> None:
    """Lay out everybody whom the destination was told of and not yet that they left."""
    for ids in _inside(subscription):
        lay(subscription, ids)


def _inside(subscription: Subscription) -> Iterator[list[UUID]]:
    about, after = {"subscription": subscription.pk, "limit": consent.CHUNK}, FIRST
    while ids := column(delivery_sql.INSIDE_AFTER, about | {"after": after}):
        yield ids
        after = ids[-1]


@dataclass(frozen=True)
class Standing:
    """Of some profiles, who is a member of a segment now and to be contacted, and whom of those a destination may be told of."""

    members: set[UUID]
    allowed: set[UUID]


def standing(subscription: Subscription, profiles: Sequence[UUID]) -> Standing:
    """How up to 10,000 profiles stand at this moment: membership without a holdout, then consent asked of the ledger in a
    fresh snapshot."""
    if subscription.ended_at:
        return Standing(set(), set())
    segment, destination = subscription.segment, subscription.destination
    rows = Membership.objects.filter(segment=segment, profile__in=list(profiles))
    members = set(rows.values_list("profile_id", flat=True))
    members -= assignment.held_out(segment, members)
    brand = destination.brand or segment.brand
    to = third_party(destination)
    return Standing(
        members, consent.allowed(members, segment.purpose_id, destination.channel_id, now(), brand, given_to=to)
    )


def third_party(destination: Destination) -> ThirdParty | None:
    """To whom data is given there, as a consent must name it; None for a processor, who works for us."""
    given = destination.role == Destination.Role.RECIPIENT
    return ThirdParty(destination.recipient, destination.country) if given else None


def lay(subscription: Subscription, profiles: Sequence[UUID]) -> None:
    """Deliveries of so many profiles each."""
    batches = (list(profiles[start : start + BATCH]) for start in range(0, len(profiles), BATCH))
    Delivery.objects.bulk_create(
        Delivery(destination_id=subscription.destination_id, subscription=subscription, profiles=batch)
        for batch in batches
    )
