"""A privacy request from receipt to answer: four eyes, clocks, extensions with notice, refusals with grounds."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor, now
from consent import actions, notices, queries, requests
from consent.grounds import Door, Kind
from consent.models import ConsentRecord, PrivacyRequest, Purpose
from tests.consent.people import person, say

pytestmark = pytest.mark.django_db
CLERK, OFFICER = Actor("user:clerk"), Actor("user:officer")
HOME = ("email", "seoyeon@shop.example", "ko")


def received(kind: str = "access", **more: Any) -> PrivacyRequest:
    return requests.receive(CLERK, kind, person()[0], via=Door.CONSOLE, **more)


def approved(kind: str = "access", **more: Any) -> PrivacyRequest:
    request = requests.verify(CLERK, received(kind, **more).pk, "document")
    return requests.approve(OFFICER, request.pk)


@pytest.mark.parametrize("kind", Kind.values)
def test_every_kind_goes_the_same_way(kind: str) -> None:
    request = approved(kind)
    assert (request.state, request.verified_by, request.approved_by) == ("approved", "user:clerk", "user:officer")
    if kind != Kind.ERASURE:
        assert requests.complete(OFFICER, request.pk).state == "done"
    steps = AuditEntry.objects.filter(target=str(request.pk), subject=request.subject).order_by("id")
    expected = ["opened", "verified", "approved", *(["done"] if kind != Kind.ERASURE else [])]
    assert [step.action.removeprefix("privacy_request.") for step in steps] == expected


def test_whoever_received_a_request_does_not_approve_it() -> None:
    request = requests.verify(OFFICER, received().pk, "call")
    with pytest.raises(Refused, match="Another person"):
        requests.approve(CLERK, request.pk)
    assert PrivacyRequest.objects.get(pk=request.pk).state == "verified"
    assert requests.approve(OFFICER, request.pk).state == "approved"


def test_no_step_is_skipped_or_taken_twice() -> None:
    request = received()
    for step in (requests.approve, requests.complete):
        with pytest.raises(Refused, match="does not allow"):
            step(OFFICER, request.pk)
    requests.refuse(OFFICER, request.pk, "not_verified", "letter")
    with pytest.raises(Refused, match="does not allow"):
        requests.verify(OFFICER, request.pk, "call")
    erasing = approved("erasure")
    for late in (lambda: requests.refuse(OFFICER, erasing.pk, "statute", "letter"),
                 lambda: requests.complete(OFFICER, erasing.pk)):  # fmt: skip
        with pytest.raises(Refused):
            late()


@pytest.mark.parametrize(
    ("regime", "received_on", "due", "later"),
    [
        ("pipa", date(2026, 6, 1), date(2026, 6, 11), date(2026, 6, 22)),  # the 21st is a Sunday
        ("gdpr", date(2026, 1, 31), date(2026, 2, 28), date(2026, 4, 30)),
        ("ccpa", date(2026, 1, 1), date(2026, 2, 15), date(2026, 4, 1)),
    ],
)
def test_an_extension_moves_the_clock_once_and_with_notice(
    regime: str, received_on: date, due: date, later: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(received_on.year, received_on.month, received_on.day, 3, tzinfo=UTC)
    monkeypatch.setattr(requests, "now", lambda: at + timedelta(days=5))
    request = received(regime=regime, received_at=at)
    assert request.due_on == due
    with pytest.raises(Refused, match="Tell the person"):
        requests.extend(CLERK, request.pk, "complex")
    extended = requests.extend(CLERK, request.pk, "complex", "letter")
    assert (extended.due_on, extended.extended_from, extended.extended_for) == (later, due, "complex")
    with pytest.raises(Refused, match="only once"):
        requests.extend(CLERK, request.pk, "many", "letter")


def test_what_is_overdue_is_not_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    request = received()
    monkeypatch.setattr(requests, "now", lambda: now() + timedelta(days=40))
    with pytest.raises(Refused, match="is over"):
        requests.extend(CLERK, request.pk, "complex", "letter")


def test_a_refusal_names_a_ground_of_the_law() -> None:
    request = received()
    with pytest.raises(Refused, match="no such ground"):
        requests.refuse(CLERK, request.pk, "we would rather not", "letter")
    refused = requests.refuse(CLERK, request.pk, "statute", "letter")
    assert (refused.state, refused.refused_for) == ("refused", "statute") and refused.closed_at
    assert queries.open_requests(10, 10) == ([], 0)


def test_the_person_is_told_each_step_and_the_address_is_forgotten_at_the_end() -> None:
    request = received(reply_to=HOME)
    assert b"seoyeon" not in bytes(request.reply_to or b"") and notices.send_waiting() == 1
    requests.extend(CLERK, request.pk, "third_party")
    assert notices.send_waiting() == 1 and PrivacyRequest.objects.get(pk=request.pk).reply_to
    requests.refuse(CLERK, request.pk, "others")
    assert notices.send_waiting() == 1 and notices.send_waiting() == 0
    assert [sent.to for sent in mail.outbox] == [[HOME[1]]] * 3
    assert all(str(request.pk) in str(sent.body) for sent in mail.outbox)
    assert PrivacyRequest.objects.get(pk=request.pk).reply_to is None
    assert not DataKey.objects.filter(record=request.pk).exists()


def test_a_notice_that_cannot_be_sent_waits_and_is_shown(settings: Any) -> None:
    request = received(reply_to=HOME)
    settings.PRIVACY_SENDERS = {"email": "tests.consent.test_workflow.broken"}
    assert notices.send_waiting() == 0
    assert request.notices.get().failed == "OSError" and request.notices.get().tries == 1
    settings.PRIVACY_SENDERS = {"email": "consent.notices.by_email"}
    assert notices.send_waiting() == 1 and request.notices.get().failed == ""


def broken(address: str, letter: notices.Letter) -> None:
    raise OSError(f"cannot reach {address}")


def test_an_objection_withdraws_its_purposes_and_a_restriction_all_that_is_not_required() -> None:
    of, who = person()
    say(who, "granted", now())
    for kind, named, expected in (
        ("objection", {"purposes": ["analytics"]}, {"analytics"}),
        ("restriction", {}, set(Purpose.objects.filter(required=False).values_list("key", flat=True))),
    ):
        request = requests.receive(CLERK, kind, of, via=Door.CONSOLE, **named)
        requests.verify(CLERK, request.pk, "account")
        requests.approve(OFFICER, request.pk)
        requests.complete(OFFICER, request.pk)
        lines = ConsentRecord.objects.filter(subject=crypto.subjects([who])[who], method="privacy_request")
        assert expected <= set(lines.values_list("purpose_id", flat=True))
    actions.refresh_effective([of])
    at = now() + timedelta(seconds=1)
    assert queries.allowed([of], "marketing", "email", at) == set()
    assert queries.allowed([of], "service", "email", at) == {of}
