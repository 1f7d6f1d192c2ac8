"""Contact values leave by the word of two people: one asks, another approves, and each approval opens one export."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, ServiceKey, User
from cdp.core.roles import ship_roles
from cdp.core.types import Actor
from segments import actions, approval
from segments.models import ExportRequest, Segment
from tests.api.people import MARKETING, NOW, VALUES, Caller, canary, is_problem, says, segment

pytestmark = pytest.mark.django_db
WISH = {"channel": "email", "reason": "The letter of May"}
COLUMNS = {"columns": "profile_id,contact", **MARKETING}
OFFICER = Actor("user:officer")


@pytest.fixture
def tool() -> Caller:
    """A tool that may read contact values, and somebody in the segment."""
    profile, made = canary(), segment(rule={"trait": "orders_count", "op": "gte", "value": 5})
    says(profile, "granted")
    actions.recompute(made.pk, NOW)
    return Caller("members:read", "profiles:personal")


def ask(tool: Caller) -> str:
    answer = tool.post("/segments/vip/export-requests", WISH)
    assert answer.status_code == 201 and answer.json()["state"] == "asked"
    return str(answer.json()["id"])


def export(tool: Caller, approved: str = "") -> Any:
    return tool.get("/segments/vip/export", **COLUMNS, **({"approval": approved} if approved else {}))


def test_an_approval_opens_one_export(tool: Caller) -> None:
    asked = ask(tool)
    is_problem(export(tool, asked), 403, "not_approved")
    approval.decide(OFFICER, asked, approve=True)
    assert tool.get(f"/segments/vip/export-requests/{asked}").json()["state"] == "approved"
    assert VALUES["email"].encode() in b"".join(export(tool, asked))
    is_problem(export(tool, asked), 403, "not_approved")
    assert tool.get(f"/segments/vip/export-requests/{asked}").json()["state"] == "used"
    told = AuditEntry.objects.filter(action__startswith="export.").order_by("id").values_list("action", flat=True)
    assert list(told) == ["export.asked", "export.approved", "export.used"]


def test_without_one_nothing_leaves(tool: Caller) -> None:
    for approved in ("", str(uuid4()), ask(tool)):
        is_problem(export(tool, approved), 403, "not_approved")
    assert not AuditEntry.objects.filter(action="segment.export_started").exists()
    assert tool.get("/segments/vip/export", columns="profile_id", **MARKETING).status_code == 200


def test_a_refused_an_old_and_another_s_approval_open_nothing(tool: Caller, settings: Any) -> None:
    refused, old, good = ask(tool), ask(tool), ask(tool)
    approval.decide(OFFICER, refused, approve=False)
    for asked in (old, good):
        approval.decide(OFFICER, asked, approve=True)
    ExportRequest.objects.filter(pk=old).update(decided_at=timezone.now() - timedelta(hours=25))
    other = Caller("members:read", "profiles:personal")
    for caller, asked in ((tool, refused), (tool, old), (other, good)):
        is_problem(export(caller, asked), 403, "not_approved")
    is_problem(other.get(f"/segments/vip/export-requests/{good}"), 404, "not_found")


def test_nobody_approves_an_own_wish(tool: Caller) -> None:
    asked = ask(tool)
    key = Actor(f"key:{ServiceKey.objects.get().pk}")
    with pytest.raises(Refused) as refusal:
        approval.decide(key, asked, approve=True)
    assert refusal.value.code == "same_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportRequest.objects.update(decided_by=key.name)
    approval.decide(OFFICER, asked, approve=True)
    with pytest.raises(Refused, match="already"):
        approval.decide(Actor("user:other"), asked, approve=False)


def test_an_approval_stands_in_for_the_scope_of_personal_values(tool: Caller) -> None:
    marketer = Caller("members:read")
    is_problem(export(marketer), 403, "scope_missing")
    asked = ask(marketer)
    is_problem(export(marketer, asked), 403, "not_approved")
    approval.decide(OFFICER, asked, approve=True)
    assert VALUES["email"].encode() in b"".join(export(marketer, asked))
    is_problem(export(marketer), 403, "scope_missing")


def test_a_wish_says_what_for(tool: Caller) -> None:
    is_problem(tool.post("/segments/vip/export-requests", WISH | {"channel": "smoke"}), 400, "channel_unknown")
    is_problem(tool.post("/segments/vip/export-requests", {"channel": "email"}), 400, "invalid")


@pytest.mark.parametrize("role", ["privacy officer", "marketer", "steward", "auditor", "administrator"])
def test_the_privacy_officer_approves_in_the_console_and_nobody_else(tool: Caller, role: str) -> None:
    ship_roles()
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client, asked = Client(), ask(tool)
    client.force_login(user)
    address = reverse("admin:segments_exportrequest_decide", args=[asked])
    may = role == "privacy officer"
    assert client.post(address, {"word": "approve"}).status_code == (302 if may else 403)
    assert ExportRequest.objects.get().state == ("approved" if may else "asked")
    shown = client.get(reverse("admin:segments_exportrequest_change", args=[asked]))
    assert shown.status_code == (403 if role in ("steward", "administrator") else 200)
    assert client.get(address).status_code == (405 if role else 200)


def test_an_export_is_opened_to_a_group_to_see_and_to_decide_and_no_other_is(tool: Caller) -> None:
    desk = Group.objects.create(name="desk")
    user = User.objects.create_user("agent", is_staff=True)
    user.groups.add(desk)
    client, opened, other = Client(), ask(tool), ask(tool)
    client.force_login(user)
    listed, pages = reverse("admin:segments_exportrequest_changelist"), "admin:segments_exportrequest_change"
    assert client.get(listed).status_code == 403
    row = ExportRequest.objects.get(pk=opened)
    for right in ("view", "approve"):
        assign_perm(f"segments.{right}_exportrequest", desk, row)
    client.force_login(User.objects.get(pk=user.pk))  # rights are kept with the user
    shown = client.get(listed).content.decode()
    assert opened in shown and other not in shown
    assert client.get(reverse(pages, args=[opened])).status_code == 200
    assert client.get(reverse(pages, args=[other])).status_code != 200
    for asked, status in ((other, 403), (opened, 302)):
        decide = reverse("admin:segments_exportrequest_decide", args=[asked])
        assert client.post(decide, {"word": "approve"}).status_code == status
    assert dict(ExportRequest.objects.values_list("pk", "state")) == {UUID(opened): "approved", UUID(other): "asked"}


def test_a_key_of_a_group_reads_the_export_that_was_opened_to_it(tool: Caller) -> None:
    group = Group.objects.create(name="agency")
    assign_perm("segments.view_segment", group, Segment.objects.get(key="vip"))
    agency, asked = Caller("members:read", group=group), ask(tool)
    is_problem(agency.get(f"/segments/vip/export-requests/{asked}"), 404, "not_found")
    assign_perm("segments.view_exportrequest", group, ExportRequest.objects.get(pk=asked))
    assert agency.get(f"/segments/vip/export-requests/{asked}").json()["state"] == "asked"
    is_problem(Caller("members:read").get(f"/segments/vip/export-requests/{asked}"), 404, "not_found")
