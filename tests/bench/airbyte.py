"""Airbyte's own runner (airbyte-cdk, in an environment of its own) with the manifest that we ship, against a served API: all
members, an incremental run that brings nothing, then exactly the changes."""

import argparse
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from tempfile import TemporaryDirectory
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.bench.export import MAIL, everybody
from tests.bench.segments_world import about, world

MANIFEST = Path(__file__).resolve().parents[2] / "docs" / "clients" / "airbyte.yaml"
CDK = "airbyte-cdk==7.39.1"
RUNNER = ("uv", "run", "--isolated", "--no-project", "--with", CDK, "source-declarative-manifest")
ACTOR = "bench"
# The generated people have no keys under which the product could write of them.
WITHDRAWAL = """
insert into consent_consentrecord (id, key, subject, purpose_id, channel_id, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, recorded_by)
select gen_random_uuid(), gen_random_uuid(), k.id, 'marketing', 'email', '', '', '', 'consent', '', '', 'withdrawn', now(),
    'bench', 'system:bench'
from core_datakey k join identity_record r on r.id = k.record where r.profile_id = %s
"""


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Whether the manifest is valid and the connection good, and for three runs in a row how many records each stream
    brought, in how many seconds."""
    parser = argparse.ArgumentParser(prog="airbyte", description=__doc__)
    parser.add_argument("--profiles", type=int, default=3_000)
    asked = parser.parse_args(argv)
    with world(asked.profiles), TemporaryDirectory() as folder:
        made = everybody()
        with _served() as url:
            runs = _tried(Path(folder), url, made)
    return {"bench": "airbyte", "cdk": CDK, **about(), "profiles": asked.profiles, **runs}


def _tried(folder: Path, url: str, made: Any) -> dict[str, Any]:
    from cdp.core.actions import create_service_key
    from cdp.core.types import Actor
    from segments import exports, queries

    purpose, channel = MAIL
    key = create_service_key(Actor.system(ACTOR), "airbyte", ["members:read"])[1]
    config = {"url": url, "key": key, "segment": made.key, "purpose": purpose, "channel": channel, "rows": 500}
    _write(folder / "config.json", config)
    [checked] = [one["connectionStatus"] for one in _run(folder, "check") if one["type"] == "CONNECTION_STATUS"]
    [found] = [one["catalog"] for one in _run(folder, "discover") if one["type"] == "CATALOG"]
    _write(folder / "catalog.json", {"streams": [_configured(one) for one in found["streams"]]})
    first = _read(folder)
    second = _read(folder)
    gone = queries.members(made, *MAIL, limit=1, actor=Actor.system(ACTOR)).rows[0].profile_id
    _withdraws(gone)
    third = _read(folder)
    expected = len(
        b"".join(exports.export(made, *MAIL, "ndjson", ["profile_id"], actor=Actor.system(ACTOR))).splitlines()
    )
    right = [first["members"] == second["members"] == expected + 1, second["changes"] == 0]
    right += [third["members"] == expected, third["changes"] == 1]
    if not all(right):
        raise AssertionError(f"airbyte: {first}, {second}, {third}; members are {expected}")
    return {"check": checked["status"], "first": first, "again": second, "after_a_withdrawal": third}


def _configured(stream: dict[str, Any]) -> dict[str, Any]:
    incremental = "incremental" in stream["supported_sync_modes"]
    mode = ("incremental", "append") if incremental else ("full_refresh", "overwrite")
    return {"stream": stream, "sync_mode": mode[0], "destination_sync_mode": mode[1]}


def _read(folder: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    told = _run(folder, "read", "--catalog", str(folder / "catalog.json"), *_state(folder))
    states = [one["state"] for one in told if one["type"] == "STATE"]
    latest = {one["stream"]["stream_descriptor"]["name"]: one for one in states}
    _write(folder / "state.json", [one for name, one in latest.items() if name == "changes"])
    streams = [one["record"]["stream"] for one in told if one["type"] == "RECORD"]
    counted = {name: streams.count(name) for name in ("members", "changes")}
    return counted | {"seconds": round(time.perf_counter() - begun, 1)}


def _state(folder: Path) -> list[str]:
    kept = folder / "state.json"
    return ["--state", str(kept)] if kept.exists() else []


def _run(folder: Path, verb: str, *more: str) -> list[dict[str, Any]]:
    command = [*RUNNER, verb, "--config", str(folder / "config.json"), "--manifest-path", str(MANIFEST), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{verb}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def _withdraws(profile: Any) -> None:
    from cdp.core.statements import execute
    from consent.actions import refresh_effective
    from segments import actions

    execute(WITHDRAWAL, [profile])
    actions.note_consent_changes(refresh_effective([profile]))


class _Server(ThreadingMixIn, WSGIServer):
    pass


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def _served() -> Iterator[str]:
    from django.core.wsgi import get_wsgi_application
    from django.db import connections

    connections.settings["default"]["CONN_MAX_AGE"] = 0  # else they outlive the database
    with make_server("127.0.0.1", 0, get_wsgi_application(), _Server, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
