"""What is uploaded is hostile until proved otherwise: the one file that the console takes, a list of values to suppress."""

import io
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from consent import value_files
from consent.models import Suppression
from tests.consent.desk import signed_in

pytestmark = pytest.mark.django_db
PLACE = "/consent/suppression/enter/"
MOST = 2_621_440  # bytes; what is larger is not taken


def packed(name: str, content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return held.getvalue()


XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
WORKBOOK = packed("xl/worksheets/sheet1.xml", b"<row>" + b"<c/>" * 100_000)
PROBES = {
    "zip bomb": packed("a.csv", bytes(100_000_000)),
    "zip with a path": packed("../../../../tmp/cdp-probe", b"kim@x.kr\n"),
    "workbook": WORKBOOK,
    "xxe": XXE,
    "one endless cell": b"a" * (MOST - 2_000),
    "a quote never closed": b'"' + b"010-1234-5678\n" * 20_000,
    "quotes alone": b'"' * 1_000_001,
    "commas alone": b"," * 1_000_000,
    "nul": b"\0" * 1_000_000,
    "formulas": "=cmd|'/c calc'!A1\n@SUM(1)\n+1+1\n-2\n\t=1\n＝HYPERLINK(\"http://x\")\n".encode(),
}


@pytest.fixture
def officer(rows: None) -> Client:
    return signed_in("privacy officer")


def test_a_hostile_file_is_told_in_a_sentence_and_puts_nothing_on_the_list(officer: Client) -> None:
    for probe, content in PROBES.items():
        file = SimpleUploadedFile("../../../tmp/cdp-probe.csv", content)
        answer = officer.post(PLACE, {"kind": "email", "reason": "list", "file": file}, follow=True)
        page = answer.content.decode()
        assert answer.status_code == 200, probe
        assert any(told in page for told in ("hold no value", "cannot be read", "0 values read")), probe
        assert not Suppression.objects.exists() and not Path("/tmp/cdp-probe.csv").exists(), probe  # noqa: S108
        assert "cdp-probe" not in page + str(list(AuditEntry.objects.values())), probe


def test_nothing_is_unpacked() -> None:
    tracemalloc.start()
    with suppress(Refused):
        list(value_files.read(PROBES["zip bomb"].splitlines(keepends=True)))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_what_is_larger_than_the_limit_is_not_read(officer: Client) -> None:
    file = SimpleUploadedFile("list.csv", b"kim@x.kr\n" * (MOST // 9 + 1))
    answer = officer.post(PLACE, {"kind": "email", "reason": "list", "file": file}, follow=True)
    assert "at most 2.5 MB" in answer.content.decode() and not Suppression.objects.exists()


def test_nothing_that_is_uploaded_touches_the_disk() -> None:
    assert settings.FILE_UPLOAD_HANDLERS == ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
    assert settings.FILE_UPLOAD_MAX_MEMORY_SIZE == MOST


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_a_list_is_read_in_every_encoding_that_spreadsheets_write(encoding: str) -> None:
    lines = "번호,비고\n010-1234-5678,긴 비고\n\n010-8765-4321,상상\n".encode(encoding).splitlines(keepends=True)
    assert list(value_files.read(lines, "번호")) == [(2, "010-1234-5678"), (4, "010-8765-4321")]


@given(st.lists(st.binary(max_size=200), max_size=8), st.sampled_from(["", "번호"]))
def test_whatever_lines_arrive_they_are_read_or_refused(lines: list[bytes], column: str) -> None:
    try:
        values = list(value_files.read(lines, column))
    except Refused as refusal:
        assert refusal.code in ("no_such_column", "unreadable")
    else:
        assert all(value == value.strip() and value and "\0" not in value for _line, value in values)
