"""Ingestion over HTTP, 100 events a request, against raw COPY of the very same rows in 100-row transactions.

Counted are core-seconds of client, application and database together; the ratio is the baseline's over the product's.
"""

import argparse
import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from tests.bench.ingest_baseline import database_seconds, postmaster_of, tree_seconds

ROOT = Path(__file__).resolve().parents[2]
EVENTS_A_REQUEST = 100
RAW = "bench_raw.events_event"


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Core-seconds a 100k events of both, and their ratio, by round and in the median."""
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(argv)
    key, urls = _prepare()
    port = _free_port()
    server = _serve(port, asked.workers)
    try:
        rounds = [_round(key, port, server.pid, urls, asked.events) for _ in range(asked.rounds + 1)][1:]
    finally:
        server.terminate()
        server.wait()
    ratio = statistics.median(found["ratio"] for found in rounds)
    return {"bench": "ingest", "events": asked.events, "workers": asked.workers, "ratio": ratio, "rounds": rounds}


def _prepare() -> tuple[str, dict[str, str]]:
    """A migrated database with a source, and an empty twin of the event table with all its indexes."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    from cdp.core import startup

    startup.prepare()
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from cdp.core.types import Actor
    from cdp.events.actions import create_source

    call_command("migrate", verbosity=0)
    owner = settings.DATABASE_OWNER_URL
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("drop schema if exists bench_raw cascade")
        connection.execute("create schema bench_raw")
        connection.execute(f"create table {RAW} (like public.events_event including all)")
    _source, key = create_source(Actor.system("bench"), f"bench-{uuid4().hex[:8]}", "web", currency="KRW")
    return key, {"owner": owner}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: int, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "cdp.wsgi:application", "-w", str(workers), "-b", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        time.sleep(0.2)
        try:
            if _answer(port, "GET", "/rsaMetrics", b"", {}) == 200:
                return server
        except OSError:
            continue
    server.terminate()
    raise RuntimeError("The web process does not answer.")


def _answer(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def _event(number: int) -> dict[str, Any]:
    """About 730 bytes, as a web shop sends it."""
    page = {"path": f"/products/{number % 500}", "url": f"https://shop.example/products/{number % 500}"}
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    context = {
        "library": {"name": "analytics-python", "version": "2.4.0"},
        "page": page,
        "locale": "ko-KR",
        "userAgent": agent,
    }
    properties = {
        "product_id": f"P-{number % 500}", "sku": f"SKU-{number % 500}", "category": "shoes", "name": "Running shoe", "brand": "acme",
        "price": 59_000 + number % 100, "quantity": 1, "currency": "KRW", "coupon": "SPRING", "position": number % 20,
    }  # fmt: skip
    ids = {"userId": f"user-{number % 2000}", "anonymousId": f"anon-{number % 2000}", "messageId": str(uuid4())}
    moment = datetime.now(UTC).isoformat()
    return {
        "type": "track",
        "event": "Product Viewed",
        **ids,
        "timestamp": moment,
        "context": context,
        "properties": properties,
    }


def _bodies(events: int) -> list[bytes]:
    batches = [[_event(at + number) for number in range(EVENTS_A_REQUEST)] for at in range(0, events, EVENTS_A_REQUEST)]
    return [json.dumps({"batch": batch, "sentAt": datetime.now(UTC).isoformat()}).encode() for batch in batches]


def _round(key: str, port: int, server: int, urls: dict[str, str], events: int) -> dict[str, Any]:
    bodies = _bodies(events)
    with psycopg.connect(urls["owner"], autocommit=True) as connection:
        connection.execute(f"truncate {RAW}")
        started = connection.execute("select now()").fetchone()[0]
        product = _send_all(key, port, server, postmaster_of(connection), bodies)
        baseline = _raw(connection, urls["owner"], started)
    ratio = sum(baseline[part] for part in ("client", "database")) / sum(
        product[part] for part in ("client", "app", "database")
    )
    return {"ratio": round(ratio, 3), "product": product, "baseline": baseline}


def _send_all(key: str, port: int, server: int, postmaster: int, bodies: list[bytes]) -> dict[str, float]:
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "Content-Type": "application/json",
    }
    statuses: list[int] = []
    queue = list(bodies)

    def work() -> None:
        while queue:
            statuses.append(_answer(port, "POST", "/v1/batch", queue.pop(), headers))

    app, database, client, wall = (
        tree_seconds(server),
        database_seconds(postmaster),
        time.process_time(),
        time.monotonic(),
    )
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = {
        "client": time.process_time() - client,
        "app": tree_seconds(server) - app,
        "database": database_seconds(postmaster) - database,
        "wall": time.monotonic() - wall,
    }
    if set(statuses) != {200}:
        raise RuntimeError(f"Not everything was taken: {sorted(set(statuses))}")
    return {part: round(seconds, 2) for part, seconds in spent.items()}


def _raw(connection: psycopg.Connection, url: str, started: datetime) -> dict[str, float]:
    """COPY the rows just kept, as ready lines, into the twin; the twin must equal the original."""
    from cdp.events.sql import COLUMNS

    kept = f"select {COLUMNS} from public.events_event where received_at >= '{started.isoformat()}' order by id"
    with tempfile.NamedTemporaryFile("wb", suffix=".copy") as file:
        with connection.cursor() as cursor, cursor.copy(f"copy ({kept}) to stdout") as copy:
            for piece in copy:
                file.write(piece)
        file.flush()
        script = Path(__file__).with_name("ingest_baseline.py")
        command = [sys.executable, str(script), url, RAW, COLUMNS, file.name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    compared = connection.execute(f"select md5(string_agg(a::text, ',')) from ({kept}) a").fetchone()
    other = connection.execute(
        f"select md5(string_agg(a::text, ',')) from (select {COLUMNS} from {RAW} order by id) a"
    ).fetchone()
    if compared != other:
        raise RuntimeError("The outputs differ.")
    return {part: round(seconds, 2) for part, seconds in found.items()}
