"""The engines that answer a rule in tests: a real PostgreSQL, a real DuckDB and a real Spark, filled with the same world."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pyarrow as pa

from cdp.lake.spark import EVENTS, SparkSnapshot
from segments.query.catalog import Catalog
from segments.query.compiler import Asked, compile_flags, compile_rule
from segments.query.dialects import DUCKDB
from segments.query.parse import parse
from segments.query.spark import SPARK, arguments
from tests.segments.query.world import TABLES, World, uuid_of

TEXT = pa.string()
COLUMNS = {
    "identity_profile": {"id": TEXT, "state": TEXT},
    "identity_record": {"id": TEXT, "profile_id": TEXT},
    "profiles_golden": {"profile_id": TEXT, "traits": TEXT},
    "events_event": {
        "record": TEXT, "name": TEXT, "occurred_at": pa.timestamp("us", "UTC"), "message_id": TEXT, "properties": TEXT,
        "brand": TEXT, "order_id": TEXT, "currency": TEXT, "revenue": pa.int64(),
    },
    "consent_effective": {"profile_id": TEXT, "purpose": TEXT, "channel": TEXT, "brand": TEXT, "state": TEXT},
    "segments_membership": {"segment_id": TEXT, "profile_id": TEXT},
    "segments_ever": {"segment_id": TEXT, "profile_id": TEXT},
    "segments_listed": {"list_id": TEXT, "profile_id": TEXT},
}  # fmt: skip


def fill_postgres(pg: psycopg.Connection[Any], world: World) -> None:
    """Replace all rows by those of a world."""
    pg.execute("truncate " + ", ".join(COLUMNS))
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


def fill_spark(snapshot: SparkSnapshot, world: World) -> None:
    """Replace all relations by those of a world."""
    for table, rows in world.rows().items():
        texts = [[str(value) if isinstance(value, UUID) else value for value in row] for row in rows]
        names, types = COLUMNS[table].keys(), COLUMNS[table]
        found = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in texts], pa.schema(types))
        if table == EVENTS:
            snapshot.keep_events([], found)
        else:
            snapshot.keep(table, found)


def members(
    pg: psycopg.Connection[Any],
    rule: object,
    catalog: Catalog,
    as_of: datetime,
    zone: ZoneInfo,
    only: list[str] | None = None,
) -> list[UUID]:
    """Who PostgreSQL says fits, sorted; with `only`, among those profiles."""
    if only is None:
        query = compile_rule(parse(rule), catalog, as_of=as_of, zone=zone)
        return sorted(row[0] for row in pg.execute(query.sql, query.params).fetchall())
    query = compile_flags([Asked(parse(rule), catalog, zone)], as_of=as_of, only_profiles=True)
    params = query.params | {"profiles": [uuid_of(name) for name in only]}
    return sorted(row[0] for row in pg.execute(f"select profile_id from ({query.sql}) f where m0", params).fetchall())


def duckdb_members(
    connection: duckdb.DuckDBPyConnection, rule: object, catalog: Catalog, as_of: datetime, zone: ZoneInfo
) -> list[UUID]:
    """Who DuckDB says fits, sorted."""
    query = compile_rule(parse(rule), catalog, as_of=as_of, zone=zone, dialect=DUCKDB)
    return sorted(row[0] for row in connection.execute(query.sql, query.params).fetchall())


def spark_members(
    snapshot: SparkSnapshot, rule: object, catalog: Catalog, as_of: datetime, zone: ZoneInfo
) -> list[UUID]:
    """Who Spark says fits, sorted."""
    query = compile_rule(parse(rule), catalog, as_of=as_of, zone=zone, dialect=SPARK)
    found = snapshot.execute(query.sql, arguments(query.params)).column(0).to_pylist()
    return sorted(UUID(bytes=profile) for profile in found)
