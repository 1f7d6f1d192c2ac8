"""The server killed and started again while real libraries send: each of their messages is kept exactly once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from tests.flow.processes import ROOT, environment, free_port, own_redis, wait_for
from tests.ingestion.javascript import Sending, installed
from tests.ingestion.wire import assert_once

pytestmark = pytest.mark.django_db(transaction=True)
PYTHON = {"segment": SegmentClient, "rudder": RudderClient}
NODE = ("segment-node", "rudder-node")
EACH, KILLS = 200, 3
WEB = ("gunicorn", "cdp.wsgi", "--workers", "1", "--threads", "4", "--no-control-socket")


class Web:
    """The web process on the test database; `kill` ends it at once, as a power cut would."""

    def __init__(self, redis_url: str, log: Path) -> None:
        self.port, self.redis_url, self.log = free_port(), redis_url, log
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *WEB, "--bind", f"127.0.0.1:{self.port}"], cwd=ROOT, stdout=out, stderr=out,
                env=environment(self.redis_url), start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def web(folder: Path) -> Iterator[Web]:
    with own_redis(folder) as redis:
        running = Web(redis, folder / "web.log")
        try:
            yield running
        finally:
            running.kill()


def ids(library: str) -> Iterator[str]:
    return (f"{library}-{number}" for number in range(EACH))


def from_python(library: str, url: str, failures: list[Any]) -> Any:
    key = create_source(Actor.system("test"), library, "web")[1]
    client = PYTHON[library](
        key, host=url, on_error=lambda error, _: failures.append(error), max_retries=50, upload_size=5,
        upload_interval=0.1,
    )  # fmt: skip
    for name in ids(library):
        client.track("u1", "Product Viewed", message_id=name)
    return client


def from_node(library: str, url: str) -> Sending:
    key = create_source(Actor.system("test"), library, "web")[1]
    return Sending(library, url, key, [["track", viewed(name)] for name in ids(library)])


def viewed(name: str) -> dict[str, str]:
    return {"userId": "u1", "event": "Product Viewed", "messageId": name}


def kill_in_the_middle(server: Web) -> None:
    """Some way into the sending, again and again."""
    for _ in range(KILLS):
        before = Event.objects.count()
        wait_for(lambda before=before: Event.objects.count() > before, 60)
        time.sleep(0.05)
        server.kill()
        server.start()


def test_each_message_is_kept_once_though_the_server_dies(tmp_path: Path) -> None:
    installed()
    failures: list[Any] = []
    with web(tmp_path) as server:
        clients = [from_python(name, server.url, failures) for name in PYTHON]
        nodes = [from_node(name, server.url) for name in NODE]
        kill_in_the_middle(server)
        assert Event.objects.count() < EACH * (len(PYTHON) + len(NODE)), "the server died when all was kept"
        for client in clients:
            client.flush()
            client.shutdown()
        said = [node.ended() for node in nodes]
    assert failures == [] and said == ["", ""]
    assert_once((name for library in (*PYTHON, *NODE) for name in ids(library)), again=False)
