"""Sending as SDKs do, and reading back what was kept."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Sum
from django.http import HttpResponse
from django.test import Client

from cdp.core import crypto
from cdp.core.models import Counter
from cdp.events.models import Event, Quarantined


def post(path: str, body: Any, key: str | None = None, **headers: str) -> HttpResponse:
    """POST `body` (bytes as they are, else as JSON), with `key` as Basic user."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if key is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    content_type = headers.pop("content_type", "application/json")
    return Client(raise_request_exception=False).post(path, raw, content_type=content_type, headers=headers)


def send(key: str, *messages: Any) -> HttpResponse:
    """One batch."""
    return post("/v1/batch", {"batch": list(messages)}, key)


def track(**more: Any) -> dict[str, Any]:
    """A complete track message."""
    message = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}
    return message | {"timestamp": "2026-03-04T05:06:07.000Z", "properties": {}} | more


def sealed(event: Event) -> Any:
    """The personal part of an event."""
    key = crypto.existing_data_keys([event.record])[event.record]
    return crypto.unseal(key, "events_event", "sealed", event.sealed)


def refused_content(kept: Quarantined) -> Any:
    """What is in quarantine."""
    return crypto.unseal(crypto.existing_data_keys([kept.id])[kept.id], "events_quarantined", "sealed", kept.sealed)


def counters() -> dict[str, int]:
    """All counters by kind, whatever their source."""
    return dict(Counter.objects.values("kind").annotate(total=Sum("count")).values_list("kind", "total"))


def reasons() -> list[str]:
    """Why things are in quarantine, sorted."""
    return sorted(Quarantined.objects.values_list("reason", flat=True))


def assert_once(message_ids: Iterable[str], again: bool = True) -> None:
    """Exactly these messages are kept, each once; `again` says that some were received more than once."""
    expected = sorted(message_ids)
    assert sorted(Event.objects.values_list("message_id", flat=True)) == expected
    assert not Quarantined.objects.exists()
    said = counters()
    assert said["taken"] == len(expected) and said["received"] == said["taken"] + said.get("repeated", 0)
    assert said.get("repeated", 0) > 0 or not again
