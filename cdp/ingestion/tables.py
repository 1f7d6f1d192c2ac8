"""New rows of a table in another PostgreSQL, by a column that only grows: when a row was last changed, or its number.

A round reads from a little before where the last one ended to the highest value there was when it began, in order of that
column and of one that is another in each row. Reading a little again takes in what was written late; what was kept is a
repeat. A row without a value in either column is never read, nor is a deletion noticed.
"""

import re
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from cdp.core.networks import allowed
from cdp.core.statements import fetch
from cdp.ingestion.errors import Away
from cdp.ingestion.files import Line, cleaned

SECONDS = 20
PORT, TRIED = "5432", 2
_ALLOWED = frozenset({"host", "port", "dbname", "user", "sslmode", "sslrootcert"})
_NAME = re.compile(r"[^\W\d]\w{0,62}")
# How far a round reaches back, by type: longer than a transaction there takes.
_BACK = {
    "timestamp with time zone": "- interval '10 minutes'", "timestamp without time zone": "- interval '10 minutes'",
    "date": "- 1", "bigint": "- 1000", "integer": "- 1000",
}  # fmt: skip
_NUMBERS = ("bigint", "integer")
_TYPE = """
select format_type(atttypid, -1) from pg_attribute
where attrelid = %s::regclass and attname = %s and not attisdropped
"""
# Which server, since it started, and which of its databases.
_WHICH = "select extract(epoch from pg_postmaster_start_time())::text, current_database()::text"
_PAGE = """
select t.*, t.{watermark}::text, t.{key}::text from {table} t
where WHERE order by t.{watermark}, t.{key} limit %(rows)s
"""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a table is read, as its own texts of both columns: `mark` by the last round; of the present one the end,
    the last row that is kept, and the mark it leaves: never a future moment, which would hide what comes before it."""

    mark: str | None = None
    until: str | None = None
    at: tuple[str, str] | None = None
    leaves: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Some rows, and the place once they are kept; `last` when the round is over with them."""

    lines: list[Line]
    place: Place
    last: bool


class Table(msgspec.Struct, frozen=True):
    """Which rows are meant."""

    address: str
    name: str
    watermark: str
    key: str

    def identifier(self) -> sql.Identifier:
        """Of the table, with its schema if it names one."""
        return sql.Identifier(*self.name.split("."))


def is_address(address: str) -> bool:
    """Whether this says where a database is, as whom, and no password."""
    try:
        said = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        return False
    needed = {"host", "dbname", "user"} <= said.keys() <= _ALLOWED
    host = str(said.get("host", ""))
    return address.startswith(("postgresql://", "postgres://")) and needed and host != "" and "," not in host


def is_name(name: str, parts: int = 1) -> bool:
    """Whether this is the name of a column, or of a table with or without its schema (`parts` 2)."""
    words = name.split(".")
    return len(words) <= parts and all(_NAME.fullmatch(word) for word in words)


def pages(table: Table, password: str, place: Place, rows: int) -> Generator[Page, None, None]:
    """The rows of a round from `place` on, so many at once; `Away` when the database cannot be asked, with why."""
    with _told(), psycopg.connect(_opened(table.address, password), autocommit=True) as connection:
        _refuse_our_own(connection)
        for name, loader in _LOADERS.items():
            connection.adapters.register_loader(name, _lenient(loader))
        place = _begun(connection, table, place)
        while place.until is not None:
            page = _page(connection, table, place, rows)
            yield page
            if page.last:
                return
            place = page.place


def _lenient(base: Any) -> type[Loader]:
    """A loader that leaves what Python has no time for, as infinity or a year BC, a text."""

    class Lenient(base):  # type: ignore[misc]
        def load(self, data: Buffer) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return Lenient


_LOADERS = {"date": DateLoader, "timestamp": TimestampLoader, "timestamptz": TimestamptzLoader}


def _opened(address: str, password: str) -> str:
    """With encryption unless the address says otherwise, or a socket of this machine is meant; read only."""
    said = conninfo_to_dict(address)
    reached = _reached(str(said["host"]), str(said.get("port") or PORT))
    mode = {} if "sslmode" in said or str(said["host"]).startswith("/") else {"sslmode": "require"}
    options = f"-c default_transaction_read_only=on -c statement_timeout={SECONDS * 1000} -c timezone=UTC"
    # Nothing of our own environment opens another database: no password but the one that is kept.
    secret = {"password": password, "passfile": "/dev/null"}
    known: dict[str, str | int] = {
        "connect_timeout": SECONDS,
        "application_name": "cdp",
        "require_auth": "!password",
    }  # never in the clear
    return make_conninfo(address, options=options, **known, **mode, **secret, **reached)


