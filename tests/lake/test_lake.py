"""The lake holds every settled event once and nothing sealed, and what is read from it is one moment of everything."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection, connections, transaction

from cdp.core.errors import Refused
from cdp.events.actions import store
from cdp.events.models import Event, Source
from cdp.events.types import NewEvent
from cdp.lake import actions, queries
from cdp.lake.engine import memory, relation_of
from cdp.lake.models import LakeFile
from segments import actions as segments
from segments import engines
from tests.segments.people import NOW, happened, members_of, people, person, segment, source

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 5, 1, tzinfo=UTC)
SECRET = "amelia.pennington@example.com"


@pytest.fixture(autouse=True)
def lake(settings: LazySettings, tmp_path: Path) -> Path:
    settings.LAKE_DIR = tmp_path / "lake"
    return tmp_path / "lake"


@pytest.fixture
def shop() -> Source:
    return source()


def sent(shop: Source, number: int, record: UUID | None = None, name: str = "View") -> list[UUID]:
    """Events of so many records (or of one), stored and committed; returns the records."""
    records = [record or uuid4() for _ in range(number)]
    store([
        NewEvent(
            source=shop.pk, message_id=str(uuid4()), type="track", name=name, record=one, kind="customer",
            occurred_at=AT + timedelta(minutes=place), received_at=AT, properties={"sku": f"s{place}", "price": 12.5},
            sealed={"attributes": {"email": SECRET}},
        )
        for place, one in enumerate(records)
    ])  # fmt: skip
    return records


def kept() -> list[tuple[Any, ...]]:
    """The events of the lake's live files."""
    files = list(LakeFile.objects.filter(retired_at=None).values_list("pk", flat=True))
    if not files:
        return []
    wanted = "select record, name, message_id, epoch_us(occurred_at), properties::varchar, revenue"
    return sorted(duckdb.sql(f"{wanted} from {relation_of(files)}").fetchall(), key=str)


