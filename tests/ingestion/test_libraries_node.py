"""The real Node libraries, unmodified, with only their host changed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from tests.ingestion.javascript import Calls, Sending
from tests.ingestion.trouble import Trouble
from tests.ingestion.wire import assert_once, counters, sealed

pytestmark = pytest.mark.django_db(transaction=True)
LIBRARIES = ("segment-node", "rudder-node")
CALLS = [
    ["identify", {"userId": "u1", "anonymousId": "a1", "traits": {"email": "kim@shop.kr", "firstName": "철수", "plan": "gold"}}],
    ["track", {"userId": "u1", "event": "Order Completed", "properties": {"order_id": "O1", "revenue": 12000}}],
    ["page", {"userId": "u1", "name": "Home", "properties": {"path": "/"}}],
    ["screen", {"userId": "u1", "name": "Home"}],
    ["group", {"userId": "u1", "groupId": "g1", "traits": {"industry": "retail"}}],
    ["alias", {"previousId": "a1", "userId": "u1"}],
]  # fmt: skip
LONG_AGO = "2026-01-02T03:04:05.678Z"


@pytest.fixture(autouse=True)
def connections_end_with_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries keep their connections open; the server's threads must not keep theirs to the test database."""
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)


@pytest.fixture
def key() -> str:
    return create_source(Actor.system("test"), "shop", "web", currency="KRW")[1]


def viewed(number: int, **more: Any) -> list[Any]:
    message = {"userId": f"u{number % 7}", "event": "Product Viewed", "messageId": f"m{number}"}
    return ["track", message | {"properties": {"position": number}} | more]


def sent(name: str, server: LiveServer, key: str, calls: Calls) -> str:
    return Sending(name, server.url, key, calls).ended()


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_call_arrives_once(name: str, key: str, live_server: LiveServer) -> None:
    assert sent(name, live_server, key, CALLS) == ""
    kept = {event.type: event for event in Event.objects.all()}
    assert set(kept) == {"identify", "track", "page", "screen", "group", "alias"}
    assert {(event.kind, event.record) for event in kept.values()} == {("user", kept["track"].record)}
    assert sealed(kept["identify"])["attributes"] == {"email": "kim@shop.kr", "given_name": "철수"}
    assert kept["identify"].properties == {"plan": "gold"}
    assert (kept["track"].revenue, kept["track"].order_id) == (12000, "O1")
    assert kept["group"].properties == {"industry": "retail"}
    assert set(kept["alias"].leaves) == {"anonymous"} and sealed(kept["alias"])["leaf_ids"] == {"anonymous": "a1"}
    assert counters() == {"received": 6, "taken": 6}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_server_that_answers_503_at_random_is_sent_to_until_it_has_all(
    name: str, key: str, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = Trouble(monkeypatch)
    assert sent(name, live_server, key, [viewed(number) for number in range(30)]) == ""
    assert trouble.met["before"] and trouble.met["after"]
    assert_once(f"m{number}" for number in range(30))


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_happened_long_ago_stays_there(name: str, key: str, live_server: LiveServer) -> None:
    assert sent(name, live_server, key, [viewed(1, timestamp=LONG_AGO)]) == ""
    event = Event.objects.get()
    assert event.occurred_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert event.flags == [] and event.sent_at is not None


@pytest.mark.parametrize("name", LIBRARIES)
def test_an_unknown_key_is_dropped_and_not_sent_for_ever(name: str, live_server: LiveServer) -> None:
    assert sent(name, live_server, "wk_unknown", [viewed(1)]) != ""
    assert not Event.objects.exists()
