"""Files as a stream of lines: CSV as spreadsheets write it, NDJSON, Parquet; a bad line is a line with a flaw.

Each reader takes an open handle that can be sought, wherever its bytes are (`cdp.ingestion.opening`).
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO

import msgspec
import pyarrow.parquet as pq
from django.utils.translation import gettext as translated

from cdp.ingestion import canonical
from cdp.ingestion.errors import Flaw, TooMuch

LARGEST_CELL = 2**20
# Longer than any event may be; a file without an end of line is one line.
LONGEST_LINE = 2 * LARGEST_CELL
# What Excel allows.
MOST_COLUMNS = 2**14
_SNIFFED_ROWS = 1000
_SNIFFED_BYTES = 2**24
# A cell with more lines than this was never closed.
_LINES_A_ROW = 100
_BATCH_ROWS, _BATCH_BYTES = 10_000, 32 * 2**20
# Of Parquet, unpacked; what writers make by default is about 128 MB.
LARGEST_GROUP = 512 * 2**20
_BUFFER = 2**20
_DELIMITERS = ",\t;|"
_NEVER_NUMBERS = ("id", "no", "code", "sku", "number", "phone", "zip", "postcode", "번호", "코드", "date", "일자")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Line(msgspec.Struct, frozen=True):
    """One line: its number (the header is 1), its cells without blanks, and why it does not fit, if it does not."""

    number: int
    cells: dict[str, Any]
    flaw: str | None = None


class Table:
    """An open file. `columns` is None where each line has its own; `done` is the share that has been read."""

    def __init__(self, name: str, columns: list[str] | None, lines: Iterator[Line], done: Callable[[], float]) -> None:
        self.name, self.columns, self.lines, self.done = name, columns, lines, done


# --- CSV --------------------------------------------------------------------------------------------------------------


def csv_table(name: str, handle: BinaryIO) -> Table:
    """Comma, tab, semicolon or bar; ValueError without a header."""
    size = size_of(handle)
    encoding = encoding_of(handle)
    # What cannot be read stays visible as a lone surrogate, and costs its line only.
    faults = "replace" if encoding == "utf-16" else "surrogateescape"
    text = io.TextIOWrapper(handle, encoding, faults, newline="")
    lines = _lines_of(text)
    first = next(lines, "")
    csv.field_size_limit(LARGEST_CELL)
    columns = header(next(csv.reader([first], delimiter=_delimiter(first)), []))
    rows = csv.reader(_closed(lines, _delimiter(first)), delimiter=_delimiter(first), skipinitialspace=True)
    return Table(name, columns, _csv_lines(rows, columns), _share(handle, size))


def _lines_of(handle: Any) -> Iterator[Any]:
    """Lines of texts or of bytes; `TooMuch` at one that has no end."""
    while line := handle.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise TooMuch(translated("A line has more than %(number)d characters.") % {"number": LONGEST_LINE})
        yield line


def encoding_of(handle: BinaryIO) -> str:
    """UTF-8 or UTF-16 by their marks, UTF-8 when all of it is, else of UTF-8 and what Korean Windows writes the one that
    reads more lines. The handle is back at the start then."""
    start = handle.read(4)
    handle.seek(0)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    whole = _is_utf8(handle)
    handle.seek(0)
    if whole:
        return "utf-8"
    lines = handle.read(_SNIFFED_BYTES).splitlines()
    handle.seek(0)
    return min(("utf-8", "cp949"), key=lambda encoding: sum(not _readable(line, encoding) for line in lines))


def _readable(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(handle: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := handle.read(2**20):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def header(names: Sequence[str]) -> list[str]:
    """The names of columns; ValueError when there is none, or one twice."""
    columns = [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)]
    if not columns or len(set(columns)) != len(columns):
        raise ValueError("The file has no header line, or a column twice.")
    if len(columns) > MOST_COLUMNS:
        raise TooMuch(translated("The file has more than %(number)d columns.") % {"number": MOST_COLUMNS})
    try:
        return [canonical.clean_text(name) for name in columns]
    except Flaw:
        raise ValueError("The header line cannot be read.") from None


def _closed(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """Lines for `csv.reader`; one whose quote is closed nowhere near stands as a single cell, and costs no other line."""
    waiting, given = deque[str](), iter(lines)
    while (line := waiting.popleft() if waiting else next(given, None)) is not None:
        if line.count('"') % 2 == 0 or not _is_open(line, delimiter):
            yield line
            continue
        while len(waiting) < _LINES_A_ROW and (more := next(given, None)) is not None:
            waiting.append(more)
        ends = next((at for at, more in enumerate(waiting) if more.count('"') % 2 and at < _LINES_A_ROW), None)
        if ends is None:
            yield '"' + line.rstrip("\r\n").replace('"', '""') + '"\n'
        else:
            yield line
            for _ in range(ends + 1):
                yield waiting.popleft()


def _is_open(line: str, delimiter: str) -> bool:
    """Whether a quoted cell begins in `line` and does not end in it."""
    try:
        list(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _csv_lines(rows: Any, columns: list[str]) -> Iterator[Line]:
    """Lines with texts; a column whose first thousand cells are all numbers or truth values has those."""
    numbered = _numbered(rows)
    sample = list(islice(numbered, _SNIFFED_ROWS))
    readers = [_reader(name, [cells[at] for _, cells in sample if at < len(cells)]) for at, name in enumerate(columns)]
    for number, cells in chain(sample, numbered):
        yield _csv_line(number, cells, columns, readers)


def _numbered(rows: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            cells = []
            yield rows.line_num + 1, ["\0"]
        if cells:
            yield rows.line_num + 1, cells


def _csv_line(number: int, cells: list[str], columns: list[str], readers: list[Callable[[str], Any]]) -> Line:
    if len(cells) > len(columns) and not any(cells[len(columns) :]):
        cells = cells[: len(columns)]
    if len(cells) != len(columns):
        return bad_row(number, cells)
    return cleaned(number, {name: read(cell) for name, read, cell in zip(columns, readers, cells, strict=True)})


def _reader(name: str, cells: list[str]) -> Callable[[str], Any]:
    said = [cell.strip() for cell in cells if cell.strip()]
    if said and all(cell.lower() in ("true", "false") for cell in said):
        return _truth
    if said and not name.lower().endswith(_NEVER_NUMBERS) and all(_number(cell) is not None for cell in said):
        return lambda cell: text if (text := _number(cell.strip())) is not None else cell.strip()
    return str.strip


def _truth(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell.strip().lower(), cell.strip())


def _number(cell: str) -> int | float | None:
    """A number that is written as JSON writes it: 0.50, not 1,000 nor 007."""
    whole, point, _ = cell.removeprefix("-").partition(".")
    if not whole.isdecimal() or not whole.isascii() or len(cell) > 15 or (len(whole) > 1 and whole[0] == "0"):
        return None
    try:
        return float(cell) if point else int(cell)
    except ValueError:
        return None


# --- NDJSON and Parquet -----------------------------------------------------------------------------------------------


def ndjson_table(name: str, handle: BinaryIO) -> Table:
    """One JSON object a line."""
    return Table(name, None, _ndjson_lines(handle), _share(handle, size_of(handle)))


def _ndjson_lines(handle: BinaryIO) -> Iterator[Line]:
    return (json_line(number, text) for number, text in enumerate(_lines_of(handle), 1) if text.strip())


def json_line(number: int, text: bytes) -> Line:
    """The line that a JSON object is; one with a flaw for anything else."""
    message = canonical.single(text.strip().removeprefix(codecs.BOM_UTF8))
    if message.flaw is not None or not isinstance(message.content, dict):
        return Line(number, {"line": message.content}, message.flaw or "not_an_object")
    return Line(number, {name: value for name, value in message.content.items() if value not in (None, "")})


def parquet_table(name: str, handle: BinaryIO) -> Table:
    """Rows as they are typed; ArrowInvalid, which is a ValueError, for what is no Parquet."""
    file = pq.ParquetFile(handle, buffer_size=_BUFFER)
    rows, seen = max(file.metadata.num_rows, 1), [0]
    at_once = _rows_at_once(file.metadata)

    def lines() -> Iterator[Line]:
        for batch in file.iter_batches(batch_size=at_once):
            names = batch.schema.names
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                seen[0] += 1
                yield cleaned(seen[0] + 1, dict(zip(names, cells, strict=True)))

    return Table(name, list(file.schema_arrow.names), lines(), lambda: seen[0] / rows)


def _rows_at_once(metadata: Any) -> int:
    """So many rows as are of a bounded size; `TooMuch` for a group of rows, which is read as a whole, that is too large."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.total_byte_size > LARGEST_GROUP for group in groups):
        said = translated("A row group of the file is larger than %(number)d MB: write it in smaller ones.")
        raise TooMuch(said % {"number": LARGEST_GROUP // 2**20})
    largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return min(_BATCH_ROWS, max(1, _BATCH_BYTES // max(largest, 1)))


# --- cells ------------------------------------------------------------------------------------------------------------


def cleaned(number: int, cells: dict[str, Any]) -> Line:
    """Canonical cells, blanks left out; times and decimals become what JSON has."""
    try:
        return Line(number, {name: _cell(cell) for name, cell in cells.items() if cell is not None and cell != ""})
    except Flaw as flaw:
        shown = {name: _printable(cell) for name, cell in cells.items() if cell is not None}
        return Line(number, shown, flaw.reason)


def _cell(cell: Any) -> Any:
    kind = type(cell)
    if kind is str:
        return canonical.clean(cell.strip())
    if kind is float:
        return _finite(cell)
    if kind is datetime or kind is date:
        return cell.isoformat()
    if kind is Decimal:
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if kind is bytes:
        raise Flaw("bad_text")
    return canonical.clean(cell)


def _finite(cell: float) -> float:
    if not -canonical.LARGEST_NUMBER < cell < canonical.LARGEST_NUMBER:
        raise Flaw("number_range")
    return cell


def bad_row(number: int, cells: Sequence[Any]) -> Line:
    """A line that does not have as many cells as there are columns."""
    return Line(number, {"cells": [_printable(cell) for cell in cells]}, "bad_row")


def _printable(cell: Any) -> Any:
    """Something that can be sealed as JSON, whatever was in the file."""
    return cell if isinstance(cell, int | bool) else str(cell).encode("utf-8", "backslashreplace").decode()


def size_of(handle: BinaryIO) -> int:
    """How many bytes there are; the handle is back at the start then."""
    size = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    return size


def _share(handle: BinaryIO, size: int) -> Callable[[], float]:
    return lambda: 1.0 if handle.closed else handle.tell() / max(size, 1)
