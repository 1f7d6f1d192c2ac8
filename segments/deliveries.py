"""Deliveries: comings and goings laid out for each destination, made into messages when they are sent, tried until confirmed.

A delivery names profiles only. What it says of them is made anew at each try, in a transaction that asks consent and
notes whom the destination may come to know of before the message leaves: a message that was lost, came twice or came
late says what holds at its try, and whoever was told of is told of as having left once they are no longer allowed.
Each destination has a sender of its own at a time, which ends at the first failure, so that none waits for another.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from cdp.core.actions import audit, count, disclose
from cdp.core.errors import Refused
from cdp.core.locks import alone
from cdp.core.statements import execute, fetch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from segments import approval, assignment, delivery_sql
from segments.contacts import released
from segments.delivery_plan import standing
from segments.destinations import secrets_of
from segments.models import Delivery, Destination, Subscription, Told
from segments.outgoing import Message, Outcome, kind_of

ACTOR = Actor.system("deliveries")
State, Kind = Delivery.State, Delivery.Kind
# One sender a destination.
LOCK = "segments_destination"
# What is noted before a message leaves, and stands where nobody lived to note its outcome.
INTERRUPTED = "interrupted"
SECONDS_A_RUN = 20.0
# After how long a delivery is tried again, doubled twice a try and a random part of it taken off; and how long, at most,
# its destination is left alone.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(days=1)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(frozen=True)
class Said:
    """What a delivery says at one try: who came and who left, how many members consent keeps back."""

    type: str
    data: dict[str, Any]
    entered: Sequence[UUID] = ()
    left: Sequence[UUID] = ()
    withheld: int = 0

    @property
    def about(self) -> list[UUID]:
        """Everybody it tells of."""
        return [*self.entered, *self.left]


# --- who has something to be sent -------------------------------------------------------------------------------------


def waiting() -> list[UUID]:
    """The destinations for which a delivery is due, and that are not left alone."""
    due = Q(deliveries__state=State.WAITING, deliveries__next_at__lte=now())
    sent = Q(enabled=True) | Q(deliveries__kind=Kind.ERASED)
    awake = Q(resume_at=None) | Q(resume_at__lte=now())
    return list(Destination.objects.filter(due & sent & awake).order_by("pk").distinct().values_list("pk", flat=True))


def send_due(destination: UUID, seconds: float = SECONDS_A_RUN) -> bool:
    """Send what is due for one destination, in order, until a try fails or the time is over; whether more is due.

    Outside a transaction. Does nothing where another worker is at it.
    """
    ends = time.monotonic() + seconds
    with alone(LOCK, destination) as held:
        while held and time.monotonic() < ends:
            if (delivery := _next(destination)) is None or not _try(delivery):
                return False
    return held


def _next(destination: UUID) -> UUID | None:
    awake = Q(destination__resume_at=None) | Q(destination__resume_at__lte=now())
    sent = Q(destination__enabled=True) | Q(kind=Kind.ERASED)
    due = Delivery.objects.filter(awake & sent, destination=destination, state=State.WAITING, next_at__lte=now())
    return due.order_by("pk").values_list("pk", flat=True).first()


# --- one try ----------------------------------------------------------------------------------------------------------


def _try(pk: UUID) -> bool:
    """Send a delivery once; whether it was confirmed, or there was nothing to be said."""
    delivery, said = _say(pk)
    if not said.about:
        _confirmed(delivery, said)
        return True
    place = delivery.destination
    message = Message(f"msg_{delivery.pk}", said.type, delivery.created_at, said.data)
    outcome = kind_of(place.kind).send(place.address, secrets_of(place), message)
    if outcome.confirmed:
        _confirmed(delivery, said)
    else:
        _failed(delivery, outcome)
    return outcome.confirmed


@transaction.atomic
def _say(pk: UUID) -> tuple[Delivery, Said]:
    """What a delivery says now. Whom the destination may come to know of is noted before the message leaves, so that
    nobody is forgotten whose message was confirmed by a connection that broke."""
    execute(delivery_sql.TELLING)
    rows = Delivery.objects.select_for_update(of=("self",)).select_related(
        "destination__channel", "subscription__segment"
    )
    delivery = rows.get(pk=pk)
    said = _erased(delivery) if delivery.kind == Kind.ERASED else _changes(delivery)
    if said.entered:
        execute(delivery_sql.TELL, {"subscription": delivery.subscription_id, "profiles": list(said.entered)})
    if said.about:
        place = delivery.destination
        about: dict[str, Any] = {"target": str(place.pk), "purpose": place.purpose_id, "delivery": str(pk)}
        contacts = any("contact" in line for line in said.data.get("changes", ()))
        disclose(ACTOR, "destination.told", said.about, **about, contacts=contacts)
    delivery.tries += 1
    delivery.failed, delivery.next_at = INTERRUPTED, now() + _wait(delivery.tries)
    delivery.save(update_fields=["tries", "failed", "next_at"])
    return delivery, said


def _erased(delivery: Delivery) -> Said:
    return Said("profile.erased", {"profiles": [str(one) for one in delivery.profiles]}, left=delivery.profiles)


def _changes(delivery: Delivery) -> Said:
    """Who is inside now and was not before (or perhaps did not arrive), and who was and is no more."""
    subscription = _whole(delivery)
    now_there = standing(subscription, delivery.profiles)
    known = Told.objects.filter(subscription=subscription, inside=True, profile__in=delivery.profiles)
    inside = set(known.values_list("profile", flat=True))
    fresh = now_there.allowed if delivery.failed else now_there.allowed - inside
    entered, left = sorted(fresh), sorted(inside - now_there.allowed)
    changes = _told(subscription, "entered", entered) + _told(subscription, "left", left)
    segment, place = subscription.segment, subscription.destination
    about = {"segment": segment.key, "purpose": segment.purpose_id, "channel": place.channel_id}
    withheld = len(now_there.members) - len(now_there.allowed)
    return Said("segment.changes", {**about, "changes": changes}, entered, left, withheld)


def _whole(delivery: Delivery) -> Subscription:
    if delivery.subscription is None:
        raise ValueError("Only a tombstone has no segment.")
    delivery.subscription.destination = delivery.destination
    return delivery.subscription


def _told(subscription: Subscription, change: str, profiles: list[UUID]) -> list[dict[str, Any]]:
    """The lines of a message: each with the reason and time of the transition that tells of it. What none tells of is
    consent's doing, or that of whoever ended the sending, as of now."""
    place = subscription.destination
    bound = {"purpose": place.purpose_id, "channel": place.channel_id, "segment": subscription.segment_id}
    moves = {row[0]: row[1:] for row in fetch(delivery_sql.LAST_MOVES, bound | {"profiles": profiles})}
    parts = assignment.variants(subscription.segment, profiles)
    values = _contacts(subscription, profiles) if change == "entered" else {}
    otherwise = ("", "ended" if subscription.ended_at else "consent", now())
    lines = []
    for profile in profiles:
        kind, reason, at = moves.get(profile, otherwise)
        if kind != change:
            _kind, reason, at = otherwise
        line = {"profile_id": str(profile), "change": change, "reason": reason, "at": at}
        line |= {"variant": parts[profile]} if profile in parts else {}
        lines.append(line | ({"contact": values[profile]} if profile in values else {}))
    return lines


