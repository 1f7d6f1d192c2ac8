"""`manage.py doctor`: each thing that can be wrong is told with what to do, and the exit code tells of what is grave."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from cdp.core import heartbeat, stages, touched
from cdp.core.models import Touched
from cdp.core.types import Actor, now
from cdp.events.actions import create_source
from cdp.events.models import Event
from cdp.ingestion import places
from cdp.ingestion.models import Pull, PulledFile
from cdp.management import doctor
from consent.models import PrivacyRequest
from tests.flow.processes import ROOT, Worker, ask, environment, own_redis, wait_for
from tests.ingestion.wire import send, track


def said(check: Callable[[], Any]) -> list[tuple[str, bool]]:
    return [(finding.what, finding.grave) for finding in check()]


@pytest.fixture
def key(db: None) -> str:
    return create_source(Actor.system("test"), "shop", "web")[1]


@pytest.mark.django_db
@pytest.mark.parametrize("check", [check for check in doctor.CHECKS if check not in (doctor.workers, doctor.disks)])
def test_where_nothing_is_wrong_nothing_is_said(check: Callable[[], Any]) -> None:
    assert said(check) == said(doctor.servers) == said(doctor.migrations) == []


def test_what_waits_in_quarantine_is_told_and_is_not_grave(key: str) -> None:
    send(key, track(messageId="m1", userId=None), track(messageId="m2"))
    assert said(doctor.quarantine) == [("1 messages or rows wait in quarantine.", False)]


def test_events_that_nobody_takes_in_are_told_after_a_while(key: str) -> None:
    send(key, track())
    assert said(doctor.lag) == []
    Event.objects.update(received_at=now() - timedelta(hours=1))
    [(what, grave)] = said(doctor.lag)
    assert "“events”" in what and grave


@pytest.mark.django_db
def test_a_stage_that_is_behind_and_what_was_set_aside_are_told() -> None:
    touched.touch("profiles", [uuid4()])
    touched.touch(f"{stages.ASIDE}fold", [uuid4(), uuid4()])
    Touched.objects.update(at=now() - timedelta(minutes=11))
    [(what, grave)] = said(doctor.lag)
    assert "“profiles”" in what and grave
    assert said(doctor.aside) == [("2 subjects are set aside by the pipeline.", True)]


@pytest.mark.django_db
def test_places_that_cannot_be_asked_and_requests_that_are_overdue_are_told() -> None:
    source = create_source(Actor.system("test"), "crm", "crm")[0]
    places.create(Actor.system("test"), name="crm", source=source.pk, kind="storage", address="s3://crm/daily",
                  holds="records", mapping="{}")  # fmt: skip
    Pull.objects.update(failed="http_403", failures=2)
    assert said(doctor.fetching) == [("From “crm” nothing could be fetched: The credentials may not read it.", True)]
    PulledFile.objects.create(
        pull=Pull.objects.get(), path="a", version="1", changed_at=now(), finished_at=now(), failed="unreadable"
    )
    assert said(doctor.files) == [("1 files that were fetched are put aside.", True)]
    Pull.objects.update(enabled=False)
    assert said(doctor.files) == []
    PrivacyRequest.objects.create(
        kind="access", state="received", subject=uuid4(), due_on=now().date() - timedelta(days=3)
    )
    assert said(doctor.requests) == [("1 privacy requests are overdue.", True)]


@pytest.mark.django_db
def test_missing_migrations_end_the_questions() -> None:
    MigrationRecorder.Migration.objects.filter(app="ingestion").latest("name").delete()
    assert [finding.what for finding in doctor.findings()] == ["1 migrations are not applied."]


@pytest.mark.django_db
def test_a_disk_that_fills_is_told_and_one_that_is_full_is_grave(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the machine's own disk has left.
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 1.1)
    monkeypatch.setattr(doctor, "NO_SPACE", 0.0)
    assert {grave for _, grave in said(doctor.disks)} == {False}
    monkeypatch.setattr(doctor, "NO_SPACE", 1.1)
    assert {grave for _, grave in said(doctor.disks)} == {True}


@pytest.mark.django_db
def test_what_would_keep_processes_from_starting_is_told() -> None:
    with override_settings(CDP_DEBUG=False, SECRET_KEY="short"):
        [(what, grave)] = said(doctor.safety)
    assert "SECRET_KEY" in what and grave


def ran(redis: str, **changed: str) -> tuple[int, str]:
    """The exit code of the command and what it says."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=300,
        env=environment(redis) | {"DJANGO_SETTINGS_MODULE": "cdp.settings"} | changed,
    )  # fmt: skip
    return done.returncode, done.stdout


@contextmanager
def beat(redis: str) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "--app", "cdp", "beat"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(redis) | {"DJANGO_SETTINGS_MODULE": "cdp.settings"})
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def nothing_of_them(text: str) -> bool:
    """Whether it ended well but for what this machine's disk may lack."""
    return all(word not in text for word in ("orker", "eat ")) and ("✓" in text or "disk" in text)


@pytest.mark.django_db(transaction=True)
def test_servers_workers_and_beat_are_missed(tmp_path: Path) -> None:
    with own_redis(tmp_path) as redis:
        code, text = ran(redis)
        assert (code, "No worker answers." in text, "Beat" in text) == (1, True, False)
        worker = Worker(redis, tmp_path / "worker.log")
        try:
            wait_for(lambda: " ready." in worker.log.read_text(), 60)
            code, text = ran(redis)
            assert (code, "Beat was last heard of: never." in text) == (1, True)
            with beat(redis):
                wait_for(lambda: "no worker has done what it sends since: never." in ran(redis)[1], 30)
                ask(redis, "heartbeat.note")
                wait_for(lambda: nothing_of_them(ran(redis)[1]), 30)
        finally:
            worker.kill()
        assert ran(redis, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none") == (
            1, "✗ PostgreSQL does not answer.\n  → Start it, or mend DATABASE_URL.\n",
        )  # fmt: skip
    assert ran(redis)[1].startswith("✗ Redis does not answer.")


def test_servers_that_say_nothing_are_missed_as_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        said = ran(f"redis://{host}/0", DATABASE_URL=f"postgresql://nobody@{host}/none")[1]
    assert [line for line in said.splitlines() if line.startswith("✗")] == [
        "✗ PostgreSQL does not answer.", "✗ Redis does not answer.",
    ]  # fmt: skip


HANGING = """
import time, django
from django.core.management import call_command
django.setup()
from cdp.management.commands import doctor
doctor.MOST_SECONDS, doctor.findings = 1, lambda: time.sleep(300)
call_command("doctor")
"""


@pytest.mark.django_db(transaction=True)
def test_it_ends_also_where_a_check_does_not(tmp_path: Path) -> None:
    with own_redis(tmp_path) as redis:
        done = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, env=environment(redis), check=False,
                              capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 1 and "in handle" in done.stderr


def test_busy_workers_are_told_from_a_silent_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ping", lambda: True)
    heartbeat.note()
    heartbeat.note_beat()
    assert said(doctor.workers) == []
    monkeypatch.setattr(doctor, "now", lambda: now() + timedelta(minutes=4))
    [(what, _grave)] = said(doctor.workers)
    assert what.startswith("Beat was last heard of: 2")
    monkeypatch.setattr(heartbeat, "beat", lambda: now() + timedelta(minutes=4))
    [(what, _grave)] = said(doctor.workers)
    assert what.startswith("Beat sends, and no worker has done what it sends since: 2")
