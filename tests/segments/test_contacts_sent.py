"""Deliveries with contact values: approved by a second person, for one segment and one destination, of whom consent allows."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from cdp.profiles.models import ContactPoint
from consent.actions import suppress
from identity.models import Record
from segments import approval, destinations, queries
from segments.models import Delivery, Destination, ExportRequest, Segment, Subscription
from tests.segments.people import ACTOR, NOW, says, told
from tests.segments.receiver import Receiver, receiving
from tests.segments.test_deliveries import destination, filled, send

pytestmark = pytest.mark.django_db
ANOTHER = Actor.system("another")


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.DELIVERY_NETWORKS, settings.DELIVERY_PLAIN_HTTP = ["127.0.0.0/8"], True
    with receiving() as server:
        yield server


def reached(profile: UUID, address: str) -> None:
    """Give somebody an e-mail address, sealed as identity seals it."""
    record = Record.objects.get(profile=profile)
    at = "2026-01-02T00:00:00.000000Z"
    said = {"external_id": address, "values": {"email": [[address, at, "m"]]}, "identifiers": {}, "cleaned": []}
    key = crypto.data_keys([record.pk])[record.pk]
    record.attributes = crypto.seal(key, "identity_record", "attributes", said)
    record.save(update_fields=["attributes"])
    ContactPoint.objects.create(
        record=record, kind="email", digest=crypto.contact_digest("email", address), valid_from=NOW
    )


def approved(made: Segment, place: Destination) -> UUID:
    asked = approval.ask(ACTOR, made, "email", "the letter", place)
    return approval.decide(ANOTHER, asked.pk, approve=True).pk


def contacts(receiver: Receiver) -> dict[str, str | None]:
    """What the last message said of whom."""
    return {line["profile_id"]: line.get("contact") for line in receiver.said[-1]["data"]["changes"]}


@pytest.fixture
def sent(receiver: Receiver) -> tuple[Destination, Segment, list[UUID]]:
    """A destination, and a segment of three with e-mail addresses."""
    place, _secret = destination(receiver)
    made, ids = filled(3)
    for number, one in enumerate(ids):
        reached(one, f"canary{number}@shop.example")
    return place, made, ids


Sent = tuple[Destination, Segment, list[UUID]]


def test_whoever_enters_comes_with_the_value_and_whoever_leaves_without(receiver: Receiver, sent: Sent) -> None:
    place, made, (a, b, c) = sent
    says(b, "withdrawn")
    suppress(ACTOR, "email", ["Canary2@shop.example"], "asked")
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    send(place)
    assert contacts(receiver) == {str(a): "canary0@shop.example", str(c): None}, "consent, then the suppression list"
    says(a, "withdrawn")
    told(a)
    send(place)
    assert contacts(receiver) == {str(a): None} and receiver.changes[-1][1] == "left"
    kept = str([*Delivery.objects.values(), *AuditEntry.objects.values(), *Subscription.objects.values()])
    assert "canary" not in kept
    flags = (
        AuditEntry.objects.filter(action="destination.told").order_by("at").values_list("details__contacts", flat=True)
    )
    assert list(flags) == [True, False]


def test_without_an_approval_of_this_very_destination_nothing_leaves(receiver: Receiver, sent: Sent) -> None:
    place, made, _ids = sent
    elsewhere, _secret = destination(receiver)
    asked = approval.ask(ACTOR, made, "email", "the letter", place)
    for_export = approval.decide(ANOTHER, approval.ask(ACTOR, made, "email", "x").pk, approve=True)
    for wrong in (asked.pk, for_export.pk, approved(made, elsewhere)):
        refused("not_approved", lambda wrong=wrong: destinations.subscribe(ACTOR, place, made, wrong))
    given = approved(made, place)
    refused("not_approved", lambda: destinations.subscribe(ANOTHER, place, made, given))
    refused("not_approved", lambda: list(exported(made, given)))
    assert not Subscription.objects.exists()
    destinations.subscribe(ACTOR, place, made)
    send(place)
    assert set(contacts(receiver).values()) == {None}
    refused("sent_already", lambda: destinations.subscribe(ACTOR, place, made, given))
    refused("channel_mismatch", lambda: approval.ask(ACTOR, made, "sms", "x", place))


def test_ended_and_begun_again_it_takes_a_new_approval(receiver: Receiver, sent: Sent) -> None:
    place, made, _ids = sent
    given = approved(made, place)
    destinations.subscribe(ACTOR, place, made, given)
    destinations.unsubscribe(ACTOR, place, made)
    refused("not_approved", lambda: destinations.subscribe(ACTOR, place, made, given))
    assert not destinations.subscribe(ACTOR, place, made).contacts


def test_what_was_approved_of_one_address_opens_no_other(receiver: Receiver, sent: Sent) -> None:
    place, made, _ids = sent
    given = approved(made, place)
    destinations.change(ACTOR, place, name="mailer of old")
    assert ExportRequest.objects.get().state == "approved"
    destinations.change(ACTOR, place, address="https://elsewhere.example/hook")
    refused("not_approved", lambda: destinations.subscribe(ACTOR, place, made, given))
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    refused("destination_in_use", lambda: destinations.change(ACTOR, place, address=receiver.address))


def exported(made: Segment, given: UUID) -> Iterator[bytes]:
    about: dict[str, Any] = {"columns": ["contact"], "personal": True, "approval": given}
    return queries.export(made, "marketing", "email", actor=ACTOR, **about)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
