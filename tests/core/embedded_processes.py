"""Processes of their own that use the embedded servers, for the tests of their life cycle."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[2]

HOLD = """
import sys
from cdp.core import embedded
embedded.ensure()
print("ready", flush=True)
sys.stdin.read()
"""


def environment(home: Path, **extra: str) -> dict[str, str]:
    """A plain environment in which `home` is the home and this project can be imported."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "CDP_HOME": str(home), "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", **extra}


def started(home: Path, script: str = HOLD, **extra: str) -> subprocess.Popen[str]:
    """A process that runs `script`, from a working directory that has nothing to do with the project."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd="/",
        env=environment(home, **extra),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def holder(home: Path, **extra: str) -> subprocess.Popen[str]:
    """A process that has joined the servers and holds them until `leave`."""
    process = started(home, **extra)
    line = process.stdout.readline()
    if line != "ready\n":
        raise AssertionError(process.communicate()[1])
    return process


def leave(process: subprocess.Popen[str]) -> None:
    """End a holder in order."""
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


def run(home: Path, script: str, **extra: str) -> str:
    """What `script` prints."""
    process = started(home, script, **extra)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.strip()


def kill(process: subprocess.Popen[str], with_descendants: bool = False) -> None:
    """Kill a process outright, and at wish all that it has started."""
    family = psutil.Process(process.pid).children(recursive=True) if with_descendants else []
    process.send_signal(signal.SIGKILL)
    for child in family:
        if child.is_running():
            child.kill()
    process.communicate()


def pid(home: Path, name: str = "postgres-18/postmaster.pid") -> int:
    """The process id of a server: PostgreSQL, or Redis by name="redis/redis.pid"."""
    return int((home / name).read_text().split()[0])


def is_alive(number: int) -> bool:
    """Whether the process runs; one that is dead but not reaped does not."""
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def serving(home: Path) -> list[int]:
    """The living server processes that work in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = process.cwd().startswith(str(home)) and process.name() in {"postgres", "redis-server"}
        except psutil.Error:
            continue
        if inside and is_alive(process.pid):
            found.append(process.pid)
    return found
