"""Small files that were made to exhaust memory or time: each is refused in a sentence, within a bounded amount of both."""

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

MEGABYTES, SECONDS = 200, 60
# In a process of its own: what it holds at most is told by the system, not by Python.
READ = """
import json, sys
from pathlib import Path
from django.conf import settings
settings.configure(USE_I18N=False)
from cdp.ingestion.opening import open_path

def most():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024

before, said, number = most(), "", 0
try:
    for number, _ in enumerate(open_path(Path(sys.argv[1])).lines, 1):
        pass
except ValueError as refusal:
    said = str(refusal)
print(json.dumps([said, number, most() - before]))
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process held at most")


def read(file: Path) -> tuple[str, int]:
    """What was said of a file, and how many lines were read of it."""
    ran = subprocess.run(
        [sys.executable, "-c", READ, file], capture_output=True, text=True, timeout=SECONDS, cwd=Path.cwd()
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    said, number, held = json.loads(ran.stdout)
    assert held < MEGABYTES
    return said, number


# --- workbooks --------------------------------------------------------------------------------------------------------

SHEET, TYPES, STYLES, TEXTS = "xl/worksheets/sheet1.xml", "[Content_Types].xml", "xl/styles.xml", "xl/worksheets/s.xml"
Change = Callable[[bytes], bytes]
FAR = b"".join(b'<row><c r="ZZZ%d"><v>1</v></c></row>' % number for number in range(2, 302))
AT_THE_EDGE = b"".join(b'<row><c r="XFD%d"><v>1</v></c></row>' % number for number in range(2, 20_002))
ENTITY = b'<!DOCTYPE a [<!ENTITY e "' + b"x" * 100_000 + b'">]>'
SHARED = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
HEAD = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
PIECE, SIZE, UNPACKED, TEXT = "part of the workbook is too large", "more rows or columns", "200 times", "too much text"


def rows(content: bytes) -> Change:
    return lambda sheet: sheet.replace(b"</sheetData>", content + b"</sheetData>")


def workbook(file: Path, changes: dict[str, Change], more: dict[str, bytes] | None = None) -> Path:
    made, plain = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["a"])
    made.save(plain)
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, changes.get(name, bytes)(before.read(name)))
        for name, content in (more or {}).items():
            after.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("member", "change", "said"),
    [
        (SHEET, rows(b"<row>" + b"<c/>" * 2_000_000 + b"</row>"), PIECE),
        (SHEET, rows(b"<row>" * 300_000), PIECE),
        (SHEET, rows(b'<row><c t="inlineStr"><is><t>' + b"x" * 250_000_000), PIECE),
        (SHEET, rows(b"<row><c " + b"".join(b'a%d="" ' % number for number in range(2_000_000)) + b"/>"), PIECE),
        (SHEET, lambda sheet: ENTITY + rows(b"<row><c><v>" + b"&e;" * 5_000 + b"</v></c></row>")(sheet), PIECE),
        (SHEET, rows(b'<row r="1"/>' * 1_200_000), SIZE),
        (SHEET, rows(b'<row r="1048577"><c><v>1</v></c></row>'), SIZE),
        (SHEET, rows(FAR), SIZE),
        (SHEET, rows(b"<row/>" * 500_000 + b" " * 7_000_000 + (b"<row/>" + b" " * 7_000_000) * 10), UNPACKED),
        (SHEET, lambda sheet: sheet.replace(b"<sheetData>", b"<x/>" * 5_000_000 + b"<sheetData>"), PIECE),
        (TYPES, lambda types: types.replace(b"</Types>", b"<a/>" * 1_000_000 + b"</Types>"), PIECE),
        (STYLES, lambda styles: styles + b" " * 300_000_000, PIECE),
    ],
    ids=[
        "cells",
        "nested",
        "text",
        "attributes",
        "entity",
        "rows",
        "number",
        "far",
        "blank",
        "before",
        "types",
        "styles",
    ],
)
def test_a_workbook_that_no_one_has(tmp_path: Path, member: str, change: Change, said: str) -> None:
    assert said in read(workbook(tmp_path / "a.xlsx", {member: change}))[0]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (b"<si><t>" + b"x" * 200_000_000 + b"</t></si>", TEXT),
        (b"<si/>" * 1_000_000, ""),
        (b"<si>" + b"<r/>" * 5_000_000 + b"</si>", PIECE),
    ],
    ids=["long", "many", "parts"],
)
def test_texts_that_are_named_as_if_they_were_rows(tmp_path: Path, texts: bytes, said: str) -> None:
    named = f'<Override PartName="/{TEXTS}" ContentType="{SHARED}"/></Types>'.encode()
    changes: dict[str, Change] = {TYPES: lambda types: types.replace(b"</Types>", named)}
    assert said in read(workbook(tmp_path / "a.xlsx", changes, {TEXTS: HEAD + texts + b"</sst>"}))[0]


def test_cells_in_the_last_column_cost_no_more_than_others(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "a.xlsx", {SHEET: rows(AT_THE_EDGE)})) == ("", 20_000)


# --- packed files -----------------------------------------------------------------------------------------------------

LONG, TIMES, NESTED = "line has more than", "200 times", "archive within an archive"
PARTS = 250
LIKELY = os.urandom(2**14) + b"x" * (2**20 - 2**14)


def packed(file: Path, piece: bytes, times: int = PARTS) -> Path:
    """Pieces of a megabyte or so, in a gzip or in an archive."""
    if file.suffix == ".gz":
        # Members of one file after each other are one file.
        file.write_bytes(gzip.compress(piece) * times)
        return file
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(file.stem, "w") as into:
        for _ in range(times):
            into.write(piece)
    return file


@pytest.mark.parametrize("ending", ["gz", "zip"])
@pytest.mark.parametrize(
    ("name", "piece", "said"),
    [
        ("a.csv", b"x" * 2**20, TIMES),
        ("a.csv", b"\xff" * 2**20, TIMES),
        ("a.ndjson", b"{" * 2**20, TIMES),
        ("a.csv", b"a\n" * 2**19, TIMES),
        ("a.xlsx", LIKELY, "unpack it first"),
        ("a.parquet", LIKELY, "unpack it first"),
    ],
)
def test_what_unpacks_to_far_more_than_it_is(tmp_path: Path, name: str, piece: bytes, said: str, ending: str) -> None:
    assert said in read(packed(tmp_path / f"{name}.{ending}", piece))[0]


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.csv.gz", "a.ndjson.zip"])
@pytest.mark.parametrize("piece", [b"x", b"\xff"])
def test_a_line_without_an_end(tmp_path: Path, name: str, piece: bytes) -> None:
    content = (b"a\n" + piece * 60 * 2**20)[: 60 * 2**20]
    if name.endswith((".gz", ".zip")):
        packed(tmp_path / name, content, 1)
    else:
        (tmp_path / name).write_bytes(content)
    assert LONG in read(tmp_path / name)[0]


@pytest.mark.parametrize("name", ["a.csv.gz.gz", "a.zip.gz", "a.gz.zip"])
def test_packed_files_are_not_packed_again(tmp_path: Path, name: str) -> None:
    inner = packed(tmp_path / name.rpartition(".")[0], b"a\n1\n", 1).read_bytes()
    assert NESTED in read(packed(tmp_path / name, inner, 1))[0]


def test_a_file_of_columns_only(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(200_000))
    (tmp_path / "a.csv").write_text(header + "\n" + "1\n" * 1_000)
    assert "more than 16384 columns" in read(tmp_path / "a.csv")[0]
