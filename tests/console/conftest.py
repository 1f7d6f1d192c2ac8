"""The console in a real browser: Chromium against a live server; one small world for a module that only reads it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from cdp.core.models import User
from cdp.core.roles import ship_roles
from cdp.events.actions import ship_rows as ship_channels
from consent.actions import ship_rows as ship_purposes
from tests.console import seed
from tests.database import wipe

PASSWORD = "correct horse battery"
LOUD = ("error", "warning")
Open = Callable[..., Any]


@pytest.fixture(scope="package", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """A slow hash guards real passwords, not those of tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveServer]:
    """A live server over one small world, committed and wiped with the module: for tests that change nothing."""
    with django_db_blocker.unblock():
        wipe()
        ship_roles("default")
        seed.everything()
        account()
        server = LiveServer("localhost")
        yield server
        server.stop()
        wipe()
        # Opened beside Playwright's event loop: whoever drops the database would not find them.
        connections.close_all()


def session_of(user: User) -> str:
    """The session id of somebody who just signed in."""
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Whatever the browser's console complained of in this module."""
    return []


@pytest.fixture(scope="module")
def open_page(browser: Any, house: LiveServer, complaints: list[str]) -> Iterator[Open]:
    """A page of a fresh browser context, nobody signed in or the superuser."""
    contexts = []

    def opened(*, signed_in: bool = True, **options: Any) -> Any:
        context = browser.new_context(base_url=house.url, viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        if signed_in:
            session = session_of(User.objects.get(username="root"))
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": house.url}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in LOUD else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def english(open_page: Open) -> Any:
    return open_page(locale="en-US")


@pytest.fixture(scope="module")
def korean(open_page: Open) -> Any:
    return open_page(locale="ko-KR", color_scheme="dark")


@pytest.fixture
def quiet(complaints: list[str]) -> Iterator[None]:
    """The browser has nothing to complain of: no error, no violation of the policy."""
    complaints.clear()
    yield
    assert complaints == []


@pytest.fixture
def rows(db: None) -> None:
    """What an installation has from the start; a flushed database has lost it."""
    ship_channels("default")
    ship_purposes("default")
    ship_roles("default")


@pytest.fixture
def world(rows: None) -> dict[str, Any]:
    return seed.everything()


def account(role: str | None = None) -> User:
    """A signed-in-able account of a role; without one, of a superuser."""
    user = User.objects.create_user(role or "root", password=PASSWORD, is_staff=True, is_superuser=role is None)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    return user


@pytest.fixture
def root(rows: None) -> User:
    return account()
