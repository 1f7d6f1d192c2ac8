"""A person is found by what they are known by: exactly, in any spelling, never in an address, and it is written down."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.console.labels import signed
from cdp.core import indexing
from cdp.core.models import AuditEntry, Disclosure
from identity.models import Identifier, Profile, Record, ReviewCase
from tests.console import seed
from tests.console.test_pages import page, signed_in

pytestmark = pytest.mark.django_db
FIND = "admin:identity_profile_find"


@pytest.fixture
def steward(world: dict[str, Any]) -> Client:
    return signed_in("steward")


def an_address() -> tuple[Record, str]:
    """A seeded record and its e-mail, indexed as the product does."""
    held = Identifier.objects.filter(kind="email", record__leaf=False).select_related("record").order_by("pk")[0]
    email = seed.values_of(held.record)["email"]
    Identifier.objects.filter(pk=held.pk).update(digest=indexing.now().read.of("email", email))
    return held.record, email


def test_an_address_leads_to_its_profile_and_is_written_down(steward: Client) -> None:
    record, email = an_address()
    answer = steward.post(reverse(FIND), {"kind": "email", "value": f" {email.upper()} "})
    assert answer["Location"] == page(Profile, "change", record.profile_id)
    noted = AuditEntry.objects.get(action="profile.looked_up")
    assert Disclosure.objects.get(pk=noted.details["disclosure"]).profiles == [record.profile_id]
    assert email not in str(noted.details)


def test_people_who_share_an_address_are_listed_masked(steward: Client) -> None:
    record, email = an_address()
    held = Identifier.objects.get(record=record, kind="email")
    other = Record.objects.filter(leaf=False, profile__state="live").exclude(profile=record.profile)[0]
    Identifier.objects.filter(record=other, kind="email").delete()
    held.pk, held.record = None, other
    held.save(force_insert=True)
    shown = steward.post(reverse(FIND), {"kind": "email", "value": email}).content.decode()
    assert str(record.profile_id) in shown and str(other.profile_id) in shown and email not in shown


@pytest.mark.parametrize(("value", "told"), [("nobody@example.com", "warning"), ("", "error"), ("x" * 321, "error")])
def test_nobody_is_found_by_what_nobody_holds(steward: Client, value: str, told: str) -> None:
    answer = steward.post(reverse(FIND), {"kind": "email", "value": value}, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == [told]


def test_only_who_may_see_profiles_may_look_for_one(world: dict[str, Any]) -> None:
    refused = signed_in("administrator").post(reverse(FIND), {"kind": "email", "value": an_address()[1]})
    assert refused.status_code == 403 and not AuditEntry.objects.filter(action="profile.looked_up").exists()


def test_known_people_come_first_and_a_visitor_is_found_by_id(steward: Client) -> None:
    visitor = Profile.objects.create()
    seen = {choice: listed(steward, **asked) for choice, asked in ASKED.items()}
    known = set(Profile.objects.filter(records__leaf=False).values_list("pk", flat=True))
    assert seen["known"] == known and visitor.pk in seen["visitors"] and seen["all"] == known | seen["visitors"]
    assert listed(steward, q=str(visitor.pk)) == {visitor.pk}


ASKED = {"known": {}, "visitors": {"who": "visitors"}, "all": {"who": "all"}}


def listed(client: Client, **asked: str) -> set[Any]:
    return {row.pk for row in client.get(page(Profile), asked).context["cl"].result_list}


@pytest.mark.parametrize(
    ("bits", "shown"), [(-0.04, "0.0"), (-0.0, "0.0"), (0.06, "+0.1"), (-2.25, "−2.2"), (0, "0.0")]
)
def test_bits_that_round_to_none_have_no_sign(bits: float, shown: str) -> None:
    assert signed(bits) == shown


def test_a_weight_that_rounds_to_none_is_listed_without_a_sign(steward: Client) -> None:
    ReviewCase.objects.update(weight=-0.04, priority=-0.04, state="open")
    shown = steward.get(page(ReviewCase)).content.decode()
    assert ">0.0<" in shown and "-0.0" not in shown
