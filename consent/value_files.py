"""Files of values, such as suppression lists: one a line, or a column of a CSV; never written anywhere."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from django.utils.translation import gettext as _

from cdp.core.errors import Refused


def read(lines: Iterable[bytes], column: str = "") -> Iterator[tuple[int, str]]:
    """(line number, value) of each line that holds one: the first cell, or that of `column`, named by the header.

    UTF-8, UTF-16 with its mark, or what Korean Windows writes. Raises `Refused`: `no_such_column`; `unreadable`, once what
    stands before is read.
    """
    rows = csv.reader(_decoded(lines))
    try:
        place = _place(next(rows, []), column) if column else 0
        for row in rows:
            if len(row) > place and (value := row[place].strip()):
                yield rows.line_num, value
    except csv.Error:
        told = _("Line %(line)d of the file cannot be read: it is no list of values, one a line.")
        raise Refused("unreadable", told % {"line": rows.line_num}) from None


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    remaining = iter(lines)
    first = next(remaining, b"")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        texts = _utf16(chain([first], remaining))
    else:
        texts = map(_text, chain([first.removeprefix(codecs.BOM_UTF8)], remaining))
    return (text.replace("\0", "") for text in texts)


def _utf16(pieces: Iterable[bytes]) -> Iterator[str]:
    """What spreadsheets call Unicode text; its lines do not end where bytes look so."""
    decoder, rest = codecs.getincrementaldecoder("utf-16")("replace"), ""
    for piece in pieces:
        *whole, rest = (rest + decoder.decode(piece)).split("\n")
        yield from whole
    yield rest


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
