"""Running the statements of the `sql` modules.

An array of UUIDs travels as one literal, for an adapter would be called for each of them; JSON is read and written by
msgspec. Both are by far the larger part of what a set-based statement costs in Python.
"""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import connection
from psycopg.types.json import set_json_dumps, set_json_loads

# Arrays of at most so many values are few.
FEW = 64
_number = attrgetter("int")
set_json_loads(msgspec.json.decode)
set_json_dumps(msgspec.json.Encoder(decimal_format="number").encode)


def execute(statement: str, params: Any = None) -> None:
    """Run a statement for its effect."""
    with connection.cursor() as cursor:
        cursor.execute(statement, _travelling(params))


def fetch(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, _travelling(params))
        return list(cursor.fetchall())


def prepared(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """Run a hot statement, and return its rows if it has any: values travel in binary, and as long as they are few
    PostgreSQL plans it once a connection.

    For look-ups by index only: the plan is made for whatever values may come.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, _travelling(params), binary=True, prepare=_few(params))
        return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []


def _few(params: Any) -> bool:
    """Whether no parameter is a long array, over which another plan may be better."""
    values = params.values() if isinstance(params, dict) else params or ()
    return all(len(value) <= FEW for value in values if isinstance(value, list | tuple))


def column(statement: str, params: Any = None) -> list[Any]:
    """The first column of a statement."""
    return [row[0] for row in fetch(statement, params)]


def execute_over(statement: str, rows: Collection[tuple[Any, ...]]) -> None:
    """Run a set-based statement as `prepared`, whose parameters are the columns of `rows` as arrays; nothing for no rows."""
    if rows:
        prepared(statement, list(zip(*rows, strict=True)))


def copy_over(statement: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy many rows into a table, in binary, values of these PostgreSQL types; none may be there yet."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _travelling(params: Any) -> Any:
    if isinstance(params, dict):
        return {name: _array(value) for name, value in params.items()}
    return [_array(value) for value in params] if params else params


def _array(value: Any) -> Any:
    """A list or tuple as a parameter: of UUIDs one literal, else a list."""
    if not isinstance(value, list | tuple):
        return value
    if not isinstance(next((item for item in value if item is not None), None), UUID):
        return list(value)
    return literal(["NULL" if item is None else item.hex for item in value])


def literal(ids: Sequence[str]) -> str:
    """An array of UUIDs, given in hexadecimal, as PostgreSQL reads it."""
    return "{" + ",".join(ids) + "}"


def hexadecimals(ids: Iterable[UUID] | str) -> list[str]:
    """The 32 digits of each of these UUIDs, which sort as they do; also of an array as PostgreSQL writes it."""
    if not isinstance(ids, str):
        return [one.hex for one in ids]
    return ids.strip("{}").replace("-", "").split(",") if ids != "{}" else []


def by_number(ids: Iterable[UUID]) -> list[UUID]:
    """UUIDs in PostgreSQL's order, sorted without a call in Python for each comparison."""
    return sorted(ids, key=_number)
