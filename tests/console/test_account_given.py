"""Giving account: whose data somebody touched between two moments, and the register of processing."""

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from cdp.core import crypto
from cdp.core.actions import audit, create_service_key, disclose
from cdp.core.incident import touched
from cdp.core.models import AuditEntry, DataKey, ServiceKey
from cdp.core.types import Actor
from consent.models import ConsentRecord, RetentionRule
from consent.register import Activity, register
from identity.incident import exposure
from identity.models import Profile, ReviewCase
from segments import destinations, exports
from tests.api.people import MARKETING, VALUES, Caller, canary, filled, merged, record_of
from tests.console.test_pages import signed_in

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def now() -> datetime:
    return timezone.now()


def activities() -> list[Activity]:
    return register(destinations.recipients()).activities


def whose(caller: Caller, since: datetime) -> set[UUID]:
    key = ServiceKey.objects.get(prefix=caller.secret[:12])
    return set(exposure(since, now() + SECOND, actor=f"key:{key.pk}").profiles)


def test_every_way_of_reading_names_whom_it_told_of() -> None:
    made, ids = filled(3)
    profile, since = canary(), now()
    for path, query in (("members", {}), ("changes", {}), ("export", {"columns": "profile_id"})):
        caller = Caller("members:read")
        answer = caller.get(f"/segments/{made.key}/{path}", **MARKETING, **query)
        assert answer.status_code == 200 and (b"".join(answer) if answer.streaming else answer.content)
        assert whose(caller, since) == set(ids), path
    for path in ("", "/records", "/consents", "/household", "/history"):
        caller = Caller("profiles:read")
        assert caller.get(f"/profiles/{profile}{path}").status_code == 200
        assert whose(caller, since) == {profile}, path
    caller = Caller("profiles:lookup")
    caller.post("/profiles/lookup", {"email": VALUES["email"]})
    assert whose(caller, since) == {profile}


def test_what_was_not_told_is_not_named() -> None:
    made, ids = filled(3)
    since, caller = now(), Caller("members:read", "profiles:read")
    caller.get(f"/segments/{made.key}/members", limit=2, **MARKETING)
    caller.get(f"/profiles/{uuid4()}")
    assert whose(caller, since) == set(ids[:2])
    assert exposure(since - timedelta(days=2), since, actor="key:x").profiles == []


def test_an_export_is_found_by_its_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 2)
    made, ids = filled(5)
    since, actor = now(), Actor.system("test")
    first = exports.export(made, "marketing", "email", columns=["profile_id"], actor=actor)
    assert [next(first), next(first)] and first.close() is None
    b"".join(exports.export(made, "marketing", "email", columns=["profile_id"], actor=actor))
    begun = AuditEntry.objects.filter(action="segment.export_started").order_by("id")
    told = [exposure(since, now() + SECOND, export=row.details["export"]).profiles for row in begun]
    assert told == [sorted(ids)[:2], sorted(ids)], "of one that broke off only what had left"


def test_people_are_found_as_they_are_today() -> None:
    profile, since = canary(), now()
    before, gone = merged(profile), Profile.objects.create(state="erased").pk
    someone = Actor("user:someone")
    subject = DataKey.objects.get(record=record_of(profile)).pk
    disclose(someone, "profile.read", [before, gone])
    audit(someone, "profile.unmasked", subject=subject)
    found = exposure(since, now() + SECOND, actor=someone.name)
    assert (found.profiles, found.erased) == ([profile], 1)
    DataKey.objects.filter(pk=subject).delete()
    crypto.forget_keys()
    assert touched(since, now() + SECOND, actor=someone.name).severed == {subject}
    assert exposure(since, now() + SECOND, actor=someone.name).erased == 2


