"""Where a full run evaluates its rule: in PostgreSQL, once there are many events in DuckDB over the lake, and once there
are more than one machine can hold in Spark over the same lake.

One rule compiled for any of them gives the same members; the run's record says which it was.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import Final, Protocol
from uuid import UUID

import duckdb
from django.conf import settings
from django.db import connection, transaction

from cdp.core.errors import Refused
from cdp.core.extras import need_spark
from cdp.core.statements import fetch
from cdp.lake import queries as lake
from cdp.lake.types import FileGone, Interrupted
from segments import pulse, sql
from segments.formats import copied_out
from segments.models import Segment
from segments.queries import limit_statements, statement_seconds, too_slow
from segments.query import relations
from segments.query.compiler import Query
from segments.query.dialects import DUCKDB
from segments.query.spark import SPARK as SPARK_SQL
from segments.query.spark import arguments
from segments.vocabulary import Names, compiled

POSTGRESQL, LAKE, SPARK = "postgresql", "duckdb", "spark"
Lines = list[bytes]  # profile ids, each on a line: what COPY gives and takes
_PROFILES_A_BLOCK: Final = 50_000


class Interruptible(Protocol):
    """What a query can be stopped on."""

    def interrupt(self) -> None:
        """Have it fail."""


def chosen() -> str:
    """The engine that the number of events asks for, as far as PostgreSQL knows it; or the one that is set."""
    if settings.SEGMENT_ENGINE in MEMBERS:
        return str(settings.SEGMENT_ENGINE)
    events = fetch(sql.ABOUT_HOW_MANY)[0][0]
    if settings.SPARK_FROM_EVENTS and events >= settings.SPARK_FROM_EVENTS:
        return SPARK
    return LAKE if events >= settings.LAKE_FROM_EVENTS else POSTGRESQL


def members(engine: str, segment: Segment, as_of: datetime) -> Lines:
    """Who is in a segment by its rule, read in one snapshot that writes nothing. Raises `RuleError` and `Refused` as
    `vocabulary.compiled`."""
    return MEMBERS[engine](segment, as_of)


def _by_postgresql(segment: Segment, as_of: datetime) -> Lines:
    query = compiled(segment, Names.read(), as_of)
    with transaction.atomic():
        limit_statements()
        with connection.cursor() as cursor, pulse.stoppable(connection.connection.cancel):
            return copied_out(cursor, sql.EVALUATE.format(rule=query.sql), query.params)


def _by_lake(segment: Segment, as_of: datetime) -> Lines:
    """A file that an erasure took away meanwhile is none of the next snapshot."""
    try:
        return _in_snapshot(segment, as_of)
    except duckdb.IOException:
        return _in_snapshot(segment, as_of)


def _in_snapshot(segment: Segment, as_of: datetime) -> Lines:
    query = compiled(segment, Names.read(), as_of, dialect=DUCKDB)
    with lake.snapshot(_read(query)) as engine, cancelled_late(engine):
        found = engine.execute(query.sql, query.params)
        blocks = iter(lambda: found.fetchmany(_PROFILES_A_BLOCK), [])
        return [_lines(profile for (profile,) in block) for block in blocks]


def _by_spark(segment: Segment, as_of: datetime) -> Lines:
    """As in DuckDB. Raises `Refused`, `engine`, without what Spark needs."""
    need_spark()
    try:
        return _in_spark(segment, as_of)
    except FileGone:
        return _in_spark(segment, as_of)


def _in_spark(segment: Segment, as_of: datetime) -> Lines:
    query = compiled(segment, Names.read(), as_of, dialect=SPARK_SQL)
    with lake.spark_snapshot(_read(query)) as engine, cancelled_late(engine):
        blocks = engine.execute(query.sql, arguments(query.params)).to_batches(_PROFILES_A_BLOCK)
        return [_lines(UUID(bytes=profile) for profile in block.column(0).to_pylist()) for block in blocks]


def _read(query: Query) -> set[str]:
    """The relations that a query reads."""
    return {relation for relation in relations.TABLES if relation in query.sql}


def _lines(profiles: Iterable[UUID]) -> bytes:
    return "".join(f"{profile}\n" for profile in profiles).encode()


@contextmanager
def cancelled_late(engine: Interruptible) -> Iterator[None]:
    """What PostgreSQL's statement timeout does. Raises `Refused`, `too_slow`."""
    timer = Timer(statement_seconds(), engine.interrupt)
    timer.start()
    try:
        with pulse.stoppable(engine.interrupt):
            yield
    except (duckdb.InterruptException, Interrupted):
        raise Refused("too_slow", too_slow()) from None
    finally:
        timer.cancel()


MEMBERS: Final[dict[str, Callable[[Segment, datetime], Lines]]] = {
    POSTGRESQL: _by_postgresql, LAKE: _by_lake, SPARK: _by_spark,
}  # fmt: skip
