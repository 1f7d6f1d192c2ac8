"""Fetching: on a schedule, rows of storages and of other databases become events as those of files do.

How far a place is read is written in the transaction that keeps the rows, so whoever is killed is followed by another who
goes on there; what is read twice is a repeat. Each place has one worker at a time. One that cannot be asked is left alone
for longer and longer; a file that cannot be read is put aside, and holds up no other.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import PurePosixPath
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from cdp.core import crypto
from cdp.core.actions import count
from cdp.core.locks import alone
from cdp.core.types import now
from cdp.events import quarantine, queries
from cdp.events.types import KnownSource
from cdp.ingestion import actions, sources, storage, tables
from cdp.ingestion.errors import Away, Gone
from cdp.ingestion.files import Line
from cdp.ingestion.imports import ROWS_A_COMMIT, Reading, chunks
from cdp.ingestion.mapping import AnyMapping, EventMapping, mapping_of
from cdp.ingestion.models import Pull, PulledFile
from cdp.ingestion.opening import open_table
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows

log = logging.getLogger(__name__)
SECONDS_A_RUN = 60.0
LONGEST_WAIT = timedelta(days=1)
TABLE, COLUMN = "ingestion_pull", "sealed"
# Of a place or an uploaded file, one worker at a time.
LOCK = "ingestion_pull"
COUNTED = ("received", "taken", "repeated", "quarantined", "suppressed", "unconsented")


# So often a file may end the worker that reads it, out of memory for example, before it is put aside.
MOST_BEGUN = 3


class Unreadable(Exception):
    """A file cannot be read, or not to its end."""


class Changed(Exception):
    """Somebody has described the place anew while it was read."""


class Secret(msgspec.Struct, omit_defaults=True):
    """What is sealed of a place."""

    password: str = ""
    place: tables.Place = tables.Place()


# --- when -------------------------------------------------------------------------------------------------------------


def due() -> list[UUID]:
    """The places whose time has come."""
    waiting = Pull.objects.filter(enabled=True, source__enabled=True, next_at__lte=now())
    return list(waiting.order_by("next_at").values_list("pk", flat=True))


def fetch_due(pk: UUID, seconds: float = SECONDS_A_RUN) -> bool:
    """Fetch what a place has, until it has no more or the time is over; whether it may have more.

    Outside a transaction. Does nothing where another worker is at it.
    """
    with alone(LOCK, pk) as held:
        pull = Pull.objects.filter(pk=pk, enabled=True, source__enabled=True, next_at__lte=now()).first()
        if not held or pull is None:
            return False
        try:
            more = _fetch(pull, seconds)
        except Changed:
            return True
        except Away as away:
            _failed(pull, away.why)
            return False
        except Exception as error:
            log.error("fetching failed: %s", type(error).__name__)
            _failed(pull, type(error).__name__[:60])
            return False
        if not more:
            _complete(pull)
        return more


def _fetch(pull: Pull, seconds: float) -> bool:
    source = queries.source_by_id(pull.source_id)
    if source is None:
        return False
    mapping = kept_mapping(pull)
    fetched = _fetch_table if pull.kind == Pull.Kind.TABLE else _fetch_files
    return fetched(pull, source, mapping, seconds)


def kept_mapping(pull: Pull) -> AnyMapping:
    """The mapping of a place. Raises `Away`."""
    kept = quarantine.mapping(pull.mapping_id)
    try:
        return mapping_of(kept.kind, msgspec.json.encode(kept.content))
    except ValueError:  # it was kept by another version of this program
        raise Away("mapping") from None


def _complete(pull: Pull) -> None:
    later = now() + timedelta(minutes=pull.every)
    _same(pull).update(complete_at=now(), failures=0, failed="", next_at=later)


@transaction.atomic
def _failed(pull: Pull, why: str) -> None:
    later = now() + min(timedelta(minutes=2 ** min(pull.failures, 20)), LONGEST_WAIT)
    _same(pull).update(failures=min(pull.failures + 1, 1000), failed=why, next_at=later)
    count(pull.source_id, {"pull_failed": 1})


def _same(pull: Pull) -> QuerySet[Pull]:
    """The place, unless it was changed meanwhile: each change seals anew."""
    return Pull.objects.filter(pk=pull.pk, sealed=bytes(pull.sealed))


# --- files of a storage -----------------------------------------------------------------------------------------------


def _fetch_files(pull: Pull, source: KnownSource, mapping: AnyMapping, seconds: float) -> bool:
    """Read what was listed before; only when nothing of that waits, list again. A large bucket may take longer to list than
    files are read for."""
    waiting = PulledFile.objects.filter(pull=pull, finished_at=None).order_by("changed_at", "path")
    listed_before = waiting.exists()
    if not listed_before:
        _note_files(pull)
    ends = time.monotonic() + seconds
    for file in waiting:
        if not _fetch_file(pull, file, source, mapping, ends) or time.monotonic() >= ends:
            return True
    return listed_before


def _note_files(pull: Pull) -> None:
    """Write down the files that are new, or new versions. Raises `Away` where there never was one."""
    some = False
    for page in storage.listed(pull.address):
        some = some or bool(page)
        paths = [found.path for found in page]
        known = set(PulledFile.objects.filter(pull=pull, path__in=paths).values_list("path", "version"))
        fresh = [found for found in page if (found.path, found.version) not in known]
        PulledFile.objects.bulk_create(
            [PulledFile(pull=pull, **found._asdict()) for found in fresh], ignore_conflicts=True
        )
    if not some and not _had_files(pull):
        raise Away("nothing_there")


def _had_files(pull: Pull) -> bool:
    """Whether files were found before where its address leads now; what earlier releases found by less of a name is not."""
    path, folder = storage.within(pull.address)
    return PulledFile.objects.filter(Q(path=path) | Q(path__startswith=folder), pull=pull).exists()


def _fetch_file(pull: Pull, file: PulledFile, source: KnownSource, mapping: AnyMapping, ends: float) -> bool:
    """Keep the lines of a file that are not kept yet; whether it is over. That it was begun is written first: who is
    killed by it cannot say so afterwards."""
    if file.begun >= MOST_BEGUN:
        return _put_aside(pull, file, "killed")
    _note_begun(file, file.begun + 1)
    try:
        return _read_file(pull, file, source, mapping, ends)
    finally:
        _note_begun(file, 0)


def _note_begun(file: PulledFile, times: int) -> None:
    file.begun = times
    _update(file, "begun")


def _update(file: PulledFile, *fields: str) -> None:
    """Unless the place was described anew meanwhile, which forgets its files."""
    PulledFile.objects.filter(pk=file.pk).update(**{field: getattr(file, field) for field in fields})


def _read_file(pull: Pull, file: PulledFile, source: KnownSource, mapping: AnyMapping, ends: float) -> bool:
    reading = Reading(PurePosixPath(file.path).name, rows_of(mapping, source), pull.mapping_id)
    try:
        with closing(storage.opened(pull.address, file.path, file.version)) as handle:
            with legible():
                table = open_table(reading.file, handle)
            if table.columns is not None and not named(mapping) <= set(table.columns):
                return _put_aside(pull, file, "columns_missing")
            lines = legible_lines(table.lines)
            for line in islice(lines, file.lines):
                reading.rows.message_id(line)  # which counts lines that say the same
            for chunk in chunks(lines, ROWS_A_COMMIT):
                _keep(pull, reading, chunk, file)
                if time.monotonic() >= ends:
                    return False
    except Gone:
        return _put_aside(pull, file, "replaced")
    except Unreadable:
        return _put_aside(pull, file, "unreadable")
    return _over(file)


@contextmanager
def legible() -> Iterator[None]:
    """What a reader says of a file, apart from what keeping its lines may end with."""
    try:
        yield
    except ValueError:
        raise Unreadable from None


def legible_lines(lines: Iterator[Line]) -> Iterator[Line]:
    """Lines, apart from what keeping them may end with."""
    with legible():
        yield from lines


def named(mapping: AnyMapping) -> set[str]:
    """The columns that a mapping needs."""
    return mapping.columns() if isinstance(mapping, EventMapping) else mapping.named()


@transaction.atomic
def _put_aside(pull: Pull, file: PulledFile, why: str) -> bool:
    file.failed = why
    count(pull.source_id, {f"file_{why}": 1})
    return _over(file)


def _over(file: PulledFile) -> bool:
    file.finished_at = now()
    _update(file, "failed", "finished_at")
    return True


# --- rows of a table --------------------------------------------------------------------------------------------------


def _fetch_table(pull: Pull, source: KnownSource, mapping: AnyMapping, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    which = tables.Table(pull.address, pull.table, pull.watermark, pull.key)
    secret = opened(pull)
    reading = Reading(pull.name, rows_of(mapping, source), pull.mapping_id)
    with closing(tables.pages(which, secret.password, secret.place, ROWS_A_COMMIT)) as pages:
        for page in pages:
            secret.place = page.place
            _keep(pull, reading, page.lines, secret)
            if not page.last and time.monotonic() >= ends:
                return True
    return False


# --- both -------------------------------------------------------------------------------------------------------------


def rows_of(mapping: AnyMapping, source: KnownSource) -> EventRows | RecordRows:
    """What reads rows by a mapping, as of now."""
    if isinstance(mapping, EventMapping):
        return EventRows(mapping, source, sources.plan(), now())
    return RecordRows(mapping, source, sources.plan(), now())


@transaction.atomic
def _keep(pull: Pull, reading: Reading, lines: list[Line], place: PulledFile | Secret) -> None:
    """Keep some lines, and how far the place is read then; `Changed` when it means another by now."""
    if not _same(pull).select_for_update().exists():
        raise Changed
    outcome = actions.keep(reading.parcel(lines), reading.rows.source)
    counted = {name: getattr(outcome, name) for name in COUNTED}
    pull.counts = dict(Counter(pull.counts) + Counter(counted))
    if isinstance(place, PulledFile):
        place.lines, place.begun = place.lines + len(lines), 0
        place.counts = dict(Counter(place.counts) + Counter(counted))
        place.save(update_fields=["lines", "counts", "begun"])
    else:
        pull.sealed = sealed(pull, place)
    pull.save(update_fields=["counts", "sealed"])


def opened(pull: Pull) -> Secret:
    """What is sealed of a place, in memory only."""
    key = crypto.existing_data_keys([pull.pk]).get(pull.pk)
    return msgspec.convert(crypto.unseal(key, TABLE, COLUMN, pull.sealed), Secret)


def sealed(pull: Pull, secret: Secret) -> bytes:
    """To be written in the same transaction as this is called in."""
    return crypto.seal(crypto.data_keys([pull.pk])[pull.pk], TABLE, COLUMN, secret)