def _reached(host: str, port: str) -> dict[str, str]:
    """The very addresses that were looked at, all of them public or allowed by the settings; of a socket its folder, where
    the settings name it. Raises `Away`."""
    if host.startswith(("/", "@")):
        if host.rstrip("/") not in settings.PULL_NETWORKS:
            raise Away("address_refused")
        return {"hostaddr": ""}
    try:
        found = dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        raise Away("no_such_host") from None
    if not all(allowed(one, _ranges()) for one in found):
        raise Away("address_refused")
    tried = list(found)[:TRIED]
    return {"host": ",".join([host] * len(tried)), "hostaddr": ",".join(tried)}


def _ranges() -> list[str]:
    return [one for one in settings.PULL_NETWORKS if not one.startswith("/")]


def _refuse_our_own(connection: psycopg.Connection[Any]) -> None:
    """Our own tables hold what who may fetch rows may not see."""
    if connection.execute(_WHICH).fetchone() in fetch(_WHICH):
        raise Away("our_own")


def _begun(connection: psycopg.Connection[Any], table: Table, place: Place) -> Place:
    """The round that is not over, or a new one, up to the highest value that there is."""
    if place.until is not None:
        return place
    until = _highest(connection, table, sql.SQL("true"))
    if until is None:
        return Place(mark=place.mark)
    whole = _type(connection, table) in _NUMBERS
    leaves = until if whole else _highest(connection, table, sql.SQL("{} <= now()"))
    return Place(mark=place.mark, until=until, leaves=leaves or place.mark)


def _highest(connection: psycopg.Connection[Any], table: Table, which: sql.SQL) -> str | None:
    column = sql.Identifier(table.watermark)
    statement = sql.SQL("select max({})::text from {} where {}")
    found = connection.execute(statement.format(column, table.identifier(), which.format(column))).fetchone()
    return found[0] if found else None


def _page(connection: psycopg.Connection[Any], table: Table, place: Place, rows: int) -> Page:
    kind = _type(connection, table)
    named = {
        "watermark": sql.Identifier(table.watermark), "key": sql.Identifier(table.key), "table": table.identifier(),
        "type": sql.SQL(kind), "back": sql.SQL(_BACK[kind]),
    }  # fmt: skip
    where = ["t.{watermark} <= %(until)s::{type}", "t.{key} is not null"]
    if place.at:
        where.append("(t.{watermark}, t.{key}) > (%(at)s, %(row)s)")
    elif place.mark:
        where.append("t.{watermark} >= %(mark)s::{type} {back}")
    text = _PAGE.replace("WHERE", " and ".join(where))
    at, row = place.at or (None, None)
    given = {"until": place.until, "mark": place.mark, "at": at, "row": row, "rows": rows}
    cursor = connection.execute(sql.SQL(text).format(**named), given)
    columns = [column.name for column in cursor.description or ()][:-2]
    return _kept(columns, cursor.fetchall(), place, rows)


def _type(connection: psycopg.Connection[Any], table: Table) -> str:
    name = table.identifier().as_string(connection)
    found = connection.execute(_TYPE, [name, table.watermark]).fetchone()
    if found is None or found[0] not in _BACK:
        raise Away("watermark_type")
    return str(found[0])


def _kept(columns: Sequence[str], found: Sequence[tuple[Any, ...]], place: Place, rows: int) -> Page:
    lines = [
        cleaned(number, dict(zip(columns, map(_cell, row[:-2]), strict=True))) for number, row in enumerate(found, 1)
    ]
    if len(found) < rows:
        return Page(lines, Place(mark=place.leaves), last=True)
    return Page(lines, Place(place.mark, place.until, (found[-1][-2], found[-1][-1]), place.leaves), last=False)


def _cell(cell: Any) -> Any:
    """What a line can hold; of types that JSON does not know, their text."""
    if isinstance(cell, UUID):
        return str(cell)
    known = cell is None or isinstance(cell, str | int | float | dict | list | bytes) or hasattr(cell, "as_tuple")
    return cell if known or hasattr(cell, "year") else str(cell)


@contextmanager
def _told() -> Iterator[None]:
    """A fault of the other database by its kind: its text may quote a row."""
    try:
        yield
    except psycopg.Error as error:
        raise Away(error.sqlstate or type(error).__name__) from None
