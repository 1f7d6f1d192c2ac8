"""Excel files and packed ones: what they hold is what a CSV of the same rows holds, and nothing is read twice or lost."""

import gzip
import io
import re
import tracemalloc
import zipfile
from datetime import date, datetime, time
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from cdp.events.models import Event, Source
from cdp.ingestion import sheets
from cdp.ingestion.opening import open_path, open_table
from tests.ingestion.wire import sealed

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
moment = datetime.fromisoformat
HEADER = ["회원번호", "이름", "휴대폰", "생년월일", "등급", "수정일시"]
KIM = [1001, "김민준", "010-5555-0001", moment("1990-07-19"), "gold", moment("2026-03-04 09:00")]
LEE = [1002, "이서연", "010-5555-0002", date(1985, 1, 2), "silver", moment("2026-03-05 10:00")]
TEXT = "회원번호,이름\nC1,김민준\n"


def book(path: Path, *rows: list[Any], **more: list[list[Any]]) -> Path:
    """A workbook whose first sheet has these rows; `more` are sheets before it, that are hidden."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for name, hidden in more.items():
        sheet = made.create_sheet(name, 0)
        sheet.sheet_state = "hidden"
        for row in hidden:
            sheet.append(row)
    made.save(path)
    return path


def lines(path: Path) -> list[tuple[int, dict[str, Any], str | None]]:
    return [(line.number, line.cells, line.flaw) for line in open_path(path).lines]


def imported(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("import_records", path, *options, source="shop", stdout=out)
    return out.getvalue()


# --- Excel ------------------------------------------------------------------------------------------------------------


def test_a_sheet_with_korean_columns_is_guessed_and_imported(shop: Shop, tmp_path: Path) -> None:
    file = book(tmp_path / "회원.xlsx", HEADER, KIM, LEE)
    mapping, _, _ = imported(file, "--preview").partition("\n}\n")
    (tmp_path / "mapping.json").write_text(mapping + "\n}")
    said = imported(file, "--mapping", str(tmp_path / "mapping.json"))
    assert "rows: 2, taken: 2" in said
    kim = Event.objects.get(properties__등급="gold")
    attributes = {"full_name": "김민준", "phone": "010-5555-0001", "birth_date": "1990-07-19"}
    assert sealed(kim) == {"external_id": "1001", "attributes": attributes}
    assert kim.occurred_at.isoformat() == "2026-03-04T00:00:00+00:00"
    assert "taken: 0, repeated: 2" in imported(file, "--mapping", str(tmp_path / "mapping.json"))


def test_a_value_is_what_was_meant_by_it(tmp_path: Path) -> None:
    row = [7, 7.5, True, " x ", moment("2026-01-02"), moment("2026-01-02 03:04"), time(5, 6), None, ""]
    file = book(tmp_path / "a.xlsx", list("abcdefghi"), row)
    [(number, cells, flaw)] = lines(file)
    assert (number, flaw) == (2, None)
    assert cells == {
        "a": 7, "b": 7.5, "c": True, "d": "x", "e": "2026-01-02", "f": "2026-01-02T03:04:00", "g": "05:06:00",
    }  # fmt: skip


def test_blank_rows_are_none_and_the_numbers_are_those_that_excel_shows(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", [], ["a", "b"], [], [1], ["", None], [2, 3])
    assert lines(file) == [(4, {"a": 1}, None), (6, {"a": 2, "b": 3}, None)]


def test_a_row_with_more_cells_than_columns_is_put_aside_with_its_number(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ["a", None, ""], [1], [1, 2], [3])
    assert [(number, flaw) for number, _, flaw in lines(file)] == [(2, None), (3, "bad_row"), (4, None)]


def test_hidden_sheets_are_not_read_and_formulas_say_what_they_last_came_to(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ["a", "b"], [1, "=1/0"], codes=[["x"], ["y"]])
    assert lines(file) == [(2, {"a": 1}, None)]


def test_a_formula_that_failed_says_nothing(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ["a", "b"], [1, "#N/A"])
    with zipfile.ZipFile(file) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert 't="e"' in sheet
    assert lines(file) == [(2, {"a": 1}, None)]


def test_rows_beyond_what_the_workbook_says_of_its_size_are_read(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", ["a"], [1], [2])
    rewrite(file, "xl/worksheets/sheet1.xml", b'<dimension ref="A1:A3"', b'<dimension ref="A1"')
    assert [cells for _, cells, _ in lines(file)] == [{"a": 1}, {"a": 2}]


def rewrite(file: Path, member: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(file) as packed:
        parts = {one.filename: packed.read(one) for one in packed.infolist()}
    assert old in parts[member]
    parts[member] = parts[member].replace(old, new)
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", b"not a workbook", "no Excel file"),
        ("a.xlsx", b"", "no Excel file"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "save it as .xlsx"),
        ("a.zip", b"PK\x03\x04 cut off", "damaged"),
        ("a.csv.gz", b"no gzip", "damaged"),
        ("a.csv.gz", gzip.compress(TEXT.encode() * 9, mtime=0)[:-12], "damaged"),
    ],
)
def test_what_is_not_what_it_says_is_refused_in_a_sentence(
    shop: Shop, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandError, match=said):
        imported(tmp_path / name)


def test_a_zip_that_is_no_workbook_and_one_that_asks_for_too_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.xlsx").write_bytes(archive({"a.txt": b"x"}))
    with pytest.raises(ValueError, match=r"damaged|no Excel"):
        open_path(tmp_path / "a.xlsx")
    file = as_excel_writes(book(tmp_path / "b.xlsx", ["a"], ["long" * 100]))
    monkeypatch.setattr(sheets, "LARGEST_TEXTS", 100)
    with pytest.raises(ValueError, match="too much text"):
        open_path(file)


def as_excel_writes(file: Path) -> Path:
    """Texts in a table of their own, as Excel keeps them."""
    texts: list[str] = []

    def shared(found: re.Match[str]) -> str:
        texts.append(found[1])
        return f't="s"><v>{len(texts) - 1}</v></c>'

    with zipfile.ZipFile(file) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    written = re.sub(r't="inlineStr"><is><t[^>]*>([^<]*)</t></is></c>', shared, sheet)
    rewrite(file, "xl/worksheets/sheet1.xml", sheet.encode(), written.encode())
    table = "".join(f"<si><t>{text}</t></si>" for text in texts)
    head = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    rewrite(file, "[Content_Types].xml", b"</Types>", part.encode())
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("xl/sharedStrings.xml", f"{head}{table}</sst>")
    return file


def test_a_workbook_as_excel_writes_it(tmp_path: Path) -> None:
    file = as_excel_writes(book(tmp_path / "a.xlsx", HEADER, KIM))
    assert lines(file)[0][1]["이름"] == "김민준" and len(lines(file)) == 1


@pytest.mark.parametrize(("old", "new"), [(b"<v>1</v>", b"<v>9999</v>"), (b"</row>", b"</rows>")])
def test_a_workbook_that_is_damaged_inside_ends_with_a_sentence(
    shop: Shop, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """A cell that points at a text which is not there, and rows that are no XML."""
    file = as_excel_writes(book(tmp_path / "a.xlsx", ["external_id"], ["C1"]))
    rewrite(file, "xl/worksheets/sheet1.xml", old, new)
    with pytest.raises(CommandError, match="cannot be read"):
        imported(file)


def test_rows_are_not_kept_in_memory(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        made = openpyxl.Workbook(write_only=True)
        sheet = made.create_sheet()
        for row in (["a", "b"], *([number, number / 7] for number in range(rows))):
            sheet.append(row)
        made.save(tmp_path / "a.xlsx")
        tracemalloc.start()
        assert sum(1 for _ in open_path(tmp_path / "a.xlsx").lines) == rows
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    # What a row leaves behind is less than its two cells; there are at most a million.
    assert peak(8_000) - peak(1_000) < 7_000 * 200


# --- packed -----------------------------------------------------------------------------------------------------------


def archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
@pytest.mark.parametrize("ending", ["zip", "gz"])
def test_packed_files_hold_what_they_hold_unpacked(tmp_path: Path, encoding: str, ending: str) -> None:
    (tmp_path / "plain.csv").write_bytes(TEXT.encode(encoding))
    plain = (tmp_path / "plain.csv").read_bytes()
    packed = archive({"__MACOSX/._a.csv": b"", "in/회원.csv": plain}) if ending == "zip" else gzip.compress(plain)
    (tmp_path / f"a.csv.{ending}").write_bytes(packed)
    assert (
        lines(tmp_path / f"a.csv.{ending}")
        == lines(tmp_path / "plain.csv")
        == [(2, {"회원번호": "C1", "이름": "김민준"}, None)]
    )


def test_a_workbook_and_ndjson_in_an_archive(tmp_path: Path) -> None:
    file = book(tmp_path / "a.xlsx", HEADER, KIM)
    (tmp_path / "a.zip").write_bytes(archive({"a.xlsx": file.read_bytes()}))
    assert lines(tmp_path / "a.zip") == lines(file) and len(lines(file)) == 1
    (tmp_path / "b.zip").write_bytes(archive({"b.ndjson": b'{"a":1}\n{"a":2}\n'}))
    assert [cells for _, cells, _ in lines(tmp_path / "b.zip")] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "files", [{}, {"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"}, {"a.zip": archive({"a.csv": b"a\n1\n"})}]
)
def test_an_archive_that_is_not_one_file_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="rchive"):
        open_table("a.zip", io.BytesIO(archive(files)))


def test_an_archive_that_is_damaged_in_its_middle_is_refused_whole(shop: Shop, tmp_path: Path) -> None:
    rows = "external_id,name\n" + "".join(f"C{number},n{number * 7919 % 10007}\n" for number in range(20_000))
    packed = bytearray(archive({"a.csv": rows.encode()}))
    packed[-3000:-2990] = b"\xff" * 10
    (tmp_path / "a.zip").write_bytes(packed)
    with pytest.raises(CommandError, match="damaged"):
        imported(tmp_path / "a.zip")
    assert not Event.objects.exists()
