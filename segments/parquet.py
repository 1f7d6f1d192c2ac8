"""Rows of an export as one Parquet file: each chunk a row group, sent as it is written; a file that broke off has no footer
and cannot be read."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from segments.query.ast import Kind
from segments.query.bounds import read_date, read_moment


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(value: Any) -> datetime | None:
    return read_moment(value) if isinstance(value, str) else None


def _date(value: Any) -> date | None:
    return read_date(value) if isinstance(value, str) else None


TYPES: Final[Mapping[Kind, tuple[pa.DataType, Callable[[Any], Any]]]] = {
    "number": (pa.float64(), _number),
    "string": (pa.string(), lambda value: value if isinstance(value, str) else None),
    "boolean": (pa.bool_(), lambda value: value if isinstance(value, bool) else None),
    "date": (pa.date32(), _date),
    "moment": (pa.timestamp("us", "UTC"), _moment),
}


class Writer:
    """Turns lines of NDJSON into parts of a Parquet file. `kinds` are of each column its type, and whether it is a list; a
    value of another type is null, as it fails every test in rules."""

    def __init__(self, kinds: Mapping[str, tuple[Kind, bool]]) -> None:
        self._kinds, self._sink = kinds, _Sink()
        fields = [(name, pa.list_(TYPES[kind][0]) if many else TYPES[kind][0]) for name, (kind, many) in kinds.items()]
        self._schema = pa.schema(fields)
        self._writer = ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")

    def begin(self) -> bytes:
        """Nothing: what stands before the first row group goes with it."""
        return b""

    def part(self, lines: Sequence[bytes]) -> bytes:
        """The next row group, of lines of NDJSON."""
        rows = [json.loads(line) for line in lines]
        if rows:
            columns = [self._column(name, [row[name] for row in rows]) for name in self._kinds]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        return self._sink.taken()

    def end(self) -> bytes:
        """The footer."""
        self._writer.close()
        return self._sink.taken()

    def _column(self, name: str, values: Sequence[Any]) -> pa.Array:
        kind, many = self._kinds[name]
        kept, read = TYPES[kind]
        if many:
            lists = [[read(one) for one in value] if isinstance(value, list) else None for value in values]
            return pa.array(lists, pa.list_(kept))
        return pa.array([read(value) for value in values], kept)


class _Sink(io.RawIOBase):
    """What was written and not yet taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """All of it, once."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
