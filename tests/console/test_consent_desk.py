"""The ledger's desk: a person's consents are found and explained, conflicts settled; who looked is written down."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from cdp import pipeline
from cdp.core.models import AuditEntry, Disclosure, User
from cdp.core.types import now
from cdp.events.actions import store
from consent.models import ConsentRecord
from consent.queries import may_contact
from identity.models import Record
from tests.consent.desk import signed_in
from tests.consent.erased import EMAIL, event
from tests.consent.people import say

pytestmark = pytest.mark.django_db(transaction=True)
LEDGER = "admin:consent_consentrecord_changelist"


@pytest.fixture
def her(rows: None) -> Record:
    """Somebody whose browser objected and who agreed later, and who agreed to marketing by e-mail."""
    said = event("Identify", "identify", sealed={"attributes": {"email": EMAIL}})
    with transaction.atomic():
        store([said])
    pipeline.advance()
    say(said.record, "withdrawn", now() - timedelta(2), purpose="sale_sharing", channel=None, method="gpc")
    say(said.record, "granted", now() - timedelta(1), purpose="sale_sharing", channel=None)
    say(said.record, "granted", now() - timedelta(1))
    pipeline.advance()
    return Record.objects.get(pk=said.record)


def of(client: Client, her: Record, **asked: str) -> str:
    answer = client.get(reverse("admin:consent_consentrecord_of", args=[her.profile_id]), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_person_is_found_in_any_spelling_and_the_look_up_is_written_down_without_it(her: Record) -> None:
    officer, address = signed_in("privacy officer"), reverse("admin:consent_consentrecord_find")
    answer = officer.post(address, {"kind": "email", "value": EMAIL.upper()})
    assert answer["Location"] == reverse("admin:consent_consentrecord_of", args=[her.profile_id])
    row = AuditEntry.objects.get(action="consentrecord.looked_up")
    assert Disclosure.objects.get(pk=row.details["disclosure"]).profiles == [her.profile_id]
    assert EMAIL not in str(row.details).lower()
    for value, told in (("nobody@x.kr", "Nobody holds this."), ("x" * 321, "This is no identifier.")):
        page = officer.post(address, {"kind": "email", "value": value}, follow=True).content.decode()
        assert told in page and value not in page


def test_the_page_shows_what_counts_why_and_every_line(her: Record) -> None:
    officer = signed_in("privacy officer")
    page = of(officer, her)
    assert page.count('class="nowrap"><a href="/consent/consentrecord/') == 3
    assert "Marketing messages" in page and "Sale and sharing of personal data" in page and EMAIL not in page
    assert AuditEntry.objects.filter(action="consentrecord.person_viewed").count() == 1
    assert 'class="chip good">yes' in of(officer, her, purpose="marketing", channel="email")
    page = of(officer, her, purpose="marketing", channel="ad_audience")
    assert 'class="chip bad">no' in page and "Sale and sharing of personal data: withdrawn" in page
    assert "no consent" in of(officer, her, purpose="personalisation", channel="sms")
    assert officer.get(reverse("admin:consent_consentrecord_of", args=[her.pk])).status_code == 404


def test_a_conflict_is_shown_and_settled_in_either_way(her: Record) -> None:
    officer, address = signed_in("privacy officer"), reverse("admin:consent_consentrecord_settle")
    listed = officer.get(reverse(LEDGER))
    [(purpose, channel, conflict)] = listed.context["conflicts"]
    assert (purpose, channel) == ("Sale and sharing of personal data", "all contact channels")
    for said in (
        {},
        {"line": str(conflict.line)},
        {"line": "x", "for": "granted"},
        {"line": str(her.pk), "for": "granted"},
    ):
        officer.post(address, said)
    assert not ConsentRecord.objects.filter(method="settled").exists()
    assert may_contact(her.profile_id, "sale_sharing", "ad_audience", now()).reasons == ("withdrawn",)
    officer.post(address, {"line": str(conflict.line), "for": "granted"})
    assert ConsentRecord.objects.get(method="settled").recorded_by.startswith("user:")
    assert may_contact(her.profile_id, "sale_sharing", "ad_audience", now()).allowed
    assert officer.get(reverse(LEDGER)).context["conflicts"] == []


@pytest.mark.parametrize(("role", "looks"), [("auditor", True), ("marketer", False), ("steward", False)])
def test_others_settle_nothing_and_find_nobody(her: Record, role: str, looks: bool) -> None:
    client = signed_in(role)
    line = ConsentRecord.objects.get(purpose="sale_sharing", state="granted")
    settled = client.post(reverse("admin:consent_consentrecord_settle"), {"line": str(line.pk), "for": "granted"})
    found = client.post(reverse("admin:consent_consentrecord_find"), {"kind": "email", "value": EMAIL})
    seen = client.get(reverse("admin:consent_consentrecord_of", args=[her.profile_id]))
    assert (settled.status_code, found.status_code, seen.status_code) == (403, *((302, 200) if looks else (403, 403)))
    assert not ConsentRecord.objects.filter(method="settled").exists()


def test_it_is_in_korean(her: Record, root: User) -> None:
    client = Client()
    client.force_login(root)
    client.cookies["django_language"] = "ko"
    page = of(client, her, purpose="marketing", channel="ad_audience")
    assert "지금 유효한 동의" in page and "개인정보 판매·공유: 철회" in page
    assert "한 사람의 동의" in client.get(reverse(LEDGER)).content.decode()
