"""What fetching may reach, and what it may take: no address of the house, no folder beside the one named, no endless memory."""

import io
import time
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from cdp.core.errors import Refused
from cdp.core.types import now
from cdp.events.models import Event
from cdp.ingestion import files, imports, places, pulls, tables
from cdp.ingestion import storage as storages
from cdp.ingestion.errors import Away, TooMuch
from cdp.ingestion.files import Line
from cdp.ingestion.models import Pull, PulledFile
from cdp.ingestion.opening import open_table
from tests.ingestion.test_pulls import (
    ACTOR,
    TEXT,
    Shop,
    address,
    another_database,
    bucket,
    fetched,
    few_rows_a_commit,
    put,
    storage,
    table,
)

pytestmark = pytest.mark.django_db
__all__ = ["few_rows_a_commit", "storage"]


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[fe80::1]",  # noqa: S104
        "2130706433",
        "0x7f000001", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "100.64.0.1", "224.0.0.1",
    ],
)  # fmt: skip
def test_no_address_of_the_house_is_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psycopg.connect", lambda *args, **kwargs: pytest.fail("it was connected to"))
    asked = tables.Table(f"postgresql://reader@{host}:5432/crm", "people", "changed", "no")
    with pytest.raises(Away) as away:
        next(tables.pages(asked, "", tables.Place(), 10))
    assert away.value.why == "address_refused"


def test_a_network_or_socket_is_reached_where_the_settings_name_it(settings: Any) -> None:
    said = "postgresql://reader@10.1.2.3:5432/crm"
    settings.PULL_NETWORKS = ["10.1.0.0/16", "/run/postgresql"]
    assert "hostaddr=10.1.2.3" in tables._opened(said, "")
    tables._opened("postgresql://reader@/crm?host=/run/postgresql/", "")
    for elsewhere in (
        "postgresql://reader@10.2.2.3/crm",
        "postgresql://reader@/crm?host=/tmp",
        "postgresql://r@/c?host=@abstract",
    ):
        with pytest.raises(Away, match="address_refused"):
            tables._opened(elsewhere, "")
    assert not tables.is_address("postgresql://reader@/crm?host=")
    assert not tables.is_address("postgresql://reader@db/crm?hostaddr=127.0.0.1")


def test_a_name_that_answers_otherwise_the_next_time_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[(0, 0, 0, "", ("203.0.113.5", 5432))], [(0, 0, 0, "", ("127.0.0.1", 5432))]])
    monkeypatch.setattr("cdp.ingestion.tables.socket.getaddrinfo", lambda *args, **kwargs: next(answers))
    monkeypatch.setattr("cdp.ingestion.tables.allowed", lambda one, networks: one == "203.0.113.5")
    opened = tables._opened("postgresql://reader@db.example/crm", "")
    assert "hostaddr=203.0.113.5" in opened and "host=db.example" in opened
    with pytest.raises(Away, match="address_refused"):
        tables._opened("postgresql://reader@db.example/crm", "")


def test_the_place_tells_why_nothing_is_fetched(shop: Shop, settings: Any) -> None:
    settings.PULL_NETWORKS = []
    with another_database():
        assert fetched(table(shop)).failed == "address_refused"


def test_a_folder_is_that_folder_and_nothing_that_begins_like_it(shop: Shop, storage: Any) -> None:
    for path in ("orders/a.csv", "orders_private/b.csv", "orders.old.csv", "ordersx", "single.csv", "single.csv.bak"):
        put(storage, path, TEXT.replace("C1", f"C-{path}"))
    fetched(bucket(shop, address="s3://crm/orders"))
    assert list(PulledFile.objects.values_list("path", flat=True)) == ["orders/a.csv"]
    fetched(bucket(shop, name="single", address="s3://crm/single.csv"))
    assert set(PulledFile.objects.values_list("path", flat=True)) == {"orders/a.csv", "single.csv"}
    fetched(bucket(shop, name="all", address="s3://crm"))
    assert PulledFile.objects.filter(pull__name="all").count() == 6


def test_an_address_of_a_storage_is_of_plain_letters() -> None:
    assert storages.is_address("s3://crm/daily/2026_11") and not storages.is_address("s3://crm/일별")


