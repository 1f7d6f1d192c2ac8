"""Writes of destinations: who is sent members, by what secret, and which segments."""

import re
from collections import defaultdict
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent.register import Recipient
from segments import approval as approvals
from segments.delivery_plan import lay_inside
from segments.models import Destination, ExportRequest, Segment, Subscription
from segments.outgoing import kind_of

TABLE, COLUMN = "segments_destination", "sealed"
# While its receiver changes over, a message is signed by the secret before too.
SECRETS_KEPT = 2
COUNTRY = re.compile("[A-Z]{2}")


class DestinationFields(TypedDict, total=False):
    """What is said of a destination; `purpose` and `channel` (of contact) by their keys, `country` as ISO 3166-1 alpha-2."""

    name: str
    kind: str
    address: str
    role: str
    recipient: str
    country: str
    purpose: str
    channel: str
    brand: str
    enabled: bool


@transaction.atomic
def create(actor: Actor, **fields: Unpack[DestinationFields]) -> tuple[Destination, str]:
    """A new destination, and what its receiver is to be told of its secret, which is shown this once.

    Raises `Refused` (`kind_unknown`, `address_refused`, `country_unknown`) and ValidationError for another field.
    """
    made = Destination()
    _fill(made, fields)
    secret = kind_of(made.kind).new_secret()
    made.sealed = _seal(made, [secret])
    _check(made)
    made.save(force_insert=True)
    audit(actor, "destination.created", target=str(made.pk), purpose=made.purpose_id, fields=sorted(fields))
    return made, kind_of(made.kind).shown(secret)


@transaction.atomic
def change(actor: Actor, destination: Destination, **fields: Unpack[DestinationFields]) -> Destination:
    """Change some fields. Raises as `create` does, and `Refused`, `destination_in_use`, for another purpose, contact
    channel, brand, role, company or country while segments are sent there: by those they were consented to; nor for another
    address while contact values are."""
    changed = Destination.objects.select_for_update().get(pk=destination.pk)
    before, at = _meaning(changed), (changed.kind, changed.address)
    _fill(changed, fields)
    _check(changed)
    if _meaning(changed) != before and changed.subscriptions.filter(ended_at=None).exists():
        raise Refused("destination_in_use", _("Segments are sent there for what it is now: end that first."))
    if (changed.kind, changed.address) != at:
        _void_approvals(changed)
    changed.save()
    audit(actor, "destination.changed", target=str(changed.pk), fields=sorted(fields))
    return changed


def _void_approvals(destination: Destination) -> None:
    """What was approved of another address opens nothing."""
    open_states = (ExportRequest.State.ASKED, ExportRequest.State.APPROVED)
    asked = ExportRequest.objects.filter(destination=destination, state__in=open_states)
    asked.update(state=ExportRequest.State.REFUSED)


@transaction.atomic
def renew_secret(actor: Actor, destination: Destination) -> str:
    """A new secret, as its receiver is to be told it this once; the one before counts too, until it is renewed again."""
    found = Destination.objects.select_for_update().get(pk=destination.pk)
    kind = kind_of(found.kind)
    fresh = kind.new_secret()
    found.sealed = _seal(found, [fresh, *secrets_of(found)][:SECRETS_KEPT])
    found.save(update_fields=["sealed"])
    audit(actor, "destination.secret_renewed", target=str(found.pk))
    return kind.shown(fresh)


def secrets_of(destination: Destination) -> list[str]:
    """Its secrets that are valid now, the newest first, in memory only."""
    key = crypto.existing_data_keys([destination.pk]).get(destination.pk)
    return [str(secret) for secret in crypto.unseal(key, TABLE, COLUMN, destination.sealed)]


def _fill(destination: Destination, fields: DestinationFields) -> None:
    values: dict[str, Any] = dict(fields)
    for name, value in values.items():
        setattr(destination, f"{name}_id" if name in ("purpose", "channel") else name, value)


def _check(destination: Destination) -> None:
    kind_of(destination.kind).check(destination.address)
    if not COUNTRY.fullmatch(destination.country):
        raise Refused("country_unknown", _("Write the country in two capital letters, like KR."))
    destination.full_clean()


