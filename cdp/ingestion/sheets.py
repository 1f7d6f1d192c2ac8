"""Excel files as a stream of lines: the first sheet that is not hidden, row by row, values as they were last computed.

A workbook is XML in an archive, and a few kilobytes of it can say "a million cells": nothing of it is parsed before it is
counted, and no row or text is kept in the tree of the parser.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import chain
from typing import IO, Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError, iterparse

from django.utils.translation import gettext as _
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from cdp.ingestion import unpacked
from cdp.ingestion.errors import TooMuch
from cdp.ingestion.files import MOST_COLUMNS, Line, Table, bad_row, cleaned, header

# What Excel allows.
MOST_ROWS = 2**20
# The texts of a workbook are held in memory while it is read; of all else one row, or one small part.
LARGEST_TEXTS, LARGEST_PIECE, MOST_TAGS = 2**27, 2**23, 2**18
_TEXTS_TAG, _TEXT_TAG = f"{{{SHEET_MAIN_NS}}}sst", f"{{{SHEET_MAIN_NS}}}si"
_WORDS = (f"{{{SHEET_MAIN_NS}}}t", f"{{{SHEET_MAIN_NS}}}r/{{{SHEET_MAIN_NS}}}t")
_ERROR = "e"
_MIDNIGHT = time()


def excel_table(name: str, handle: BinaryIO) -> Table:
    """ValueError when it is no Excel file, or one without a header."""
    book = _book(handle)
    path = _first_sheet(book)
    if path is None:
        raise ValueError(_("The workbook has no sheet with rows."))
    rows = _rows(book, path)
    top, cells = next(rows, (1, {}))
    names = [str(cells.get(at, "")) for at in range(1, max(cells, default=0) + 1)]
    columns, seen = header(names), [top]

    def lines() -> Iterator[Line]:
        for number, cells in rows:
            seen[0] = number
            yield _line(number, cells, columns)

    # How many rows there are nobody knows before the last.
    return Table(name, columns, lines(), lambda: seen[0] / MOST_ROWS)


# --- the workbook -----------------------------------------------------------------------------------------------------


def _book(handle: BinaryIO) -> Any:
    """The workbook without its rows."""
    try:
        archive = _Archive(handle)
    except zipfile.BadZipFile:
        raise ValueError(_("This is no Excel file, or it asks for a password.")) from None
    try:
        return _described(handle, archive)
    except TooMuch:
        raise
    except (InvalidFileException, ParseError, OSError, KeyError, ValueError):
        raise ValueError(_("This is no Excel file.")) from None


def _described(handle: BinaryIO, archive: "_Archive") -> Any:
    book = ExcelReader(handle, read_only=True, data_only=True, keep_links=False)
    book.archive = archive
    book.read_manifest()
    texts = book.package.find(SHARED_STRINGS)
    book.shared_strings = [] if texts is None else _texts(archive, texts.PartName[1:])
    book.read_workbook()
    apply_stylesheet(archive, book.wb)
    return book


def _first_sheet(book: Any) -> str | None:
    found = ((sheet, rel) for sheet, rel in book.parser.find_sheets() if rel.target in book.valid_files)
    shown = (rel.target for sheet, rel in found if sheet.state == "visible" and "chartsheet" not in rel.Type)
    return next(shown, None)


def _texts(archive: "_Archive", path: str) -> list[str]:
    """What cells say by a number only, without how it is to be pronounced."""
    if archive.getinfo(path).file_size > LARGEST_TEXTS:
        raise TooMuch(_("The workbook holds too much text: save the sheet as CSV."))
    found = _each(_Piecewise(archive.streamed(path)), _TEXTS_TAG, _TEXT_TAG)
    return ["".join(word.text or "" for word in chain(*map(text.findall, _WORDS))) for text in found]


class _Archive(zipfile.ZipFile):
    """The parts of a workbook: small ones whole, those with texts and rows as streams."""

    def __init__(self, handle: BinaryIO) -> None:
        self._most = unpacked.most(handle)
        super().__init__(handle)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        with self.open(name, pwd=pwd) as part:
            return _Piecewise(part).read(LARGEST_PIECE + 1)

    def streamed(self, path: str) -> IO[bytes]:
        return unpacked.bounded(self.open(path), self._most)


class _Piecewise:
    """XML that is read piece by piece: `TooMuch` where one piece is longer, or has more tags, than Excel would write."""

    def __init__(self, part: IO[bytes]) -> None:
        self._part = part
        self.begin()

    def begin(self) -> None:
        """What is read from now on belongs to another piece."""
        self._size = self._tags = 0
        self._end = b""

    def read(self, size: int = -1, /) -> bytes:
        content = self._part.read(size)
        self._size += len(content)
        self._tags += content.count(b"<")
        plain = self._end + content.replace(b"\0", b"")
        self._end = plain[-8:]
        # A name for a text could make much of little; Excel writes none.
        if self._size > LARGEST_PIECE or self._tags > MOST_TAGS or b"<!ENTITY" in plain:
            raise TooMuch(_("A row or a part of the workbook is too large: save the sheet as CSV."))
        return content


def _each(source: _Piecewise, within: str, tag: str) -> Iterator[Element]:
    """The elements of a kind, one by one; none of them is kept."""
    holder: Element | None = None
    for event, element in iterparse(source, ("start", "end")):  # noqa: S314 - bounded, and without entities
        if event == "start":
            holder = element if holder is None and element.tag == within else holder
        elif element is holder:
            return
        elif element.tag == tag and holder is not None:
            yield element
            holder.clear()
            source.begin()


# --- its rows ---------------------------------------------------------------------------------------------------------


def _rows(book: Any, path: str) -> Iterator[tuple[int, dict[int, Any]]]:
    """Rows with something in them, their numbers as Excel shows them, cells by the numbers of their columns."""
    looks = {"date_formats": book.wb._date_formats, "timedelta_formats": book.wb._timedelta_formats}
    parser = WorkSheetParser(None, book.shared_strings, data_only=True, epoch=book.wb.epoch, **looks)
    source = _Piecewise(book.archive.streamed(path))
    for count, element in enumerate(_each(source, DATA_TAG, ROW_TAG), 1):
        number, cells = parser.parse_row(element)
        parser.row_dimensions.clear()
        last = max((cell["column"] for cell in cells), default=0)
        if count > MOST_ROWS or not 1 <= number <= MOST_ROWS or last > MOST_COLUMNS:
            raise TooMuch(_("The sheet has more rows or columns than Excel allows: save it as CSV."))
        filled = {cell["column"]: value for cell in cells if (value := _value(cell)) not in (None, "")}
        if filled:
            yield number, filled


def _value(cell: Mapping[str, Any]) -> Any:
    """What JSON can hold: a moment at midnight is a date, a formula that failed says nothing."""
    value = cell["value"]
    if value is None or cell["data_type"] == _ERROR:
        return None
    if isinstance(value, datetime) and value.time() == _MIDNIGHT:
        return value.date()
    return str(value) if isinstance(value, time | timedelta) else value


def _line(number: int, cells: Mapping[int, Any], columns: Sequence[str]) -> Line:
    if max(cells) > len(columns):
        return bad_row(number, list(cells.values()))
    return cleaned(number, {columns[at - 1]: cell for at, cell in cells.items()})
