"""Bringing the generated data in through the real doors: HTTP in SDK shape, files by the import commands."""

import base64
import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from pathlib import Path

from django.core.management import call_command

BATCH = 100
Tick = Callable[[int], None]


def send_all(port: int, keys: dict[str, str], files: dict[str, Path], tick: Tick) -> int:
    """Send each source's messages in order, the sources side by side; returns how many messages were accepted."""
    with ThreadPoolExecutor(max_workers=len(files)) as pool:
        sent = pool.map(lambda source: _send(port, keys[source], files[source], tick), files)
        return sum(sent)


def _send(port: int, key: str, file: Path, tick: Tick) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "Content-Type": "application/json",
    }
    count = 0
    with file.open("rb") as lines:
        for batch in _batches(lines):
            body = b'{"batch":[%s],"sentAt":"%s"}' % (b",".join(batch), datetime.now(UTC).isoformat().encode())
            connection.request("POST", "/v1/batch", body, headers)
            _check(connection.getresponse())
            count += len(batch)
            tick(len(batch))
    connection.close()
    return count


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(lines, BATCH)):
        yield [line.rstrip(b"\n") for line in batch]


def _check(response: http.client.HTTPResponse) -> None:
    body = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"The ingestion endpoint answered {response.status}: {json.loads(body).get('code')}")


def import_file(door: str, source: str, file: Path, mapping: Path | None) -> str:
    """Import one file by its command; returns the counts that the command ends with."""
    said = StringIO()
    call_command(f"import_{door}", file, source=source, mapping=mapping, stdout=said, stderr=said)
    return said.getvalue().strip().splitlines()[-1]


def pull_segment(port: int, key: str, segment: str, purpose: str, channel: str) -> int:
    """Read a segment's members over REST as a downstream tool would, page by page; returns how many came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    path: str | None = f"/api/v1/segments/{segment}/members?purpose={purpose}&channel={channel}&limit=1000"
    count = 0
    while path:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        page = json.loads(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(f"The API answered {response.status}: {page.get('title')}")
        count += len(page["results"])
        path = page["next"] and "/" + page["next"].split("/", 3)[3]
    connection.close()
    return count
