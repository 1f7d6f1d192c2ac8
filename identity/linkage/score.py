"""Records to scored pairs: Splink on DuckDB, wholly in memory. What `spark` does in the same way stands here once."""

# ruff: noqa: S608 -- the SQL is made of column names of `normalise`, numbers and a hexadecimal salt, never of data

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker
from splink.internals.database_api import DatabaseAPI

from identity.linkage.blocking import RULES, Blocked, Database, ceiling, digest_sql, pair, told, usable_keys
from identity.linkage.comparisons import COMPARISONS, FREQUENCY_COLUMNS, PERSONAL
from identity.linkage.model import Model
from identity.linkage.normalise import COLUMNS, clean
from identity.linkage.splink_settings import settings

SCHEMA: Final = pa.schema([("unique_id", pa.string()), *((column, pa.string()) for column in COLUMNS)])
# Records that are made a table of at a time.
BATCH: Final = 10_000
# So many records are compared with all others at a time.
PART: Final = 100_000
# A pair that weighs less is none that anybody expects to be a match.
LEAST_COUNTED: Final = -30.0
_PERSONAL: Final = " or ".join(f"gamma_{name} > 0" for name in PERSONAL)
GAMMAS: Final = tuple(f"gamma_{comparison.name}" for comparison in COMPARISONS)


