"""Running the statements of the `sql` modules.

An array of UUIDs travels as one literal, for an adapter would be called for each of them; JSON is read and written by
msgspec. Both are by far the larger part of what a set-based statement costs in Python.
"""

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import connection
from psycopg.types.json import set_json_dumps, set_json_loads

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


def fetch_binary(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """As `fetch`, values in binary: for hot statements, whose times and JSON Django's cursor would parse from text."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, _travelling(params), binary=True, prepare=False).fetchall()


def column(statement: str, params: Any = None) -> list[Any]:
    """The first column of a statement."""
    return [row[0] for row in fetch(statement, params)]


def execute_over(statement: str, rows: Collection[tuple[Any, ...]]) -> None:
    """Run a set-based statement whose parameters are the columns of `rows` as arrays; nothing for no rows.

    Django's cursor would write the arrays into the text of the statement; these travel in binary.
    """
    if rows:
        columns = [_array(values) for values in zip(*rows, strict=True)]
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(statement, columns, prepare=False)


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
    return "{" + ",".join(["NULL" if item is None else item.hex for item in value]) + "}"


def by_number(ids: Iterable[UUID]) -> list[UUID]:
    """UUIDs in PostgreSQL's order, sorted without a call in Python for each comparison."""
    return sorted(ids, key=_number)