def test_the_command_lists_them_and_says_who_asked() -> None:
    profile, out, said = canary(), StringIO(), StringIO()
    caller = Caller("profiles:read")
    caller.get(f"/profiles/{profile}")
    call_command("incident", key=caller.secret[:12], stdout=out, stderr=said)
    assert out.getvalue() == f"{profile}\n" and "1 live profiles" in said.getvalue()
    assert AuditEntry.objects.filter(action="incident.viewed", actor="system:incident").exists()
    with pytest.raises(CommandError):
        call_command("incident", user="nobody")


def test_the_page_finds_them_for_those_who_read_the_audit_log(world: dict[str, Any]) -> None:
    profile = world["profiles"][0].pk
    key, _ = create_service_key(Actor.system("test"), "tool", [])
    disclose(Actor(f"key:{key.pk}"), "profile.read", [profile])
    asked = {"key": str(key.pk), "since": "2020-01-01 00:00", "until": "2090-01-01 00:00"}
    client = signed_in("auditor")
    shown = client.post("/incident/", asked).content.decode()
    assert f"/identity/profile/{profile}/change/" in shown and "profile.read" in shown
    assert "Choose a service key" in client.post("/incident/", asked | {"key": ""}).content.decode()
    assert AuditEntry.objects.filter(action="incident.viewed").count() == 1
    assert signed_in("marketer").post("/incident/", asked).status_code == 403


def test_a_view_in_the_console_is_written_down_with_whom_it_showed(world: dict[str, Any]) -> None:
    client, profile = signed_in("steward"), world["profiles"][0]
    record, since = profile.records.first(), now()
    subject = DataKey.objects.get(record=record.pk).pk
    case = ReviewCase.objects.get()
    for table, row in (("profile", profile), ("record", record), ("reviewcase", case)):
        assert client.get(f"/identity/{table}/{row.pk}/change/").status_code == 200
    found = touched(since, now() + SECOND)
    assert found.profiles >= {profile.pk} and record.pk in found.records and subject not in found.severed
    assert {"profile.viewed", "record.viewed", "reviewcase.viewed"} <= found.actions.keys()
    assert {case.left, case.right} <= found.records
    client.get("/identity/profile/")
    assert {one.pk for one in world["profiles"]} <= touched(since, now() + SECOND).profiles
    assert str(record.pk) not in str(list(AuditEntry.objects.values("details")))


# --- the register -----------------------------------------------------------------------------------------------------


def test_the_register_tells_what_is_configured(world: dict[str, Any]) -> None:
    RetentionRule.objects.create(what="events", purpose_id="marketing", days=730)
    create_service_key(Actor.system("test"), "mailer", ["members:read"], purpose="marketing")
    create_service_key(Actor.system("test"), "warehouse", ["members:read"], purpose="analytics")
    ConsentRecord.objects.create(
        key=uuid4(), purpose_id="marketing", state="granted", given_at=now(), method="form", recorded_by="system:test",
        recipient="Partner Ltd", country="JP",
    )  # fmt: skip
    marketing = next(one for one in activities() if one.purpose == "marketing")
    told = {(one.name, one.country) for one in marketing.recipients}
    assert ("Partner Ltd", "JP") in told and "mailer" in dict(told) and "warehouse" not in dict(told)
    assert ("Mailer Inc", "processor") in {(one.name, one.kind) for one in marketing.recipients}
    assert 730 in {rule.days for rule in marketing.retention} and marketing.data_classes and marketing.sources
    client = signed_in("auditor")
    served = client.get("/processing/?format=json").json()
    assert {one["purpose"] for one in served["activities"]} == {one.purpose for one in activities()}
    shown = client.get("/processing/").content.decode()
    assert "Partner Ltd" in shown and "730 days" in shown
    assert "Partner Ltd" in json.dumps(served) and signed_in("steward").get("/processing/").status_code == 403


def test_a_revoked_tool_is_no_recipient_any_more(rows: None) -> None:
    create_service_key(Actor.system("test"), "mailer", [], purpose="marketing")
    ServiceKey.objects.update(revoked_at=now())
    assert not [one for activity in activities() for one in activity.recipients if one.kind == "tool"]
    assert Client().get("/processing/").status_code == 302
