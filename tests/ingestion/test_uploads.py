"""A file given to the console: sealed, told row by row, imported once whatever happens, and destroyed."""

import gzip
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor, now
from cdp.events.models import Event, Mapping, Source
from cdp.ingestion import pulls, uploads
from cdp.ingestion.models import Upload
from consent import suppression
from tests.ingestion.test_preview import KOREAN
from tests.ingestion.wire import counters

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
TESTER = Actor.system("test")
SOLD = (
    "주문번호,회원번호,주문일시,금액,매장,휴대폰,메모,품목\n"
    "o-1,C1,2026-03-04 09:00,12000,gangnam,010-5555-0001,문 앞에,2\n"
    "o-2,C2,언젠가,5000,gangnam,010-5555-0002,,1\n"
)


def given_file(shop: Shop, text: str = KOREAN, holds: str = "records", name: str = "people.csv") -> Upload:
    return uploads.create(TESTER, shop[0].pk, holds, name, text.encode())


def told(row: Upload) -> list[Any]:
    return uploads.told(row, uploads.mapping(row, uploads.draft_of(row)), 0, 10)


def test_a_file_is_sealed_told_imported_and_destroyed(shop: Shop) -> None:
    row = given_file(shop)
    row.refresh_from_db()
    assert "김민준".encode() not in bytes(row.sealed) and "회원번호".encode() not in bytes(row.draft)
    assert [one.refused for one in told(row)] == ["", "no_identity"] and not Event.objects.exists()
    assert all("민준" not in value for one in told(row) for _, value in one.said)
    uploads.start(TESTER, row.pk)
    uploads.work()
    row.refresh_from_db()
    assert (row.counts["taken"], row.counts["quarantined"], row.lines, row.failed) == (1, 1, 2, "")
    assert row.finished_at and not row.sealed and not row.draft and not DataKey.objects.filter(record=row.pk).exists()
    assert Mapping.objects.get(pk=row.mapping_id).content["columns"]["회원번호"] == "external_id"
    assert [entry.action for entry in AuditEntry.objects.filter(target=str(row.pk)).order_by("at", "id")] == [
        "upload.created", "upload.started", "upload.over",
    ]  # fmt: skip
    assert "민준" not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_rows_that_are_events_are_guessed_and_changed(shop: Shop) -> None:
    row = given_file(shop, SOLD, "events")
    draft = uploads.draft_of(row)
    assert draft.mapping["time"] == "주문일시" and draft.mapping["customer"] == {"column": "회원번호"}
    assert (draft.mapping["order"], draft.mapping["money"], draft.mapping["place"]) == ("주문번호", "금액", "매장")
    assert draft.mapping["identifiers"] == {"phone": "휴대폰"} and draft.mapping["sealed"] == ["메모"]
    uploads.remap(row.pk, draft.mapping | {"properties": {"품목": "items"}})
    uploads.start(TESTER, row.pk)
    uploads.work()
    event = Event.objects.get()
    assert (event.name, event.revenue, event.order_id, event.properties) == (
        "Order Completed",
        12000,
        "o-1",
        {"items": 2},
    )
    assert counters()["quarantined:bad_time"] == 1


def test_who_dies_is_followed_by_another_who_goes_on_and_each_row_is_kept_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"C{number},김{number}\n" for number in range(90))
    row = given_file(shop, "회원번호,이름\n" + rows + rows)
    monkeypatch.setattr(uploads, "ROWS_A_COMMIT", 25)
    uploads.start(TESTER, row.pk)
    keep, calls = uploads._keep, []

    def dying(*args: Any) -> None:
        calls.append(args)
        if len(calls) in (2, 4, 5):
            raise OperationalError
        keep(*args)

    monkeypatch.setattr(uploads, "_keep", dying)
    for _ in range(3):
        with pytest.raises(OperationalError):
            uploads.work()
    uploads.work()
    row.refresh_from_db()
    assert (row.counts["received"], row.counts["taken"], row.counts["repeated"]) == (180, 90, 90)
    assert Event.objects.count() == 90 and row.percent == 100


def test_a_file_that_ends_its_worker_again_and_again_is_given_up(shop: Shop) -> None:
    row = given_file(shop)
    uploads.start(TESTER, row.pk)
    Upload.objects.filter(pk=row.pk).update(begun=pulls.MOST_BEGUN)
    uploads.work()
    row.refresh_from_db()
    assert row.failed == "killed" and not row.sealed and not Event.objects.exists()


