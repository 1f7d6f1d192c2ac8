"""The real browser libraries, unmodified, in Chromium on a page of another origin, with only their host changed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from cdp import pipeline
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from identity.models import Record
from tests.ingestion.javascript import Calls, served_page
from tests.ingestion.trouble import Trouble
from tests.ingestion.wire import assert_once, counters, sealed

pytestmark = pytest.mark.django_db(transaction=True)
LIBRARIES = ("segment", "rudder")
SECONDS = 40
CALLS = [
    ["identify", "u1", {"email": "kim@shop.kr", "firstName": "철수", "plan": "gold"}],
    ["track", "Order Completed", {"order_id": "O1", "revenue": 12000}],
    ["page", "Docs", "Home", {"shelf": "3"}],
    ["group", "g1", {"industry": "retail"}],
    ["alias", "u2", "u0"],
]
ORIGINS = ("http://localhost:", "http://127.0.0.1:")


class Shop:
    """A page with a library on it; `sent` are the message ids in what it has sent, `elsewhere` where else it asked."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.sent = page, set[str]()
        self.elsewhere, self.complaints = list[str](), list[str]()
        page.route(lambda url: not url.startswith(ORIGINS), self._stop)
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)

    def open(self, library: str, server: LiveServer, key: str) -> None:
        self.page.evaluate("given => opened(...given)", [library, server.url, key])

    def call(self, calls: Calls) -> None:
        self.page.evaluate("calls => { sent(calls) }", calls)

    def wait_for(self, events: int) -> None:
        """Until so many are kept; the page must go on meanwhile."""
        ends = time.monotonic() + SECONDS
        while Event.objects.count() < events:
            assert time.monotonic() < ends, f"{Event.objects.count()} of {events} came; {self.complaints}"
            self.page.wait_for_timeout(100)

    def _stop(self, route: Any) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def _note(self, request: Any) -> None:
        if request.method == "POST" and request.post_data:
            body = json.loads(request.post_data)
            self.sent |= {message["messageId"] for message in body.get("batch", [body]) if "messageId" in message}


@pytest.fixture(autouse=True)
def connections_end_with_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser keeps its connections open; the server's threads must not keep theirs to the test database."""
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)


@pytest.fixture
def shop(browser: Any) -> Iterator[Shop]:
    with served_page() as address:
        context = browser.new_context()
        yield Shop(context.new_page(), address)
        context.close()


@pytest.fixture
def key() -> str:
    return create_source(Actor.system("test"), "shop", "web", currency="KRW")[1]


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_call_arrives_once_from_another_origin(name: str, key: str, shop: Shop, live_server: LiveServer) -> None:
    shop.open(name, live_server, key)
    shop.call(CALLS)
    shop.wait_for(len(CALLS))
    kept = {event.type: event for event in Event.objects.all()}
    assert set(kept) == {"identify", "track", "page", "group", "alias"}
    assert {event.message_id for event in kept.values()} == shop.sent
    assert sealed(kept["identify"])["attributes"] == {"email": "kim@shop.kr", "given_name": "철수"}
    assert kept["identify"].properties == {"plan": "gold"}
    assert (kept["track"].kind, kept["track"].record) == ("user", kept["identify"].record)
    assert set(kept["track"].leaves) == {"anonymous"}
    assert (kept["track"].revenue, kept["track"].order_id) == (12000, "O1")
    assert kept["page"].properties["shelf"] == "3" and kept["group"].properties == {"industry": "retail"}
    assert counters() == {"received": len(CALLS), "taken": len(CALLS)}
    assert shop.complaints == [] and shop.elsewhere == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_server_that_answers_503_at_random_is_sent_to_until_it_has_all(
    name: str, key: str, shop: Shop, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = Trouble(monkeypatch)
    shop.open(name, live_server, key)
    shop.call([["track", "Product Viewed", {"position": number}] for number in range(8)])
    shop.wait_for(8)
    assert trouble.met["before"] and trouble.met["after"] and len(shop.sent) == 8
    assert_once(shop.sent)


@pytest.mark.parametrize("name", LIBRARIES)
def test_who_logs_in_after_a_log_out_is_another_person(
    name: str, key: str, shop: Shop, live_server: LiveServer
) -> None:
    """One of the two libraries keeps the anonymous id of the device over a log-out; neither makes the two one."""
    shop.open(name, live_server, key)
    shop.call(
        [["identify", "u1"], ["track", "Product Viewed"], ["reset"], ["identify", "u2"], ["track", "Product Viewed"]]
    )
    shop.wait_for(4)
    users = set(Event.objects.values_list("record", flat=True))
    pipeline.advance()
    profiles = dict(Record.objects.filter(pk__in=users).values_list("pk", "profile"))
    assert len(users) == len(profiles) == len(set(profiles.values())) == 2
