"""Bringing things in as the world does: messages in SDK shape, files by the import commands; and reading over REST."""

import base64
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.core.management import call_command
from django.test import Client

from cdp.core.actions import SCOPES, create_service_key
from cdp.core.types import Actor
from cdp.events.actions import create_write_key
from cdp.events.models import Source
from segments.actions import create_segment, publish
from segments.models import Segment

ACTOR = Actor.system("test")
# Sources with the same ids in every run, so that runs can be compared record by record.
_IDS = UUID("6f1c2a52-7a53-4b12-9a57-2f2f0d0c7d11")
TILL = {
    "event": {"constant": "Order Completed"}, "time": "at", "message_id": "line", "customer": {"column": "member"},
    "receipt": "receipt", "order": "receipt", "money": "total", "identifiers": {"phone": "phone"},
}  # fmt: skip


def source(name: str, channel: str, **fields: Any) -> str:
    """A source with a lasting id; returns its write key."""
    defaults = {"brand": "haru", "zone": "Asia/Seoul", "currency": "KRW"}
    made = Source.objects.create(id=uuid5(_IDS, name), name=name, channel_id=channel, **defaults | fields)
    return create_write_key(ACTOR, made)


def send(key: str, messages: Sequence[Mapping[str, Any]], path: str = "/v1/batch") -> None:
    """One request as an SDK makes it."""
    body = {"batch": list(messages)} if path == "/v1/batch" else messages[0]
    headers = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    response = Client().post(path, json.dumps(body), content_type="application/json", headers=headers)
    assert (response.status_code, response.content) == (200, b'{"success":true}')


def import_rows(door: str, source_name: str, rows: Sequence[Mapping[str, Any]], mapping: Any = None) -> str:
    """Import rows as a CSV file by `import_records` or `import_events`; returns what the command said."""
    said = StringIO()
    with tempfile.TemporaryDirectory() as folder:
        file, options = Path(folder) / f"{source_name}.csv", {}
        _write(file, rows)
        if mapping is not None:
            options["mapping"] = Path(folder) / "mapping.json"
            options["mapping"].write_text(json.dumps(mapping))
        call_command(f"import_{door}", file, source=source_name, stdout=said, stderr=said, **options)
    return said.getvalue()


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = dict.fromkeys(name for row in rows for name in row)
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)


def segment(key: str, rule: object, purpose: str = "marketing", brand: str = "") -> Segment:
    """A published segment; the pipeline computes it."""
    return publish(ACTOR, create_segment(ACTOR, key=key, name=key, purpose=purpose, brand=brand, rule=rule))


class Tool:
    """A downstream tool with a service key of its own."""

    def __init__(self, *scopes: str, **bound: str) -> None:
        secret = create_service_key(ACTOR, f"tool {uuid4()}", scopes or SCOPES, **bound)[1]
        self.client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        response = self.client.get(f"/api/v1{path}", query)
        assert response.status_code == 200, response.content
        return response.json()

    def post(self, path: str, body: Any) -> Any:
        response = self.client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")
        assert response.status_code == 200, response.content
        return response.json()
