"""The relations of a snapshot in Spark: files read where they lie, the rest from Arrow."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa

from cdp.lake import places, sql
from cdp.lake.types import FileGone, Interrupted

EVENTS = "events_event"
# What Spark says of a file that is not there any more, before it reads files or while it does.
GONE = ("[PATH_NOT_FOUND]", "[FAILED_READ_FILE.FILE_NOT_EXIST]")


class SparkSnapshot:
    """A session of Spark with relations of its own: ids as bytes, JSON as VARIANT."""

    def __init__(self, spark: Any) -> None:
        self.session, self._group = spark.newSession(), str(uuid4())
        self._over, self._interrupted = Event(), False
        for name, value in sql.SPARK_MEANING.items():
            self.session.conf.set(name, value)

    def execute(self, query: str, parameters: Mapping[str, object]) -> pa.Table:
        """The rows of a query with named parameters (:name). Raises `Interrupted` after `interrupt`, and `FileGone`."""
        self.session.sparkContext.setJobGroup(self._group, "segments", interruptOnCancel=True)
        try:
            with self._failing():
                return self.session.sql(query, args=dict(parameters)).toArrow()
        finally:
            self._over.set()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            yield
        except (PySparkException, Py4JError) as error:
            if self._interrupted:
                raise Interrupted from None
            if any(condition in str(error) for condition in GONE):
                raise FileGone from None
            raise

    def interrupt(self) -> None:
        """Have the query that is under way fail."""
        self._interrupted = True
        Thread(target=self._cancel, daemon=True).start()

    def _cancel(self) -> None:
        """Again and again: between two jobs of a query there is none to be cancelled."""
        while not self._over.wait(0.5):
            self.session.sparkContext.cancelJobGroup(self._group)

    def keep(self, relation: str, table: pa.Table) -> None:
        """A relation by its name, out of a table whose ids and JSON are texts."""
        columns = ", ".join(map(_typed, table.column_names))
        told = self.session.sql(sql.SPARK_KEEP.format(columns=columns, found="{found}"), found=self._frame(table))
        told.createOrReplaceTempView(relation)

    def keep_events(self, files: Iterable[UUID], tail: pa.Table) -> None:
        """Events out of files of the lake, and those that are in none. Raises `FileGone`."""
        paths = [f"file://{places.path(file).absolute()}" for file in files]
        read = self.session.read.schema(sql.SPARK_FILE)
        with self._failing():
            kept = read.parquet(*paths) if paths else self.session.createDataFrame([], sql.SPARK_FILE)
            told = self.session.sql(sql.SPARK_EVENTS, kept=kept, tail=self._frame(tail))
            told.createOrReplaceTempView(EVENTS)

    def _frame(self, table: pa.Table) -> Any:
        return self.session.createDataFrame(table)


def _typed(name: str) -> str:
    if name == "id" or name.endswith("_id"):
        return sql.SPARK_ID.format(name=name)
    return f"parse_json({name}) as {name}" if name == "traits" else name
