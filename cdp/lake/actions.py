"""Writes of the lake: events appended in the order of their commits, files put together, rewritten without the erased."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import duckdb
import pyarrow as pa
from django.db import transaction

from cdp.core import watermark
from cdp.core.statements import column, execute
from cdp.core.types import now, uuid7
from cdp.lake import places, sql
from cdp.lake.engine import STAGE, literal, memory, reading, relation_of
from cdp.lake.models import LakeFile

EVENTS_A_FILE = 200_000
# So many files of a level become one of the next, until one has so many rows.
FAN, MOST_ROWS = 8, 5_000_000
# Whoever began to read before a file was retired has so long to finish.
GRACE = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class _Written:
    id: UUID
    rows: int
    bytes: int
    first_at: datetime
    last_at: datetime


# --- appending --------------------------------------------------------------------------------------------------------


def keep_up() -> int:
    """Append all that is committed and settled, and put small files together; returns how many events were appended."""
    appended = 0
    while part := append(EVENTS_A_FILE):
        appended += part
    while compact():
        pass
    sweep()
    return appended


@transaction.atomic
def append(limit: int) -> int:
    """Append the next events, at most `limit`, as one file; returns how many. 0 also while another process does it.

    A crash between file and commit leaves a file that no row names, which `sweep` deletes.
    """
    mark = watermark.take(STAGE) if _alone() else None
    if mark is None:
        return 0
    with reading() as reader:
        events = reader.table(sql.EVENTS_AFTER, [mark.txid, str(mark.row), mark.below, limit])
    if not events.num_rows:
        return 0
    with memory() as engine:
        engine.register("incoming", events)
        engine.execute(f"create temp view typed as {sql.TYPED.format(relation='incoming')}")
        _add([_write(engine, "typed")], level=0)
    mark.move(events["txid"][-1].as_py(), UUID(events["id"][-1].as_py()))
    transaction.on_commit(publish)
    return int(events.num_rows)


def _alone() -> bool:
    """Whether nobody else adds or retires files, and nobody will until commit."""
    return column(sql.TRY_LOCK) == [True]


def _write(engine: duckdb.DuckDBPyConnection, relation: str, where: str = "") -> _Written:
    """A relation of events as a file in its place."""
    file = uuid7()
    engine.execute(sql.WRITE.format(relation=relation, where=where, file=literal(places.fresh(file))))
    size = places.keep(file)
    [(rows, *ends)] = engine.execute(sql.TOLD.format(relation=relation_of([file]))).fetchall()
    first, last = (EPOCH + timedelta(microseconds=end) for end in ends)
    return _Written(file, rows, size, first, last)


def _add(files: Iterable[_Written], level: int) -> None:
    """Files without rows are none."""
    kept = [file for file in files if file.rows]
    LakeFile.objects.bulk_create([LakeFile(**vars(file), level=level) for file in kept])


# --- compaction -------------------------------------------------------------------------------------------------------


@transaction.atomic
def compact() -> bool:
    """Put the oldest small files of a level together as one of the next; says whether there were enough."""
    if not _alone():
        return False
    live = list(LakeFile.objects.filter(retired_at=None, rows__lt=MOST_ROWS // FAN).order_by("level", "id"))
    for level in sorted({file.level for file in live}):
        together = [file for file in live if file.level == level][:FAN]
        if len(together) == FAN:
            _replace(together, level + 1)
            return True
    return False


def _replace(files: list[LakeFile], level: int) -> None:
    with memory() as engine:
        _add([_write(engine, relation_of(file.pk for file in files))], level)
    _retire(files)


def _retire(files: Iterable[LakeFile]) -> None:
    LakeFile.objects.filter(pk__in=[file.pk for file in files]).update(retired_at=now())
    transaction.on_commit(publish)


def sweep() -> int:
    """Delete files that were retired long enough ago, and those that a crash left behind; returns how many."""
    LakeFile.objects.filter(retired_at__lt=now() - GRACE).delete()
    known = set(LakeFile.objects.values_list("pk", flat=True))
    gone = places.older_than(GRACE.total_seconds()) - known
    places.remove(gone)
    return len(gone)


# --- forgetting -------------------------------------------------------------------------------------------------------


@transaction.atomic
def forget(records: Collection[UUID]) -> int:
    """Rewrite the files that hold events of these records without them; returns how many events went.

    Call it in the transaction that deletes the events. The old files are deleted when it commits: a reader that has not
    finished fails and begins again.
    """
    execute(sql.LOCK)
    gone = pa.table({"text": [str(record) for record in records]})
    with memory() as engine:
        engine.register("named", gone)
        engine.execute("create table gone as select text::uuid as record from named")
        return sum(_forget_in(engine, file) for file in LakeFile.objects.filter(retired_at=None))


def _forget_in(engine: duckdb.DuckDBPyConnection, file: LakeFile) -> int:
    return _rewrite(engine, file, sql.HELD, sql.WITHOUT)


def _rewrite(engine: duckdb.DuckDBPyConnection, file: LakeFile, gone: str, kept: str) -> int:
    """Write a file without the events that `gone` counts, if there are any; returns how many."""
    relation = relation_of([file.pk])
    [(number,)] = engine.execute(gone.format(relation=relation)).fetchall()
    if number:
        _add([_write(engine, relation, kept)], file.level)
        _retire([file])
        transaction.on_commit(lambda: places.remove([file.pk]))
    return int(number)


def reconcile() -> int:
    """Drop from the files whatever PostgreSQL no longer holds, as after retention; returns how many events went. A file at
    a time, so that nothing waits long."""
    live = LakeFile.objects.filter(retired_at=None).values_list("pk", flat=True)
    return sum(_reconcile(file) for file in list(live))


@transaction.atomic
def _reconcile(pk: UUID) -> int:
    execute(sql.LOCK)
    file = LakeFile.objects.filter(pk=pk, retired_at=None).first()
    if file is None:  # put together with others meanwhile: the next time
        return 0
    with memory() as engine, reading() as reader:
        [ends] = engine.execute(sql.ENDS.format(relation=relation_of([pk]))).fetchall()
        engine.register("found", reader.table(sql.IDS_BETWEEN, ends))
        engine.execute(sql.KEEP.format(relation="present", columns="id::uuid as id"))
        return _rewrite(engine, file, sql.STALE, sql.PRESENT)


@transaction.atomic
def start_over() -> None:
    """Empty the lake, so that the next `keep_up` writes all of it anew: PostgreSQL is the truth."""
    execute(sql.LOCK)
    if mark := watermark.take(STAGE):
        mark.move(0, UUID(int=0))
    _retire(LakeFile.objects.filter(retired_at=None))


# --- for others -------------------------------------------------------------------------------------------------------


def publish() -> None:
    """Write down beside the files which of them are the lake now, for whoever reads them without the database."""
    files = LakeFile.objects.filter(retired_at=None).order_by("id")
    told = [
        {
            "file": str(file),
            "rows": file.rows,
            "first_at": file.first_at.isoformat(),
            "last_at": file.last_at.isoformat(),
        }
        for file in files
    ]
    places.write_text(MANIFEST, json.dumps({"written_at": now().isoformat(), "events": told}, indent=1))
