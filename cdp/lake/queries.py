"""Reads of the lake."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import duckdb
import pyarrow as pa
from django.db.models import Count, Sum

from cdp.core.spark import session
from cdp.core.types import now
from cdp.events import queries as events
from cdp.lake import sql
from cdp.lake.engine import STAGE, Reader, memory, reading, relation_of
from cdp.lake.models import LakeFile
from cdp.lake.spark import EVENTS, SparkSnapshot
from cdp.lake.types import LakeState


def state() -> LakeState:
    """How large the lake is and how far behind."""
    told = LakeFile.objects.filter(retired_at=None).aggregate(Count("id"), Sum("rows"), Sum("bytes"))
    waiting = events.oldest_waiting(STAGE)
    return LakeState(
        told["id__count"], told["rows__sum"] or 0, told["bytes__sum"] or 0, now() - waiting if waiting else None
    )


@contextmanager
def snapshot(relations: Collection[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with some relations of PostgreSQL under their own names, all as they are at one moment: events from the
    lake's files and, those that are too new for these, from PostgreSQL. Raises KeyError for a relation that is not kept.
    """
    with memory() as engine, reading() as reader:
        _read(relations, reader, partial(_copy, engine), partial(_events, engine))
        yield engine


@contextmanager
def spark_snapshot(relations: Collection[str]) -> Iterator[SparkSnapshot]:
    """The same in a session of Spark, which needs its extra."""
    with session("segments") as started, reading() as reader:
        engine = SparkSnapshot(started)
        _read(relations, reader, engine.keep, engine.keep_events)
        yield engine


def _read(
    relations: Collection[str], reader: Reader, keep: Callable[[str, pa.Table], None],
    keep_events: Callable[[list[UUID], pa.Table], None],
) -> None:  # fmt: skip
    """Hand over the relations as they are at one moment."""
    reader.execute(sql.SNAPSHOT)
    for relation in sorted(relations):
        if relation == EVENTS:
            keep_events([UUID(row["id"]) for row in reader.table(sql.FILES).to_pylist()], _tail(reader))
        else:
            keep(relation, reader.table(sql.RELATIONS[relation]))


def _tail(reader: Reader) -> pa.Table:
    """The events that no file holds."""
    marks = reader.table(sql.MARK).to_pylist()
    return reader.table(sql.TAIL, tuple(marks[0].values()) if marks else (0, "00000000-0000-0000-0000-000000000000"))


def _events(engine: duckdb.DuckDBPyConnection, files: list[UUID], tail: pa.Table) -> None:
    engine.register("tail", tail)
    engine.execute(sql.NEWEST)
    engine.execute(sql.ALL_EVENTS.format(kept=sql.KEPT.format(relation=relation_of(files)) if files else ""))


def _copy(engine: duckdb.DuckDBPyConnection, relation: str, found: pa.Table) -> None:
    """Ids become UUIDs and traits JSON: neither has a type in Arrow."""
    engine.register("found", found)
    engine.execute(sql.KEEP.format(relation=relation, columns=", ".join(map(_typed, found.column_names))))
    engine.unregister("found")


def _typed(name: str) -> str:
    wanted = "uuid" if name == "id" or name.endswith("_id") else "json" if name == "traits" else ""
    return f"{name}::{wanted} as {name}" if wanted else name
