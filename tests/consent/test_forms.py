"""Notices are versioned texts; a form asks required and optional apart; every answer is a record of its own."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, transaction

from cdp.core.errors import Refused
from cdp.core.types import Actor
from consent import forms, receipts
from consent.forms import Answered, Answers
from consent.models import ConsentRecord, Notice
from consent.queries import allowed, may_contact
from tests.consent.people import NOW, day, holds, person, say

pytestmark = pytest.mark.django_db
OFFICER = Actor("user:officer")
ASKED = ("service", "marketing", "personalisation")


@pytest.fixture
def notices() -> None:
    for purpose in ASKED:
        forms.publish(OFFICER, purpose, "1", {"ko": f"{purpose}: 동의합니다", "en": f"{purpose}: I agree"})


def answers(record: UUID, states: dict[str, str], **fields: Any) -> Answers:
    defaults: dict[str, Any] = {
        "key": uuid4(), "language": "ko", "given_at": day(1), "method": "form", "recorded_by": "key:test",
    }  # fmt: skip
    return Answers(record=record, states=states, **defaults | fields)


# --- notices ------------------------------------------------------------------------------------------------------------


def test_a_notice_is_published_in_every_language_at_once_and_never_again(notices: None) -> None:
    with pytest.raises(Refused, match="every language"):
        forms.publish(OFFICER, "service", "2", {"ko": "동의합니다"})
    with pytest.raises(Refused, match="new version"):
        forms.publish(OFFICER, "service", "1", {"ko": "다른 글", "en": "another text"})
    with pytest.raises(Refused, match="no such purpose"):
        forms.publish(OFFICER, "sale", "1", {"ko": "가", "en": "a"})


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_text_that_people_agreed_to_cannot_be_changed(notices: None, change: str) -> None:
    listed = Notice.objects.all()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        listed.update(text="") if change == "update" else listed.delete()


def test_the_text_in_force_is_the_latest(notices: None) -> None:
    forms.publish(OFFICER, "service", "2", {"ko": "새 글", "en": "new"})
    assert {key: row.version for key, row in forms.notices(ASKED, "ko").items()} == {
        "service": "2", "marketing": "1", "personalisation": "1",
    }  # fmt: skip


# --- forms --------------------------------------------------------------------------------------------------------------


def test_rule_2_required_and_optional_stand_apart_and_nothing_is_ticked(notices: None) -> None:
    asked = forms.form(ASKED, "en")
    assert [one.purpose for one in asked.required] == ["service"]
    assert [one.purpose for one in asked.optional] == ["marketing", "personalisation"]
    assert not any(one.ticked for one in asked.required + asked.optional)
    assert [one.text for one in asked.required] == ["service: I agree"]
    with pytest.raises(Refused, match="analytics"):
        forms.form((*ASKED, "analytics"), "en")


def test_rule_2_agreeing_to_all_writes_a_record_a_purpose_as_if_each_had_been_answered(notices: None) -> None:
    (_, all_at_once), (_, one_by_one) = person(), person()
    assert forms.answer(answers(all_at_once, forms.to_all(ASKED))) == Answered(3, may_serve=True)
    for purpose in ASKED:
        forms.answer(answers(one_by_one, {purpose: "granted"}))
    same = ("purpose", "state", "notice_version", "notice_language", "basis", "channel")
    lines = [
        list(ConsentRecord.objects.filter(subject=one).values_list(*same).order_by("purpose")) for one in subjects()
    ]
    assert lines[0] == lines[1] and len(lines[0]) == 3


def subjects() -> list[UUID | None]:
    return list(ConsentRecord.objects.values_list("subject", flat=True).distinct().order_by("subject"))


def test_rule_2_refusing_an_optional_purpose_never_blocks_the_service(notices: None) -> None:
    of, who = person()
    told = forms.answer(answers(who, {"service": "granted", "marketing": "refused", "personalisation": "refused"}))
    assert told == Answered(3, may_serve=True)
    assert allowed([of], "service", "email", NOW) == {of}
    assert allowed([of], "marketing", "email", NOW) == set()
    assert not forms.answer(answers(who, {"service": "refused"})).may_serve


def test_rule_8_withdrawing_needs_no_text_and_works_at_once(notices: None) -> None:
    of, who = person()
    forms.answer(answers(who, {"marketing": "granted"}))
    assert allowed([of], "marketing", "email", NOW) == {of}
    forms.answer(answers(who, {"marketing": "withdrawn"}, language="fr", given_at=day(2)))
    assert allowed([of], "marketing", "email", NOW) == set()


def test_a_grant_is_to_a_text_we_have(notices: None) -> None:
    _, who = person()
    for fields in ({"language": "fr"}, {"versions": {"marketing": "9"}}):
        with pytest.raises(Refused, match="No such notice"):
            forms.answer(answers(who, {"marketing": "granted"}, **fields))
    with pytest.raises(Refused, match="not asked"):
        forms.answer(answers(who, {"sale": "granted"}))
    with pytest.raises(Refused, match="contact channel"):
        forms.answer(answers(who, {"marketing": "granted"}, channels={"marketing": ["pigeon"]}))
    assert not ConsentRecord.objects.exists()


def test_answering_again_with_the_same_key_writes_nothing(notices: None) -> None:
    _, who = person()
    said = answers(who, forms.to_all(ASKED), channels={"marketing": ["email", "sms"]})
    assert [forms.answer(said).written for _ in range(2)] == [4, 0]


def test_rule_7_a_guardian_answers_for_a_child_with_evidence_only(notices: None) -> None:
    of, who = person()
    holds(who, "email", b"a".ljust(32))
    with pytest.raises(Refused, match="needs evidence"):
        forms.answer(answers(who, {"marketing": "granted"}, guardian="mobile"))
    forms.answer(answers(who, {"marketing": "granted"}, guardian="mobile", proof={"confirmation": "M-1"}))
    assert ConsentRecord.objects.get().guardian == "mobile" and may_contact(of, "marketing", "email", NOW).allowed


# --- receipts -----------------------------------------------------------------------------------------------------------

HEADER = {"schema_version", "record_id", "pii_principal_id", "pii_processing", "party_identification", "events"}
PROCESSING = {"privacy_notice", "language", "purposes", "jurisdiction", "withdrawal_method", "privacy_rights"}
PURPOSE = {
    "purpose", "purpose_description", "lawful_basis", "pii_information", "pii_controllers", "collection_method",
    "processing_method", "services", "storage_locations", "processing_locations", "geographic_restrictions",
    "retention_period", "recipient_third_parties",
}  # fmt: skip
EVENT = {"event_time", "event_type", "event_state", "entity_id", "validity_duration", "record_id"}


def test_rule_1_a_receipt_has_the_parts_of_iso_27560_and_no_personal_value(notices: None) -> None:
    of, who = person()
    proof = {"signature": "김하늘"}
    forms.answer(answers(who, {"marketing": "granted"}, proof=proof, recipient="agency", country="US", guardian="card"))
    line = ConsentRecord.objects.get()
    told = receipts.receipt(line.pk)
    record = told["consent_record"]
    assert told["schema_version"] == "ISO/IEC TS 27560:2023" and told["receipt_id"] == str(line.pk)
    assert record.keys() == HEADER and record["pii_processing"].keys() == PROCESSING
    (purpose,) = record["pii_processing"]["purposes"]
    assert purpose.keys() == PURPOSE and purpose["lawful_basis"] == "consent"
    assert purpose["pii_information"] == [
        {"pii_type": "general", "pii_optional": True, "sensitive_pii_category": False}
    ]
    assert purpose["recipient_third_parties"] == [{"party_id": "agency", "country": "US"}]
    notice = record["pii_processing"]["privacy_notice"]
    assert notice == {
        "version": "1", "language": "ko", "text": "marketing: 동의합니다", "sha256": Notice.objects.get(
            purpose="marketing", language="ko").sha256,
    }  # fmt: skip
    roles = [party["party_role"] for party in record["party_identification"]]
    assert roles == ["PII controller", "PII principal", "guardian of the PII principal", "recipient third party"]
    assert [event.keys() for event in record["events"]] == [EVENT]
    assert "김하늘" not in str(told) and str(of) not in str(told) and str(who) not in str(told)


def test_a_receipt_tells_what_became_of_the_consent(notices: None) -> None:
    _, who = person()
    say(who, "granted", day(1), channel="email", expires_at=day(3))
    say(who, "withdrawn", day(2), channel=None)
    say(who, "withdrawn", day(2), channel="sms")
    say(who, "granted", day(2), channel="email", brand="haru")
    first = ConsentRecord.objects.order_by("given_at").first()
    assert first is not None
    events = receipts.receipt(first.pk)["consent_record"]["events"]
    assert [event["event_state"] for event in events] == ["consent given", "consent withdrawn"]
    assert [event["validity_duration"] for event in events] == ["P59DT0S", None]


def test_receipts_of_a_profile_are_those_of_its_records_and_as_far_as_the_reader_is_bound(notices: None) -> None:
    of, who = person()
    _, other = person()
    for purpose, channel in (("marketing", "email"), ("marketing", "sms"), ("analytics", None)):
        say(who, "granted", day(1), purpose=purpose, channel=channel)
    say(other, "granted", day(1))
    say(None, "withdrawn", day(1), contact=("email", b"x" * 32))
    ids = [one["receipt_id"] for one in receipts.of_profile(of, None, 10)[0]]
    assert ids == sorted(ids) and len(ids) == 3
    page, more = receipts.of_profile(of, None, 2)
    assert ([one["receipt_id"] for one in page], more) == (ids[:2], True)
    assert receipts.of_profile(of, UUID(ids[1]), 2) == (receipts.of_profile(of, None, 3)[0][2:], False)
    assert len(receipts.of_profile(of, None, 10, "marketing", "sms")[0]) == 1
    assert len(receipts.of_profile(of, None, 10, "", "sms")[0]) == 2
    with pytest.raises(Refused, match="no such consent record"):
        receipts.receipt(UUID(ids[0]), "service")
    with pytest.raises(Refused, match="no such consent record"):
        receipts.receipt(ConsentRecord.objects.get(subject=None).pk)
