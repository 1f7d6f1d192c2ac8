"""What sealing costs: records opened and values indexed a second and core, against a bare loop over the same bytes; and the
share of encryption in ingestion and in a batch run.

A record is its data key unwrapped and its five fields opened. Shares are of the CPU seconds of the product's own process:
everything that happens in functions of `cdp.core.crypto`, the statements that fetch keys included.
"""

import argparse
import functools
import hmac
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.bench.crypto_baseline import digest, timed
from tests.bench.ingest import EVENTS_A_REQUEST, _bodies
from tests.bench.ingest_baseline import database_seconds, postmaster_of
from tests.bench.resolve import LOADED, _load, apart, database

TABLE, COLUMN, KIND = "identity_record", "attributes", "email"
BASELINE = Path(__file__).with_name("crypto_baseline.py")
# All that is done with keys, wherever it is called from.
CIPHERING = {
    "cdp.core.crypto": (
        "seal", "unseal", "data_keys", "existing_data_keys", "unwrapped", "record_id", "suppression_digest",
        "contact_digest", "blind_index",
    ),
    "cdp.core.indexing": ("now",),
}  # fmt: skip


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Rates a core, the baseline's beside them, and shares."""
    parser = argparse.ArgumentParser(prog="crypto", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--values", type=int, default=200_000)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=2_000)
    asked = parser.parse_args(argv)
    with database(LOADED):
        rates = apart(lambda: _rates(asked.records, asked.values))
        ingest = apart(lambda: _share_of(lambda: _ingest(asked.events)))
        apart(lambda: _load(asked.people))
        resolve = apart(lambda: _share_of(_resolve))
    return {"records": asked.records, "values": asked.values, **rates, "ingest": ingest, "resolve": resolve}


# --- rates ------------------------------------------------------------------------------------------------------------


def _rates(records: int, values: int) -> dict[str, Any]:
    from cdp.core import crypto, indexing

    rows, blobs = _sealed(records)
    said = [f"person{number}@example.com" for number in range(values)]
    of = functools.partial(indexing.now().read.of, KIND)
    open_s, texts = timed(lambda: _open(rows, blobs))
    index_s, digests = timed(lambda: [of(value) for value in said])
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(_for_the_baseline(rows, blobs, said), file)
        file.flush()
        command = [sys.executable, str(BASELINE), file.name]
        bare = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    plain = [json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode() for text in texts]
    if (digest(plain), digest(digests)) != (bare["opened"], bare["indexed"]):
        raise AssertionError("the outputs differ")
    crypto.forget_keys()
    return {
        "decrypt": _rate(records, open_s, bare["open_s"]),
        "index": _rate(values, index_s, bare["index_s"]),
    }


def _rate(number: int, seconds: float, bare: float) -> dict[str, float]:
    return {"per_s": round(number / seconds), "bare_per_s": round(number / bare), "ratio": round(seconds / bare, 3)}


def _sealed(number: int) -> tuple[list[tuple[Any, ...]], list[bytes]]:
    """Rows of data keys as the database tells them, and a blob of five fields for each."""
    from django.db import transaction

    from cdp.core import crypto, sql
    from cdp.core.statements import prepared

    with transaction.atomic():
        keys = crypto.data_keys(uuid4() for _ in range(number))
    rows = prepared(sql.DATA_KEYS, [list(keys)])
    return rows, [crypto.seal(keys[row[1]], TABLE, COLUMN, _fields(at)) for at, row in enumerate(rows)]


def _fields(number: int) -> dict[str, str]:
    """About forty bytes each."""
    return {
        "full_name": f"김민준 Kim Min-jun the {number:08}th of his name",
        "email": f"minjun.kim.{number:08}@mail.example.com",
        "phone": f"+82 10 {number // 10_000:04} {number % 10_000:04}, by day and by night",
        "birth_date": f"1981-03-{number % 28 + 1:02}, as the passport says it",
        "address": f"서울특별시 강남구 테헤란로 {number % 900}, {number % 40}층",
    }


def _open(rows: list[tuple[Any, ...]], blobs: list[bytes]) -> list[Any]:
    from cdp.core import crypto

    keys = crypto.unwrapped(rows)
    return [crypto.unseal(keys[row[1]], TABLE, COLUMN, blob) for row, blob in zip(rows, blobs, strict=True)]


def _for_the_baseline(rows: list[tuple[Any, ...]], blobs: list[bytes], values: list[str]) -> dict[str, Any]:
    from cdp.core import crypto, indexing

    [kek] = {row[2] for row in rows}
    derived = hmac.digest(indexing.now().read.secret, indexing.use(KIND), "sha256")
    records = [(row[1].hex, bytes(row[3]).hex(), blob.hex()) for row, blob in zip(rows, blobs, strict=True)]
    keys = {"kek": crypto.key_encryption_key(kek).hex(), "place": crypto._place(TABLE, COLUMN).hex()}
    return {"records": records, "values": values, "key": derived.hex(), **keys}


# --- shares -----------------------------------------------------------------------------------------------------------


def _share_of(work: Callable[[], int]) -> dict[str, Any]:
    """How much of the CPU seconds of some work goes into encryption; `work` says how much it did."""
    from django.db import connection

    connection.ensure_connection()
    server = postmaster_of(connection.connection)
    with _measured() as spent:
        before, stored = time.process_time(), database_seconds(server)
        done = work()
        app, stored = time.process_time() - before, database_seconds(server) - stored
    seconds = sum(spent.values())
    by_function = {name: round(found, 3) for name, found in sorted(spent.items(), key=lambda item: -item[1])}
    told = {"app_s": round(app, 2), "database_s": round(stored, 2), "encryption_s": round(seconds, 2)}
    return {"done": done, **told, "share": round(seconds / app, 3), "by_function": by_function}


@contextmanager
def _measured() -> Iterator[dict[str, float]]:
    """CPU seconds of this thread within each ciphering function, one within another counted once."""
    spent: dict[str, float] = {}
    originals: list[tuple[Any, str, Any]] = []
    for module_name, names in CIPHERING.items():
        module = importlib.import_module(module_name)
        for name in names:
            originals.append((module, name, getattr(module, name)))
    from cdp.core.indexing import Generation

    originals.append((Generation, "of", Generation.of))
    running: list[str] = []
    for owner, name, original in originals:
        setattr(owner, name, _timer(name, original, spent, running))
    yield spent
    for owner, name, original in originals:
        setattr(owner, name, original)


def _timer(name: str, original: Callable[..., Any], spent: dict[str, float], running: list[str]) -> Callable[..., Any]:
    def timed_call(*args: Any, **named: Any) -> Any:
        if running:
            return original(*args, **named)
        running.append(name)
        started = time.thread_time()
        try:
            return original(*args, **named)
        finally:
            spent[name] = spent.get(name, 0.0) + time.thread_time() - started
            running.pop()

    return timed_call


def _ingest(events: int) -> int:
    """As web shops send them, a hundred a request, until they are durable."""
    from django.test import Client

    from cdp.core.types import Actor
    from cdp.events.actions import create_source

    _, key = create_source(Actor.system("bench"), f"bench-{uuid4().hex[:8]}", "web", currency="KRW")
    client, bodies = Client(HTTP_HOST="localhost"), _bodies(events)
    for body in bodies:
        answer = client.post("/v1/batch", body, content_type="application/json", headers=_basic(key))
        if answer.status_code != 200:
            raise RuntimeError(f"Not everything was taken: {answer.status_code}")
    return len(bodies) * EVENTS_A_REQUEST


def _basic(key: str) -> dict[str, str]:
    import base64

    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def _resolve() -> int:
    """The command that links all records and projects everybody."""
    from cdp import pipeline
    from identity.models import Record

    pipeline.resolve()
    return Record.objects.count()
