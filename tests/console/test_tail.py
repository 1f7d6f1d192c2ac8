"""Live events: what comes in is shown, clear properties only, and asked for again costs next to nothing."""

from typing import Any

import pytest
from django.test import Client

from cdp.events.models import Event
from tests.console.conftest import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(world: dict[str, Any]) -> Client:
    signed_in = Client()
    signed_in.force_login(account("steward"))
    return signed_in


def test_only_what_came_since_is_sent_again(client: Client) -> None:
    latest = Event.objects.order_by("-id")[0]
    assert "<h1>Live events</h1>" in client.get("/live/").content.decode()
    assert client.get("/live/", {"after": str(latest.pk)}).status_code == 204
    rows = client.get("/live/", {"after": ""}).content.decode()
    assert rows.count("<tr ") == Event.objects.count() and "<html" not in rows and f'data-id="{latest.pk}"' in rows


def test_nobody_is_named(client: Client) -> None:
    sealed = Event.objects.order_by("-id")[0]
    rows = client.get("/live/", {"after": ""}).content.decode()
    assert str(sealed.record) not in rows and "quantity" in rows


def test_one_source_s_events_are_those_of_that_source(client: Client, world: dict[str, Any]) -> None:
    sending, silent = world["sources"][:2]
    assert Event.objects.filter(source=sending).exists() and not Event.objects.filter(source=silent).exists()
    assert client.get("/live/", {"after": "", "source": str(sending.pk)}).content.count(b"<tr ") > 0
    assert client.get("/live/", {"after": "", "source": str(silent.pk)}).status_code == 204
    assert "No event yet." in client.get("/live/", {"source": str(silent.pk)}).content.decode()
