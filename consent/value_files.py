"""Files of values, such as suppression and opt-out lists: one a line, or a column of a CSV; never written anywhere."""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from consent.types import TakenValues
from identity.linkage.normalise import identifier

VALUES_A_COMMIT, LINES_TOLD = 2_000, 10


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


def take(values: Iterable[tuple[int, str]], kind: str, write: Callable[[list[str]], int]) -> TakenValues:
    """Have (line number, value) of one kind written, some thousands a transaction: `write` is given normalised values and
    answers how many lines were new. What is no value of its kind is told by its line."""
    read, added, unusable = 0, 0, list[int]()
    remaining = iter(values)
    while part := list(islice(remaining, VALUES_A_COMMIT)):
        normal = [(line, identifier(kind, value)) for line, value in part]
        unusable += [line for line, value in normal if value is None]
        read += len(part)
        added += write(sorted({value for _line, value in normal if value}))
    return TakenValues(read, added, len(unusable), tuple(unusable[:LINES_TOLD]))


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
