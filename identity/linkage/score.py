"""Records to scored pairs: Splink on DuckDB, wholly in memory."""

# ruff: noqa: S608 -- the SQL is made of column names of `normalise`, numbers and a hexadecimal salt, never of data

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from identity.linkage.blocking import Blocked, block, digest_sql
from identity.linkage.comparisons import COMPARISONS, FREQUENCY_COLUMNS, PERSONAL
from identity.linkage.model import Model
from identity.linkage.normalise import COLUMNS, clean
from identity.linkage.splink_settings import settings

SCHEMA: Final = pa.schema([("unique_id", pa.string()), *((column, pa.string()) for column in COLUMNS)])
GAMMAS: Final = tuple(f"gamma_{comparison.name}" for comparison in COMPARISONS)


@dataclass(frozen=True, slots=True)
class Scored:
    """`edges`: left, right (unique ids, left < right), weight (bits), one gamma per comparison (-1: not comparable; 0:
    nothing alike); only pairs of which a comparison of `PERSONAL` is above 0."""

    edges: pa.Table
    blocked: tuple[Blocked, ...]


def prepare(rows: Iterable[tuple[str, Mapping[str, str | None]]]) -> pa.Table:
    """The `tabulate`d columns of (unique id, raw attributes)."""
    return tabulate((unique_id, clean(attributes)) for unique_id, attributes in rows)


def tabulate(rows: Iterable[tuple[str, Mapping[str, str | None]]]) -> pa.Table:
    """Table of (unique id, cleaned columns), in order of the id whatever order they come in."""
    cleaned = sorted(rows, key=lambda row: row[0])
    columns = [pa.array([unique_id for unique_id, _ in cleaned], pa.string())]
    columns += [pa.array([row[column] for _, row in cleaned], pa.string()) for column in COLUMNS]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def connect(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, forbidden to spill to disk, with table `records`: the columns and `rid`, the rank of the id."""
    connection = duckdb.connect(":memory:")
    connection.execute("set temp_directory = ''")
    connection.register("incoming", table)
    connection.execute("create table records as select row_number() over (order by unique_id) as rid, * from incoming")
    connection.unregister("incoming")
    return connection


def score(table: pa.Table, model: Model, threshold: float | None = None) -> Scored:
    """Pairs of a `prepare`d table that weigh at least `threshold` bits (the model's review threshold when None)."""
    with connect(table) as connection:
        blocked = block(connection, model.stop_keys, model.salt)
        linker = linker_for(connection, model)
        pairs = linker._db_api.register("pairs", table_name="blocked")
        linker.table_management.register_blocked_pairs_for_predict(pairs)
        floor = model.review if threshold is None else threshold
        scored = linker.inference.predict(threshold_match_weight=floor, warning_mode="never")
        return Scored(_edges(connection, scored.physical_name), blocked)


def linker_for(connection: duckdb.DuckDBPyConnection, model: Model, *, frequencies: bool = True) -> Linker:
    """A Splink linker over table `records` with the model's own term frequencies."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    linker = Linker(
        api.register("records", table_name="input"), settings(model, frequencies=frequencies), log_level=None
    )
    for column in FREQUENCY_COLUMNS if frequencies else ():
        table = _frequency_table(connection, model, column)
        linker.table_management.register_term_frequency_lookup(
            api.register(table, table_name=f"lookup_{column}"), column
        )
    return linker


def _frequency_table(connection: duckdb.DuckDBPyConnection, model: Model, column: str) -> str:
    known = model.frequencies.get(column, {})
    frozen = pa.table(
        {"digest": pa.array(list(known), pa.string()), "share": pa.array(list(known.values()), pa.float64())}
    )
    connection.register("frozen", frozen)
    name = f"tf_of_{column}"
    connection.execute(f"""
        create or replace table {name} as
        select v.{column}, coalesce(frozen.share, {model.rare_frequency!r}) as tf_{column}
        from (select distinct {column} from records where {column} is not null) v
        left join frozen on frozen.digest = {digest_sql(f"v.{column}", model.salt)}""")
    connection.unregister("frozen")
    return name


def _edges(connection: duckdb.DuckDBPyConnection, scored: str) -> pa.Table:
    gammas = ", ".join(GAMMAS)
    personal = " or ".join(f"gamma_{name} > 0" for name in PERSONAL)
    return connection.sql(f"""
        select l.unique_id as "left", r.unique_id as "right", round(match_weight, 9) as weight, {gammas}
        from {scored} s join records l on l.rid = s.rid_l join records r on r.rid = s.rid_r
        where {personal} order by weight desc, "left", "right" """).to_arrow_table()
