"""What a file would become: guessed columns, masked rows, and nothing kept."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.events.models import Event, Mapping, Quarantined, Source
from cdp.events.types import KnownSource
from cdp.ingestion import preview
from cdp.ingestion.files import Line
from tests.ingestion.wire import counters

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
SHOP = KnownSource(UUID(int=1), "shop", "crm", "", "Asia/Seoul", "KRW", True)
KOREAN = (
    "회원번호,이름,휴대폰,이메일,생년월일,주소,우편번호,등급,수정일시,비고\n"
    "C1,김민준,010-5555-0001,minjun@x.kr,1990-07-19,서울 세종대로 1,04524,gold,2026-03-04 09:00,단골\n"
    ",이서연,010-5555-0002,seoyeon@x.kr,1985-01-02,부산 해운대로 2,48094,silver,2026-03-05 10:00,\n"
)


def previewed(folder: Path, text: str, command: str = "import_records", mapping: Any = None) -> tuple[Any, list[str]]:
    """The mapping, and the lines after it."""
    (folder / "data.csv").write_text(text)
    options = {}
    if mapping:
        (folder / "mapping.json").write_text(json.dumps(mapping))
        options = {"mapping": folder / "mapping.json"}
    out = StringIO()
    call_command(command, folder / "data.csv", source="shop", preview=True, stdout=out, **options)
    content, _, rows = out.getvalue().partition("\n}\n")
    return json.loads(content + "}"), rows.splitlines()


def nothing_kept() -> bool:
    return not (Event.objects.exists() or Quarantined.objects.exists() or Mapping.objects.exists() or counters())


def test_korean_columns_are_known_and_the_rows_told_without_a_personal_value(shop: Shop, tmp_path: Path) -> None:
    mapping, [first, second] = previewed(tmp_path, KOREAN)
    assert mapping == {
        "columns": {
            "회원번호": "external_id", "이름": "full_name", "휴대폰": "phone", "이메일": "email", "생년월일": "birth_date",
            "주소": "address", "우편번호": "postcode", "수정일시": "updated_at",
        },
        "zone": "Asia/Seoul",
    }  # fmt: skip
    for shown in (
        "customer: C***",
        "at: 2026-03-04T00:00:00+00:00",
        "김**",
        "010-****-0001",
        "1990-**-**",
        "등급: gold",
        "비고: ***",
    ):
        assert shown in first
    assert not any(hidden in first for hidden in ("민준", "minjun", "5555", "세종대로", "단골", "04524"))
    assert second.startswith("3  quarantined: no_identity.") and "이서연" not in second
    assert nothing_kept()


def test_the_guessed_mapping_imports_the_file(shop: Shop, tmp_path: Path) -> None:
    mapping, _rows = previewed(tmp_path, KOREAN)
    (tmp_path / "guessed.json").write_text(json.dumps(mapping))
    out = StringIO()
    call_command("import_records", tmp_path / "data.csv", source="shop", mapping=tmp_path / "guessed.json", stdout=out)
    assert "rows: 2, taken: 1, repeated: 0, quarantined: 1" in out.getvalue()


def test_columns_with_other_names_are_guessed_by_what_stands_in_them(shop: Shop, tmp_path: Path) -> None:
    text = "cust_key,reach,reach2,joined\nA1,kim@x.kr,010-1234-5678,2026-01-01\nA2,lee@x.kr,010-1234-5679,2026-01-02\n"
    mapping, rows = previewed(tmp_path, text)
    assert mapping["columns"] == {"reach": "email", "reach2": "phone", "cust_key": "external_id"}
    assert "joined: 2026-01-01" in rows[0] and "k***@x***.kr" in rows[0]


def test_a_mapping_that_is_given_is_told_as_it_is_and_events_with_their_money(shop: Shop, tmp_path: Path) -> None:
    till = {
        "event": {"constant": "Order Completed"}, "time": "at", "customer": {"column": "member"}, "money": "sum",
        "sealed": ["cashier"],
    }  # fmt: skip
    text = 'at,member,sum,cashier\n2026-03-04,C77,"5,000",박지훈\n2026-03-04,C78,free,\n'
    mapping, [first, second] = previewed(tmp_path, text, "import_events", till)
    assert mapping == till
    assert first == "2  customer: C*** · at: 2026-03-03T15:00:00+00:00 · revenue: 5000 KRW · cashier: ***"
    assert second.startswith("3  quarantined: bad_money.") and nothing_kept()


CELLS = st.one_of(st.text(max_size=12), st.integers(), st.sampled_from(["kim@x.kr", "010-1234-5678", "C1"]))


@settings(deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["이름", "성명", "회원번호", "customer_id", "메일", "email", "x"]), CELLS), max_size=5
    )
)  # fmt: skip
def test_whatever_stands_in_a_file_each_meaning_is_guessed_once(rows: list[dict[str, Any]]) -> None:
    lines = [Line(number, cells) for number, cells in enumerate(rows, 2)]
    columns = sorted({name for cells in rows for name in cells})
    mapping = preview.guessed(columns, lines, SHOP)
    meanings = list(mapping.columns.values())
    assert len(set(meanings)) == len(meanings) and mapping.columns.keys() <= set(columns)
