"""Processes of their own that use the embedded servers, for the tests of their life cycle."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from cdp.core.embedded import places

PROJECT = Path(__file__).resolve().parents[2]

HOLD = """
import sys
from cdp.core import embedded
embedded.ensure()
print("ready", flush=True)
sys.stdin.read()
"""


STOP = "from cdp.core import embedded; embedded.stop()"

FORK = """
import os, sys
from cdp.core import embedded
embedded.ensure()
child = os.fork()
if child == 0:
    embedded.ensure()
    names = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    print("locks", sum(name.endswith("users.lock") for name in names), flush=True)
    if os.environ["CHILD_STAYS"]:
        sys.stdin.read()
    sys.exit(0)
if os.environ["PARENT_WAITS"]:
    os.waitpid(child, 0)
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
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def run(home: Path, script: str, **extra: str) -> str:
    """What `script` prints."""
    process = started(home, script, **extra)
    output, errors = process.communicate(timeout=120)
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


def copy(source: Path, target: Path) -> None:
    target.parent.chmod(0o711)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def remove(home: Path) -> None:
    sockets = places.runtime_folder(home)
    if home.exists():
        run(home, STOP)
        shutil.rmtree(home)
    if sockets.exists():
        sockets.rmdir()


def interpreter_of(user: int) -> list[str]:
    """A Python that `user` can run with this environment's packages, or a skip that says why there is none."""
    site = Path(psycopg.__file__).parents[1]
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        command = ["/bin/sh", "-c", 'exec "$@"', "sh", python, "-c", "import psycopg, psutil"]
        found = subprocess.run(
            command, env={"PYTHONPATH": str(site)}, cwd="/", user=user, group=user, extra_groups=[], check=False
        )
        if found.returncode == 0:
            return [python, str(site)]
    pytest.skip(
        f"User {user} can execute no Python that fits the packages in {site}: "
        "install Python and the environment where all users can read them."
    )
