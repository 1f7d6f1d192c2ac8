"""What is wrong with an installation, and what to do: asked of everything that it needs, in the order of its need."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from cdp.core import embedded, heartbeat, stages, startup, touched
from cdp.core.types import now
from cdp.events import queries as events
from cdp.ingestion import queries as ingestion
from cdp.lake import queries as lake
from cdp.pipeline import STAGES
from consent import queries as consent

# The stage that takes events in.
FIRST_STAGE = "identity"
# What may wait so long is on its way; the heartbeat comes every half minute.
LATE, SILENT = timedelta(minutes=10), timedelta(minutes=3)
MOST_COUNTED = 10_000
PING_SECONDS = 2.0
# Of a disk: below the first share of free space there is trouble ahead, below the second at hand.
LITTLE_SPACE, NO_SPACE = 0.10, 0.03


@dataclass(frozen=True)
class Finding:
    """What is wrong and what to do; `grave` when data is lost, late or at risk."""

    what: str
    do: str
    grave: bool = True


def findings() -> Iterator[Finding]:
    """Everything that is wrong. Where the servers do not answer, or tables are missing, nothing else can be asked."""
    for needed in (servers, migrations):
        if found := list(needed()):
            yield from found
            return
    for look in CHECKS:
        yield from look()


def servers() -> Iterator[Finding]:
    """Whether PostgreSQL and Redis answer."""
    if not _answers(connections["default"].ensure_connection):
        yield Finding(_("PostgreSQL does not answer."), _("Start it, or mend DATABASE_URL."))
    if not _answers(lambda: cache.get("doctor")):
        yield Finding(_("Redis does not answer."), _("Start it, or mend REDIS_URL."))


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (DatabaseError, RedisError, OSError):
        return False
    return True


def migrations() -> Iterator[Finding]:
    """Whether the tables are those that this version writes."""
    executor = MigrationExecutor(connections["default"])
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        said = _("%(number)d migrations are not applied.") % {"number": len(waiting)}
        yield Finding(said, _("Run manage.py migrate, then start the processes again."))


def safety() -> Iterator[Finding]:
    """Whether secrets, roles and the custody of keys are such that processes would start."""
    try:
        startup.refuse_unsafe()
    except ImproperlyConfigured as error:
        yield Finding(str(error), _("No process starts until this is mended."))


def workers() -> Iterator[Finding]:
    """Whether somebody works, and is sent what has its time."""
    if not _ping():
        yield Finding(_("No worker answers."), _("Start one: celery --app cdp worker."))
        return
    beat, done = heartbeat.beat(), heartbeat.last()
    if _silent(beat):
        said = _("Beat was last heard of: %(since)s.") % {"since": _since(beat)}
        yield Finding(said, _("Start exactly one: celery --app cdp beat."))
    elif _silent(done):
        said = _("Beat sends, and no worker has done what it sends since: %(since)s.") % {"since": _since(done)}
        yield Finding(said, _("All workers are busy: wait, start more, or give them more processes (--concurrency)."))


def _silent(last: datetime | None) -> bool:
    return last is None or now() - last > SILENT


def _since(last: datetime | None) -> str:
    return _said(last) if last else _("never")


def _ping() -> bool:
    try:
        return bool(current_app.control.inspect(timeout=PING_SECONDS).ping())
    except (OSError, RedisError, KombuError):
        return False


def lag() -> Iterator[Finding]:
    """Whether the pipeline keeps up."""
    for name, since in _waiting():
        if since is not None and now() - since > LATE:
            said = _("The stage “%(stage)s” of the pipeline has waited since %(since)s.")
            yield Finding(
                said % {"stage": name, "since": _said(since)},
                _("Look into the worker's log; where it works on, start more workers."),
            )


def _waiting() -> Iterator[tuple[str, datetime | None]]:
    yield "events", events.oldest_waiting(FIRST_STAGE)
    yield from ((name, since) for name, _number, since in touched.lag(list(STAGES), 1))


def aside() -> Iterator[Finding]:
    """Whether a subject alone made its stage fail."""
    if number := stages.set_aside():
        said = _("%(number)d subjects are set aside by the pipeline.") % {"number": number}
        yield Finding(said, _("The worker's log names the fault; they are tried again every hour."))


def quarantine() -> Iterator[Finding]:
    """Whether something that arrived waits to be mended."""
    if number := events.waiting_in_quarantine(MOST_COUNTED):
        said = _("%(number)d messages or rows wait in quarantine.") % {"number": number}
        yield Finding(said, _("Mend the mapping or the plan and replay them: manage.py quarantine."), grave=False)


def fetching() -> Iterator[Finding]:
    """Whether places that rows are fetched from could be asked."""
    for name, why in ingestion.failing_places():
        said = _("From “%(name)s” nothing could be fetched: %(why)s.") % {"name": name, "why": why}
        yield Finding(said, _("Mend its address, password or rights; it is tried again by itself."))


def files() -> Iterator[Finding]:
    """Whether files of these places were put aside."""
    if number := ingestion.files_put_aside():
        said = _("%(number)d files that were fetched are put aside.") % {"number": number}
        yield Finding(said, _("Files fetched, in the console, says why. Mend the cause, then: manage.py read_again."))


def lake_lag() -> Iterator[Finding]:
    """Whether the lake keeps up with the events."""
    behind = lake.state().lag
    if behind is not None and behind > LATE:
        said = _("The lake is %(minutes)d minutes behind.") % {"minutes": behind // timedelta(minutes=1)}
        yield Finding(
            said, _("See that a worker runs and that the folder of CDP_LAKE_DIR can be written."), grave=False
        )


def requests() -> Iterator[Finding]:
    """Whether a person was not answered in time."""
    overdue, _soon, _later = consent.open_by_urgency(timezone.localdate(), 0)
    if overdue:
        said = _("%(number)d privacy requests are overdue.") % {"number": overdue}
        yield Finding(said, _("Answer them: the console lists them first."))


def disks() -> Iterator[Finding]:
    """Whether there is space where we write."""
    places = {embedded.home(), settings.LAKE_DIR, *map(_folder, (settings.ERASURE_JOURNAL, settings.AUDIT_ANCHOR_FILE))}
    disks = {place.stat().st_dev: place for place in sorted(places) if place.is_dir()}
    for place in disks.values():
        usage = shutil.disk_usage(place)
        if usage.free < LITTLE_SPACE * usage.total:
            said = _("Only %(free)d%% of the disk of %(place)s is free.")
            grave = usage.free < NO_SPACE * usage.total
            share = 100 * usage.free // usage.total
            yield Finding(said % {"free": share, "place": place}, _("Free some of it, or enlarge it."), grave)


def _folder(file: str) -> Path:
    return Path(file).parent


def _said(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(" ", "minutes")


CHECKS = (safety, workers, lag, aside, quarantine, fetching, files, lake_lag, requests, disks)
