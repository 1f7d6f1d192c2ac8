"""A real PostgreSQL and a real Redis from wheels, started or joined by whoever needs them.

Each process that uses them shares the lock `users.lock` of the home; whoever gets it alone when leaving stops both
servers. A process killed outright leaves them running, and the next start joins them.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cdp.core.embedded import broker, locks, places, postgres
from cdp.core.embedded import server as servers
from cdp.core.embedded.places import EmbeddedUnavailable, home

__all__ = ["EmbeddedUnavailable", "Services", "ensure", "home", "services", "stop"]

# Descriptors of users.lock by home. A forked child shares its parent's lock, which so lasts as long as the family.
_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Services:
    """Where the embedded servers answer: the app's and the owner's database URL, and the URL for redis-py."""

    database_url: str
    owner_url: str
    redis_url: str

    @property
    def broker_url(self) -> str:
        """The same Redis as Celery (kombu) writes it."""
        path = self.redis_url.removeprefix("unix://").removesuffix("?db=0")
        return f"redis+socket://{path}?virtual_host=0"


def services() -> Services:
    """The URLs of the embedded servers, computed from `home()` with nothing started."""
    folder = home()
    return Services(postgres.url(folder, "cdp_app"), postgres.url(folder, "cdp_owner"), broker.url(folder))


def ensure(*, database: bool = True, redis: bool = True) -> Services:
    """Start or join the embedded servers (or only one of them) and keep them until this process ends.

    Safe in any number of processes, threads and forks at once; calling it again costs some milliseconds.

    Raises:
        EmbeddedUnavailable: they cannot run here; the sentence names the setting to use instead.
        ServerFailed: a server does not start; the sentence names its log.
    """
    places.require_unix()
    folder = home()
    account = places.account(folder)
    places.prepare_home(folder, account)
    with locks.exclusive(folder / "start.lock", account):
        _hold(folder, account)
        places.prepare_runtime_folder(places.runtime_folder(folder), account)
        store = places.store(folder, account)
        if database:
            postgres.ensure(folder, store, account)
        if redis:
            broker.ensure(folder, store, account)
    return services()


def stop() -> None:
    """Stop both servers now, whoever else uses them, and let go of them."""
    folder = home()
    if descriptor := _held.pop(folder, None):
        os.close(descriptor)
    if folder.exists():
        account = places.account(folder)
        places.prepare_home(folder, account)
        with locks.exclusive(folder / "start.lock", account):
            _stop_servers(folder, account)


def _hold(folder: Path, account: places.Account) -> None:
    """Share `users.lock`, once a process; anew when the home was deleted and made again."""
    path = folder / "users.lock"
    held = _held.get(folder)
    if held is not None and path.exists() and os.path.samestat(os.fstat(held), path.stat()):
        return
    descriptor = locks.opened(path, account)
    locks.share(descriptor)
    _held[folder] = descriptor


def _stop_servers(folder: Path, account: places.Account) -> None:
    store = places.store(folder, account)
    for server in (broker.server(folder, store, account), postgres.server(folder, store, account)):
        servers.stop(server)


@atexit.register
def _leave() -> None:
    """Let go of every home, and stop the servers of those that nobody else uses."""
    for folder, descriptor in _held.items():
        # Our lock may be shared with forked relatives; only a new descriptor tells whether one of them lives.
        os.close(descriptor)
        with suppress(FileNotFoundError):
            _stop_if_unused(folder, places.account(folder))
    _held.clear()


def _stop_if_unused(folder: Path, account: places.Account) -> None:
    users = locks.opened(folder / "users.lock", account)
    try:
        if locks.take(users):
            _stop_servers(folder, account)
    finally:
        os.close(users)
