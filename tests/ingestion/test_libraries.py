"""The real Python libraries, unmodified, with only their host changed."""

from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from tests.ingestion.trouble import Trouble
from tests.ingestion.wire import assert_once, counters, sealed

pytestmark = pytest.mark.django_db(transaction=True)
LIBRARIES = {"segment": SegmentClient, "segment-gzip": SegmentClient, "rudder": RudderClient}


@pytest.fixture(autouse=True)
def connections_end_with_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries keep their connections open; the server's threads must not keep theirs to the test database."""
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)


@pytest.fixture
def key() -> str:
    return create_source(Actor.system("test"), "shop", "web", currency="KRW")[1]


def client(name: str, key: str, server: LiveServer, failures: list[Exception], **more: Any) -> Any:
    if name != "segment":
        more["gzip"] = True
    more = {"max_retries": 1} | more
    return LIBRARIES[name](key, host=server.url, on_error=lambda error, _: failures.append(error), **more)


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_call_arrives_once(name: str, key: str, live_server: LiveServer) -> None:
    failures: list[Exception] = []
    library = client(name, key, live_server, failures)
    library.identify("u1", {"email": "kim@shop.kr", "firstName": "철수", "plan": "gold"}, anonymous_id="a1")
    library.track("u1", "Order Completed", {"order_id": "O1", "revenue": 12000})
    library.page("u1", "Docs", "Home", {"path": "/"})
    library.screen("u1", "App", "Home")
    library.group("u1", "g1", {"industry": "retail"})
    library.alias("a1", "u1")
    library.shutdown()
    assert failures == []
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
def test_many_events_and_a_library_that_sends_again(name: str, key: str, live_server: LiveServer) -> None:
    failures: list[Exception] = []
    for _ in range(2):
        library = client(name, key, live_server, failures)
        for number in range(250):
            library.track(f"u{number % 7}", "Product Viewed", {"position": number}, message_id=f"m{number}")
        library.shutdown()
    assert failures == []
    assert counters() == {"received": 500, "taken": 250, "repeated": 250}


@pytest.mark.parametrize("name", LIBRARIES)
def test_an_unknown_key_is_dropped_and_not_sent_for_ever(name: str, live_server: LiveServer) -> None:
    failures: list[Exception] = []
    library = client(name, "wk_unknown", live_server, failures)
    library.track("u1", "Product Viewed")
    library.shutdown()
    assert len(failures) == 1 and not Event.objects.exists()


@pytest.mark.parametrize("name", ["segment", "rudder"])
def test_a_server_that_answers_503_at_random_is_sent_to_until_it_has_all(
    name: str, key: str, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = []
    trouble = Trouble(monkeypatch)
    library = client(name, key, live_server, failures, max_retries=20, upload_size=10, upload_interval=0.1)
    for number in range(30):
        library.track(f"u{number % 7}", "Product Viewed", {"position": number}, message_id=f"m{number}")
    library.flush()
    library.shutdown()
    assert failures == [] and trouble.met["before"] and trouble.met["after"]
    assert_once(f"m{number}" for number in range(30))
