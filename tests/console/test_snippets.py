"""The code that a source's page offers sends events: the Python libraries and curl's request, as they stand there."""

import json
import re
import subprocess
import sys

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from cdp.console.snippets import snippets
from cdp.core.models import User
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event, Source
from tests.console.conftest import account

NAME, HOST, HERE = "shop.example", "https://shop.example", "http://testserver"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key() -> str:
    return create_source(Actor.system("test"), "shop", "web", currency="KRW")[1]


@pytest.mark.parametrize("library", ["Python · Segment", "Python · RudderStack"])
def test_the_code_for_a_library_sends_an_event(
    library: str, key: str, rows: None, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)
    code = dict(snippets("http", live_server.url.removeprefix("http://"), key))[library]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert Event.objects.get().name == "Product Viewed"


def test_the_request_without_a_library_sends_an_event(key: str, rows: None) -> None:
    code = dict(snippets("https", NAME, key))["Without a library"]
    address, body = re.findall(r"https://shop\.example(\S+)", code)[0], code[code.index("{") : code.rindex("}") + 1]
    answer = Client().post(address, {**json.loads(body), "writeKey": key}, content_type="application/json")
    assert answer.status_code == 200 and Event.objects.get().name == "Product Viewed" and f"-u {key}:" in code


def test_all_name_the_address_and_the_key(key: str) -> None:
    for library, code in snippets("https", NAME, key):
        assert (HOST in code or NAME in code) and key in code and "{{" not in code, library


def test_a_source_s_page_shows_them_to_whom_may_see_keys(key: str, rows: None) -> None:
    assert page("administrator").count(key) >= len(snippets("https", NAME, key)) and HERE in page("administrator")
    assert key not in page("marketer")


def page(role: str) -> str:
    client, source = Client(), Source.objects.get(name="shop")
    client.force_login(User.objects.filter(username=role).first() or account(role))
    return client.get(reverse("admin:events_source_change", args=[source.pk])).content.decode()


def test_whoever_hears_the_page_is_told_what_a_box_of_a_key_is(key: str, rows: None) -> None:
    (box,) = re.findall(r'<input type="checkbox"[^>]*id="id_write_keys-0-enabled"[^>]*>', page("administrator"))
    assert 'aria-label="Enabled"' in box
