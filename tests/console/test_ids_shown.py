"""Ids on the pages of tables: their ends, as links that lie in no other link; nothing is a dash, never None."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity.models import ProfileChange
from segments.models import Membership
from tests.console.conftest import account

pytestmark = pytest.mark.django_db
NESTED = re.compile(r"<a [^>]*>(?:(?!</a>).)*<a ", re.DOTALL)


@pytest.fixture
def page(world: dict[str, Any]) -> Client:
    client = Client()
    client.force_login(account())
    return client


@pytest.mark.parametrize(
    "table", ["segments_membership", "segments_transition", "profiles_golden", "consent_effective"]
)
def test_a_list_shows_the_end_of_an_id_and_leads_to_the_row_and_to_the_profile(page: Client, table: str) -> None:
    shown = page.get(reverse(f"admin:{table}_changelist")).content.decode()
    listed = shown[shown.index('id="result_list"') :]
    assert re.search(
        r'<a href="/identity/profile/([0-9a-f-]{36})/change/"><span title="\1">…[0-9a-f]{12}</span></a>', listed
    )
    assert f'href="/{table.replace("_", "/")}/' in listed and not NESTED.search(listed)


def test_the_page_of_a_row_says_none_of_nothing(page: Client, world: dict[str, Any]) -> None:
    profile = Membership.objects.values_list("profile_id", flat=True)[0]
    change = ProfileChange.objects.create(profile=profile, kind="created", actor="system:test", records=[str(profile)])
    shown = page.get(reverse("admin:identity_profilechange_change", args=[change.pk])).content.decode()
    assert ">None<" not in shown and f">{profile}<" in shown and f"…{str(profile)[-12:]}" in shown
