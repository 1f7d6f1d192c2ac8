"""Rows of an export as CSV or NDJSON, of which Parquet is made: the clear columns are formatted by the database, contact
values in memory."""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from cdp.core.statements import fetch, literal
from segments import sql

Format = Literal["csv", "ndjson", "parquet"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
CONTACT = "contact"
# A spreadsheet runs a cell that begins with one of these; plain numbers and telephone numbers are no danger.
DANGEROUS = "=+-@\t\r\n＝＋－＠"
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MOMENT = """to_char(m.entered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_MEMBER = {
    "profile_id": "m.profile_id::text", "entered_at": _MOMENT, "variant": sql.VARIANT,
    "is_holdout": f"coalesce({sql.VARIANT} = 'holdout', false)",
}  # fmt: skip
_CODES = ", ".join(str(ord(character)) for character in DANGEROUS)


def _digest(contact: str) -> str:
    """As ad platforms match audiences: SHA-256 of the normalised value (E.164, e-mail in small letters), in hexadecimal."""
    return hashlib.sha256(contact.encode()).hexdigest()


# Columns that are made of a member's contact value.
PERSONAL: Final[Mapping[str, Callable[[str], str]]] = {CONTACT: str, "contact_sha256": _digest}


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe where it could (OWASP, CSV injection)."""
    return "'" + cell if cell[:1] and cell[0] in DANGEROUS and not PLAIN_NUMBER.fullmatch(cell) else cell


@dataclass(frozen=True)
class Chunk:
    """Lines of an export, and whom they tell of: ids as PostgreSQL writes an array. `contacts` are the contact values that
    lines were made with ("" for none). `last`: who was asked about last, if any."""

    lines: list[bytes]
    members: str
    last: str | None
    contacts: list[str] = field(default_factory=list)


class Writer:
    """Makes one CSV or NDJSON of lines."""

    def __init__(self, fmt: Format, columns: Sequence[str]) -> None:
        self._first = (",".join(columns) + "\n").encode() if fmt == "csv" else b""

    def begin(self) -> bytes:
        """What stands before all lines."""
        return self._first

    def part(self, lines: Sequence[bytes]) -> bytes:
        """The next lines."""
        return b"".join(lines)

    def end(self) -> bytes:
        """What stands after all lines."""
        return b""


def clear(fmt: Format, columns: Sequence[str], gate: str, params: Mapping[str, object]) -> Chunk:
    """The next lines, of those members whom `gate` allows in this very snapshot, in order of profile id. Formatted wholly by
    COPY, which sends row by row: the mark, the id, the line."""
    rows = (_csv_rows if fmt == "csv" else _json_rows)(columns, gate)
    statement = (sql.TO_CSV if fmt == "csv" else sql.TO_LINES).format(rows=rows)
    with connection.cursor() as cursor:
        told = copied_out(cursor, statement, params)
    allowed = [row for row in told if row[:1] == b"t"]
    members = literal([row[_ID].decode() for row in allowed])
    last = told[-1][_ID].decode() if told else None
    return Chunk([row[_LINE:] for row in allowed], members, last)


# Where in a row of COPY the id stands, and the line begins.
_ID, _LINE = slice(2, 38), 39


def copied_out(cursor: CursorWrapper, statement: str, params: Mapping[str, object]) -> list[bytes]:
    """The rows that a COPY … TO STDOUT gives. On psycopg's own cursor: Django's debugging one takes no parameters."""
    with cursor.cursor.copy(statement, params) as copy:
        return [bytes(row) for row in copy]


def personal(
    fmt: Format, columns: Sequence[str], gate: str, params: Mapping[str, object],
    contacts: Callable[[str], Mapping[UUID, str]], told_of: set[bytes] | None = None,
) -> Chunk:  # fmt: skip
    """The same with columns of `PERSONAL`, made of the contact value of each member (of an array) that has one. It passes
    through memory only. With `told_of`, digests of the values told before, each value is told once, and nobody without."""
    others = [column for column in columns if column not in PERSONAL]
    told = fetch((_csv_rows if fmt == "csv" else _json_rows)(others, gate), params)
    allowed = [row for row in told if row[0]]
    found = contacts(literal([row[1].hex for row in allowed])) if allowed else {}
    if told_of is not None:
        allowed = [row for row in allowed if _is_first(found.get(row[1]), told_of)]
    members = literal([row[1].hex for row in allowed])
    write = _csv_lines if fmt == "csv" else _json_lines
    values = [found.get(row[1], "") for row in allowed]
    lines = write(columns, [row[2:] for row in allowed], values)
    return Chunk(lines, members, told[-1][1].hex if told else None, values)


def _is_first(contact: str | None, told_of: set[bytes]) -> bool:
    """Whether nobody with this value was told before, which is noted."""
    digest = hashlib.sha256((contact or "").encode()).digest()
    if contact is None or digest in told_of:
        return False
    told_of.add(digest)
    return True


def _csv_lines(columns: Sequence[str], rows: list[tuple[str | None, ...]], contacts: list[str]) -> list[bytes]:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    makers = [PERSONAL.get(column) for column in columns]
    for row, contact in zip(rows, contacts, strict=True):
        cells = iter(row)
        writer.writerow([defused(make(contact) if contact else "") if make else next(cells) for make in makers])
    return lines.written


class _Lines:
    """Takes each line of a CSV by itself."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, line: str) -> None:
        self.written.append(line.encode())


def _json_lines(columns: Sequence[str], rows: list[tuple[str, ...]], contacts: list[str]) -> list[bytes]:
    makers = {column: PERSONAL[column] for column in columns if column in PERSONAL}
    lines = []
    for (row,), contact in zip(rows, contacts, strict=True):
        made = {column: make(contact) if contact else None for column, make in makers.items()}
        lines.append(f"{row[:-1]}, {json.dumps(made, ensure_ascii=False)[1:]}\n".encode())
    return lines


def _csv_rows(columns: Sequence[str], gate: str) -> str:
    return _rows([_cell(column) for column in columns], gate)


def _rows(cells: Sequence[str], gate: str) -> str:
    return sql.EXPORT.format(gate=gate, columns="".join(f", {cell}" for cell in cells))


def _cell(column: str) -> str:
    return f"({_MEMBER[column]})::text" if column in _MEMBER else _defused_trait(column)


def _defused_trait(trait: str) -> str:
    """A trait as a defused cell; the same as `defused`, done by the database."""
    text = f"t.traits ->> '{trait}'"
    harmless = f"({text}) ~ '^{PLAIN_NUMBER.pattern}$'"
    return f"case when ascii({text}) in ({_CODES}) and not {harmless} then '''' || ({text}) else {text} end"


def _json_rows(columns: Sequence[str], gate: str) -> str:
    pairs = [f"'{column}', {_MEMBER.get(column) or _value(column)}" for column in columns]
    return _rows([f"json_build_object({', '.join(pairs) or _ALWAYS})::text"], gate)


_ALWAYS = "'profile_id', m.profile_id::text"


def _value(trait: str) -> str:
    return f"t.traits -> '{trait}'"
