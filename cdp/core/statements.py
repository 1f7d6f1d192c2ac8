"""Running the statements of the `sql` modules."""

from collections.abc import Collection
from typing import Any

import psycopg
from django.db import connection


def execute(statement: str, params: Any = None) -> None:
    """Run a statement for its effect."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def fetch(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def fetch_binary(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    """As `fetch`, values in binary: for hot statements, whose times and JSON Django's cursor would parse from text."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, params, binary=True, prepare=False).fetchall()


def column(statement: str, params: Any = None) -> list[Any]:
    """The first column of a statement."""
    return [row[0] for row in fetch(statement, params)]


def execute_over(statement: str, rows: Collection[tuple[Any, ...]]) -> None:
    """Run a set-based statement whose parameters are the columns of `rows` as arrays; nothing for no rows.

    Django's cursor would write the arrays into the text of the statement; these travel in binary.
    """
    if rows:
        columns = [list(values) for values in zip(*rows, strict=True)]
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(statement, columns, prepare=False)
