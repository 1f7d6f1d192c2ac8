"""Why somebody is in a segment or not, as staff and tools are told."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from cdp.core.models import AuditEntry, User
from cdp.core.roles import ship_roles
from identity.models import Profile
from segments import actions
from segments.models import Segment
from tests.api.people import NOW, Caller, canary, person, segment

pytestmark = pytest.mark.django_db


@pytest.fixture
def vip() -> tuple[Segment, UUID]:
    """A published segment and its only member."""
    member, made = canary(), segment()
    actions.recompute(made.pk, NOW)
    return made, member


def staff(*roles: str) -> Client:
    ship_roles()
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return client


def asked(client: Client, **query: Any) -> Any:
    return client.get(reverse("admin:segments_segment_why"), query)


def explained() -> int:
    return AuditEntry.objects.filter(action="segment.explained").count()


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_holds_and_by_which_value(vip: tuple[Segment, UUID]) -> None:
    page = asked(staff("marketer"), segment=vip[0].pk, profile=vip[1]).content.decode()
    assert 'data-holds="yes"' in page and "In the segment" in page and "no consent" in page
    assert explained() == 1


def test_somebody_else_is_told_why_not(vip: tuple[Segment, UUID]) -> None:
    page = asked(staff("marketer"), segment=vip[0].pk, profile=person(orders_count=2)).content.decode()
    assert 'data-holds="no"' in page and "Not in the segment" in page


def test_what_the_rule_says_now_is_set_against_the_members(vip: tuple[Segment, UUID]) -> None:
    page = asked(staff("marketer"), segment=vip[0].pk, profile=person(orders_count=9)).content.decode()
    assert "The next recompute takes it in." in page


def test_without_a_profile_the_page_asks_for_one(vip: tuple[Segment, UUID]) -> None:
    page = asked(staff("marketer"), segment=vip[0].pk)
    assert page.status_code == 200 and f'<option value="{vip[0].pk}" selected>' in page.content.decode()
    assert explained() == 0


@pytest.mark.parametrize("profile", ["nobody", str(UUID(int=7))])
def test_a_profile_that_there_is_not_is_said_to_be_none(vip: tuple[Segment, UUID], profile: str) -> None:
    page = asked(staff("marketer"), segment=vip[0].pk, profile=profile)
    assert page.status_code == 200 and "data-holds" not in page.content.decode() and explained() == 0


def test_who_sees_no_people_sees_none_here(vip: tuple[Segment, UUID]) -> None:
    assert asked(staff("administrator"), segment=vip[0].pk, profile=vip[1]).status_code == 403
    assert explained() == 0


def test_the_profile_leads_there(vip: tuple[Segment, UUID]) -> None:
    page = staff("marketer").get(reverse("admin:identity_profile_change", args=[vip[1]])).content.decode()
    assert f"why/?segment={vip[0].pk}&amp;profile={vip[1]}" in page


# --- REST -------------------------------------------------------------------------------------------------------------


def address(made: Segment, profile: UUID) -> str:
    return f"/segments/{made.key}/members/{profile}/explanation"


def test_a_tool_is_told_the_same(vip: tuple[Segment, UUID]) -> None:
    told = Caller("profiles:read").get(address(*vip)).json()
    assert (told["holds"], told["member"], told["profile_id"]) == (True, True, str(vip[1]))
    assert [(one["path"], one["holds"]) for one in told["reasons"]] == [("", True)]
    [fact] = told["reasons"][0]["facts"]
    assert (fact["name"], fact["of"]) == ("trait", "orders_count") and fact["value"] >= 3
    assert {way["channel"] for way in told["channels"]} >= {"email", "sms"}


def test_a_merged_id_means_the_profile_that_it_became_and_an_erased_one_is_gone(vip: tuple[Segment, UUID]) -> None:
    merged = Profile.objects.create(state=Profile.State.MERGED, redirect_id=vip[1])
    assert Caller("profiles:read").get(address(vip[0], merged.pk)).json()["profile_id"] == str(vip[1])
    erased = Profile.objects.create(state=Profile.State.ERASED)
    assert Caller("profiles:read").get(address(vip[0], erased.pk)).status_code == 410


def test_a_bound_key_is_told_of_its_purpose_and_channel_alone(vip: tuple[Segment, UUID]) -> None:
    assert Caller("profiles:read", purpose="service").get(address(*vip)).status_code == 403
    told = Caller("profiles:read", purpose="marketing", contact_channel="email").get(address(*vip)).json()
    assert [way["channel"] for way in told["channels"]] == ["email"]


def test_a_key_without_the_scope_is_told_nothing(vip: tuple[Segment, UUID]) -> None:
    assert Caller("segments:read").get(address(*vip)).status_code == 403
    assert explained() == 0
