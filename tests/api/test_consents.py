"""Consent by REST: forms and answers, receipts, whether a person may be contacted, conflicts, words owed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cdp.core import crypto
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from cdp.profiles.models import ContactPoint
from consent import forms
from consent.models import ConsentRecord
from segments import actions
from tests.api.people import (
    EXTERNAL,
    NOW,
    START,
    VALUES,
    Caller,
    canary,
    is_problem,
    people,
    person,
    record_of,
    says,
    segment,
    source,
    walk,
)

pytestmark = pytest.mark.django_db
TEXTS = {"ko": "동의합니다", "en": "I agree"}
DAYTIME = "2026-06-01T12:00:00+09:00"


@pytest.fixture
def writer() -> Caller:
    for purpose in ("service", "marketing", "personalisation"):
        forms.publish(Actor.system("test"), purpose, "1", TEXTS)
    return Caller("consents:write", "profiles:read")


def reachable(profile: UUID, kind: str = "email") -> None:
    ContactPoint.objects.create(record_id=record_of(profile), kind=kind, digest=b"x" * 32, valid_from=START)


def may(caller: Caller, profile: UUID, **query: str) -> Any:
    asked = {"purpose": "marketing", "channel": "email", "at": DAYTIME} | query
    return caller.get(f"/profiles/{profile}/contactable", **asked).json()


def test_a_form_is_asked_answered_to_all_and_shows_in_receipts(writer: Caller) -> None:
    form = writer.get("/consents/form", purposes="service,marketing,personalisation", language="ko").json()
    assert [one["purpose"] for one in form["required"]] == ["service"]
    assert not any(one["ticked"] for one in form["required"] + form["optional"])
    who = person()
    all_of_it = {one["purpose"]: "granted" for one in form["required"] + form["optional"]}
    body = {"key": str(uuid4()), "record": str(record_of(who)), "answers": all_of_it}
    answers = [writer.post("/consents", body).json() for _ in range(2)]
    assert answers == [{"written": 3, "may_serve": True}, {"written": 0, "may_serve": True}]
    told = [one for page in walk(writer, f"/profiles/{who}/receipts", limit=2) for one in page]
    assert {one["consent_record"]["pii_processing"]["purposes"][0]["purpose"] for one in told} == all_of_it.keys()
    assert writer.get(f"/receipts/{told[0]['receipt_id']}").json() == told[0]
    assert AuditEntry.objects.filter(action="consent.answered").count() == 2


def test_withdrawing_is_the_same_call_without_a_text_and_works_at_once(writer: Caller) -> None:
    who = person()
    reachable(who)
    says(who, "granted")
    assert may(writer, who) == {"profile": str(who), "allowed": True, "reasons": [], "at": DAYTIME}
    body = {"key": str(uuid4()), "record": str(record_of(who)), "answers": {"marketing": "withdrawn"}, "language": "en"}
    assert writer.post("/consents", body).json() == {"written": 1, "may_serve": True}
    assert may(writer, who)["reasons"] == ["withdrawn"]


def test_a_person_is_named_as_the_source_calls_them(writer: Caller) -> None:
    who = canary()
    body = {"key": str(uuid4()), "source": "shop", "external_id": f" {EXTERNAL} ", "kind": "customer"}
    assert writer.post("/consents", body | {"answers": {"marketing": "granted"}}).json()["written"] == 1
    assert may(writer, who)["reasons"] == []
    line = ConsentRecord.objects.get()
    assert line.source_id == source().pk and line.recorded_by.startswith("key:")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"record": None}, 400, "invalid"),
        ({"source": "shop"}, 400, "one_record"),
        ({"source": "nowhere"}, 400, "source_unknown"),
        ({"answers": {"sale": "granted"}}, 400, "unknown_purpose"),
        ({"answers": {"analytics": "granted"}}, 409, "no_notice"),
        ({"answers": {"marketing": "perhaps"}}, 400, "invalid"),
        ({"answers": {}}, 400, "invalid"),
        ({"channels": {"marketing": ["pigeon"]}}, 400, "unknown_contact_channel"),
        ({"channels": {"service": ["email"]}}, 400, "unknown_purpose"),
        ({"guardian": "mobile"}, 400, "no_evidence"),
    ],
)
def test_what_cannot_be_written_is_refused_and_writes_nothing(
    writer: Caller, change: dict[str, Any], status: int, code: str
) -> None:
    source()
    body = {"key": str(uuid4()), "record": str(uuid4()), "answers": {"marketing": "granted"}} | change
    is_problem(writer.post("/consents", body), status, code)
    assert not ConsentRecord.objects.exists()


def test_a_key_writes_of_what_it_is_bound_to_alone(writer: Caller) -> None:
    bound = Caller("consents:write", purpose="marketing", contact_channel="sms")
    body = {"key": str(uuid4()), "record": str(record_of(person()))}
    is_problem(bound.post("/consents", body | {"answers": {"service": "granted"}}), 403, "purpose_bound")
    mail = {"answers": {"marketing": "granted"}, "channels": {"marketing": ["email"]}}
    is_problem(bound.post("/consents", body | mail), 403, "channel_bound")
    is_problem(bound.get("/consents/form", purposes="service"), 403, "purpose_bound")
    assert bound.post("/consents", body | {"answers": {"marketing": "granted"}}).json()["written"] == 1
    assert ConsentRecord.objects.get().channel_id == "sms"


def test_the_night_and_every_other_reason_is_told(writer: Caller) -> None:
    who = person()
    says(who, "granted", channel="sms")
    night = "2026-06-01T21:00:00+09:00"
    assert may(writer, who, channel="sms", at=night)["reasons"] == ["night_no_consent", "no_contact_point"]
    reachable(who, "phone")
    assert may(writer, who, channel="sms", at="2026-06-01T08:00:00+09:00")["allowed"]
    is_problem(writer.get(f"/profiles/{who}/contactable", purpose="marketing"), 400, "audience_missing")
    is_problem(writer.get(f"/profiles/{uuid4()}/contactable", purpose="marketing", channel="email"), 404, "not_found")


def test_a_conflict_is_listed_and_settled(writer: Caller) -> None:
    who = person()
    at = datetime.now(UTC) - timedelta(days=2)
    sharing = {"purpose": "sale_sharing", "channel": None}
    says(who, "withdrawn", method="gpc", given_at=at, **sharing)
    says(who, "granted", given_at=at + timedelta(days=1), **sharing)
    (conflict,) = writer.get("/consents/conflicts").json()["results"]
    assert conflict["profile"] == str(who)
    assert may(writer, who, purpose="sale_sharing", channel="ad_audience")["reasons"] == ["withdrawn"]
    path = f"/consents/conflicts/{conflict['line']}/settle"
    is_problem(Caller("consents:write", purpose="marketing").post(path, {"granted": True}), 403, "purpose_bound")
    assert writer.post(path, {"granted": True}).json() == {"line": conflict["line"], "granted": True}
    assert may(writer, who, purpose="sale_sharing", channel="ad_audience")["allowed"]
    assert writer.get("/consents/conflicts").json() == {"results": []}
    is_problem(writer.post(path, {"granted": True}), 409, "not_in_conflict")


def test_words_owed_are_listed_and_noted_as_sent(writer: Caller) -> None:
    who = person()
    says(who, "granted")
    (owed,) = writer.get("/consents/results").json()["results"]
    assert (owed["profile"], owed["state"], owed["late"]) == (str(who), "granted", False)
    sent = {"results": [owed["id"]], "channel": "email"}
    assert [writer.post("/consents/results/sent", sent).json() for _ in range(2)] == [{"sent": 1}, {"sent": 0}]
    assert writer.get("/consents/results").json() == {"results": []}


def test_no_answer_holds_a_personal_value(writer: Caller) -> None:
    who = canary()
    says(who, "granted")
    answers = [writer.get(f"/profiles/{who}/{part}") for part in ("receipts", "consents")]
    assert all(value.encode() not in answer.content for answer in answers for value in (*VALUES.values(), EXTERNAL))


# --- one answer at every door ---------------------------------------------------------------------------------------------


def test_preview_members_changes_export_and_the_single_question_answer_alike(writer: Caller) -> None:
    """A dozen people, each with another word; every door lets the same ones through."""
    made = segment()
    ids = people(12, orders_count=3)
    crypto.data_keys(record_of(one) for one in ids)
    for one in ids:
        reachable(one)
    past = datetime.now(UTC) - timedelta(days=9)
    says(ids[0], "granted")
    says(ids[1:4], "granted", given_at=past)
    says(ids[1], "withdrawn")
    says(ids[2], "refused", channel=None)
    says(ids[3], "withdrawn", brand="north")
    says(ids[4], "granted", expires_at=past)
    says(ids[5], "granted", channel="sms")
    says(ids[6], "granted", channel=None)
    says(ids[7], "granted", brand="north")
    says(ids[8], "granted", guardian="card", proof={"a": 1})
    says(ids[9], "granted")
    actions.recompute(made.pk, NOW)
    reader = Caller("members:read", "segments:read", "profiles:read")
    audience = {"purpose": "marketing", "channel": "email"}
    singly = {str(one) for one in ids if may(reader, one, at=datetime.now(UTC).isoformat())["allowed"]}
    members = {row["profile_id"] for row in reader.get("/segments/vip/members", **audience).json()["results"]}
    told = reader.get("/segments/vip/changes", **audience).json()["results"]
    changed = {row["profile_id"] for row in told if row["kind"] == "entered"}
    exported = reader.get("/segments/vip/export", columns="profile_id", **audience)
    lines = set(b"".join(exported.streaming_content).decode().split()[1:])
    preview = reader.post("/segments/vip/preview", {"channel": "email"}).json()
    assert singly == members == lines == changed == {str(ids[place]) for place in (0, 6, 8, 9)}
    assert (preview["count"], preview["consented"], preview["reachable"]) == (12, 4, 4)


def test_readers_of_audiences_of_others_are_told_of_an_opt_out_signal(writer: Caller) -> None:
    made, (who,) = segment(), people(1, orders_count=3)
    says(who, "granted", channel="ad_audience")
    actions.recompute(made.pk, NOW)
    says(who, "withdrawn", purpose="sale_sharing", channel=None, method="gpc")
    reader = Caller("members:read")
    audience = {"purpose": "marketing", "channel": "ad_audience"}
    assert reader.get("/segments/vip/members", **audience).json()["results"] == []
    told = reader.get("/segments/vip/changes", **audience).json()["results"]
    assert [(row["kind"], row["reason"]) for row in told][-1] == ("left", "consent")
