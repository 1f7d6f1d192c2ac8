"""`manage.py quickstart` as a newcomer runs it: once, twice, and until Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.flow.processes import ROOT, free_port, wait_for

PEOPLE = 300
PARTS = (
    "Records → profiles", "Against the truth", "Segments, recomputed by the worker", "Pulled over REST", "Seconds",
    "One link a role",
)  # fmt: skip
COUNTS = """
import json
from cdp.core.models import Counter, User
from cdp.events.models import Event, Quarantined, Source
from consent.models import ConsentRecord, PrivacyRequest
from identity.models import Profile, Record
from segments.models import Segment
tables = (Event, Quarantined, Source, ConsentRecord, PrivacyRequest, Profile, Record, Segment, User)
print(json.dumps({table.__name__: table.objects.count() for table in tables}))
"""


def environment(home: Path) -> dict[str, str]:
    """A home of its own, and none of the settings of a deployment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    }
    return kept | {"CDP_HOME": str(home), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def manage(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def counts(home: Path) -> dict[str, int]:
    return json.loads(manage(home, "shell", "--verbosity", "0", "--command", COUNTS).splitlines()[-1])


def table(text: str, title: str) -> list[list[str]]:
    """The rows of a printed table, cell by cell; of a row that was folded its first line."""
    lines = text.split(title, 1)[1].split("└", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip().strip("│").split("│")] for line in lines if line.startswith("│")]
    return [row for row in rows if row[-1]]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the servers' own user may pass through, so that all data stay in it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "cdp"


def test_once_twice_and_until_interrupted(home: Path) -> None:
    said = manage(home, "quickstart", "--people", str(PEOPLE), "--no-serve", "--port", str(free_port()))
    assert_told(said)
    before = counts(home)
    assert before["Event"] > 1_000 and before["Record"] > PEOPLE and before["Segment"] == 6

    # A second time nothing is added; it serves until Ctrl-C, and then all that it started ends.
    port = free_port()
    command = [sys.executable, "manage.py", "quickstart", "--people", str(PEOPLE), "--port", str(port)]
    log = home.parent / "second.log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            command, cwd=ROOT, env=environment(home), stdout=out, stderr=out, start_new_session=True,
            preexec_fn=_as_at_a_terminal,
        )  # fmt: skip
    try:
        wait_for(lambda: "until Ctrl-C" in log.read_text() or running.poll() is not None, 300)
        assert running.poll() is None, log.read_text()[-3000:]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        children = psutil.Process(running.pid).children(recursive=True)
        names = " ".join(" ".join(child.cmdline()) for child in children)
        assert "gunicorn" in names and "worker" in names and "beat" in names
        os.kill(running.pid, signal.SIGINT)
        wait_for(lambda: running.poll() is not None, 60)
        assert running.poll() == 0, log.read_text()[-3000:]
        assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    assert counts(home) == before


def _as_at_a_terminal() -> None:
    """Ctrl-C counts, also where whatever runs the tests does so in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def assert_told(said: str) -> None:
    """Every part of the summary, and nothing sent to who withdrew."""
    assert [part for part in PARTS if part not in said] == []
    channels = {row[0]: row[-1] for row in table(said, "Records → profiles")}
    assert int(channels["→ unified profiles"].replace(",", "")) < int(
        channels["all records of persons"].replace(",", "")
    )
    segments = table(said, "Segments, recomputed by the worker")
    assert len(segments) == 6 and {row[-1] for row in segments} == {"0"}
    assert re.search(r"Pulled over REST: \d", said)
    passwords = [row for row in table(said, "One link a role") if row[2]]
    assert len(passwords) >= 5
