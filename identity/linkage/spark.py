"""Records to scored pairs: Splink on Spark, with the weights that DuckDB gives.

Blocking, term frequencies and comparisons are the same SQL, written for DuckDB and transpiled. Jaro-Winkler and
Damerau-Levenshtein are ours: Spark's usual ones count UTF-16 units where DuckDB counts bytes, and halve odd numbers of
transpositions otherwise. Loaded only when asked for: Spark is an extra.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import sqlglot
from rapidfuzz.distance import DamerauLevenshtein
from sqlglot import exp

from cdp.core.spark import session
from identity.linkage import translate
from identity.linkage.model import Model
from identity.linkage.score import Scored, scored
from identity.linkage.score import score as score_here

Distance = Callable[[bytes, bytes], float]


def score(table: pa.Table, model: Model, threshold: float | None = None) -> Scored:
    """As `identity.linkage.score.score`, on Spark; weights may differ by the last of their nine decimals."""
    if table.num_rows < 2:  # not worth a session
        return score_here(table, model, threshold)
    from splink.backends.spark import SparkAPI

    with session("identity resolution") as spark:
        database = connect(spark, table)
        api = SparkAPI(spark_session=spark, break_lineage_method="persist", register_udfs_automatically=False)
        return scored(database, api, model, threshold)


def connect(spark: Any, table: pa.Table) -> "SparkDatabase":
    """A database with table `records`: the columns and `rid`, the rank of the id."""
    _prepare(spark)
    database = SparkDatabase(spark)
    ranks = pa.array(range(1, table.num_rows + 1), pa.int64())
    database.register("incoming", table.sort_by("unique_id").add_column(0, "rid", ranks))
    database.execute("create table records as select * from incoming")
    database.unregister("incoming")
    return database


class SparkDatabase:
    """A session that takes DuckDB's words. Its tables live in memory, what does not fit on encrypted disk."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark

    def execute(self, query: str, /) -> "SparkResult":
        """The result of a query. A table is computed at once, and forgets how: Spark plans anew what it remembers."""
        tree = sqlglot.parse_one(query, dialect="duckdb").transform(_spoken)
        if not isinstance(tree, exp.Create):
            return SparkResult(self._spark.sql(tree.sql(dialect="spark")))
        frame = self._spark.sql(tree.expression.sql(dialect="spark")).localCheckpoint()
        frame.createOrReplaceTempView(tree.this.name)
        return SparkResult(frame)

    sql = execute

    def register(self, name: str, table: pa.Table, /) -> None:
        self._spark.createDataFrame(table).createOrReplaceTempView(name)

    def unregister(self, name: str, /) -> None:
        self._spark.catalog.dropTempView(name)


class SparkResult:
    """What a query of Spark's gave."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._frame.collect()]

    def to_arrow_table(self) -> pa.Table:
        return self._frame.toArrow()


def _spoken(node: exp.Expr) -> exp.Expr:
    """DuckDB's `hash` has 64 bits, Spark's function of that name 32."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "hash":
        return exp.Anonymous(this="xxhash64", expressions=node.expressions)
    return node


def _prepare(spark: Any) -> None:
    """Give Splink its distances."""
    from pyspark import cloudpickle
    from pyspark.sql.functions import arrow_udf

    for module in (translate, sys.modules[__name__]):  # executors need not have this package
        cloudpickle.register_pickle_by_value(module)
    for name, distance in DISTANCES.items():
        # Of a function called deterministic, Spark writes a copy wherever a weight is read: hundreds, instead of one a level.
        spark.udf.register(name, arrow_udf(_pairwise(distance), "double").asNondeterministic())


def _pairwise(distance: Distance) -> Callable[[pa.Array, pa.Array], pa.Array]:
    """The distance of two columns of text, over bytes of UTF-8; null where either is."""

    def distances(left: pa.Array, right: pa.Array) -> pa.Array:
        pairs = zip(left.cast(pa.binary()).to_pylist(), right.cast(pa.binary()).to_pylist(), strict=True)
        return pa.array(
            [None if one is None or two is None else distance(one, two) for one, two in pairs], pa.float64()
        )

    return distances


def _damerau_levenshtein(one: bytes, other: bytes) -> int:
    """By its module, for executors find no other way to it."""
    return DamerauLevenshtein.distance(one, other)


# By the names that Splink gives them on Spark.
DISTANCES: Final[dict[str, Distance]] = {
    "jaro_winkler": translate.jaro_winkler,
    "damerau_levenshtein": _damerau_levenshtein,
}
