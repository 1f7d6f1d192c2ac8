"""Signing in: what is wrong is counted, slowed and written down; officers and administrators give a second factor."""

import base64
import re
from typing import Any

import pytest
from django.conf import settings as project
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from cdp.console.login import address_of
from cdp.core import secondfactor
from cdp.core.models import AuditEntry, Authenticator, Counter, User
from cdp.core.types import Actor
from tests.console.conftest import PASSWORD, account

pytestmark = pytest.mark.django_db
INDEX, LOGIN, SECOND = "/", "/login/", "/second-factor/"


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def sign_in(client: Client, username: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(LOGIN, {"username": username, "password": password, "next": INDEX}, **extra)


def code_of(secret: str, later: int = 0) -> str:
    """What an app shows now, or so many periods later; computed from the secret alone."""
    totp = TOTP(base64.b32decode(secret))
    totp.drift = later
    return f"{totp.token():06d}"


def told(action: str) -> list[str]:
    return list(AuditEntry.objects.filter(action=action).values_list("actor", flat=True))


# --- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_signing_in_leads_nowhere_outside(rows: None, address: str) -> None:
    account("marketer")
    said = {"username": "marketer", "password": PASSWORD, "next": address}
    assert Client().post(f"{LOGIN}?next={address}", said).headers["Location"] == INDEX


def test_wrong_passwords_lock_the_account_for_a_while(rows: None, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    user, client = account("marketer"), Client()
    answers = [sign_in(client, "marketer", "wrong").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    locked = sign_in(client, "marketer")
    assert locked.status_code == 429 and "Try again in 15 minutes" in locked.content.decode()
    assert sign_in(Client(REMOTE_ADDR="203.0.113.9"), "marketer").status_code == 429, "from another address too"
    assert told("user.locked_out") == [Actor.user(user).name] == told("user.sign_in_refused")
    assert Counter.objects.get(kind="login_refused").count >= 5
    cache.clear()
    assert sign_in(client, "marketer").status_code == 302


def test_many_names_from_one_address_lock_the_address(rows: None, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    account("marketer")
    for name in ("a", "b", "c"):
        sign_in(Client(REMOTE_ADDR="203.0.113.7"), name, "wrong")
    assert sign_in(Client(REMOTE_ADDR="203.0.113.7"), "marketer").status_code == 429
    assert sign_in(Client(REMOTE_ADDR="203.0.113.8"), "marketer").status_code == 302


def test_a_right_password_forgets_the_wrong_ones(rows: None, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    account("marketer")
    client = Client()
    for _ in range(4):
        assert sign_in(client, "marketer", "wrong").status_code == 200
        assert sign_in(client, "marketer").status_code == 302
        client.logout()


def test_behind_our_proxy_the_address_is_the_one_that_it_saw(rf: Any, settings: Any) -> None:
    request = rf.get("/", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.5"}, REMOTE_ADDR="10.0.0.2")
    assert address_of(request) == "10.0.0.2", "without a proxy anybody may claim to be forwarded"
    settings.BEHIND_PROXY = True
    assert address_of(request) == "203.0.113.5"


def test_what_was_typed_as_a_name_is_kept_nowhere(rows: None, caplog: Any) -> None:
    typed = "my-secret-password-typed-as-name"
    sign_in(Client(), typed, "x")
    assert told("user.sign_in_refused") == ["user:unknown"]
    assert typed not in str(list(AuditEntry.objects.values())) and typed not in caplog.text
    assert sign_in(Client(), "a\0b", "x").status_code in (200, 400)


def test_a_new_password_ends_every_other_session(rows: None) -> None:
    account("marketer")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, "marketer")
        assert client.get(INDEX).status_code == 200
    new = "another horse battery"
    changed = here.post("/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert changed.status_code == 302 and len(told("user.password_changed")) == 1
    assert here.get(INDEX).status_code == 200
    assert elsewhere.get(INDEX).status_code == 302


def test_an_account_that_is_switched_off_is_out_at_once(rows: None) -> None:
    user, client = account("marketer"), Client()
    sign_in(client, "marketer")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(INDEX).status_code == 302


def test_signing_in_changes_the_session_s_key(rows: None) -> None:
    account("marketer")
    client = Client()
    client.get(LOGIN)
    before = client.session.session_key
    sign_in(client, "marketer")
    assert client.session.session_key != before


# --- the second factor ------------------------------------------------------------------------------------------------


def set_up(client: Client) -> str:
    """Set the second factor up as its page says; the secret."""
    shown = client.get(SECOND).content.decode()
    (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", shown)
    assert "<svg" in shown and "style=" not in shown
    assert client.post(SECOND, {"code": code_of(secret), "next": INDEX}).status_code == 302
    return str(secret)


@pytest.mark.parametrize("role", [None, "privacy officer", "administrator"])
def test_a_password_alone_opens_nothing_for_these(rows: None, settings: Any, role: str | None) -> None:
    settings.MFA_REQUIRED = True
    user, client = account(role), Client()
    assert sign_in(client, user.username).status_code == 302
    answer = client.get(INDEX, follow=True)
    assert answer.request["PATH_INFO"] == SECOND
    for address in (INDEX, "/core/user/", "/incident/", "/password_change/", f"/core/user/{user.pk}/password/"):
        assert client.get(address).status_code == 302, address
    secret = set_up(client)
    assert client.get(INDEX).status_code == 200
    other = Client()
    sign_in(other, user.username)
    assert other.get(INDEX).status_code == 302 and "<code>" not in other.get(SECOND).content.decode()
    assert other.post(SECOND, {"code": code_of(secret, later=1), "next": INDEX}).status_code == 302
    assert other.get(INDEX).status_code == 200
    assert told("second_factor.set_up") == told("second_factor.given") == [Actor.user(user).name]


@pytest.mark.parametrize("role", ["marketer", "steward", "auditor"])
def test_others_are_asked_once_they_have_set_one_up(rows: None, settings: Any, role: str) -> None:
    settings.MFA_REQUIRED = True
    account(role)
    client = Client()
    sign_in(client, role)
    assert client.get(INDEX).status_code == 200
    set_up(client)
    other = Client()
    sign_in(other, role)
    assert other.get(INDEX).status_code == 302


def test_it_is_required_outside_the_demonstration() -> None:
    assert project.MFA_REQUIRED is (not project.CDP_DEBUG)


@pytest.fixture
def officer(rows: None, settings: Any) -> tuple[User, str]:
    settings.MFA_REQUIRED = True
    user, client = account("privacy officer"), Client()
    sign_in(client, user.username)
    return user, set_up(client)


def test_each_code_opens_once(officer: tuple[User, str]) -> None:
    user, secret = officer
    assert secondfactor.verify(user, code_of(secret)) is None, "it has just set the factor up"
    assert secondfactor.verify(user, code_of(secret, later=1)) is None, "after a wrong one it waits"
    Authenticator.objects.update(throttling_failure_timestamp=None)
    assert secondfactor.verify(user, code_of(secret, later=1)) is not None
    assert secondfactor.verify(user, code_of(secret, later=1)) is None


@pytest.mark.parametrize("code", ["", "000000x", "１２３４５６", "12345", "1234567", "\0" * 6, "-12345"])
def test_what_is_no_code_is_refused_and_written_down(officer: tuple[User, str], code: str) -> None:
    assert secondfactor.verify(officer[0], code) is None
    assert told("second_factor.refused") == [Actor.user(officer[0]).name]


def test_guessing_is_slowed_more_and_more(officer: tuple[User, str]) -> None:
    user, _secret = officer
    for _ in range(20):
        secondfactor.verify(user, "000000")
    assert Authenticator.objects.get().throttling_failure_count == 1, "those that came too soon were not even compared"


def test_the_secret_is_sealed(officer: tuple[User, str]) -> None:
    _user, secret = officer
    blob = bytes(Authenticator.objects.get().sealed)
    assert secret.encode() not in blob and base64.b32decode(secret) not in blob


def test_an_administrator_lets_others_set_up_another_and_not_himself(officer: tuple[User, str]) -> None:
    his = Authenticator.objects.get()
    account("administrator")
    client = Client()
    sign_in(client, "administrator")
    set_up(client)
    own = Authenticator.objects.get(user__username="administrator")
    for authenticator, status in ((own, 403), (his, 302)):
        address = reverse("admin:core_authenticator_delete", args=[authenticator.pk])
        assert client.post(address, {"post": "yes"}).status_code == status
    assert list(Authenticator.objects.all()) == [own] and len(told("authenticator.deleted")) == 1


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_code_leads_nowhere_outside(officer: tuple[User, str], address: str) -> None:
    client = Client()
    sign_in(client, officer[0].username)
    answer = client.post(SECOND, {"code": code_of(officer[1], later=1), "next": address})
    assert (answer.status_code, answer.headers["Location"]) == (302, INDEX)


def test_whoever_has_no_code_can_leave(officer: tuple[User, str]) -> None:
    client = Client()
    sign_in(client, officer[0].username)
    assert client.post(SECOND, {"leave": "1"}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_without_a_password_the_page_shows_nothing(rows: None) -> None:
    assert Client().get(SECOND).headers["Location"] == LOGIN