def _contacts(subscription: Subscription, profiles: list[UUID]) -> dict[UUID, str]:
    """The contact values by which those who enter are reached there, where another person approved that of what the segment
    means, asked after its members were read; in memory only."""
    point = subscription.destination.channel.point
    if not (subscription.contacts and point and profiles):
        return {}
    return released(profiles, point) if approval.stands(subscription.segment, subscription.versions) else {}


# --- how it ended -----------------------------------------------------------------------------------------------------


@transaction.atomic
def _confirmed(delivery: Delivery, said: Said) -> None:
    Told.objects.filter(subscription=delivery.subscription_id, profile__in=list(said.left)).update(inside=False)
    delivery.state, delivery.failed, delivery.closed_at = State.CONFIRMED, "", now()
    delivery.entered, delivery.left, delivery.withheld = len(said.entered), len(said.left), said.withheld
    delivery.profiles = []
    delivery.save()
    count(None, {"delivery_confirmed": 1, "delivery_withheld": said.withheld})
    if said.about:
        Destination.objects.filter(pk=delivery.destination_id).update(failures=0, resume_at=None)
    if delivery.kind == Kind.ERASED:
        audit(ACTOR, "destination.erasure_confirmed", target=str(delivery.destination_id), delivery=str(delivery.pk))
        wake(settings.PRIVACY_TASK)


