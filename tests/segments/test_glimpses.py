"""Whom a change of a rule would move, before it is published: counted, and a few of them, masked."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from cdp.core.models import AuditEntry, User
from cdp.core.roles import ship_roles
from segments import actions, review
from segments.models import Segment
from tests.api.people import NOW, VALUES, VIP, Caller, canary, person, segment
from tests.segments.people import ACTOR

pytestmark = pytest.mark.django_db
LOW = VIP | {"value": 2}
HIGH = VIP | {"value": 6}


@pytest.fixture
def vip() -> tuple[Segment, UUID, UUID]:
    """A published segment, its only member, and somebody whom a lower bound would let in."""
    member, outside = canary(), person(orders_count=2)
    made = segment()
    actions.recompute(made.pk, NOW)
    return made, member, outside


def staff(*roles: str, name: str = "somebody") -> Client:
    ship_roles()
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def looked_at() -> list[Any]:
    return [row.details["count"] for row in AuditEntry.objects.filter(action="segment.sample_shown").order_by("at")]


def masked(page: str) -> bool:
    return "**" in page and not any(value in page for value in VALUES.values())


def test_the_page_of_a_version_shows_who_would_leave_masked(vip: tuple[Segment, UUID, UUID]) -> None:
    made, member, _outside = vip
    proposed = review.propose(ACTOR, made, rule=HIGH)
    address, marketer = reverse("admin:segments_version_movement", args=[proposed.pk]), staff("marketer")
    assert address in marketer.get(reverse("admin:segments_version_change", args=[proposed.pk])).content.decode()
    page = marketer.get(address).content.decode()
    assert "A few of those who would leave" in page and "who would enter" not in page
    assert str(member) in page and masked(page) and looked_at() == [1]


def test_a_version_that_cannot_be_compared_says_why(vip: tuple[Segment, UUID, UUID]) -> None:
    proposed = review.propose(ACTOR, vip[0], rule=HIGH)
    proposed.definition["rule"] = {"segment": "gone"}
    proposed.save()
    page = staff("marketer").get(reverse("admin:segments_version_movement", args=[proposed.pk]))
    assert page.status_code == 200 and "There is no segment “gone”" in page.content.decode() and looked_at() == []


def test_the_reach_of_a_segment_comes_after_its_page(vip: tuple[Segment, UUID, UUID]) -> None:
    address, marketer = reverse("admin:segments_segment_reach", args=[vip[0].pk]), staff("marketer")
    page = marketer.get(reverse("admin:segments_segment_change", args=[vip[0].pk])).content.decode()
    assert f'data-later="{address}"' in page and "Reachable" not in page
    part = marketer.get(address).content.decode()
    assert "Reachable" in part and "<html" not in part
    assert staff("steward", name="another").get(address).status_code == 403


def test_a_preview_of_a_change_shows_who_would_enter(vip: tuple[Segment, UUID, UUID]) -> None:
    made, _member, outside = vip
    written = {"purpose": "marketing", "zone": made.zone, "rule": json.dumps(LOW), "_preview": ""}
    change = reverse("admin:segments_segment_change", args=[made.pk])
    page = staff("marketer").post(change, written).content.decode()
    assert "A few of those who would enter" in page and "who would leave" not in page
    assert str(outside) in page and masked(page) and Segment.objects.get().rule == VIP


def test_who_sees_no_people_is_told_of_none(vip: tuple[Segment, UUID, UUID]) -> None:
    proposed = review.propose(ACTOR, vip[0], rule=HIGH)
    told = Caller("segments:read").get(f"/segments/vip/versions/{proposed.number}").json()
    assert (told["leaving"], told["sample"]) == (None, {"entering": [], "leaving": []})
    assert looked_at() == []


def test_a_tool_that_reads_profiles_is_told_of_a_few_masked(vip: tuple[Segment, UUID, UUID]) -> None:
    made, member, _outside = vip
    proposed = review.propose(ACTOR, made, rule=HIGH)
    answer = Caller("segments:read", "profiles:read").get(f"/segments/vip/versions/{proposed.number}")
    told = answer.json()
    assert [one["profile"] for one in told["sample"]["leaving"]] == [str(member)] and told["sample"]["entering"] == []
    assert told["leaving"] == 1 and masked(answer.content.decode()) and looked_at() == [1]


def test_a_tool_of_another_purpose_is_told_of_nobody(vip: tuple[Segment, UUID, UUID]) -> None:
    proposed = review.propose(ACTOR, vip[0], rule=HIGH, purpose="service")
    tool = Caller("segments:read", "profiles:read", purpose="marketing")
    assert tool.get(f"/segments/vip/versions/{proposed.number}").json()["code"] == "purpose_bound"
    assert tool.post("/segments/vip/versions/preview", {"purpose": "service"}).json()["code"] == "purpose_bound"
    assert looked_at() == []


def test_a_look_is_written_down_under_the_purpose_of_what_was_looked_at(vip: tuple[Segment, UUID, UUID]) -> None:
    proposed = review.propose(ACTOR, vip[0], rule=HIGH, purpose="service")
    Caller("segments:read", "profiles:read").get(f"/segments/vip/versions/{proposed.number}")
    assert AuditEntry.objects.get(action="segment.sample_shown").purpose == "service"


def test_a_tool_is_told_of_a_change_before_it_is_written_down(vip: tuple[Segment, UUID, UUID]) -> None:
    tool = Caller("segments:read", "profiles:read")
    told = tool.post("/segments/vip/versions/preview", {"rule": LOW}).json()
    assert (told["entering"], told["leaving"], told["members"]) == (1, 0, 2)
    assert [one["profile"] for one in told["sample"]["entering"]] == [str(vip[2])]
    assert told["differences"] == [{"pointer": "/rule/value", "before": 3, "after": 2}]
    assert vip[0].versions.count() == 1 and Segment.objects.get().rule == VIP
    wrong = {"rule": {"trait": "no_such", "op": "exists"}}
    assert tool.post("/segments/vip/versions/preview", wrong).status_code == 400


def test_the_page_of_a_segment_tells_its_overlap_where_asked(vip: tuple[Segment, UUID, UUID]) -> None:
    made, _member, _outside = vip
    other = segment("loyal", LOW)
    actions.recompute(other.pk, NOW)
    address, marketer = reverse("admin:segments_segment_change", args=[made.pk]), staff("marketer")
    assert 'id="overlap"' not in marketer.get(address).content.decode()
    page = marketer.get(f"{address}?overlap=").content.decode()
    assert 'id="overlap"' in page and f'<span title="loyal">{other.name}</span>' in page
    assert '<td class="number">1</td><td class="number quiet">2</td>' in page and 'width="50"' in page
