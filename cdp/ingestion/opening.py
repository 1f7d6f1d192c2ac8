"""Opening what holds rows by the ending of its name, packed or not; nothing is unpacked onto a disk."""

import gzip
import logging
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from django.utils.translation import gettext as _

from cdp.ingestion import unpacked
from cdp.ingestion.errors import Away, Gone, TooMuch
from cdp.ingestion.files import Line, Table, csv_table, ndjson_table, parquet_table
from cdp.ingestion.sheets import excel_table

logger = logging.getLogger(__name__)
_READERS: dict[str, Callable[[str, BinaryIO], Table]] = {
    ".parquet": parquet_table, ".pq": parquet_table, ".ndjson": ndjson_table, ".jsonl": ndjson_table,
    ".json": ndjson_table, ".xlsx": excel_table, ".xlsm": excel_table,
}  # fmt: skip
# Their readers go back and forth.
_SOUGHT = (parquet_table, excel_table)
# What systems put into an archive beside the file.
_NOT_MEANT = ("__MACOSX/", ".")


def open_path(path: Path) -> Table:
    """A file of this machine; ValueError or OSError when it cannot be read at all."""
    return open_table(path.name, path.open("rb"))


def open_table(name: str, handle: BinaryIO) -> Table:
    """By ending: .parquet, .ndjson, .jsonl, .xlsx; .gz and .zip by what is in them; anything else is CSV.

    ValueError when it cannot be read at all; rows that cannot be, later, end with one too.
    """
    with _as_value_error(ValueError):
        table = _opened(name, handle)
    return Table(table.name, table.columns, _guarded(table.lines), table.done)


def _opened(name: str, handle: BinaryIO) -> Table:
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".gz":
        inner = name.removesuffix(PurePosixPath(name).suffix)
        return _within(inner, handle, cast(IO[bytes], gzip.GzipFile(fileobj=handle)))
    if ending == ".zip":
        return _zipped(handle)
    return _reader(ending)(name, handle)


def _reader(ending: str) -> Callable[[str, BinaryIO], Table]:
    if ending == ".xls":
        raise ValueError(_("This is the Excel format of before 2007: save it as .xlsx first."))
    return _READERS.get(ending, csv_table)


def _within(name: str, packed: BinaryIO, unpacking: IO[bytes]) -> Table:
    """What is in a packed file, unpacked no further than `unpacked.most` of it."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in (".zip", ".gz"):
        raise ValueError(_("An archive within an archive is not read."))
    handle, read = unpacked.bounded(unpacking, unpacked.most(packed)), _reader(ending)
    return read(name, unpacked.in_memory(handle) if read in _SOUGHT else handle)


def _zipped(handle: BinaryIO) -> Table:
    """The one file of an archive; several are one's own to choose from."""
    archive = zipfile.ZipFile(handle)
    files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith(_NOT_MEANT)]
    if len(files) != 1:
        raise ValueError(_("An archive holds one file; this holds %(number)d.") % {"number": len(files)})
    if files[0].flag_bits & 1:
        raise ValueError(_("The archive asks for a password: unpack it first."))
    return _within(PurePosixPath(files[0].filename).name, handle, archive.open(files[0]))


def _guarded(lines: Iterator[Line]) -> Iterator[Line]:
    with _as_value_error(TooMuch):
        yield from lines


@contextmanager
def _as_value_error(*told: type[Exception]) -> Iterator[Any]:
    """Whatever the readers of damaged files end with; the text of it may quote the file, and is not told unless it is one
    of `told`."""
    passed: tuple[type[Exception], ...] = (*told, Gone, Away, MemoryError)
    try:
        yield
    except passed:
        raise
    except Exception as error:
        logger.warning("A file could not be read: %s", type(error).__name__)
        raise ValueError(_("The file is damaged, or not what its ending says.")) from None
