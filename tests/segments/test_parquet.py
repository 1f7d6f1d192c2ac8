"""Exports as Parquet, read back by DuckDB."""

import hashlib
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow.parquet import ParquetFile

from segments import exports, parquet, traits
from segments.models import Segment
from tests.api.people import Caller
from tests.segments.people import ACTOR, NOW, happened, retrait
from tests.segments.test_export import approved
from tests.segments.test_reading import MAIL, filled

MARKETING = {"purpose": "marketing", "channel": "email"}


def exported(made: Segment, *columns: str, **asked: Any) -> bytes:
    return b"".join(exports.export(made, *MAIL, "parquet", columns, actor=ACTOR, **asked))


def read(body: bytes, folder: Path) -> list[tuple[Any, ...]]:
    (folder / "export.parquet").write_bytes(body)
    with duckdb.connect() as engine:
        return engine.execute("select * from read_parquet(?)", [str(folder / "export.parquet")]).fetchall()


@pytest.mark.django_db
def test_each_column_has_its_type_and_each_member_a_row(tmp_path: Path) -> None:
    made, (a, b, c) = filled()
    retrait(
        a,
        region="=서울",
        orders_count=4,
        revenue_total_KRW=12.5,
        has_app=True,
        first_seen="2026-01-02T03:04:05.000006Z",
    )
    retrait(b, region=7, orders_count="four", has_app=1)
    columns = ("profile_id", "region", "orders_count", "revenue_total_KRW", "first_seen", "is_holdout")
    rows = read(exported(made, *columns), tmp_path)
    seen = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    told = [(row[0], *row[1:4], row[4] and row[4].astimezone(UTC), row[5]) for row in rows]
    assert told[0] == (str(a), "=서울", 4.0, 12.5, seen, False)
    assert told[1] == (str(b), None, None, None, None, False) and told[2][0] == str(c)


@pytest.mark.django_db
def test_lists_stay_lists(tmp_path: Path) -> None:
    made, (a, *_others) = filled()
    about: Any = {"label_en": "x", "label_ko": "x", "kind": "list", "event": "Viewed", "path": "brand"}
    traits.publish(ACTOR, traits.create(ACTOR, key="brands", data_class="general", **about))
    for brand in ("haru", "=nun"):
        happened(a, "Viewed", properties={"brand": brand})
    traits.refresh_profiles([a], NOW)
    rows = read(exported(made, "computed.brands"), tmp_path)
    assert rows[0] == (["=nun", "haru"],) and rows[1] == (None,)


@pytest.mark.django_db
def test_contact_values_pass_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, (a, _b) = filled(2)
    monkeypatch.setattr("cdp.profiles.queries.contact_values", lambda _members, _kind: {a: "=kim@x.kr"})
    asked: Any = {"personal": True, "approval": approved(made)}
    digest = hashlib.sha256(b"=kim@x.kr").hexdigest()
    assert read(exported(made, "contact", "contact_sha256", **asked), tmp_path) == [("=kim@x.kr", digest), (None, None)]


@pytest.mark.django_db
def test_chunks_are_row_groups_sent_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "GATE_CHUNK", 10)
    made, members = filled(25)
    parts = list(exports.export(made, *MAIL, "parquet", ("profile_id",), actor=ACTOR))
    file = ParquetFile(io.BytesIO(b"".join(parts)))
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [10, 10, 5]
    assert file.read().column(0).to_pylist() == [str(one) for one in members] and len(parts) == 4
    with pytest.raises(pa.ArrowInvalid):
        ParquetFile(io.BytesIO(b"".join(parts[:-1])))


@pytest.mark.django_db
def test_a_segment_without_members_is_a_file_without_rows(tmp_path: Path) -> None:
    made, _members = filled(0)
    assert read(exported(made, "profile_id", "region"), tmp_path) == []


@pytest.mark.django_db
def test_tools_get_it_by_its_own_type(tmp_path: Path) -> None:
    made, members = filled()
    answer = Caller("members:read").get(
        f"/segments/{made.key}/export", format="parquet", columns="profile_id", **MARKETING
    )
    assert answer["Content-Type"] == "application/vnd.apache.parquet" and made.key in answer["Content-Disposition"]
    assert [row[0] for row in read(b"".join(answer), tmp_path)] == [str(one) for one in members]


def test_values_are_of_the_column_s_type_or_null() -> None:
    writer = parquet.Writer(
        {"a": ("number", False), "b": ("boolean", False), "c": ("date", False), "d": ("string", True)}
    )
    lines = b'{"a": true, "b": 1, "c": "2026-02-30", "d": "x"}\n{"a": 1e300, "b": false, "c": "2026-02-28", "d": ["x", 1]}\n'
    table = ParquetFile(io.BytesIO(writer.part(lines.splitlines()) + writer.end())).read().to_pylist()
    assert table[0] == {"a": None, "b": None, "c": None, "d": None}
    assert table[1] == {"a": 1e300, "b": False, "c": date(2026, 2, 28), "d": ["x", None]}
