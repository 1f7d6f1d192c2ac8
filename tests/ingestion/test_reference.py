"""Places, products and reference values from files: in both languages, versions kept, the same file twice changes nothing."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp.core.models import AuditEntry
from cdp.events import queries
from cdp.events.models import Place, Product, ReferenceValue
from cdp.ingestion import reference
from tests.ingestion.test_sheets import book

pytestmark = pytest.mark.django_db
STORES = "매장코드,매장명,지역,시간대,면적\nG1,강남점,서울,Asia/Seoul,120\nJ1,제주점,제주,,80\n"
PRODUCTS = (
    "상품코드,상품명,카테고리,판매가,적용일,색\n"
    'S-1,운동화,신발 > 운동화,"89,000원",2026-01-01,흰색\n'
    'S-1,운동화,신발 > 운동화,"79,000원",2026-03-01,흰색\n'
    "S-2,양말,의류,,2026-01-01,\n"
)


def load(folder: Path, what: str, text: str | bytes, name: str = "rows.csv", **options: Any) -> str:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    out = StringIO()
    call_command("load_reference", what, file, stdout=out, **options)
    return out.getvalue()


def test_places_are_loaded_and_changed_by_their_key(tmp_path: Path) -> None:
    assert "rows: 2, new or changed: 2, refused: 0" in load(tmp_path, "places", STORES.encode("cp949"))
    assert Place.objects.values_list("name", "kind", "region", "zone").get(pk="J1") == (
        "제주점",
        "store",
        "제주",
        "Asia/Seoul",
    )
    assert "new or changed: 0" in load(tmp_path, "places", STORES)
    assert "new or changed: 1" in load(tmp_path, "places", STORES.replace("강남점", "강남 본점"))
    assert Place.objects.get(pk="G1").name == "강남 본점" and Place.objects.count() == 2


def test_products_keep_their_versions_and_the_same_again_is_none(tmp_path: Path) -> None:
    assert "new or changed: 3" in load(tmp_path, "products", PRODUCTS, currency="KRW")
    told = Product.objects.order_by("sku", "valid_from").values_list("sku", "price", "attributes")
    assert list(told) == [("S-1", 89_000, {"색": "흰색"}), ("S-1", 79_000, {"색": "흰색"}), ("S-2", None, {})]
    assert Product.objects.filter(valid_from=datetime(2025, 12, 31, 15, tzinfo=UTC)).count() == 2
    assert "new or changed: 0" in load(tmp_path, "products", PRODUCTS, currency="KRW")
    undated = "sku,name,price,currency\nS-9,Mug,12.50,USD\n"
    assert "new or changed: 1" in load(tmp_path, "products", undated)
    assert "new or changed: 0" in load(tmp_path, "products", undated)
    assert "new or changed: 1" in load(tmp_path, "products", undated.replace("12.50", "11"))
    assert list(Product.objects.filter(sku="S-9").order_by("valid_from").values_list("price", flat=True)) == [
        1250,
        1100,
    ]


def test_an_older_version_that_comes_later_stands_in_its_place_in_time(tmp_path: Path) -> None:
    load(tmp_path, "products", "sku,price,valid_from\nA,5,2026-03-01\n", currency="KRW")
    load(tmp_path, "products", "sku,price,valid_from\nA,4,2026-01-01\n", currency="KRW")
    assert list(Product.objects.order_by("valid_from").values_list("price", flat=True)) == [4, 5]


def test_reference_values_hold_from_a_moment_on(tmp_path: Path) -> None:
    weather = "도시,일자,최고,비\n서울,2026-03-01,12.5,false\n서울,2026-03-02,9,true\n부산,2026-03-01,14,false\n"
    said = {"table": "weather", "column": ["key=도시"]}
    assert "new or changed: 3" in load(tmp_path, "values", weather, **said)
    assert "new or changed: 0" in load(tmp_path, "values", weather, **said)
    at = queries.reference_values("weather", ["서울", "부산", "대구"], datetime(2026, 3, 1, 16, tzinfo=UTC))
    assert at == {"서울": {"최고": 9, "비": True}, "부산": {"최고": 14, "비": False}}
    assert queries.reference_values("weather", ["서울"], datetime(2026, 2, 1, tzinfo=UTC)) == {}
    assert queries.reference_values("stock", ["서울"], datetime(2026, 4, 1, tzinfo=UTC)) == {}
    assert "new or changed: 1" in load(tmp_path, "values", weather.replace("12.5", "13"), **said)
    assert ReferenceValue.objects.count() == 3


def test_excel_is_read_too(tmp_path: Path) -> None:
    stores = book(tmp_path / "stores.xlsx", ["code", "name"], ["B1", "부산점"])
    assert "new or changed: 1" in load(tmp_path, "places", stores.read_bytes(), "stores.xlsx")
    assert Place.objects.get().name == "부산점"


def test_rows_that_do_not_fit_are_told_and_hold_up_no_other(tmp_path: Path) -> None:
    text = (
        "sku,name,price,currency,valid_from,note\n"
        "A,ok,5,KRW,2026-01-01,\n,no key,5,KRW,2026-01-01,\nB,bad,five,KRW,2026-01-01,\nC,bad,5,won,2026-01-01,\n"
        'D,bad,5,KRW,soon,\nE,bad,5,KRW,2026-01-01,kim@x.kr\nF,010-1234-5678,5,KRW,2026-01-01,\nG,"x",5,KRW\n'
    )
    with pytest.raises(CommandError, match="Some rows were refused"):
        load(tmp_path, "products", text)
    assert list(Product.objects.values_list("sku", flat=True)) == ["A"]
    entry = AuditEntry.objects.get(action="reference.loaded")
    assert entry.details == {"rows": 8, "changed": 1, "refused": 7} and entry.target == "products"
    with pytest.raises(CommandError):
        load(tmp_path, "places", "code,zone\nA,Mars\n" + "B,Asia/Tokyo\n")
    assert list(Place.objects.values_list("pk", "zone")) == [("B", "Asia/Tokyo")]


@pytest.mark.parametrize(
    ("what", "text", "options", "why"),
    [
        ("places", "이것,저것\n1,2\n", {}, "--column key=COLUMN"),
        ("values", "key,a\n1,2\n", {}, "--table"),
        ("values", "key,a\n1,2\n", {"table": "No such"}, "--table"),
        ("products", "a,b\n1,2\n", {"column": ["sku=c"]}, "no column: c"),
        ("products", "a,b\n1,2\n", {"column": ["colour=a"]}, "means nothing here"),
        ("products", "sku\n1\n", {"zone": "Seoul"}, "IANA"),
        ("products", "sku\n1\n", {"currency": "won"}, "ISO 4217"),
    ],
)
def test_what_cannot_be_meant_loads_nothing(
    tmp_path: Path, what: str, text: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(CommandError, match=why):
        load(tmp_path, what, text, **options)
    assert not Place.objects.exists() and not Product.objects.exists() and not ReferenceValue.objects.exists()


def test_large_files_are_loaded_in_parts_and_an_interruption_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "ROWS_A_COMMIT", 10)
    text = "key,date,n\n" + "".join(f"k{number},2026-03-01,{number}\n" for number in range(45))
    write, calls = reference.chunks, []

    def interrupted(lines: Any, most: int) -> Any:
        for chunk in write(lines, most):
            calls.append(len(chunk))
            if len(calls) == 3:
                raise KeyboardInterrupt
            yield chunk

    monkeypatch.setattr(reference, "chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, "values", text, table="stock")
    assert ReferenceValue.objects.count() == 20
    assert "rows: 45, new or changed: 25" in load(tmp_path, "values", text, table="stock")
    assert json.loads(json.dumps(ReferenceValue.objects.get(key="k7").values)) == {"n": 7}
