"""A customer service's tool takes down privacy requests and follows them; approving is left to people."""

from datetime import timedelta
from typing import Any

import pytest

from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent import requests
from consent.models import PrivacyRequest
from tests.api.people import VALUES, Caller, canary, is_problem, person

pytestmark = pytest.mark.django_db
EMAIL = {"kind": "email", "value": VALUES["email"].upper()}


@pytest.fixture
def desk() -> Caller:
    return Caller("privacy:read", "privacy:write")


def opened(desk: Caller, **more: Any) -> dict[str, Any]:
    answer = desk.post("/privacy/requests", {"kind": "erasure", "identifier": EMAIL, **more})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_tool_takes_down_a_request_and_follows_it(desk: Caller) -> None:
    canary()
    told = opened(desk)
    assert (told["kind"], told["state"], told["via"], told["certificate"]) == ("erasure", "received", "api", None)
    assert not [value for value in VALUES.values() if value in str(told)]
    assert desk.get(f"/privacy/requests/{told['id']}").json() == told
    verified = desk.post(f"/privacy/requests/{told['id']}/verify", {"proof": "account"}).json()
    assert verified["state"] == "verified"
    later = desk.post(f"/privacy/requests/{told['id']}/extend", {"ground": "complex", "told": "email"}).json()
    assert later["extended_from"] == told["due_on"] < later["due_on"]
    refused = desk.post(f"/privacy/requests/{told['id']}/refuse", {"ground": "contract", "told": "email"}).json()
    assert (refused["state"], refused["refused_for"]) == ("refused", "contract") and refused["closed_at"]


def test_a_key_that_received_a_request_cannot_approve_it(desk: Caller) -> None:
    canary()
    told = opened(desk)
    row = requests.verify(Actor("user:officer"), told["id"], "call")
    with pytest.raises(Refused, match="Another person"):
        requests.approve(Actor(row.received_by), row.pk)
    assert requests.approve(Actor("user:officer"), row.pk).state == "approved"


def test_the_clock_runs_from_receipt_not_from_when_it_was_entered(desk: Caller) -> None:
    canary()
    at = now() - timedelta(days=5)
    early, late = opened(desk, received_at=at.isoformat()), opened(desk)
    assert early["due_on"] < late["due_on"]
    tomorrow = {"kind": "access", "identifier": EMAIL, "received_at": (now() + timedelta(days=1)).isoformat()}
    is_problem(desk.post("/privacy/requests", tomorrow), 400, "received_later")


def test_whose_request_it_is_must_be_clear(desk: Caller) -> None:
    profile = canary()
    is_problem(desk.post("/privacy/requests", {"kind": "access"}), 400, "subject_missing")
    both = {"kind": "access", "identifier": EMAIL, "profile": str(profile)}
    is_problem(desk.post("/privacy/requests", both), 400, "subject_missing")
    nobody = {"kind": "email", "value": "nobody@shop.example"}
    is_problem(desk.post("/privacy/requests", {"kind": "access", "identifier": nobody}), 409, "subject_unknown")
    assert not PrivacyRequest.objects.exists()
    answer = desk.post("/privacy/requests", {"kind": "access", "profile": str(profile)})
    assert answer.status_code == 201


def test_requests_are_listed_in_pages_by_state(desk: Caller) -> None:
    canary()
    ids = [opened(desk)["id"] for _ in range(3)]
    desk.post(f"/privacy/requests/{ids[0]}/verify", {"proof": "code"})
    first = desk.get("/privacy/requests", limit="2").json()
    assert [row["id"] for row in first["results"]] == ids[:2] and first["next"]
    rest = desk.get(first["next"].removeprefix("http://testserver/api/v1")).json()
    assert [row["id"] for row in rest["results"]] == ids[2:] and rest["next"] is None
    assert [row["id"] for row in desk.get("/privacy/requests", state="verified").json()["results"]] == ids[:1]


def test_a_person_without_a_key_yet_can_ask_too(desk: Caller) -> None:
    """A record whose data key is missing names nobody in the ledger: there is nothing to find them by."""
    answer = desk.post("/privacy/requests", {"kind": "access", "profile": str(person())})
    is_problem(answer, 409, "subject_unknown")
