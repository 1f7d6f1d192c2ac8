"""A server that clients reach by a socket, and a key to call it with."""

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from tests.api.people import secret


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> str:
    """Clients keep their connections open; the server's threads must not keep theirs to the test database."""
    monkeypatch.setitem(connections.databases["default"], "CONN_MAX_AGE", 0)
    return str(live_server.url)


@pytest.fixture
def key(url: str) -> str:
    return secret("members:read", "segments:read", "segments:write")
