"""Destinations by REST: made with a secret told once, sent segments, looked after; bounds of keys hold."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from segments import destinations
from segments.models import Delivery, Destination, Subscription
from tests.api.people import ACTOR, Caller, everything, filled, is_problem

pytestmark = pytest.mark.django_db
PLACE: dict[str, Any] = {
    "name": "mailer", "address": "https://mailer.example/hook", "recipient": "Mailer Inc", "country": "KR",
    "purpose": "marketing", "channel": "email",
}  # fmt: skip


def made(**fields: Any) -> Destination:
    return destinations.create(ACTOR, **PLACE | fields)[0]


def test_a_destination_is_made_and_its_secret_told_once() -> None:
    caller = everything()
    answer = caller.post("/destinations", PLACE | {"role": "recipient"})
    told = answer.json()
    assert answer.status_code == 201 and told["secret"].startswith("whsec_") and told["role"] == "recipient"
    place = Destination.objects.get()
    assert destinations.secrets_of(place) == [told["secret"]]
    assert "secret" not in caller.get(f"/destinations/{place.pk}").json()
    renewed = caller.post(f"/destinations/{place.pk}/secret").json()["secret"]
    assert destinations.secrets_of(Destination.objects.get()) == [renewed, told["secret"]]
    assert [row["name"] for row in caller.get("/destinations").json()["results"]] == ["mailer"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"address": "http://127.0.0.1/"}, 409, "address_refused"), ({"kind": "pigeon"}, 409, "kind_unknown"),
        ({"country": "Korea"}, 400, "invalid"), ({"role": "friend"}, 400, "invalid"), ({"sealed": "x"}, 400, "invalid"),
        ({"purpose": "nothing"}, 400, "invalid"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(fields: dict[str, Any], status: int, code: str) -> None:
    is_problem(everything().post("/destinations", PLACE | fields), status, code)
    assert not Destination.objects.exists()


def test_a_segment_is_sent_there_and_no_more() -> None:
    caller, place = everything(), made()
    filled(1)
    path = f"/destinations/{place.pk}/segments"
    assert caller.post(path, {"segment": "vip"}).json()["segments"] == ["vip"]
    assert caller.post(path, {"segment": "vip", "send": False}).json()["segments"] == []
    assert Subscription.objects.get().ended_at
    is_problem(caller.post(path, {"segment": "none"}), 404, "not_found")
    caller.patch(f"/destinations/{place.pk}", {"purpose": "service"})
    is_problem(caller.post(path, {"segment": "vip"}), 403, "purpose_mismatch")


def test_deliveries_are_listed_by_state_and_sent_again() -> None:
    caller, place = everything(), made()
    for state in ("dead", "confirmed", "dead"):
        Delivery.objects.create(destination=place, state=state, entered=3)
    path = f"/destinations/{place.pk}/deliveries"
    first = caller.get(path, limit="2").json()
    assert [row["state"] for row in first["results"]] == ["dead", "confirmed"]
    assert [row["state"] for row in caller.get(first["next"]).json()["results"]] == ["dead"]
    assert len(caller.get(path, state="dead").json()["results"]) == 2
    few = Caller("destinations:read").get(path).json()["results"][0]
    assert few["entered"] is None, "a key that may not see people is told no small count"
    assert caller.post(f"/destinations/{place.pk}/replay").json() == {"replayed": 2}
    assert not Delivery.objects.filter(state="dead").exists()


def test_a_key_sees_what_its_group_and_its_purpose_do() -> None:
    opened, closed = made(), made(name="other")
    group = Group.objects.create(name="agency")
    assign_perm("segments.view_destination", group, opened)
    caller = Caller("destinations:read", "destinations:use", group=group)
    assert [row["name"] for row in caller.get("/destinations").json()["results"]] == ["mailer"]
    is_problem(caller.get(f"/destinations/{closed.pk}"), 404, "not_found")
    is_problem(caller.post(f"/destinations/{closed.pk}/replay"), 404, "not_found")
    bound = everything(purpose="service")
    assert bound.get("/destinations").json()["results"] == []
    is_problem(bound.post("/destinations", PLACE | {"name": "third"}), 403, "purpose_bound")