def test_a_password_is_taken_away(shop: Shop, rf: Any) -> None:
    pull = table(shop, password="secret")
    places.change(ACTOR, pull, password="")
    assert pulls.opened(Pull.objects.get()).password == "secret"
    with pytest.raises(Refused) as refused:
        places.change(ACTOR, pull, address=address().replace("postgresql://", "postgres://"))
    assert refused.value.code == "password_needed"
    places.change(ACTOR, pull, address=address().replace("postgresql://", "postgres://"), no_password=True)
    assert pulls.opened(Pull.objects.get()).password == ""


def test_a_password_is_taken_away_in_the_console(shop: Shop, admin_client: Client) -> None:
    pull = table(shop, password="secret")
    place = reverse("admin:ingestion_pull_change", args=[pull.pk])
    form = admin_client.get(place).context["adminform"].form
    said = {name: form[name].value() for name in form.fields}
    said = {name: value for name, value in said.items() if value not in (None, False)} | {"no_password": "on"}
    assert admin_client.post(place, said).status_code == 302
    assert pulls.opened(Pull.objects.get()).password == ""


# --- how much ---------------------------------------------------------------------------------------------------------


def parquet(rows: int, cell: str, group: int) -> bytes:
    out = io.BytesIO()
    made = pa.table(
        {"no": [f"C{number}" for number in range(rows)], "text": [f"{number}{cell}" for number in range(rows)]}
    )
    pq.write_table(made, out, row_group_size=group, compression="zstd", use_dictionary=False)
    return out.getvalue()


def test_rows_of_parquet_come_in_batches_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BATCH_BYTES", 2**20)
    content, sizes = parquet(400, "x" * 100_000, 400), []
    batches = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda self, batch_size: sizes.append(batch_size) or batches(self, batch_size=batch_size),
    )
    assert sum(1 for _ in open_table("a.parquet", io.BytesIO(content)).lines) == 400
    assert sizes and 1 <= sizes[0] <= 10


def test_a_group_of_rows_that_no_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_GROUP", 2**20)
    with pytest.raises(TooMuch, match="row group"):
        open_table("a.parquet", io.BytesIO(parquet(40, "x" * 100_000, 40)))
    assert sum(1 for _ in open_table("a.parquet", io.BytesIO(parquet(40, "x" * 100_000, 5))).lines) == 40


def test_chunks_end_by_lines_or_by_what_they_hold() -> None:
    short = [Line(number, {"a": "x", "n": 1}) for number in range(25)]
    assert [len(chunk) for chunk in imports.chunks(iter(short), 10)] == [10, 10, 5]
    nested = {"list": ["y" * 2**18] * 4}
    for cells in ({"a": "x" * 2**20}, nested):
        long = (Line(number, cells) for number in range(100))
        sizes = [len(chunk) for chunk in imports.chunks(long, 10_000)]
        assert sum(sizes) == 100 and max(sizes) <= imports.CHARACTERS_A_COMMIT // 2**20
    assert list(imports.chunks(iter(()), 10)) == []


def test_a_file_of_long_rows_stays_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHARACTERS_A_COMMIT", 2**20)
    lines = (Line(number, {"text": str(number) + "x" * 100_000}) for number in range(2_000))
    tracemalloc.start()
    for _ in imports.chunks(lines, 10_000):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20


def test_listing_a_large_bucket_takes_nothing_of_the_time_to_read(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        put(storage, f"daily/{number}.csv", TEXT.replace("C1", f"C1{number}").replace("C2", f"C2{number}"))
    listed, hours = storages.listed, [0.0]

    def slow(address: str) -> Any:
        for page in listed(address):
            hours[0] += 3600
            yield page

    monkeypatch.setattr(pulls.storage, "listed", slow)
    monkeypatch.setattr(pulls, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + hours[0]))
    assert pulls.fetch_due(bucket(shop).pk, 60) is False and Event.objects.count() == 6


def test_what_was_listed_is_read_before_it_is_listed_again(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        put(storage, f"daily/{number}.csv", TEXT.replace("C1", f"C1{number}"))
    calls, listed = [], storages.listed
    monkeypatch.setattr(pulls.storage, "listed", lambda address: calls.append(address) or listed(address))
    pull = bucket(shop)
    Pull.objects.update(next_at=now())
    rounds = 0
    while pulls.fetch_due(pull.pk, -1):
        rounds += 1
    assert rounds >= 4 and len(calls) == 2
    assert PulledFile.objects.exclude(finished_at=None).count() == 4 and Pull.objects.get().complete_at is not None
