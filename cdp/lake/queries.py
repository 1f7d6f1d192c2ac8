"""Reads of the lake."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import duckdb
from django.db.models import Count, Sum

from cdp.core.types import now
from cdp.events import queries as events
from cdp.lake import sql
from cdp.lake.engine import STAGE, Reader, memory, reading, relation_of
from cdp.lake.models import LakeFile
from cdp.lake.types import LakeState

EVENTS = "events_event"


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
        reader.execute(sql.SNAPSHOT)
        for relation in sorted(relations):
            if relation == EVENTS:
                _events(engine, reader)
            else:
                _copy(engine, relation, reader)
        yield engine


def _events(engine: duckdb.DuckDBPyConnection, reader: Reader) -> None:
    marks = reader.table(sql.MARK).to_pylist()
    after = tuple(marks[0].values()) if marks else (0, "00000000-0000-0000-0000-000000000000")
    engine.register("tail", reader.table(sql.TAIL, after))
    engine.execute(sql.NEWEST)
    files = [row["id"] for row in reader.table(sql.FILES).to_pylist()]
    engine.execute(sql.ALL_EVENTS.format(kept=sql.KEPT.format(relation=relation_of(files)) if files else ""))


def _copy(engine: duckdb.DuckDBPyConnection, relation: str, reader: Reader) -> None:
    """Ids become UUIDs and traits JSON: neither has a type in Arrow."""
    found = reader.table(sql.RELATIONS[relation])
    engine.register("found", found)
    engine.execute(sql.KEEP.format(relation=relation, columns=", ".join(map(_typed, found.column_names))))
    engine.unregister("found")


def _typed(name: str) -> str:
    wanted = "uuid" if name == "id" or name.endswith("_id") else "json" if name == "traits" else ""
    return f"{name}::{wanted} as {name}" if wanted else name
