"""Files that people give to the console: kept sealed, looked at row by row before anything is kept, imported by a worker.

How far a file is read is written in the transaction that keeps its rows, so whoever is killed is followed by another who
goes on there. A file is destroyed with its key once it is over, or after a day in which nobody started it.
"""

import io
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.locks import alone
from cdp.core.logs import shape
from cdp.core.models import DataKey
from cdp.core.stages import OUTSIDE
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.events import quarantine, queries
from cdp.events.types import KnownSource
from cdp.ingestion import actions, preview, pulls
from cdp.ingestion.files import Line, Table
from cdp.ingestion.imports import ROWS_A_COMMIT, Reading, chunks
from cdp.ingestion.mapping import AnyMapping, EventMapping, content_of, mapping_of
from cdp.ingestion.models import Upload
from cdp.ingestion.opening import open_table
from cdp.ingestion.records import CONSENT, RecordRows
from cdp.ingestion.shapes import personal_shape

log = logging.getLogger(__name__)
# What the console takes at once, in memory; larger files are packed, imported by command, or fetched from a storage.
MOST_BYTES = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
KEPT = timedelta(days=1)
TABLE, SEALED, DRAFT = "ingestion_upload", "sealed", "draft"
ENDINGS = frozenset((".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".json", ".ndjson", ".jsonl", ".parquet", ".gz", ".zip"))


class Content(msgspec.Struct):
    """What is sealed of a file."""

    content: bytes


class Draft(msgspec.Struct):
    """Its columns, and which means what, as JSON has it: it may not be a mapping yet."""

    columns: list[str]
    mapping: dict[str, Any]


# --- before it is started ---------------------------------------------------------------------------------------------


@transaction.atomic
def create(actor: Actor, source: UUID, holds: str, name: str, content: bytes) -> Upload:
    """Keep a file, its columns guessed. Raises `Refused`: `too_large`, `unreadable`, `no_header`, `no_source`."""
    if len(content) > MOST_BYTES:
        raise Refused(
            "too_large", _("The file is too large for the console: import it by command, or have it fetched.")
        )
    known = _source(source)
    draft = _guessed(known, holds, name, content)
    row = Upload(source_id=source, holds=holds, name=_plain(name), size=len(content), actor=actor.name)
    key = crypto.data_keys([row.pk])[row.pk]
    row.sealed = crypto.seal(key, TABLE, SEALED, Content(content))
    row.draft = crypto.seal(key, TABLE, DRAFT, draft)
    row.save(force_insert=True)
    audit(actor, "upload.created", target=str(row.pk), source=str(source), bytes=len(content))
    return row


def _source(pk: UUID) -> KnownSource:
    source = queries.source_by_id(pk)
    if source is None or not source.enabled:
        raise Refused("no_source", _("The source is switched off: nothing of it is taken in."))
    return source


def _plain(name: str) -> str:
    """What is kept of a file's name, and told by quarantine: how it ends. The rest may name somebody."""
    ends = [end for end in PurePosixPath(name.lower()).suffixes[-2:] if end in ENDINGS]
    return "".join(["file", *ends])


def _guessed(source: KnownSource, holds: str, name: str, content: bytes) -> Draft:
    table = _opened(name, content)
    try:
        lines = preview.sample(table)
    except ValueError as error:
        raise Refused("unreadable", str(error)) from None
    columns = table.columns or list(dict.fromkeys(name for line in lines for name in line.cells))
    if not columns or any(personal_shape(column) for column in columns):
        raise Refused(
            "no_header", _("The first line holds no names of columns. Add a line with one name above each column.")
        )
    if holds == Upload.Holds.EVENTS:
        return Draft(columns, preview.guessed_events(columns, source))
    return Draft(columns, content_of(preview.guessed(columns, lines, source))[1])


def _opened(name: str, content: bytes) -> Table:
    try:
        return open_table(name, io.BytesIO(content))
    except ValueError as error:
        raise Refused("unreadable", _("The file cannot be read: %(why)s") % {"why": error}) from None


def draft_of(upload: Upload) -> Draft:
    """The columns of a file that is not over, and which means what."""
    return msgspec.convert(crypto.unseal(_key(upload), TABLE, DRAFT, upload.draft), Draft)


def _key(upload: Upload) -> crypto.RecordKey | None:
    return crypto.existing_data_keys([upload.pk]).get(upload.pk)


def _table(upload: Upload) -> Table:
    content = msgspec.convert(crypto.unseal(_key(upload), TABLE, SEALED, upload.sealed), Content).content
    return _opened(upload.name, content)


def mapping(upload: Upload, draft: Draft) -> AnyMapping:
    """What a draft says. Raises `Refused`, `mapping_refused`, where it cannot be meant of this file."""
    try:
        found = mapping_of(upload.holds, msgspec.json.encode(draft.mapping))
    except ValueError as error:
        raise Refused("mapping_refused", str(error)) from None
    if missing := sorted(pulls.named(found) - set(draft.columns)):
        raise Refused("mapping_refused", _("The file has no column: %(names)s") % {"names": ", ".join(missing)})
    if not isinstance(found, EventMapping):
        _check_records(found, draft.columns, _source(upload.source_id))
    return found


def _check_records(found: Any, columns: list[str], source: KnownSource) -> None:
    """One column says whose row it is, none is made twice, and every consent is one of ours."""
    if twice := found.made_twice(columns):
        raise Refused(
            "mapping_refused", _("More than one column makes: %(names)s") % {"names": ", ".join(sorted(twice))}
        )
    made = {*found.joined(dict.fromkeys(columns)), *found.join}
    if not {"external_id", "user_id"} & made:
        raise Refused("mapping_refused", _("Say which column names the customer: external_id, or user_id."))
    rows = pulls.rows_of(found, source)
    said = {name.removeprefix(CONSENT) for name in made if name.startswith(CONSENT)}
    said |= {column.category() for column in found.consents.values()}
    if isinstance(rows, RecordRows) and (unknown := sorted(one for one in said if not rows.is_consent(one))):
        told = _(
            "There is no such purpose or contact channel: %(names)s. Write consent:PURPOSE or consent:PURPOSE:CHANNEL."
        )
        raise Refused("mapping_refused", told % {"names": ", ".join(unknown)})


def told(upload: Upload, found: AnyMapping, first: int, most: int) -> list[preview.Told]:
    """What some rows would become, from the `first` (0) on, personal values masked. Raises `Refused`, `unreadable`."""
    rows = pulls.rows_of(found, _source(upload.source_id))
    try:
        lines = list(islice(_table(upload).lines, first, first + most))
    except ValueError as error:
        raise Refused("unreadable", _("The file cannot be read: %(why)s") % {"why": error}) from None
    return preview.told(lines, rows, most)


@transaction.atomic
def remap(upload: UUID, changed: dict[str, Any]) -> None:
    """Columns mean something else from now on. Raises `Refused`, `started`."""
    row = _waiting(upload)
    draft = draft_of(row)
    row.draft = crypto.seal(_key_of(row), TABLE, DRAFT, Draft(draft.columns, changed))
    row.save(update_fields=["draft"])


def _key_of(row: Upload) -> crypto.RecordKey:
    return crypto.data_keys([row.pk])[row.pk]


@transaction.atomic
def start(actor: Actor, upload: UUID) -> None:
    """Keep the mapping, and have a worker import the file. Raises `Refused`: `started`, `mapping_refused`."""
    row = _waiting(upload)
    row.mapping_id = quarantine.known_mapping(*content_of(mapping(row, draft_of(row))))
    row.started_at = now()
    row.save(update_fields=["mapping", "started_at"])
    audit(actor, "upload.started", target=str(row.pk), mapping=str(row.mapping_id))
    wake(settings.UPLOAD_TASK)


@transaction.atomic
def discard(actor: Actor, upload: UUID) -> None:
    """Destroy a file that was not started. Raises `Refused`, `started`."""
    row = _waiting(upload)
    audit(actor, "upload.discarded", target=str(row.pk))
    _destroy([row.pk])
    row.delete()


def _waiting(pk: UUID) -> Upload:
    row = Upload.objects.select_for_update().filter(pk=pk).first()
    if row is None or row.started_at is not None:
        raise Refused("started", _("The import has begun already, or the file is gone."))
    return row


def _destroy(ids: list[UUID]) -> None:
    DataKey.objects.filter(record__in=ids).delete()


# --- importing --------------------------------------------------------------------------------------------------------


def work() -> None:
    """Forget what nobody started, and import what was, one file after another; harmless at any time and twice at once."""
    _forget()
    waiting = Upload.objects.filter(finished_at=None).exclude(started_at=None).order_by("started_at")
    for pk in waiting.values_list("pk", flat=True):
        with alone(pulls.LOCK, pk) as held:
            row = waiting.filter(pk=pk).first()
            if held and row is not None:
                _import(row)


@transaction.atomic
def _forget() -> None:
    old = Upload.objects.select_for_update().filter(started_at=None, created_at__lt=now() - KEPT)
    ids = list(old.values_list("pk", flat=True))
    _destroy(ids)
    Upload.objects.filter(pk__in=ids).delete()


def _import(row: Upload) -> None:
    """Keep the rows that are not kept yet. That it was begun is written first: who is killed by it cannot say so."""
    if row.begun >= pulls.MOST_BEGUN:
        return _over(row, "killed")
    Upload.objects.filter(pk=row.pk).update(begun=row.begun + 1)
    try:
        failed = _read(row)
    except OUTSIDE:
        raise
    except Exception as error:
        log.error("importing an uploaded file failed: %s", shape(error))
        failed = type(error).__name__[:60]
    finally:
        Upload.objects.filter(pk=row.pk).update(begun=0)
    return _over(row, failed)


def _read(row: Upload) -> str:
    """Read the file from where it is kept; returns why not, or nothing."""
    try:
        source, found = _source(row.source_id), mapping(row, draft_of(row))
        table = _table(row)
    except Refused as refusal:
        return refusal.code
    reading = Reading(row.name, pulls.rows_of(found, source), row.mapping_id)  # type: ignore[arg-type]  # it is started
    try:
        for chunk in _unread(table, reading, row.lines):
            _keep(row, reading, chunk, table.done())
    except pulls.Unreadable:
        return "unreadable"
    return ""


def _unread(table: Table, reading: Reading, kept: int) -> Iterator[list[Line]]:
    lines = pulls.legible_lines(table.lines)
    for line in islice(lines, kept):
        reading.rows.message_id(line)  # which counts lines that say the same
    return chunks(lines, ROWS_A_COMMIT)


@transaction.atomic
def _keep(row: Upload, reading: Reading, lines: list[Line], share: float) -> None:
    outcome = actions.keep(reading.parcel(lines), reading.rows.source)
    counted = {name: getattr(outcome, name) for name in pulls.COUNTED}
    row.lines, row.percent = row.lines + len(lines), int(100 * share)
    row.counts = dict(Counter(row.counts) + Counter(counted))
    row.save(update_fields=["lines", "percent", "counts"])


@transaction.atomic
def _over(row: Upload, failed: str) -> None:
    """The file is destroyed, what became of its rows stays."""
    _destroy([row.pk])
    audit(Actor(row.actor), "upload.over", target=str(row.pk), counts=row.counts, failed=failed)
    over = {"sealed": b"", "draft": b"", "failed": failed, "finished_at": now()}
    Upload.objects.filter(pk=row.pk).update(**over)
