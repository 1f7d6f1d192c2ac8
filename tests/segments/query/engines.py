"""The engines that answer a rule in tests: a real PostgreSQL and a real DuckDB, filled with the same world."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import psycopg

from segments.query.catalog import Catalog
from segments.query.compiler import compile_rule
from segments.query.dialects import DUCKDB
from segments.query.parse import parse
from tests.segments.query.world import TABLES, World, uuid_of

TABLE_NAMES = (
    "identity_profile",
    "identity_record",
    "profiles_golden",
    "events_event",
    "consent_effective",
    "segments_membership",
    "segments_ever",
    "segments_listed",
)


def fill_postgres(pg: psycopg.Connection[Any], world: World) -> None:
    """Replace all rows by those of a world."""
    pg.execute("truncate " + ", ".join(TABLE_NAMES))
    for table, rows in world.rows().items():
        if rows:
            marks = ", ".join(["%s"] * len(rows[0]))
            pg.cursor().executemany(f"insert into {table} values ({marks})", rows)


def new_duckdb() -> duckdb.DuckDBPyConnection:
    """An empty DuckDB with the same tables."""
    connection = duckdb.connect()
    connection.execute(TABLES.format(json="json").split("create index")[0])
    connection.execute("set timezone = 'UTC'")
    return connection


def fill_duckdb(connection: duckdb.DuckDBPyConnection, world: World) -> None:
    """Replace all rows by those of a world."""
    for table, rows in world.rows().items():
        connection.execute(f"delete from {table}")
        if rows:
            connection.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)


def members(
    pg: psycopg.Connection[Any],
    rule: object,
    catalog: Catalog,
    as_of: datetime,
    zone: ZoneInfo,
    only: list[str] | None = None,
) -> list[UUID]:
    """Who PostgreSQL says fits, sorted; with `only`, among those profiles."""
    query = compile_rule(parse(rule), catalog, as_of=as_of, zone=zone, only_profiles=only is not None)
    profiles = {} if only is None else {"profiles": [uuid_of(name) for name in only]}
    return sorted(row[0] for row in pg.execute(query.sql, query.params | profiles).fetchall())


def duckdb_members(
    connection: duckdb.DuckDBPyConnection, rule: object, catalog: Catalog, as_of: datetime, zone: ZoneInfo
) -> list[UUID]:
    """Who DuckDB says fits, sorted."""
    query = compile_rule(parse(rule), catalog, as_of=as_of, zone=zone, dialect=DUCKDB)
    return sorted(row[0] for row in connection.execute(query.sql, query.params).fetchall())
