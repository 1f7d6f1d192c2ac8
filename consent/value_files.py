"""Files of values, such as suppression lists: one a line, or a column of a CSV; never written anywhere."""

import csv
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from cdp.core.errors import Refused


def read(lines: Iterable[bytes], column: str = "") -> Iterator[tuple[int, str]]:
    """(line number, value) of each line that holds one: the first cell, or that of `column`, named by the header.

    UTF-8, or what Korean Windows writes. Raises `Refused`, `no_such_column`.
    """
    rows = csv.reader(_decoded(lines))
    place = _place(next(rows, []), column) if column else 0
    for row in rows:
        if len(row) > place and (value := row[place].strip()):
            yield rows.line_num, value


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        raw = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
        yield _text(raw).replace("\0", "")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp949", "replace")


def _place(header: list[str], column: str) -> int:
    names = [name.strip() for name in header]
    if column not in names:
        raise Refused("no_such_column", _("The file has no such column."))
    return names.index(column)
