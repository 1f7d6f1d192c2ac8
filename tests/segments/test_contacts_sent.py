"""Deliveries with contact values: approved by a second person, for one segment and one destination, of whom consent allows."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import transaction

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.statements import fetch
from cdp.core.types import Actor
from cdp.profiles.models import ContactPoint
from consent.actions import suppress
from identity.models import Record
from segments import actions, approval, destinations, exports, lists, traits
from segments.models import Delivery, Destination, ExportRequest, Segment, Subscription, UploadedList
from tests.segments.people import ACTOR, NOW, happened, members_of, people, says, segment, told
from tests.segments.receiver import Receiver, receiving
from tests.segments.test_deliveries import destination, filled, send
from tests.segments.test_lists import uploaded
from tests.segments.test_membership import at_once
from tests.segments.test_traits import ORDERED, trait

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


def widened(made: Segment) -> UUID:
    """Somebody who enters by another rule than was approved."""
    (other,) = people(1, orders_count=0)
    says([other], "granted")
    reached(other, "wide@shop.example")
    actions.change_segment(ACTOR, made, rule={"trait": "orders_count", "op": "gte", "value": 0})
    actions.recompute(made.pk, NOW)
    return other


def test_whoever_enters_by_another_rule_than_was_approved_comes_without(receiver: Receiver, sent: Sent) -> None:
    place, made, _ids = sent
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    send(place)
    assert destinations.outdated(place) == set()
    other = widened(made)
    send(place)
    assert contacts(receiver) == {str(other): None} and destinations.outdated(place) == {made.pk}
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    assert destinations.outdated(place) == set()
    (late,) = people(1, orders_count=0)
    says([late], "granted")
    reached(late, "late@shop.example")
    actions.refresh_profiles([late], NOW)
    send(place)
    assert contacts(receiver) == {str(late): "late@shop.example"}


def test_nor_by_another_rule_of_a_segment_that_it_builds_on(receiver: Receiver, sent: Sent) -> None:
    place, inner, _ids = sent
    made = segment("outer", {"segment": inner.key})
    actions.recompute(made.pk, NOW)
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    send(place)
    other = widened(inner)
    actions.recompute(made.pk, NOW)
    send(place)
    assert contacts(receiver) == {str(other): None} and destinations.outdated(place) == {made.pk}


def entering(made: Segment, other: UUID) -> None:
    """Somebody of whom consent allows comes into a segment by what it reads."""
    says([other], "granted")
    reached(other, "wide@shop.example")
    actions.recompute(made.pk, NOW)
    assert other in members_of(made)


def test_nor_by_a_list_to_which_somebody_was_added(receiver: Receiver, sent: Sent) -> None:
    place, _made, (a, *_others) = sent
    guests = uploaded()
    lists.add_profiles(ACTOR, guests, [a])
    made = segment("on", {"all": [{"list": "guests"}]})
    refused("not_computed", lambda: destinations.subscribe(ACTOR, place, made, approved(made, place)))
    actions.recompute(made.pk, NOW)
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    send(place)
    lists.add_profiles(ACTOR, guests, [a])
    assert destinations.outdated(place) == set(), "the same once more widens nothing"
    (other,) = people(1)
    asked = approval.ask(ACTOR, made, "email", "x")
    lists.add_profiles(ACTOR, guests, [other])
    entering(made, other)
    send(place)
    assert contacts(receiver) == {str(other): None} and destinations.outdated(place) == {made.pk}
    approval.decide(ANOTHER, asked.pk, approve=True)
    refused("approval_outdated", lambda: list(exported(made, asked.pk)))
    given = approved(made, place)
    UploadedList.objects.update(expires_at=NOW)
    lists.expire()
    refused("approval_outdated", lambda: destinations.subscribe(ACTOR, place, made, given))


def test_nor_by_another_meaning_of_a_computed_trait(receiver: Receiver, sent: Sent) -> None:
    place, _made, (a, *_others) = sent
    (other,) = people(1)
    bought, looks = trait("often", "count", ""), {"event": "Product Viewed"}
    happened(a, ORDERED)
    happened(other, "Product Viewed")
    inner = segment("inner", {"trait": "computed.often", "op": "gte", "value": 1})
    made = segment("outer", {"segment": inner.key})

    def computed() -> None:
        traits.recompute(bought.pk, NOW)
        for one in (inner, made):
            actions.recompute(one.pk, NOW)

    computed()
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    send(place)
    assert contacts(receiver) == {str(a): "canary0@shop.example"}
    traits.change(ACTOR, bought, label_en="How often", refresh_minutes=30)
    assert destinations.outdated(place) == set(), "what it is called widens nothing"
    traits.change(ACTOR, bought, **looks)
    assert destinations.outdated(place) == {made.pk}
    refused("not_computed", lambda: destinations.subscribe(ACTOR, place, made, approved(made, place)))
    says([other], "granted")
    reached(other, "wide@shop.example")
    computed()
    send(place)
    assert contacts(receiver) == {str(a): None, str(other): None}
    destinations.subscribe(ACTOR, place, made, approved(made, place))
    assert destinations.outdated(place) == set()


def test_what_was_approved_of_one_rule_opens_no_other(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    place, made, _ids = sent
    there, asked = approved(made, place), approval.ask(ACTOR, made, "email", "x").pk
    widened(made)
    approval.decide(ANOTHER, asked, approve=True)
    refused("approval_outdated", lambda: destinations.subscribe(ACTOR, place, made, there))
    refused("approval_outdated", lambda: list(exported(made, asked)))
    assert not ExportRequest.objects.filter(state="used").exists() and not Subscription.objects.exists()
    actions.change_segment(ACTOR, made, rule={"trait": "orders_count", "op": "gte", "value": 3})
    refused("not_computed", lambda: destinations.subscribe(ACTOR, place, made, approved(made, place)))
    actions.recompute(made.pk, NOW)
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    running = exported(made, approval.decide(ANOTHER, approval.ask(ACTOR, made, "email", "x").pk, approve=True).pk)
    assert b"canary" in next(running) + next(running)
    widened(made)
    refused("approval_outdated", lambda: list(running))
    assert AuditEntry.objects.get(action="segment.exported").details["complete"] is False


@pytest.mark.django_db(transaction=True)
def test_an_address_does_not_change_while_values_begin_to_be_sent_there(receiver: Receiver, sent: Sent) -> None:
    place, made, _ids = sent
    destinations.subscribe(ACTOR, place, made)
    destinations.unsubscribe(ACTOR, place, made)
    given, begun = approved(made, place), threading.Event()

    def subscribed() -> None:
        with transaction.atomic():
            destinations.subscribe(ACTOR, place, made, given)
            begun.set()
            until(lambda: fetch(WAITING)[0][0] > 0)

    def moved() -> None:
        assert begun.wait(60)
        refused("destination_in_use", lambda: destinations.change(ACTOR, place, address="https://elsewhere.example/x"))

    at_once(subscribed, moved)
    assert Subscription.objects.get().contacts and Destination.objects.get().address == receiver.address


# Who waits for a lock that this very connection holds.
WAITING = "select count(*) from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def exported(made: Segment, given: UUID) -> Iterator[bytes]:
    about: dict[str, Any] = {"columns": ["contact"], "personal": True, "approval": given}
    return exports.export(made, "marketing", "email", actor=ACTOR, **about)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == code
