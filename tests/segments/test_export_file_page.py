"""Export files in the console: a marketer asks for one, watches it, fetches it, and cannot fetch another's."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from cdp.core import crypto
from cdp.core.models import User
from cdp.core.roles import ship_roles
from cdp.core.types import Actor
from cdp.profiles.models import ContactPoint
from segments import approval, export_jobs
from segments.models import ExportJob, ExportRequest, Segment
from tests.segments.people import NOW, record_of, says
from tests.segments.test_reading import filled

pytestmark = pytest.mark.django_db
SAID = {"channel": "email", "format": "csv", "columns": ["profile_id"], "reason": "The letter of May"}


def signed_in(role: str, name: str = "") -> Client:
    ship_roles()
    user = User.objects.create_user(name or role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def address(page: str, *args: Any) -> str:
    return reverse(f"admin:segments_exportjob_{page}", args=args)


def asked(client: Client, made: Segment, **said: Any) -> ExportJob:
    client.post(address("ask", made.pk), SAID | said)
    return ExportJob.objects.latest("id")


def test_a_marketer_asks_watches_and_fetches() -> None:
    made, ids = filled(3)
    client = signed_in("marketer")
    form = client.get(address("ask", made.pk)).content.decode()
    assert (
        'value="orders_count" checked' in form and 'value="contact"' in form and 'value="contact" checked' not in form
    )
    segment = client.get(reverse("admin:segments_segment_change", args=[made.pk])).content.decode()
    assert address("ask", made.pk) in segment
    job = asked(client, made)
    assert "work.js" in client.get(address("change", job.pk)).content.decode()
    assert b"<progress" in client.get(address("work", job.pk)).content
    export_jobs.work()
    assert client.get(address("work", job.pk)).status_code == 204
    says([ids[0]], "withdrawn")
    file = client.post(address("content", job.pk))
    assert b"".join(file).decode().split() == ["profile_id", str(ids[1]), str(ids[2])]  # type: ignore[call-overload]
    page = client.get(address("change", job.pk)).content.decode()
    assert "1 left out since it was made" in page and "The letter of May" in page
    client.post(address("destroy", job.pk))
    assert ExportJob.objects.get().why_gone == "deleted"
    assert client.post(address("content", job.pk)).status_code == 302


def test_contact_values_ask_another_person_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = filled(2)
    monkeypatch.setattr("cdp.profiles.queries.contact_values", lambda _members, _kind: {ids[0]: "canary@x.kr"})
    digest = crypto.contact_digest("email", "canary@x.kr")
    ContactPoint.objects.create(record_id=record_of(ids[0]), kind="email", digest=digest, valid_from=NOW)
    client, said = signed_in("marketer"), {"columns": ["profile_id", "contact"], "format": "ndjson"}
    client.post(address("ask", made.pk), SAID | said)
    wish = ExportRequest.objects.get()
    assert not ExportJob.objects.exists() and (wish.state, wish.reason) == ("asked", SAID["reason"])
    approval.decide(Actor.system("officer"), wish.pk, approve=True)
    assert str(wish.pk) in client.get(address("ask", made.pk)).content.decode()
    job = asked(client, made, approval=str(wish.pk), **said)
    export_jobs.work()
    assert b"canary@x.kr" in b"".join(client.post(address("content", job.pk)))  # type: ignore[call-overload]
    wish.refresh_from_db()
    assert wish.state == "used"
    assert str(wish.pk) not in client.get(address("ask", made.pk)).content.decode()


@pytest.mark.parametrize("wrong", [{"columns": []}, {"columns": ["shoe_size"]}, {"reason": ""}, {"channel": "smoke"}])
def test_what_is_not_said_right_is_told_and_makes_nothing(wrong: dict[str, Any]) -> None:
    made, _ids = filled(1)
    answer = signed_in("marketer").post(address("ask", made.pk), SAID | wrong)
    assert answer.status_code == 200 and b"errorlist" in answer.content and not ExportJob.objects.exists()


def test_it_is_fetched_by_whoever_asked_alone() -> None:
    made, _ids = filled(2)
    mine, other = signed_in("marketer"), signed_in("marketer", "other")
    job = asked(mine, made)
    export_jobs.work()
    for page in ("content", "destroy"):
        assert other.post(address(page, job.pk)).status_code == 403
    assert "Fetch the file" not in other.get(address("change", job.pk)).content.decode()
    assert other.get(address("changelist")).status_code == 200


@pytest.mark.parametrize("role", ["steward", "auditor", "privacy officer", "administrator"])
def test_whoever_may_not_export_asks_for_none(role: str) -> None:
    made, _ids = filled(1)
    client = signed_in(role)
    for answer in (client.get(address("ask", made.pk)), client.post(address("ask", made.pk), SAID)):
        assert answer.status_code == 403
    assert not ExportJob.objects.exists()