@transaction.atomic
def _failed(delivery: Delivery, outcome: Outcome) -> None:
    delivery.failed = outcome.why[:60]
    if delivery.tries >= settings.DELIVERY_TRIES:
        delivery.state, delivery.closed_at = State.DEAD, now()
        audit(ACTOR, "delivery.given_up", target=str(delivery.pk), why=delivery.failed)
    count(None, {"delivery_failed": 1, "delivery_given_up": int(delivery.state == State.DEAD)})
    delivery.next_at = now() + max(_wait(delivery.tries), outcome.wait or timedelta(0))
    delivery.save(update_fields=["state", "failed", "closed_at", "next_at"])
    place = Destination.objects.select_for_update().get(pk=delivery.destination_id)
    place.failures = min(place.failures + 1, 32_000)
    place.resume_at = now() + min(FIRST_PAUSE * 2 ** min(place.failures - 1, 10), LONGEST_PAUSE)
    place.enabled = place.enabled and not outcome.gone
    place.save(update_fields=["failures", "resume_at", "enabled"])
    if outcome.gone:
        audit(ACTOR, "destination.gone", target=str(place.pk))


def _wait(tries: int) -> timedelta:
    """Until the next try: exponential, with jitter, so that what failed together does not come back together."""
    longest = min(FIRST_WAIT * float(4 ** min(tries - 1, 10)), LONGEST_WAIT)
    return longest * (1 - random.random() / 4)  # noqa: S311 - no secret


# --- by hand ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def replay(actor: Actor, delivery: UUID) -> None:
    """Have a delivery that was given up tried again, from the first try on. Raises `Refused`, `not_dead`."""
    found = Delivery.objects.select_for_update().filter(pk=delivery, state=State.DEAD).first()
    if found is None:
        raise Refused("not_dead", _("Only a delivery that was given up can be sent again."))
    found.state, found.tries, found.next_at, found.closed_at = State.WAITING, 0, now(), None
    found.save(update_fields=["state", "tries", "next_at", "closed_at"])
    Destination.objects.filter(pk=found.destination_id).update(resume_at=None)
    audit(actor, "delivery.replayed", target=str(found.pk))


def replay_all(actor: Actor, destination: Destination) -> int:
    """The same for all that was given up of a destination; how many."""
    dead = list(destination.deliveries.filter(state=State.DEAD).order_by("pk").values_list("pk", flat=True))
    for pk in dead:
        replay(actor, pk)
    return len(dead)


@transaction.atomic
def excuse(actor: Actor, delivery: UUID, ground: str) -> None:
    """Except a tombstone: its erasure waits for this destination no more, and its certificate says why.

    Raises `Refused`: `unknown_ground`, `not_waiting`.
    """
    if ground not in Delivery.Ground.values:
        raise Refused("unknown_ground", _("There is no such ground."))
    open_states = (State.WAITING, State.DEAD)
    found = Delivery.objects.select_for_update().filter(pk=delivery, kind=Kind.ERASED, state__in=open_states).first()
    if found is None:
        raise Refused("not_waiting", _("Nothing waits for this."))
    found.state, found.excepted_for, found.closed_at, found.profiles = State.EXCEPTED, ground, now(), []
    found.save(update_fields=["state", "excepted_for", "closed_at", "profiles"])
    audit(actor, "delivery.excepted", target=str(found.pk), ground=ground)
    wake(settings.PRIVACY_TASK)
