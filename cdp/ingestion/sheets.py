"""Excel files as a stream of lines: the first sheet that is not hidden, row by row, values as they were last computed."""

import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from cdp.ingestion.files import Line, Table, bad_row, cleaned, header

# All of a workbook but its rows is held in memory while it is read, its texts above all.
LARGEST_TEXTS, MOST_ROWS = 2**29, 2**20
_ROWS = "xl/worksheets/"
_ERROR = "e"
_MIDNIGHT = time()


def excel_table(name: str, handle: BinaryIO) -> Table:
    """ValueError when it is no Excel file, or one without a header."""
    _require_bounded(handle)
    try:
        book = openpyxl.load_workbook(handle, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, ParseError, OSError, KeyError):
        raise ValueError(_("This is no Excel file.")) from None
    sheet = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
    if sheet is None:
        raise ValueError(_("The workbook has no sheet with rows."))
    # What a workbook says of its size is often wrong; then rows would be missing.
    sheet.reset_dimensions()
    rows = _rows(sheet)
    top, names = next(rows, (1, []))
    columns, seen = header([str(cell or "") for cell in names]), [top]

    def lines() -> Iterator[Line]:
        for number, cells in rows:
            seen[0] = number
            yield _line(number, cells, columns)

    # How many rows there are nobody knows before the last.
    return Table(name, columns, lines(), lambda: seen[0] / MOST_ROWS)


def _require_bounded(handle: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(handle) as packed:
            texts = sum(one.file_size for one in packed.infolist() if not one.filename.startswith(_ROWS))
    except zipfile.BadZipFile:
        raise ValueError(_("This is no Excel file, or it asks for a password.")) from None
    if texts > LARGEST_TEXTS:
        raise ValueError(_("The workbook holds too much text: save the sheet as CSV."))
    handle.seek(0)


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Rows with something in them, their numbers as Excel shows them, without what is empty at their ends."""
    for number, row in enumerate(sheet.iter_rows(max_row=MOST_ROWS), 1):
        cells = [_value(cell) for cell in row]
        while cells and cells[-1] in (None, ""):
            cells.pop()
        if cells:
            yield number, cells


def _value(cell: Any) -> Any:
    """What JSON can hold: a moment at midnight is a date, a formula that failed says nothing."""
    value = cell.value
    if value is None or cell.data_type == _ERROR:
        return None
    if isinstance(value, datetime) and value.time() == _MIDNIGHT:
        return value.date()
    return str(value) if isinstance(value, time | timedelta) else value


def _line(number: int, cells: Sequence[Any], columns: Sequence[str]) -> Line:
    if len(cells) > len(columns):
        return bad_row(number, [cell for cell in cells if cell is not None])
    return cleaned(number, dict(zip(columns, cells, strict=False)))
