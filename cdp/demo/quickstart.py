"""The demonstration from nothing to served segments; every step goes through the doors that production uses."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from cdp import pipeline
from cdp.core import crypto, embedded, roles
from cdp.core.actions import audit, create_service_key
from cdp.core.models import AuditEntry, ServiceKey
from cdp.core.progress import Progress
from cdp.core.types import Actor
from cdp.demo import doors
from cdp.demo.places import STORES
from cdp.demo.processes import Processes
from cdp.demo.retailer import generate
from cdp.demo.telling import TELLING
from cdp.events.actions import create_source, create_write_key
from cdp.events.models import Place, Source
from consent import actions as consent
from consent import clocks
from consent.models import PrivacyRequest
from identity.evaluation import evaluate_truth
from identity.linkage.evaluate import Quality
from segments.actions import create_segment, publish
from segments.models import Run, Segment

DEMO = Actor.system("quickstart")
BEGAN = "quickstart.began"
_SECONDS_FOR_SEGMENTS = 120.0


@dataclass(frozen=True)
class Setup:
    """What the generated data depend on; the database remembers it, so that a second run adds nothing."""

    people: int
    seed: int
    now: datetime


@dataclass
class Outcome:
    """What the demonstration found; seconds per stage, in order."""

    setup: Setup
    seconds: dict[str, float] = field(default_factory=dict)
    accounts: list[tuple[str, str, str]] = field(default_factory=list)
    sent: int = 0
    files: list[tuple[str, str]] = field(default_factory=list)
    pairs: int = 0
    quality: Quality | None = None
    segments: list[Segment] = field(default_factory=list)
    pulled: "tuple[str, int] | None" = None


def remembered(asked: Setup) -> Setup:
    """The setup this database was begun with, or `asked`, from now on remembered."""
    began = AuditEntry.objects.filter(action=BEGAN).order_by("pk").first()
    if began:
        facts = began.details
        return Setup(facts["people"], facts["seed"], datetime.fromisoformat(facts["now"]))
    audit(DEMO, BEGAN, people=asked.people, seed=asked.seed, now=asked.now.isoformat())
    return asked


class Quickstart:
    """The stages in order; `outcome` fills as they pass."""

    def __init__(self, setup: Setup, processes: Processes, progress: Progress) -> None:
        self.setup, self.processes, self.progress = setup, processes, progress
        self.folder = embedded.home() / "demo" / f"{setup.people}-{setup.seed}-{setup.now:%Y%m%dT%H%M%S}"
        self.outcome = Outcome(setup)

    @property
    def _stories(self) -> Path:
        return self.folder / "truth" / "stories.json"

    def run(self) -> Outcome:
        """Everything up to the pulled segment; the processes are left serving."""
        with self._stage("accounts and places"):
            self.processes.start_web(self._stories)
            self._accounts_and_places()
        with self._stage("generate customers"):
            self._generate()
        with self._stage("wait for the web process"):
            self.processes.wait_for_web()
        with self._stage("send web and app events over HTTP"):
            self._send_events()
        with self._stage("import store, call-center and desk files"):
            self._import_files()
        with self._stage("resolve identities and project profiles"):
            self._resolve()
        with self._stage("recompute segments by the worker"):
            self._publish_segments()
        with self._stage("pull a segment over REST"):
            self.outcome.pulled = self._pull()
        with self._stage("measure against the truth"):
            self.outcome.quality, _ = evaluate_truth(self.folder / "truth" / "truth.csv")
        return self.outcome

    @contextmanager
    def _stage(self, title: str) -> Iterator[None]:
        self.progress.title = title[0].upper() + title[1:]
        self.progress.step()
        started = time.monotonic()
        yield
        self.outcome.seconds[title] = time.monotonic() - started

    def _accounts_and_places(self) -> None:
        if not AuditEntry.objects.filter(action="user.demo_account").exists():
            self.outcome.accounts = roles.create_demo_accounts()
        Place.objects.bulk_create(
            [Place(key=s.code, name=s.name, brand=s.brand, region=s.region, zone="Asia/Seoul") for s in STORES],
            ignore_conflicts=True,
        )

    def _generate(self) -> None:
        if not (self.folder / "truth" / "answers.json").exists():
            generate(self.setup.people, self.setup.seed, now=self.setup.now).write(self.folder)
        for row in json.loads((self.folder / "sources.json").read_text()):
            if not Source.objects.filter(name=row["name"]).exists():
                create_source(DEMO, **row)

    def _manifest(self, *wanted: str) -> list[dict[str, Any]]:
        return [row for row in json.loads((self.folder / "manifest.json").read_text()) if row["door"] in wanted]

    def _send_events(self) -> None:
        files = {row["source"]: self.folder / row["file"] for row in self._manifest("http")}
        keys = {name: _write_key(name) for name in files}
        sent = 0

        def tick(count: int) -> None:
            nonlocal sent
            sent += count
            self.progress.say(f"{sent:,} events")

        self.outcome.sent = doors.send_all(self.processes.port, keys, files, tick)

    def _import_files(self) -> None:
        for row in self._manifest("records", "events"):
            self.progress.say(row["file"])
            mapping = self.folder / row["mapping"] if row["mapping"] else None
            counts = doors.import_file(row["door"], row["source"], self.folder / row["file"], mapping)
            self.outcome.files.append((row["file"], counts))
        self._open_erasure()

    def _resolve(self) -> None:
        """The worker starts while the last records are clustered, and shares what follows."""

        def report(step: str) -> None:
            self.progress.say(step)
            if step.startswith(("clustering", "projecting")):
                self.processes.start_workers()

        self.outcome.pairs = pipeline.resolve(report).counts["pairs"]

    def _open_erasure(self) -> None:
        """The planted request for erasure: due tomorrow, or on the first working day after."""
        stories = json.loads(self._stories.read_text())
        story = next(story for story in stories if story["key"] == "erasure-due")
        source = Source.objects.get(name=story["records"][0]["source"])
        record = crypto.record_id(source.pk, "user", story["records"][0]["external_id"])
        subject = crypto.subjects([record])[record]
        if not PrivacyRequest.objects.filter(subject=subject).exists():
            consent.open_request(DEMO, PrivacyRequest.Kind.ERASURE, subject, received_at=_received_for_tomorrow())

    def _publish_segments(self) -> None:
        zone = settings.TIME_ZONE
        for telling in TELLING:
            segment = Segment.objects.filter(key=telling.key).first() or create_segment(
                DEMO, key=telling.key, name=telling.name, description=telling.description, rule=telling.rule,
                purpose=telling.purpose, zone=zone,
            )  # fmt: skip
            if segment.state != Segment.State.PUBLISHED:
                publish(DEMO, segment)
        self.outcome.segments = list(Segment.objects.filter(key__in=[telling.key for telling in TELLING]))
        _wait_for(self._all_computed, _SECONDS_FOR_SEGMENTS, f"the worker (see {self.processes.logs / 'worker.log'})")

    def _all_computed(self) -> bool:
        self.processes.check()
        ids = [segment.pk for segment in self.outcome.segments]
        computed = Run.objects.filter(segment__in=ids, state=Run.State.DONE).values("segment").distinct().count()
        self.progress.say(f"{computed} of {len(ids)}")
        return computed == len(ids)

    def _pull(self) -> tuple[str, int]:
        key = _pull_key()
        segment = max(self.outcome.segments, key=lambda s: (s.purpose_id == "marketing", s.memberships.count()))
        return segment.key, doors.pull_segment(self.processes.port, key, segment.key, segment.purpose_id, "email")


def _write_key(source_name: str) -> str:
    source = Source.objects.get(name=source_name)
    key = source.write_keys.filter(enabled=True).first()
    return key.key if key else create_write_key(DEMO, source)


def _pull_key() -> str:
    """A key of this run only; the one of the run before ends."""
    ServiceKey.objects.filter(name="quickstart").update(revoked_at=timezone.now())
    _, secret = create_service_key(
        DEMO, "quickstart", ["segments:read", "members:read"], expires_at=timezone.now() + timedelta(days=1)
    )
    return secret


def _received_for_tomorrow() -> datetime:
    tomorrow = timezone.localdate() + timedelta(days=1)
    candidates = [timezone.now() - timedelta(days=days) for days in range(20)]
    return min(candidates, key=lambda at: (clocks.due_on("pipa", at) < tomorrow, clocks.due_on("pipa", at)))


def _wait_for(ready: Callable[[], bool], seconds: float, whom: str) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nothing came from {whom} within {seconds:.0f} seconds.")
        time.sleep(0.3)