EDGES: Final = pa.schema(
    [
        ("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()),
        *((gamma, pa.int32()) for gamma in GAMMAS),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """`edges`: left, right (unique ids, left < right), weight (bits), one gamma per comparison (-1: not comparable; 0:
    nothing alike); only pairs of which a comparison of `PERSONAL` is above 0."""

    edges: pa.Table
    blocked: tuple[Blocked, ...]
    ceiling: float | None = None  # of blocking's recall, see `blocking.ceiling`


def prepare(rows: Iterable[tuple[str, Mapping[str, str | None]]]) -> pa.Table:
    """The `tabulate`d columns of (unique id, raw attributes)."""
    return tabulate((unique_id, clean(attributes)) for unique_id, attributes in rows)


def tabulate(rows: Iterable[tuple[str, Mapping[str, str | None]]]) -> pa.Table:
    """Table of (unique id, cleaned columns), in order of the id whatever order they come in."""
    waiting = iter(rows)
    batches = [_batch(some) for some in iter(lambda: list(islice(waiting, BATCH)), [])]
    return pa.Table.from_batches(batches, SCHEMA).sort_by("unique_id")


def _batch(rows: Sequence[tuple[str, Mapping[str, str | None]]]) -> pa.RecordBatch:
    """A batch at a time, for as Python's dictionaries rows take a dozen times the room."""
    columns = [pa.array([unique_id for unique_id, _ in rows], pa.string())]
    columns += [pa.array([row[column] for _, row in rows], pa.string()) for column in COLUMNS]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def connect(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, forbidden to spill to disk, with table `records`: the columns and `rid`, the rank of the id."""
    connection = duckdb.connect(":memory:")
    connection.execute("set temp_directory = ''")
    connection.register("incoming", table)
    connection.execute("""
        create table records as select cast(row_number() over (order by unique_id) as integer) as rid, * from incoming""")
    connection.unregister("incoming")
    return connection


def score(table: pa.Table, model: Model, threshold: float | None = None) -> Scored:
    """Pairs of a `prepare`d table that weigh at least `threshold` bits (the model's review threshold when None)."""
    with connect(table) as connection:
        parts = -(-table.num_rows // PART) or 1
        return scored(connection, DuckDBAPI(connection), model, threshold, parts=parts, rules_at_once=1)


def scored(
    database: Database,
    api: DatabaseAPI[Any],
    model: Model,
    threshold: float | None,
    *,
    parts: int = 1,
    rules_at_once: int = len(RULES),
) -> Scored:
    """`score` of table `records` of `database`, which `api` is Splink's name for, in so many `parts`: of its pairs only
    those of one part, and the keys of so many rules, are in memory at a time."""
    hot = usable_keys(database, model.stop_keys, model.salt, at_once=rules_at_once)
    linker = _linker(database, api, model, FREQUENCY_COLUMNS)
    floor = model.review if threshold is None else threshold
    found: Counter[int] = Counter()
    for part in range(parts):
        found += pair(database, part, parts)
        _predict(database, api, linker, floor, more=part > 0)
    likely = f"select rid_l, rid_r from edges where match_weight >= {model.link!r}"
    return Scored(_edges(database), told(found, hot), ceiling(database, likely))


def compare(connection: duckdb.DuckDBPyConnection, model: Model, parts: int) -> None:
    """Make table `pairs` of those of one of so many parts of the records with all others, for `weights_of_pairs`."""
    usable_keys(connection, model.stop_keys, model.salt, at_once=1)
    pair(connection, 0, parts)


def weights_of_pairs(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[float, int]:
    """Weight (bits, to a hundredth) → how many pairs of table `pairs` have it."""
    api = DuckDBAPI(connection)
    _predict(connection, api, _linker(connection, api, model, FREQUENCY_COLUMNS), LEAST_COUNTED, more=False)
    counted = f"select round(match_weight, 2) as weight, count(*) from edges where {_PERSONAL} group by 1 order by 1"
    return dict(connection.execute(counted).fetchall())


def _predict(database: Database, api: DatabaseAPI[Any], linker: Linker, floor: float, *, more: bool) -> None:
    """Score table `pairs` into table `edges`, or `more` pairs for it."""
    if not more:
        pairs = api.register("pairs", table_name="blocked")
        linker.table_management.register_blocked_pairs_for_predict(pairs)
    predicted = linker.inference.predict(threshold_match_weight=floor, warning_mode="never")
    database.execute(f"""
        {"insert into edges" if more else "create or replace temp table edges as"}
        select rid_l, rid_r, match_weight, {", ".join(GAMMAS)} from {predicted.physical_name}""")
    predicted.drop_table_from_database_and_remove_from_cache()


def linker_for(connection: duckdb.DuckDBPyConnection, model: Model, *, frequencies: bool = True) -> Linker:
    """A Splink linker over table `records` with the model's own term frequencies."""
    return _linker(connection, DuckDBAPI(connection), model, FREQUENCY_COLUMNS if frequencies else ())


def _linker(database: Database, api: DatabaseAPI[Any], model: Model, frequent: tuple[str, ...]) -> Linker:
    """The same on any engine; `frequent`: columns whose term frequencies adjust weights, all or none."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    records = api.register("records", table_name="input")
    linker = Linker(records, settings(model, frequencies=bool(frequent)), log_level=None)
    for column in frequent:
        lookup = api.register(_frequency_table(database, model, column), table_name=f"lookup_{column}")
        linker.table_management.register_term_frequency_lookup(lookup, column)
    return linker


def _frequency_table(database: Database, model: Model, column: str) -> str:
    known = model.frequencies.get(column, {})
    frozen = pa.table(
        {"digest": pa.array(list(known), pa.string()), "share": pa.array(list(known.values()), pa.float64())}
    )
    database.register("frozen", frozen)
    name = f"tf_of_{column}"
    database.execute(f"""
        create or replace table {name} as
        select v.{column}, coalesce(frozen.share, {model.rare_frequency!r}) as tf_{column}
        from (select distinct {column} from records where {column} is not null) v
        left join frozen on frozen.digest = {digest_sql(f"v.{column}", model.salt)}""")
    database.unregister("frozen")
    return name


def _edges(database: Database) -> pa.Table:
    """Sorted here, for engines' orders differ; rounded as `compiled` rounds."""
    gammas = ", ".join(GAMMAS)
    found = database.sql(f"""
        select l.unique_id as "left", r.unique_id as "right", floor(match_weight * 1e9 + 0.5) / 1e9 as weight, {gammas}
        from edges s join records l on l.rid = s.rid_l join records r on r.rid = s.rid_r
        where {_PERSONAL}""")
    heaviest = [("weight", "descending"), ("left", "ascending"), ("right", "ascending")]
    return found.to_arrow_table().cast(EDGES).sort_by(heaviest)
