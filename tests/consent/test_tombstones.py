"""Every destination that was told of a person is told of the erasure, and its word stands on the certificate."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from cdp import pipeline
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from consent import erasure, journal
from consent.models import PrivacyRequest
from consent.request_models import Erasure
from identity.models import Profile
from segments import deliveries, delivery_plan, destinations, privacy
from segments.models import Delivery, Destination, Segment, Told
from tests.consent.erased import OFFICER, approved, holding, profile_of, somebody
from tests.console.test_pages import signed_in
from tests.flow.doors import segment
from tests.segments.receiver import Receiver, receiving
from tests.segments.test_deliveries import again, destination

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = {"trait": "orders_count", "op": "gte", "value": 1}


@pytest.fixture
def receiver(settings: Any, tmp_path: Any) -> Iterator[Receiver]:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")
    settings.DELIVERY_NETWORKS, settings.DELIVERY_PLAIN_HTTP = ["127.0.0.0/8"], True
    with receiving() as server:
        yield server


@pytest.fixture
def sent(receiver: Receiver) -> tuple[UUID, Destination, Destination]:
    """Somebody whom one destination was told of, and another was not."""
    record = somebody()
    segment("buyers", BUYERS)
    pipeline.advance()
    told, _ = destination(receiver)
    untold, _ = destination(receiver, channel="post")
    for place in (told, untold):
        destinations.subscribe(OFFICER, place, Segment.objects.get(key="buyers"))
        again(place)
    assert [line[1] for line in receiver.changes] == ["entered"]
    return record, told, untold


def test_the_certificate_waits_for_the_word_of_each_destination_that_was_told(
    receiver: Receiver, sent: tuple[UUID, Destination, Destination]
) -> None:
    record, told, _untold = sent
    profile = profile_of(record)
    officer = signed_in("privacy officer")
    request = approved(record)
    pk = request.erasure.pk
    receiver.answers = [500]
    assert not erasure.run(pk) and erasure.run_open() == 0
    [tombstone] = Delivery.objects.filter(kind="erased")
    assert (tombstone.destination, tombstone.profiles) == (told, [profile]) and not Told.objects.exists()
    again(told)
    page = officer.get(reverse("admin:consent_privacyrequest_change", args=[request.pk])).content.decode()
    assert told.name in page and "http_500" in page
    assert not erasure.run(pk) and [one["why"] for one in erasure.confirmations(Erasure.objects.get(pk=pk))] == [
        "http_500"
    ]
    again(told)
    assert [body["data"] for body in receiver.said[-2:]] == [{"profiles": [str(profile)]}] * 2
    assert [body["type"] for body in receiver.said[-2:]] == ["profile.erased"] * 2
    assert erasure.run(pk)
    done = Erasure.objects.get(pk=pk)
    [word] = done.certificate["destinations"]
    confirmed = Delivery.objects.get(kind="erased").closed_at
    assert confirmed and (word["destination"], word["state"], word["why"]) == (told.name, "confirmed", "")
    assert word["at"] == confirmed.isoformat() and (word["recipient"], word["country"]) == ("Mailer Inc", "KR")
    assert PrivacyRequest.objects.get(pk=request.pk).state == "done"
    page = officer.get(reverse("admin:consent_privacyrequest_change", args=[request.pk])).content.decode()
    assert page.count(told.name) == 2 and "confirmed" in page
    assert holding(str(record)) == set()
    assert "segments_delivery" not in holding(str(profile)) and "segments_told" not in holding(str(profile))


def test_an_officer_excepts_one_that_is_no_more_and_the_certificate_says_why(
    receiver: Receiver, sent: tuple[UUID, Destination, Destination], settings: Any
) -> None:
    settings.DELIVERY_TRIES = 1
    record, told, _untold = sent
    pk = approved(record).erasure.pk
    erasure.run(pk)
    receiver.answers = [410]
    again(told)
    tombstone = Delivery.objects.get(kind="erased")
    assert tombstone.state == "dead" and not erasure.run(pk), "given up is not confirmed"
    with pytest.raises(Refused):
        deliveries.excuse(OFFICER, tombstone.pk, "because")
    deliveries.excuse(OFFICER, tombstone.pk, "closed")
    assert erasure.run(pk)
    [word] = Erasure.objects.get(pk=pk).certificate["destinations"]
    assert (word["state"], word["why"]) == ("excepted", "closed") and word["at"]
    assert AuditEntry.objects.filter(action="delivery.excepted", actor=OFFICER.name).exists()


def test_a_destination_not_enabled_is_told_too(receiver: Receiver, sent: tuple[UUID, Destination, Destination]) -> None:
    record, told, _untold = sent
    Destination.objects.update(enabled=False)
    erasure.run(approved(record).erasure.pk)
    again(told)
    assert receiver.said[-1]["type"] == "profile.erased"


def test_no_other_delivery_names_who_was_erased(
    receiver: Receiver, sent: tuple[UUID, Destination, Destination]
) -> None:
    record, told, _untold = sent
    profile = profile_of(record)
    receiver.answers = [500]
    Delivery.objects.create(destination=told, subscription=told.subscriptions.get(), profiles=[profile])
    privacy.erase([record])
    assert [
        row.profiles for row in Delivery.objects.filter(kind="changes", state="waiting", subscription__destination=told)
    ] == [[]]
    assert privacy.erase([record])["segments_told"] == 0


def test_whoever_was_merged_is_told_of_under_the_id_that_was_sent(
    receiver: Receiver, sent: tuple[UUID, Destination, Destination]
) -> None:
    record, told, _untold = sent
    old = Profile.objects.create(state="merged", redirect_id=profile_of(record)).pk
    Told.objects.create(subscription=told.subscriptions.get(), profile=old, inside=False)
    privacy.erase([record])
    assert Delivery.objects.get(kind="erased").profiles == sorted([old, profile_of(record)])


def test_after_a_restore_nobody_is_waited_for(receiver: Receiver, sent: tuple[UUID, Destination, Destination]) -> None:
    record, told, _untold = sent
    pk = approved(record).erasure.pk
    erasure.run(pk)
    [entry] = journal.entries()
    Erasure.objects.filter(pk=pk).update(state="done")
    assert erasure.replay(entry), "what serves and sends waits for it"
    assert delivery_plan.look_again() == 0
    again(told)
    assert receiver.said[-1]["type"] == "profile.erased"
