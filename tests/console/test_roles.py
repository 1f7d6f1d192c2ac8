"""The roles: every grant exists, none opens more than it says, demonstration accounts get fresh passwords."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.http import HttpRequest

from cdp.core import roles as actions
from cdp.core.models import User
from cdp.core.roles import ROLES

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("grant", sorted({grant for grants in ROLES.values() for grant in grants}))
def test_every_grant_names_a_permission(rows: None, grant: str) -> None:
    assert actions.permissions([grant]), grant


def test_shipping_again_keeps_what_was_granted_by_hand(rows: None) -> None:
    group = Group.objects.get(name="marketer")
    extra = actions.permissions(["view:core.auditentry"])[0]
    group.permissions.add(extra)
    before = set(group.permissions.values_list("pk", flat=True))
    actions.ship_roles()
    assert set(group.permissions.values_list("pk", flat=True)) == before and extra.pk in before


def test_only_stewards_and_privacy_officers_may_see_personal_values(rows: None) -> None:
    seers = Group.objects.filter(permissions__codename="unmask_golden").values_list("name", flat=True)
    assert set(seers) == {"steward", "privacy officer"}


def test_an_auditor_may_only_look(rows: None) -> None:
    codenames = Group.objects.get(name="auditor").permissions.values_list("codename", flat=True)
    assert codenames and all(codename.startswith("view_") for codename in codenames)


def test_the_tables_of_keys_are_in_no_role(rows: None) -> None:
    assert not Group.objects.filter(permissions__codename__in=["view_datakey", "view_keyencryptionkey"]).exists()


def test_demonstration_accounts_sign_in_with_the_password_told_last(rows: None) -> None:
    first, second = actions.create_demo_accounts(), actions.create_demo_accounts()
    assert [role for _, _, role in second] == list(ROLES) and User.objects.count() == len(ROLES)
    for (username, old, _), (_, new, role) in zip(first, second, strict=True):
        user = authenticate(HttpRequest(), username=username, password=new)
        assert authenticate(HttpRequest(), username=username, password=old) is None
        assert isinstance(user, User) and user.is_staff is (role != "service") and not user.is_superuser