def _meaning(destination: Destination) -> tuple[str, ...]:
    names = ["purpose_id", "channel_id", "brand", "role", "recipient", "country"]
    if destination.subscriptions.filter(ended_at=None, contacts=True).exists():
        names += ["kind", "address"]  # where contact values go was approved
    return tuple(getattr(destination, name) for name in names)


def _seal(destination: Destination, secrets: list[str]) -> bytes:
    return crypto.seal(crypto.data_keys([destination.pk])[destination.pk], TABLE, COLUMN, secrets)


def recipients() -> dict[str, list[Recipient]]:
    """To whom segments are sent, by purpose, as the register of processing names them."""
    found: dict[str, list[Recipient]] = defaultdict(list)
    for one in Destination.objects.filter(enabled=True).order_by("recipient", "country", "role"):
        told = Recipient(one.recipient, one.role, one.country)
        if told not in found[one.purpose_id]:
            found[one.purpose_id].append(told)
    return found


# --- the segments that are sent there ---------------------------------------------------------------------------------


@transaction.atomic
def subscribe(actor: Actor, destination: Destination, segment: Segment, approval: UUID | None = None) -> Subscription:
    """Send a published segment there from now on, first all its members; again it changes nothing.

    With the approval of a second person, which this spends, whoever enters is told of with their contact value, until the
    segment means something else and another approval is given here. Raises `Refused`: `segment_not_published`,
    `purpose_mismatch`, `brand_mismatch`, as `approval.use` does; `sent_already` where the segment is sent there without.
    """
    # Its row first, as `change` does: what is approved is approved of the address that it has. A delivery may refer to it.
    destination = Destination.objects.select_for_update(no_key=True).get(pk=destination.pk)
    if segment.state != Segment.State.PUBLISHED:
        raise Refused("segment_not_published", _("Only a published segment is sent: publish it first."))
    if segment.purpose_id != destination.purpose_id:
        raise Refused("purpose_mismatch", _("The segment serves another purpose."))
    if destination.brand and segment.brand and destination.brand != segment.brand:
        raise Refused("brand_mismatch", _("The segment serves another brand."))
    made, fresh = Subscription.objects.select_for_update().get_or_create(destination=destination, segment=segment)
    if fresh or made.ended_at:
        made.since, made.ended_at = 0, None
        _add(actor, made, destination, segment, approval)
    elif approval and not made.contacts:
        raise Refused("sent_already", _("The segment is sent there without contact values: end that first."))
    elif approval and not approvals.stands(segment, made.versions):
        _add(actor, made, destination, segment, approval)
    return made


def _add(
    actor: Actor, made: Subscription, destination: Destination, segment: Segment, approval: UUID | None
) -> None:  # fmt: skip
    made.contacts, made.versions = approval is not None, {}
    if approval:
        made.versions = approvals.use(actor, approval, segment, destination.channel_id, destination)
    made.save(update_fields=["since", "ended_at", "contacts", "versions"])
    about: dict[str, Any] = {"segment": str(segment.pk), "contacts": made.contacts}
    audit(actor, "destination.segment_added", target=str(destination.pk), **about)


def outdated(destination: Destination) -> set[UUID]:
    """The segments whose contact values are sent there no more, for they mean something else than was approved."""
    sent = destination.subscriptions.filter(ended_at=None, contacts=True).select_related("segment")
    return {one.segment_id for one in sent if not approvals.stands(one.segment, one.versions)}


@transaction.atomic
def unsubscribe(actor: Actor, destination: Destination, segment: Segment) -> None:
    """Send the segment there no more: whoever was told of is told of as having left. Again it changes nothing."""
    found = Subscription.objects.select_for_update().filter(destination=destination, segment=segment, ended_at=None)
    for subscription in found:
        subscription.ended_at = now()
        subscription.save(update_fields=["ended_at"])
        lay_inside(subscription)
        audit(actor, "destination.segment_removed", target=str(destination.pk), segment=str(segment.pk))
