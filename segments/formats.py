"""Rows of an export as CSV or NDJSON: the clear columns are formatted by the database, contact values in memory."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from cdp.core.statements import fetch
from segments import sql
from segments.models import Segment

Format = Literal["csv", "ndjson"]
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


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe where it could (OWASP, CSV injection)."""
    return "'" + cell if cell[:1] and cell[0] in DANGEROUS and not PLAIN_NUMBER.fullmatch(cell) else cell


def header(columns: Sequence[str]) -> bytes:
    """The first line of a CSV."""
    return (",".join(columns) + "\n").encode()


def clear(fmt: Format, segment: Segment, profiles: str, columns: Sequence[str]) -> tuple[bytes, int]:
    """The lines of those members (an array literal), in order of profile id, and how many there are. Formatted wholly by
    COPY."""
    rows = _csv_rows(columns) if fmt == "csv" else _json_rows(columns)
    statement = (sql.TO_CSV if fmt == "csv" else sql.TO_LINES).format(rows=rows)
    with connection.cursor() as cursor:
        blocks = copied_out(cursor, statement, {"segment": segment.pk, "profiles": profiles})
        return b"".join(blocks), cursor.rowcount


def copied_out(cursor: CursorWrapper, statement: str, params: dict[str, object]) -> list[bytes]:
    """What a COPY … TO STDOUT gives. On psycopg's own cursor: Django's debugging one takes no parameters."""
    with cursor.cursor.copy(statement, params) as copy:
        return [bytes(block) for block in copy]


def personal(
    fmt: Format, segment: Segment, profiles: str, columns: Sequence[str], contacts: dict[UUID, str]
) -> tuple[bytes, int]:
    """The same with the column "contact": the value of each profile that has one. It passes through memory only."""
    others = [column for column in columns if column != CONTACT]
    write = _csv_lines if fmt == "csv" else _json_lines
    rows = _csv_rows(others, _WHOSE) if fmt == "csv" else _json_rows(others, _WHOSE)
    found = fetch(rows, {"segment": segment.pk, "profiles": profiles})
    values = [contacts.get(row[0]) for row in found]
    return write([row[1:] for row in found], values, list(columns).index(CONTACT)), len(found)


def _csv_lines(rows: list[tuple[str | None, ...]], contacts: list[str | None], place: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row, contact in zip(rows, contacts, strict=True):
        writer.writerow([*row[:place], defused(contact or ""), *row[place:]])
    return text.getvalue().encode()


def _json_lines(rows: list[tuple[str, ...]], contacts: list[str | None], place: int) -> bytes:
    pairs = zip(rows, contacts, strict=True)
    lines = [f'{row[0][:-1]}, "{CONTACT}" : {json.dumps(contact, ensure_ascii=False)}}}\n' for row, contact in pairs]
    return "".join(lines).encode()


def _csv_rows(columns: Sequence[str], *before: str) -> str:
    return sql.EXPORT.format(columns=", ".join([*before, *(_cell(column) for column in columns)]))


def _cell(column: str) -> str:
    return f"({_MEMBER[column]})::text" if column in _MEMBER else _defused_trait(column)


def _defused_trait(trait: str) -> str:
    """A trait as a defused cell; the same as `defused`, done by the database."""
    text = f"t.traits ->> '{trait}'"
    harmless = f"({text}) ~ '^{PLAIN_NUMBER.pattern}$'"
    return f"case when ascii({text}) in ({_CODES}) and not {harmless} then '''' || ({text}) else {text} end"


def _json_rows(columns: Sequence[str], *before: str) -> str:
    pairs = [f"'{column}', {_MEMBER.get(column) or _value(column)}" for column in columns]
    built = f"json_build_object({', '.join(pairs) or _ALWAYS})::text"
    return sql.EXPORT.format(columns=", ".join([*before, built]))


_WHOSE = "m.profile_id"
_ALWAYS = "'profile_id', m.profile_id::text"


def _value(trait: str) -> str:
    return f"t.traits -> '{trait}'"
