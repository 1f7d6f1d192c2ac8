"""A person without an account: a code that works once and not for long, the same answer whoever is asked about."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import now
from consent import challenges, tasks
from consent.models import PrivacyRequest
from consent.request_models import Challenge
from identity.models import Identifier
from tests.consent.people import START, person

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "Seoyeon@shop.example", "nobody@shop.example"


@pytest.fixture
def seoyeon() -> Any:
    """Somebody whose address we know; the id of her profile."""
    of, who = person()
    holds_email(who)
    return of


def holds_email(record: Any) -> None:
    digest = crypto.blind_index("email", KNOWN.lower())
    Identifier.objects.create(record_id=record, kind="email", digest=digest, first_seen=START, last_seen=START)


def begun(address: str = KNOWN, kind: str = "erasure") -> Any:
    return challenges.begin(kind, "email", address, "en")


def code() -> str:
    found = re.search(r"\d{8}", str(mail.outbox[-1].body))
    assert found
    return found.group()


def test_a_code_opens_a_verified_request(seoyeon: Any) -> None:
    challenge = begun()
    tasks.work()
    assert mail.outbox[0].to == [KNOWN]
    opened = challenges.answer(challenge, f" {code()[:4]}-{code()[4:]} ")
    assert opened and (opened.state, opened.kind, opened.via, opened.received_by) == (
        "verified", "erasure", "person", "person",
    )  # fmt: skip
    tasks.work()
    assert str(opened.pk) in str(mail.outbox[-1].body)


def test_a_code_works_once(seoyeon: Any) -> None:
    challenge = begun()
    tasks.work()
    right = code()
    assert challenges.answer(challenge, right) and challenges.answer(challenge, right) is None
    assert PrivacyRequest.objects.count() == 1 and not DataKey.objects.filter(record=challenge).exists()


def test_a_code_is_soon_over(seoyeon: Any) -> None:
    challenge = begun()
    tasks.work()
    Challenge.objects.update(expires_at=now())
    assert challenges.answer(challenge, code()) is None
    Challenge.objects.update(expires_at=now() - timedelta(hours=2))
    assert challenges.drop_expired() == 1 and not DataKey.objects.filter(record=challenge).exists()


def test_five_wrong_tries_lock_it(seoyeon: Any) -> None:
    challenge = begun()
    tasks.work()
    right = code()
    wrong = "00000000" if right != "00000000" else "11111111"
    for tried in (wrong, "", "x", wrong, wrong):
        assert challenges.answer(challenge, tried) is None
    assert challenges.answer(challenge, right) is None and not PrivacyRequest.objects.exists()


def test_four_wrong_tries_do_not(seoyeon: Any) -> None:
    challenge = begun()
    tasks.work()
    for _ in range(4):
        challenges.answer(challenge, "x")
    assert challenges.answer(challenge, code())


def test_an_unknown_address_is_sent_nothing_and_even_its_code_opens_nothing() -> None:
    challenge = begun(UNKNOWN)
    tasks.work()
    assert mail.outbox == []
    assert challenges.answer(challenge, opened_code(challenge)) is None and not PrivacyRequest.objects.exists()


def test_known_and_unknown_are_answered_alike_by_the_same_work(seoyeon: Any) -> None:
    answers = {}
    for address in (KNOWN, UNKNOWN, "no address"):
        client, asked = Client(), {"kind": "erasure", "by": "email", "address": address}
        with CaptureQueriesContext(connection) as begun_with:
            page = client.post(reverse("person-ask"), asked)
        with CaptureQueriesContext(connection) as tried_with:
            tried = client.post(page.headers["Location"], {"code": "12345678"})
        shapes = [[_shape(query["sql"]) for query in asked_of] for asked_of in (begun_with, tried_with)]
        shown = re.sub(r'value="[^"]*"|[0-9a-f-]{36}', "", tried.content.decode())
        answers[address] = (page.status_code, tried.status_code, shown, shapes)
    assert answers[KNOWN] == answers[UNKNOWN] == answers["no address"]
    assert answers[KNOWN][0] == 302 and answers[KNOWN][1] == 403


def _shape(statement: str) -> str:
    return re.sub(r"'[^']*'|\d+|[0-9a-f]{8}-[0-9a-f-]{27}", "?", statement)


def test_a_request_that_does_not_exist_is_answered_as_a_wrong_code() -> None:
    challenge = begun(UNKNOWN)
    wrong = [Client().post(reverse("person-code", args=[pk]), {"code": "1"}) for pk in (challenge, uuid4())]
    assert {answer.status_code for answer in wrong} == {403}


def test_where_several_hold_the_address_an_officer_has_to_find_out_who_asks(seoyeon: Any) -> None:
    holds_email(person()[1])
    challenge = begun()
    tasks.work()
    opened = challenges.answer(challenge, code())
    assert opened and opened.state == "received" and opened.details == {"holders_of_the_address": 2}


def test_an_address_is_not_flooded(seoyeon: Any) -> None:
    for _ in range(challenges.CODES_AN_HOUR + 2):
        begun()
        tasks.work()
    assert len(mail.outbox) == challenges.CODES_AN_HOUR


def test_a_code_that_was_not_sent_opens_nothing(seoyeon: Any) -> None:
    """Or whoever begins thousands of requests would have thousands of codes to guess."""
    waiting = begun()
    assert challenges.answer(waiting, opened_code(waiting)) is None
    asked = [begun() for _ in range(challenges.CODES_AN_HOUR + 1)]
    tasks.work()
    sent = [pk for pk in (waiting, *asked) if Challenge.objects.get(pk=pk).wrong < challenges.MOST_WRONG]
    assert len(sent) == challenges.CODES_AN_HOUR == len(mail.outbox)
    for pk in {waiting, *asked} - {*sent}:
        assert challenges.answer(pk, opened_code(pk)) is None
    assert challenges.answer(sent[0], opened_code(sent[0]))


def opened_code(challenge: Any) -> str:
    return challenges._opened(Challenge.objects.get(pk=challenge))["code"]


def test_the_page_is_not_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenges, "MOST_AN_HOUR", 1)
    begun(UNKNOWN)
    with pytest.raises(Refused, match="Too many"):
        begun(UNKNOWN)
    asked = {"kind": "access", "by": "email", "address": UNKNOWN}
    assert Client().post(reverse("person-ask"), asked).status_code == 429


def test_no_table_holds_the_address_or_the_code_in_the_clear(seoyeon: Any) -> None:
    begun()
    tasks.work()
    row = Challenge.objects.get()
    written = bytes(row.sealed) + bytes(row.digest) + str(AuditEntry.objects.values()).encode()
    for secret in (KNOWN, KNOWN.lower(), code()):
        assert secret.encode() not in written


def test_the_pages_speak_both_languages_and_carry_no_address() -> None:
    for language, word in (("en", "Your data, your rights"), ("ko", "내 정보, 내 권리")):
        client = Client()
        client.cookies["django_language"] = language
        assert word in client.get(reverse("person-ask")).content.decode()
        bad = client.post(reverse("person-ask"), {"kind": "nothing", "by": "email", "address": "a@b.example"})
        assert bad.status_code == 200 and not Challenge.objects.exists()
        page = client.post(reverse("person-ask"), {"kind": "access", "by": "email", "address": "a@b.example"})
        assert "@" not in page.headers["Location"] and client.get(page.headers["Location"]).status_code == 200
        Challenge.objects.all().delete()
