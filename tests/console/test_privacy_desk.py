"""The privacy officer's desk: what is due, four eyes, holds, the erasure and its certificate, in both languages."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.core.models import User
from consent import tasks
from consent.models import PrivacyRequest
from consent.request_models import Erasure, LegalHold
from identity.models import Record
from tests.console.conftest import account

pytestmark = pytest.mark.django_db
BOARD = "admin:consent_privacyrequest_changelist"


@pytest.fixture(autouse=True)
def own_journal(settings: Any, tmp_path: Any) -> None:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def officers() -> tuple[Client, Client]:
    one = account("privacy officer")
    two = User.objects.create_user("second", password="x", is_staff=True)
    two.groups.set(one.groups.all())
    return signed_in(one), signed_in(two)


def step(client: Client, request: PrivacyRequest, **said: str) -> int:
    address = reverse("admin:consent_privacyrequest_step", args=[request.pk])
    return client.post(address, said, follow=True).status_code


def shown(client: Client, request: PrivacyRequest) -> str:
    answer = client.get(reverse("admin:consent_privacyrequest_change", args=[request.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_board_says_what_is_due(world: Any, root: User) -> None:
    answer = signed_in(root).get(reverse(BOARD))
    numbers = {str(label): number for label, number, _query, _tone in answer.context["board"]}
    assert numbers["due within three days"] == 1 and numbers["to be verified"] == 2
    assert numbers["erasures that are stuck"] == 1


def test_an_erasure_takes_two_officers_and_shows_its_certificate(world: Any) -> None:
    LegalHold.objects.all().delete()
    first, second = officers()
    profile = world["profiles"][1]
    taken = first.post(
        reverse("admin:consent_privacyrequest_receive"),
        {"kind": "erasure", "profile": str(profile.pk), "regime": "pipa", "by": "email"},
    )
    assert taken.status_code == 302
    request = PrivacyRequest.objects.latest("id")
    step(first, request, what="verify", proof="document")
    assert "another person approves" in shown(first, request)
    step(first, request, what="approve")
    assert PrivacyRequest.objects.get(pk=request.pk).state == "verified"
    step(second, request, what="approve")
    assert PrivacyRequest.objects.get(pk=request.pk).state == "approved"
    tasks.work()
    page = shown(second, PrivacyRequest.objects.get(pk=request.pk))
    assert "Certificate" in page and "Events and data keys" in page and "nobody is held under this id" in page
    assert not Record.objects.filter(profile=profile.pk).exists()


def test_a_hold_is_set_and_released_by_two(world: Any) -> None:
    LegalHold.objects.all().delete()
    first, second = officers()
    request = PrivacyRequest.objects.get(kind="access")
    step(first, request, what="hold", reason="claim", reference="2026-1")
    hold = LegalHold.objects.get()
    step(second, request, what="verify", proof="call")
    step(first, request, what="ask_release", hold=str(hold.pk))
    step(first, request, what="release", hold=str(hold.pk))
    assert LegalHold.objects.get().released_at is None
    step(second, request, what="release", hold=str(hold.pk))
    assert LegalHold.objects.get().released_at


def test_a_stuck_erasure_is_shown_and_tried_again_by_hand(world: Any, root: User) -> None:
    client = signed_in(root)
    erasure = Erasure.objects.get(state="failed")
    page = shown(client, PrivacyRequest.objects.get(erasure=erasure))
    assert "OperationalError" in page and "Try now" in page
    before = erasure.retry_at
    assert step(client, PrivacyRequest.objects.get(erasure=erasure), what="retry") == 200
    after = Erasure.objects.get(pk=erasure.pk).retry_at
    assert before and after and after > before


@pytest.mark.parametrize(("role", "looks"), [("auditor", True), ("marketer", False), ("steward", False)])
def test_other_roles_change_nothing(world: Any, role: str, looks: bool) -> None:
    client = signed_in(account(role))
    request = PrivacyRequest.objects.get(kind="access")
    assert client.get(reverse(BOARD)).status_code == (200 if looks else 403)
    page = client.get(reverse("admin:consent_privacyrequest_change", args=[request.pk]))
    assert page.status_code == (200 if looks else 403)
    for said in ({"what": "verify", "proof": "call"}, {"what": "hold", "reason": "claim"}):
        assert step(client, request, **said) == 403
    assert client.post(reverse("admin:consent_privacyrequest_receive"), {}).status_code == 403
    assert PrivacyRequest.objects.get(pk=request.pk).state == "received"


def test_nonsense_changes_nothing(world: Any, root: User) -> None:
    client, request = signed_in(root), PrivacyRequest.objects.get(kind="access")
    for said in ({}, {"what": "applaud"}, {"what": "verify"}, {"what": "verify", "proof": "x"},
                 {"what": "verify", "proof": "call", "profile": "x"}, {"what": "release", "hold": "x"},
                 {"what": "refuse", "ground": "no"}, {"what": "extend", "ground": "no"}, {"what": "retry"}):  # fmt: skip
        assert step(client, request, **said) == 200
    assert PrivacyRequest.objects.get(pk=request.pk).state == "received"


def test_the_pages_are_in_korean(world: Any, root: User) -> None:
    client = signed_in(root)
    client.cookies["django_language"] = "ko"
    board = client.get(reverse(BOARD)).content.decode()
    page = shown(client, PrivacyRequest.objects.get(kind="erasure", state="approved"))
    taking = client.get(reverse("admin:consent_privacyrequest_receive")).content.decode()
    assert "기한 초과" in board and "삭제 확인서" in page and "요청 접수" in taking