def test_a_fault_of_ours_ends_one_file_and_holds_up_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = given_file(shop), given_file(shop, KOREAN.replace("C1", "C2"))
    for row in (first, second):
        uploads.start(TESTER, row.pk)
    read = uploads._read
    monkeypatch.setattr(uploads, "_read", lambda row: 1 / 0 if row.pk == first.pk else read(row))
    uploads.work()
    assert Upload.objects.get(pk=first.pk).failed == "ZeroDivisionError"
    assert Upload.objects.get(pk=second.pk).failed == "" and Event.objects.count() == 1


def test_what_nobody_starts_is_forgotten_with_its_key(shop: Shop) -> None:
    old, young = given_file(shop), given_file(shop)
    Upload.objects.filter(pk=old.pk).update(created_at=now() - uploads.KEPT - timedelta(minutes=1))
    uploads.work()
    assert list(Upload.objects.values_list("pk", flat=True)) == [young.pk]
    assert set(crypto.existing_data_keys([old.pk, young.pk])) == {young.pk}
    uploads.discard(TESTER, young.pk)
    assert not Upload.objects.exists() and not crypto.existing_data_keys([young.pk])


def test_what_has_begun_is_not_changed_thrown_away_or_begun_twice(shop: Shop) -> None:
    row = given_file(shop)
    uploads.start(TESTER, row.pk)
    for attempt in (
        lambda: uploads.start(TESTER, row.pk),
        lambda: uploads.discard(TESTER, row.pk),
        lambda: uploads.remap(row.pk, {}),
    ):
        with pytest.raises(Refused, match="begun already"):
            attempt()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"columns": {}}, "names the customer"),
        ({"columns": {"회원번호": "external_id", "없는": "email"}}, "no column: 없는"),
        ({"columns": {"회원번호": "external_id", "이름": "email", "이메일": "email"}}, "More than one column"),
        ({"columns": {"회원번호": "external_id"}, "zone": "Seoul"}, "IANA"),
        (
            {"columns": {"회원번호": "external_id"}, "consents": {"등급": {"purpose": "no", "yes": ["y"], "no": []}}},
            "purpose",
        ),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_told_and_starts_nothing(
    shop: Shop, changed: dict[str, Any], why: str
) -> None:
    row = given_file(shop)
    uploads.remap(row.pk, changed)
    with pytest.raises(Refused, match=why):
        uploads.start(TESTER, row.pk)
    assert Upload.objects.get(pk=row.pk).started_at is None and not Mapping.objects.exists()


def test_what_is_no_file_of_rows_is_refused_in_a_sentence(shop: Shop) -> None:
    for name, content, code in (
        ("people.csv", b"kim@x.kr,010-1234-5678\nC1,C2\n", "no_header"),
        ("people.xlsx", b"PK\3\4nothing", "unreadable"),
        ("people.csv", b"", "unreadable"),
        ("large.csv", b"a\n" * uploads.MOST_BYTES, "too_large"),
    ):
        with pytest.raises(Refused) as refused:
            uploads.create(TESTER, shop[0].pk, "records", name, content)
        assert refused.value.code == code, name
    Source.objects.filter(pk=shop[0].pk).update(enabled=False)
    with pytest.raises(Refused, match="switched off"):
        given_file(shop)
    assert not Upload.objects.exists() and not DataKey.objects.exists()


def test_a_packed_file_is_read_and_one_named_after_somebody_is_called_otherwise(shop: Shop) -> None:
    row = uploads.create(TESTER, shop[0].pk, "records", "../people.csv.gz", gzip.compress(KOREAN.encode()))
    assert (row.name, len(told(row))) == ("file.csv.gz", 2)
    assert given_file(shop, name="홍길동.minjun.CSV").name == "file.csv"


def test_somebody_suppressed_meanwhile_does_not_come_back(shop: Shop) -> None:
    row = given_file(shop)
    suppression.add(TESTER, [("email", "minjun@x.kr")], "list")
    uploads.start(TESTER, row.pk)
    uploads.work()
    row.refresh_from_db()
    assert row.counts["suppressed"] == 1 and not Event.objects.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.xlsx", "a.parquet", "a.ndjson", "a.zip", "a.csv.gz", "a"]))
def test_no_bytes_end_otherwise_than_in_a_sentence(shop: Shop, content: bytes, name: str) -> None:
    for holds in ("records", "events"):
        try:
            row = uploads.create(TESTER, shop[0].pk, holds, name, content)
            told(row)
        except Refused as refused:
            assert str(refused)