def stored() -> list[tuple[Any, ...]]:
    """The same of PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select record, name, message_id, (extract(epoch from occurred_at) * 1000000)::bigint, properties::text, revenue"
            " from events_event"
        )
        return sorted(cursor.fetchall(), key=str)


def test_every_event_is_appended_once_in_order_of_name_and_record(shop: Source) -> None:
    sent(shop, 30)
    sent(shop, 20, name="Order Completed")
    assert [actions.append(35), actions.append(35), actions.append(35)] == [35, 15, 0]
    assert kept() == stored()
    for file in LakeFile.objects.all():
        keys = duckdb.sql(f"select name, record from {relation_of([file.pk])}").fetchall()
        assert keys == sorted(keys) and len(keys) == file.rows


def test_nothing_sealed_reaches_the_files(shop: Source, lake: Path) -> None:
    sent(shop, 10)
    actions.keep_up()
    told = b"".join(file.read_bytes() for file in lake.iterdir())
    columns = {row[0] for row in duckdb.sql(f"describe select * from {relation_of(live())}").fetchall()}
    assert SECRET.encode() not in told and "sealed" not in columns
    assert SECRET not in str(duckdb.sql(f"select properties, brand, session from {relation_of(live())}").fetchall())


def live() -> list[UUID]:
    return list(LakeFile.objects.filter(retired_at=None).values_list("pk", flat=True))


def test_an_event_whose_transaction_is_late_is_not_passed_over(shop: Source) -> None:
    with psycopg.connect(dsn()) as late:
        late.execute("select pg_current_xact_id()")  # an older transaction than the next
        sent(shop, 5)
        assert actions.append(100) == 0  # what is behind it is not settled yet
        with queries.snapshot({"events_event"}) as engine:
            assert engine.execute("select count(*) from events_event").fetchall() == [(5,)]
    assert actions.append(100) == 5


def as_owner() -> dict[str, Any]:
    params = connections["owner"].get_connection_params()
    return {name: params[name] for name in ("dbname", "user", "password", "host", "port") if name in params}


def dsn() -> str:
    info = connection.connection.info
    return psycopg.conninfo.make_conninfo(info.dsn, password=info.password)


def test_two_processes_at_once_append_everything_once(shop: Source) -> None:
    sent(shop, 300)
    workers = [threading.Thread(target=in_its_own_connection, args=(7,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    actions.keep_up()
    assert kept() == stored()


def in_its_own_connection(limit: int) -> None:
    try:
        for _ in range(20):
            actions.append(limit)
    finally:
        connection.close()


KILLED_BEFORE_ITS_COMMIT = """
import os, signal, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = os.environ["DATABASE_NAME"]
from cdp.lake import actions
actions._add = lambda files, level: os.kill(os.getpid(), signal.SIGKILL)
actions.append(100)
"""


def test_a_process_killed_between_file_and_commit_leaves_nothing_in_the_lake(shop: Source, lake: Path) -> None:
    sent(shop, 10)
    told = {"DATABASE_NAME": connection.settings_dict["NAME"], "CDP_LAKE_DIR": str(lake)}
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_ITS_COMMIT], env=os.environ | told, check=False)
    assert killed.returncode == -9
    [orphan] = lake.glob("*.parquet")
    assert kept() == []
    assert actions.keep_up() == 10
    assert kept() == stored()
    long_ago = datetime.now(UTC).timestamp() - 2 * actions.GRACE.total_seconds()
    os.utime(orphan, (long_ago, long_ago))
    assert actions.sweep() == 1 and not orphan.exists()
    assert kept() == stored()


def test_small_files_are_put_together_and_deleted_later(shop: Source, lake: Path) -> None:
    for _ in range(actions.FAN):
        sent(shop, 3)
        actions.append(100)
    before = kept()
    assert actions.compact() and not actions.compact()
    assert [file.level for file in LakeFile.objects.filter(retired_at=None)] == [1]
    assert kept() == before == stored()
    assert len(list(lake.glob("*.parquet"))) == actions.FAN + 1  # whoever reads them may finish
    LakeFile.objects.exclude(retired_at=None).update(retired_at=datetime.now(UTC) - 2 * actions.GRACE)
    for file in lake.glob("*.parquet"):
        os.utime(file, (0, 0))
    assert actions.sweep() == actions.FAN
    assert kept() == before


def test_the_erased_are_in_no_file_from_the_commit_on(shop: Source, lake: Path) -> None:
    records = sent(shop, 20)
    gone = sent(shop, 4, record=records[3])[:1]
    actions.append(15)
    actions.keep_up()
    with transaction.atomic():
        assert actions.forget(gone) == 5
        Event.objects.filter(record__in=gone).delete()
    assert kept() == stored() and len(kept()) == 19
    [(left,)] = duckdb.sql(
        f"select count(*) from read_parquet('{lake}/*.parquet') where record = '{gone[0]}'"
    ).fetchall()
    assert left == 0
    assert actions.forget(gone) == 0


def test_what_retention_deleted_leaves_the_files(shop: Source) -> None:
    sent(shop, 12)
    actions.append(7)
    actions.keep_up()
    Event.objects.filter(occurred_at__lt=AT + timedelta(minutes=5)).delete()
    assert len(kept()) == 12
    assert (actions.reconcile(), actions.reconcile()) == (5, 0)
    assert kept() == stored() and len(kept()) == 7


def test_a_rebuilt_lake_is_the_same_lake(shop: Source, capsys: pytest.CaptureFixture[str]) -> None:
    sent(shop, 40)
    actions.keep_up()
    before, files = kept(), set(live())
    call_command("lake", "rebuild")
    assert kept() == before and files.isdisjoint(live())
    assert "40 events" in capsys.readouterr().out
    sent(shop, 1)
    state = queries.state()
    assert (state.files, state.rows) == (1, 40) and state.lag is not None


def test_the_manifest_names_what_is_live(shop: Source, lake: Path) -> None:
    sent(shop, 5)
    actions.keep_up()
    told = (lake / actions.MANIFEST).read_text()
    assert all(str(file) in told for file in live())


def test_a_snapshot_holds_what_is_not_appended_yet(shop: Source) -> None:
    sent(shop, 5)
    actions.append(3)
    with queries.snapshot({"events_event", "identity_profile"}) as engine:
        assert engine.execute("select count(*), count(distinct message_id) from events_event").fetchall() == [(5, 5)]
        assert engine.execute("select count(*) from identity_profile").fetchall() == [(0,)]


# --- segments ---------------------------------------------------------------------------------------------------------

RULES: dict[str, object] = {
    "trait": {"trait": "orders_count", "op": "gte", "value": 3},
    "often": {"event": "Order Completed", "count": {"op": "gte", "value": 2}, "within": {"days": 30}},
    "never": {"not": {"event": "Order Completed"}},
    "spent": {
        "event": "Order Completed", "sum": {"property": "revenue", "op": "gt", "value": 150}, "currency": "KRW",
        "within": {"days": 30},
    },
    "where": {"event": "View", "where": [{"property": "sku", "op": "eq", "value": "s1"}], "within": {"days": 90}},
    "both": {"all": [{"trait": "city", "op": "eq", "value": "서울"}, {"event": "View", "within": {"days": 90}}]},
    "hours": {"event": "View", "at": {"weekdays": ["sun"], "from": "12:00", "to": "12:01"}, "within": {"months": 1}},
    "first": {"event": "View", "first": {"where": [{"property": "sku", "op": "eq", "value": "s2"}]}},
    "usual": {"event": "View", "most_frequent": {"property": "sku", "op": "eq", "value": "s1"}},
    "monthly": {"event": "View", "frequency": {"unit": "month", "last": 1}},
    "member": {"segment": "trait"},
}  # fmt: skip


@pytest.fixture
def town() -> Iterator[None]:
    for place, profile in enumerate(people(12, orders_count=2, city="서울")):
        for _ in range(place % 4):
            happened(profile, "Order Completed", revenue=100, currency="KRW", properties={"price": 1})
        if place % 3:
            happened(profile, "View", properties={"sku": f"s{place % 3}"})
    for profile in (person(orders_count=5, city="부산"), person(orders_count=7)):
        happened(profile, "Order Completed", revenue=900, currency="KRW")
    yield


def test_the_lake_names_the_members_that_postgresql_names(town: None, settings: LazySettings) -> None:
    actions.append(9)  # the rest is beyond the mark
    for key, rule in RULES.items():
        made = segment(key, rule)
        found = {}
        for engine in (engines.POSTGRESQL, engines.LAKE):
            settings.SEGMENT_ENGINE = engine
            run = segments.recompute(made.pk, NOW)
            assert (run.state, run.engine) == ("done", engine), run.error
            found[engine] = set(members_of(made))
        assert found[engines.POSTGRESQL] == found[engines.LAKE], key
        assert found[engines.LAKE], key


def test_the_engine_is_chosen_by_the_number_of_events(shop: Source, settings: LazySettings) -> None:
    sent(shop, 50)
    with psycopg.connect(**as_owner(), autocommit=True) as owner:
        owner.execute("analyze events_event")
    settings.LAKE_FROM_EVENTS = 50
    assert engines.chosen() == engines.LAKE
    settings.LAKE_FROM_EVENTS = 51
    assert engines.chosen() == engines.POSTGRESQL


def test_a_rule_that_takes_too_long_is_cancelled(settings: LazySettings) -> None:
    settings.SEGMENT_STATEMENT_SECONDS = 1
    with pytest.raises(Refused) as told, memory() as engine, engines.cancelled_late(engine):
        engine.execute("select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 3")
    assert told.value.code == "too_slow" and "1 second" in str(told.value)


def test_a_file_that_an_erasure_took_away_meanwhile_is_no_error(
    town: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.keep_up()
    made = segment("often", RULES["often"])
    segments.recompute(made.pk, NOW)
    wanted = set(members_of(made))
    settings.SEGMENT_ENGINE = engines.LAKE
    reading = queries.relation_of

    def once(files: list[str]) -> str:
        """The first look finds a file that is gone by now."""
        monkeypatch.setattr(queries, "relation_of", reading)
        return reading([uuid4()])

    monkeypatch.setattr(queries, "relation_of", once)
    run = segments.recompute(made.pk, NOW)
    assert (run.state, run.engine) == ("done", engines.LAKE), run.error
    assert set(members_of(made)) == wanted != set()
