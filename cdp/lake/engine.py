"""PostgreSQL to Arrow to DuckDB, in memory: nothing of what is read is ever spilled to disk."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from django.db import connection
from psycopg.conninfo import make_conninfo

from cdp.lake import places

STAGE = "lake"


class Reader:
    """One transaction on a connection of its own, whose results are Arrow tables."""

    def __init__(self, opened: dbapi.Connection) -> None:
        self._opened = opened

    def execute(self, statement: str) -> None:
        """Run a statement for its effect."""
        with self._opened.cursor() as cursor:
            cursor.execute(statement)

    def table(self, statement: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of a statement whose parameters are $1, $2, …"""
        with self._opened.cursor() as cursor:
            cursor.execute(statement, tuple(params) or None)
            return cursor.fetch_arrow_table()


@contextmanager
def reading() -> Iterator[Reader]:
    """A reader of what is committed, connected as this process is."""
    connection.ensure_connection()
    info = connection.connection.info
    with dbapi.connect(make_conninfo(info.dsn, password=info.password), autocommit=False) as opened:
        yield Reader(opened)


@contextmanager
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty DuckDB in memory."""
    with duckdb.connect(":memory:") as opened:
        opened.execute("set temp_directory = ''")
        opened.execute("set timezone = 'UTC'")
        yield opened


def relation_of(files: Iterable[UUID]) -> str:
    """The rows of some files of the lake, for DuckDB."""
    return f"read_parquet([{', '.join(literal(places.path(file)) for file in files)}])"


def literal(path: Path) -> str:
    """A path as a literal of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
