"""Destinations in the console: an administrator makes one, a marketer sends a segment there, an officer excepts one."""

from typing import Any

import pytest
from django.urls import reverse

from cdp.core import secondfactor
from cdp.core.models import AuditEntry
from segments import actions, destinations
from segments.models import Delivery, Destination, ExportRequest, Subscription
from tests.console.test_pages import signed_in

pytestmark = pytest.mark.django_db
FORM = {
    "name": "agency", "kind": "webhook", "address": "https://agency.example/hook", "role": "recipient",
    "recipient": "Agency Ltd", "country": "JP", "purpose": "marketing", "channel": "email", "enabled": "on",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secondfactor, "satisfied", lambda _user: True)


def test_a_secret_is_shown_once_and_the_address_is_looked_at(rows: None) -> None:
    client, add = signed_in("administrator"), reverse("admin:segments_destination_add")
    for wrong in ({"address": "http://127.0.0.1/"}, {"country": "Japan"}, {"kind": "pigeon"}):
        assert client.post(add, FORM | wrong).status_code == 200 and not Destination.objects.exists()
    page = client.post(add, FORM)
    place = Destination.objects.get()
    [secret] = destinations.secrets_of(place)
    assert secret in page.content.decode() and "no-store" in page["Cache-Control"]
    change = reverse("admin:segments_destination_change", args=[place.pk])
    assert secret not in client.get(change).content.decode()
    client.post(change, FORM | {"name": "agency 2", "address": "https://agency.example/other"})
    place.refresh_from_db()
    assert (place.name, place.address) == ("agency 2", "https://agency.example/other")
    renewed = client.post(reverse("admin:segments_destination_secret", args=[place.pk])).content.decode()
    assert destinations.secrets_of(Destination.objects.get())[0] in renewed
    actions = set(AuditEntry.objects.filter(target=str(place.pk)).values_list("action", flat=True))
    assert {"destination.created", "destination.changed", "destination.secret_renewed"} <= actions


def test_a_marketer_sends_a_segment_there_and_sends_again_what_was_given_up(world: dict[str, Any]) -> None:
    place, client = Destination.objects.get(), signed_in("marketer")
    send = reverse("admin:segments_destination_segment", args=[place.pk])
    client.post(send, {"segment": "birthday"})
    assert Subscription.objects.filter(segment__key="birthday", ended_at=None).exists()
    client.post(send, {"segment": "birthday", "word": "end"})
    assert Subscription.objects.get(segment__key="birthday").ended_at
    assert signed_in("administrator").post(send, {"segment": "birthday"}).status_code == 403
    client.post(reverse("admin:segments_destination_replay", args=[place.pk]))
    assert not Delivery.objects.filter(state="dead").exists()


def test_a_marketer_asks_for_contact_values_and_sends_them_once_an_officer_agreed(world: dict[str, Any]) -> None:
    place, client, officer = Destination.objects.get(), signed_in("marketer"), signed_in("privacy officer")
    ask, send = (reverse(f"admin:segments_destination_{name}", args=[place.pk]) for name in ("ask", "segment"))
    page = reverse("admin:segments_destination_change", args=[place.pk])
    wanted = {"segment": "birthday", "reason": "the July letter"}
    assert ask in client.get(page).content.decode()
    for wrong in ({"reason": " "}, {"reason": "x" * 201}, {"reason": "\0"}):
        client.post(ask, wanted | wrong)
    assert signed_in("administrator").post(ask, wanted).status_code == 403
    assert not ExportRequest.objects.filter(destination=place).exists()
    client.post(ask, wanted)
    asked = ExportRequest.objects.get(destination=place)
    approved = {"segment": "birthday", "approval": str(asked.pk)}
    assert "the July letter" in client.get(page).content.decode()
    assert "Send with contact values" not in client.get(page).content.decode()
    for wrong in (approved, approved | {"approval": "?"}):
        client.post(send, wrong)
    assert not Subscription.objects.filter(segment__key="birthday").exists()
    officer.post(reverse("admin:segments_exportrequest_decide", args=[asked.pk]), {"word": "approve"})
    actions.recompute(asked.segment_id)
    assert "Send with contact values" in client.get(page).content.decode()
    assert "the July letter" not in officer.get(page).content.decode(), "what others asked for is theirs to send"
    client.post(send, approved)
    assert Subscription.objects.get(segment__key="birthday").contacts
    assert "the July letter" not in client.get(page).content.decode()


def test_an_officer_excepts_a_destination_from_an_erasure(world: dict[str, Any]) -> None:
    tombstone = Delivery.objects.get(kind="erased")
    step = reverse("admin:segments_delivery_except", args=[tombstone.pk])
    assert signed_in("marketer").post(step, {"ground": "closed"}).status_code == 403
    officer = signed_in("privacy officer")
    page = officer.get(reverse("admin:segments_delivery_change", args=[tombstone.pk]))
    assert "The company exists no more" in page.content.decode()
    officer.post(step, {"ground": "closed"})
    tombstone.refresh_from_db()
    assert (tombstone.state, tombstone.excepted_for) == ("excepted", "closed")


def test_counts_of_people_are_for_those_who_may_see_people(world: dict[str, Any]) -> None:
    listed = reverse("admin:segments_delivery_changelist")
    assert "column-withheld" in signed_in("marketer").get(listed).content.decode()
    assert "column-withheld" not in signed_in("administrator").get(listed).content.decode()
