"""One embedded server process: launch it, know whether it lives, stop it.

A server inherits an exclusively locked descriptor of its `.alive` file, and so do its children. The kernel keeps the
lock exactly as long as any of them lives: unlike a process id in a file it cannot be stale, belong to a stranger, or
miss a server whose starter was killed halfway.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from cdp.core.embedded import locks
from cdp.core.embedded.places import Account

START_SECONDS = 600.0  # recovery after a crash replays the log; a server that works on it is left to work
STOP_SECONDS = 60.0
GRACE_SECONDS = 1.0
KILL_SECONDS = 5.0
DEAF_SECONDS = 15.0
STRANGER_SECONDS = 30.0
LAUNCHES = 3


class ServerFailed(RuntimeError):
    """A server did not start; the message names its log."""


@dataclass(frozen=True)
class Server:
    """What one server is made of. `folder` is its data, where it also has its working directory."""

    name: str
    folder: Path
    pid_file: Path
    socket: Path
    alive: Path
    log: Path
    stop_signal: signal.Signals
    account: Account
    answers: Callable[[], bool]


def ensure_running(server: Server, command: list[str]) -> None:
    """Join the server or start it by `command`; call it under the home's start lock.

    Raises:
        ServerFailed: it ended at every launch, or did not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    launches = 0
    while not _answers_before_it_dies(server, deadline):
        if launches == LAUNCHES:
            raise ServerFailed(f"{server.name} does not start: {_last_line(server.log)} (see {server.log})")
        _launch(server, command)
        launches += 1


def lives(server: Server) -> bool:
    """Whether any process of the server is alive."""
    descriptor = locks.opened(server.alive, server.account)
    try:
        return not locks.take(descriptor)
    finally:
        os.close(descriptor)


def stop(server: Server) -> None:
    """Shut the server down in order; kill it when that takes over a minute."""
    began = time.monotonic()
    while lives(server):
        waited = time.monotonic() - began
        leader = _leader(server)
        if leader is not None and waited < STOP_SECONDS:
            _send(leader, server.stop_signal)
        elif waited > GRACE_SECONDS:
            kill_working_in(server.folder, server.name)
        if waited > 2 * STOP_SECONDS:
            raise ServerFailed(f"{server.name} does not stop: its data is in {server.folder}.")
        time.sleep(0.05)


def kill_working_in(folder: Path, *names: str) -> None:
    """Kill every process of these names whose working directory is `folder`, and those that they start meanwhile."""
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        found = [process for process in psutil.process_iter() if _works_in(process, folder, names)]
        if not found:
            return
        for process in found:
            _send(process, signal.SIGKILL)
        time.sleep(0.05)


def _answers_before_it_dies(server: Server, deadline: float) -> bool:
    began = time.monotonic()
    while lives(server):
        if server.answers():
            return True
        _tend(server, time.monotonic() - began)
        if time.monotonic() > deadline:
            raise ServerFailed(f"{server.name} holds {server.folder} but does not answer at {server.socket}.")
        time.sleep(0.05)
    return False


def _tend(server: Server, waited: float) -> None:
    """Clear what can never answer: children that outlived their server, and a server whose socket was deleted."""
    leader = _leader(server)
    if leader is None and waited > STRANGER_SECONDS:
        raise ServerFailed(f"{server.folder} is in use by a server outside this machine or container.")
    if leader is None and waited > GRACE_SECONDS:
        kill_working_in(server.folder, server.name)
    elif leader is not None and waited > DEAF_SECONDS and not server.socket.exists():
        stop(server)


def _launch(server: Server, command: list[str]) -> None:
    """Start the server as an orphan in a session of its own, so that no signal to us or our terminal reaches it."""
    descriptor = locks.opened(server.alive, server.account)
    try:
        if locks.take(descriptor):
            _clear_remains(server)
            with server.log.open("ab") as log:
                server.log.chmod(0o600)
                server.account.own(server.log)
                _spawn(server, command, descriptor, log.fileno())
    finally:
        os.close(descriptor)


def _clear_remains(server: Server) -> None:
    """With the alive lock in hand these files are stale, and processes in this folder serve a deleted home."""
    kill_working_in(server.folder, server.name)
    for remains in (server.pid_file, server.socket, server.socket.with_name(server.socket.name + ".lock")):
        remains.unlink(missing_ok=True)


def _spawn(server: Server, command: list[str], alive: int, log: int) -> None:
    subprocess.run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        check=True,
        cwd="/",
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(alive,),
        start_new_session=True,
        umask=0o077,
        **server.account.popen_options(),
    )


def environment() -> dict[str, str]:
    """The servers' environment: none of our settings, since other users' processes may see it; no PG variables."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C", "TZ": "UTC"}


def _leader(server: Server) -> psutil.Process | None:
    """The process that the pid file names, if it is alive and really this server's."""
    try:
        process = psutil.Process(int(server.pid_file.read_text().split()[0]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if _works_in(process, server.folder, (server.name,)) else None


def _works_in(process: psutil.Process, folder: Path, names: tuple[str, ...]) -> bool:
    try:
        return process.name() in names and process.cwd() == str(folder)
    except psutil.Error:
        return False


def _send(process: psutil.Process, which: signal.Signals) -> None:
    try:
        process.send_signal(which)
    except psutil.NoSuchProcess:
        return


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
