"""Rows fetched from a storage and from another database: each once, whatever happens on the way, and faults are shown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import boto3
import psycopg
import pytest
from botocore.response import StreamingBody
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict
from urllib3.exceptions import SSLError

from cdp.core import sql
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor, now
from cdp.events.models import Event, Mapping, Quarantined, Source
from cdp.ingestion import places, pulls
from cdp.ingestion.models import Pull, PulledFile
from tests.database import owner_parameters
from tests.ingestion.test_sheets import archive, as_excel_writes, book, rewrite
from tests.ingestion.wire import counters, sealed

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
ACTOR = Actor.system("test")
MAPPING = json.dumps({"columns": {"회원번호": "external_id", "이름": "full_name"}})
TEXT = "회원번호,이름,tier\nC1,김민준,gold\nC2,이서연,silver\n"
TABLE_MAPPING = json.dumps({"columns": {"no": "external_id", "name": "full_name", "changed": "updated_at"}})


@pytest.fixture(autouse=True)
def our_socket_is_allowed(settings: Any) -> None:
    settings.PULL_NETWORKS = [app()["HOST"], "127.0.0.0/8"]


@pytest.fixture(autouse=True)
def few_rows_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulls, "ROWS_A_COMMIT", 2)


def fetched(pull: Pull, seconds: float = 60.0) -> Pull:
    """Fetch until there is no more, as workers do; the place as it stands then."""
    Pull.objects.filter(pk=pull.pk).update(next_at=now())
    while pulls.fetch_due(pull.pk, seconds):
        pass
    pull.refresh_from_db()
    return pull


# --- a storage --------------------------------------------------------------------------------------------------------


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        found = boto3.client("s3")
        found.create_bucket(Bucket="crm")
        yield found


def put(storage: Any, path: str, content: str | bytes) -> None:
    body = content.encode() if isinstance(content, str) else content
    storage.put_object(Bucket="crm", Key=path, Body=body)


def bucket(shop: Shop, **more: Any) -> Pull:
    said = {"name": "crm-files", "source": shop[0].pk, "kind": "storage", "address": "s3://crm/daily"}
    return places.create(ACTOR, **said | {"holds": "records", "mapping": MAPPING} | more)


def test_every_file_is_fetched_once_and_a_new_version_brings_what_is_new(shop: Shop, storage: Any) -> None:
    put(storage, "daily/a.csv", TEXT)
    put(storage, "daily/b.zip", archive({"b.csv": TEXT.replace("C1", "C3").encode("cp949")}))
    put(storage, "daily/", "")
    put(storage, "elsewhere/c.csv", TEXT.replace("C1", "C9"))
    pull = fetched(bucket(shop))
    assert {sealed(event)["external_id"] for event in Event.objects.all()} == {"C1", "C2", "C3"}
    assert pull.counts == {"received": 4, "taken": 3, "repeated": 1}
    assert (pull.failed, pull.complete_at is not None, pull.next_at > now()) == ("", True, True)
    fetched(pull)
    assert counters()["received"] == 4 and PulledFile.objects.count() == 2
    put(storage, "daily/a.csv", TEXT + "C4,박지훈,gold\n")
    fetched(pull)
    assert Event.objects.count() == 4 and counters() == {"received": 7, "taken": 4, "repeated": 3}


def test_a_file_that_cannot_be_read_is_put_aside_and_holds_up_no_other(shop: Shop, storage: Any) -> None:
    put(storage, "daily/1.xlsx", "no workbook")
    put(storage, "daily/2.csv", "other,columns\n1,2\n")
    put(storage, "daily/3.csv", TEXT + ",nobody,\n")
    pull = fetched(bucket(shop))
    assert dict(PulledFile.objects.values_list("path", "failed")) == {
        "daily/1.xlsx": "unreadable", "daily/2.csv": "columns_missing", "daily/3.csv": "",
    }  # fmt: skip
    assert pull.counts == {"received": 3, "taken": 2, "quarantined": 1}
    assert Quarantined.objects.get().place == "3.csv:4" and Quarantined.objects.get().mapping_id == pull.mapping_id
    assert counters()["file_unreadable"] == counters()["file_columns_missing"] == 1
    fetched(pull)
    assert counters()["file_unreadable"] == 1


def test_files_put_aside_are_read_again_once_their_cause_is_mended(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch, admin_client: Client
) -> None:
    put(storage, "daily/1.csv", TEXT)
    put(storage, "daily/2.csv", "회원번호,name\n")
    with monkeypatch.context() as broken:
        broken.setattr(pulls, "MOST_BEGUN", 0)
        pull = fetched(bucket(shop))
    assert {file.failed for file in PulledFile.objects.all()} == {"killed"}
    with pytest.raises(CommandError):
        call_command("read_again", place="none")
    call_command("read_again", place=pull.name, stdout=StringIO())
    fetched(pull)
    assert dict(PulledFile.objects.values_list("path", "failed")) == {
        "daily/1.csv": "",
        "daily/2.csv": "columns_missing",
    }
    assert counters()["taken"] == 2
    chosen = {"action": "read_again", "_selected_action": PulledFile.objects.values_list("pk", flat=True)}
    answer = admin_client.post(reverse("admin:ingestion_pulledfile_changelist"), chosen, follow=True)
    assert "Files that are read again: 1." in answer.content.decode()
    again = AuditEntry.objects.filter(action="pull.read_again").values_list("target", "details__count")
    assert list(again) == [(str(pull.pk), 2), (str(pull.pk), 1)]
    fetched(pull)
    assert counters()["taken"] == 2, "what was kept is not kept again"


def test_a_file_with_a_name_of_any_length_and_a_broken_workbook_hold_up_no_other(
    shop: Shop, storage: Any, tmp_path: Path
) -> None:
    put(storage, f"daily/{'n' * 900}.csv", TEXT + ",nobody,\n")
    file = as_excel_writes(book(tmp_path / "a.xlsx", ["회원번호", "이름"], ["C7", "n"]))
    rewrite(file, "xl/worksheets/sheet1.xml", b"<v>2</v>", b"<v>999</v>")
    put(storage, "daily/a.xlsx", file.read_bytes())
    pull = fetched(bucket(shop))
    assert PulledFile.objects.get(path="daily/a.xlsx").failed == "unreadable"
    assert pull.counts == {"received": 3, "taken": 2, "quarantined": 1} and pull.complete_at


def test_a_file_that_ends_its_worker_is_put_aside(shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(storage, "daily/1.csv", TEXT)
    put(storage, "daily/2.csv", TEXT)
    pull, seen = bucket(shop), []
    open_table = pulls.open_table
    begun = PulledFile.objects.order_by("path").values_list("begun", flat=True)
    monkeypatch.setattr(pulls, "open_table", lambda *given: seen.append([*begun.all()]) or open_table(*given))
    pulls._note_files(pull)
    PulledFile.objects.filter(path="daily/1.csv").update(begun=pulls.MOST_BEGUN)
    fetched(pull)
    assert dict(PulledFile.objects.values_list("path", "failed")) == {"daily/1.csv": "killed", "daily/2.csv": ""}
    assert seen == [[3, 1]] and [*begun.all()] == [3, 0], "written before it is opened"


def test_a_fault_of_keeping_lines_is_none_of_the_file(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(storage, "daily/1.csv", TEXT)
    pull = bucket(shop)
    with monkeypatch.context() as broken:
        broken.setattr(pulls.actions, "keep", Mock(side_effect=ValueError))
        assert fetched(pull).failed == "ValueError"
    assert PulledFile.objects.get().finished_at is None
    Pull.objects.update(next_at=now())
    fetched(pull)
    assert PulledFile.objects.get().failed == "" and Event.objects.exists()


def test_a_file_goes_on_where_it_was_left(shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also lines that say the same, which the events of a till may."""
    lines = "".join(f"2026-03-04,C{number // 3},100\n" for number in range(9))
    put(storage, "daily/till.csv", f"at,member,total\n{lines}")
    till = {"event": {"constant": "Bought"}, "time": "at", "customer": {"column": "member"}, "money": "total"}
    pull = bucket(shop, holds="events", mapping=json.dumps(till))
    keep, kept = pulls.actions.keep, []

    def dies(*given: Any) -> Any:
        kept.append(given)
        if len(kept) in (2, 4):
            raise KeyboardInterrupt
        return keep(*given)

    monkeypatch.setattr(pulls.actions, "keep", dies)
    for lines_kept in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            fetched(pull)
        assert PulledFile.objects.get().lines == lines_kept
    pull = fetched(pull)
    assert Event.objects.count() == 9 and PulledFile.objects.get().lines == 9
    assert pull.counts == {"received": 9, "taken": 9} and counters() == {"received": 9, "taken": 9}


def test_when_time_is_over_the_next_run_goes_on(shop: Shop, storage: Any) -> None:
    put(storage, "daily/a.csv", "회원번호,이름\n" + "".join(f"C{number},n\n" for number in range(7)))
    pull = bucket(shop)
    for lines in (2, 4, 6, 7):
        assert pulls.fetch_due(pull.pk, seconds=0)
        assert PulledFile.objects.get().lines == lines
    assert fetched(pull, seconds=0).complete_at
    assert Event.objects.count() == 7


def test_a_file_replaced_while_it_is_read_is_left_for_its_new_version(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(storage, "daily/a.csv", TEXT)
    pull = bucket(shop)
    listed = pulls.storage.listed

    def replaced(address: str) -> Any:
        found = list(listed(address))
        monkeypatch.setattr(pulls.storage, "listed", listed)
        put(storage, "daily/a.csv", TEXT.replace("C1", "C5"))
        return iter(found)

    monkeypatch.setattr(pulls.storage, "listed", replaced)
    fetched(pull)
    fetched(pull)
    assert sorted(PulledFile.objects.values_list("failed", flat=True)) == ["", "replaced"]
    assert {sealed(event)["external_id"] for event in Event.objects.all()} == {"C5", "C2"}


def test_a_storage_that_is_away_is_left_alone_for_longer_and_longer(shop: Shop, storage: Any) -> None:
    pull = bucket(shop, address="s3://missing/daily")
    waits = []
    for _ in range(3):
        pull = fetched(pull)
        waits.append(round((pull.next_at - now()) / timedelta(minutes=1)))
    assert (pull.failed, pull.failures, waits) == ("http_404", 3, [1, 2, 4])
    assert counters() == {"pull_failed": 3} and pull.complete_at is None
    assert not pulls.fetch_due(pull.pk) and pull.pk not in pulls.due()
    put(storage, "daily/a.csv", TEXT)
    places.change(ACTOR, pull, address="s3://crm/daily")
    assert fetched(pull).failed == "" and fetched(pull).failures == 0


def test_an_address_that_leads_to_no_file_is_told_until_one_is_there(
    shop: Shop, storage: Any, admin_client: Client
) -> None:
    put(storage, "daily/2026-11.csv", TEXT)
    pull = fetched(bucket(shop, address="s3://crm/daily/2026-"))
    assert (pull.failed, pull.complete_at) == ("nothing_there", None)
    page = admin_client.get(reverse("admin:ingestion_pull_changelist")).content.decode()
    assert "let the address end at a folder" in page
    # What an earlier release found by the beginning of a name says nothing of this address.
    PulledFile.objects.create(pull=pull, path="daily/2026-10.csv", version="1", changed_at=now(), finished_at=now())
    assert fetched(pull).failed == "nothing_there"
    pull = fetched(places.change(ACTOR, pull, address="s3://crm/daily"))
    assert (pull.failed, pull.failures, pull.complete_at is not None) == ("", 0, True)
    storage.delete_object(Bucket="crm", Key="daily/2026-11.csv")
    assert fetched(pull).failed == "", "a folder that is emptied after reading is none that never was"


def test_of_a_switched_off_place_or_source_nothing_is_fetched(shop: Shop, storage: Any) -> None:
    put(storage, "daily/a.csv", TEXT)
    pull = places.change(ACTOR, bucket(shop), enabled=False)
    assert pulls.due() == [] and not pulls.fetch_due(pull.pk)
    places.change(ACTOR, pull, enabled=True)
    assert pulls.due() == [pull.pk]
    Source.objects.update(enabled=False)
    assert pulls.due() == [] and not pulls.fetch_due(pull.pk) and not Event.objects.exists()


def test_a_second_worker_does_nothing_meanwhile(shop: Shop, storage: Any) -> None:
    put(storage, "daily/a.csv", TEXT)
    pull = bucket(shop)
    lock = {"what": pulls.LOCK, "of": str(pull.pk)}
    with psycopg.connect(**owner_parameters(), autocommit=True) as other:
        assert other.execute(sql.TRY_LOCK, lock).fetchone() == (True,)
        assert not pulls.fetch_due(pull.pk) and not Event.objects.exists()
        other.execute(sql.UNLOCK, lock)
    fetched(pull)
    assert Event.objects.count() == 2


# --- a table of another database --------------------------------------------------------------------------------------


@pytest.fixture
def people() -> Iterator[psycopg.Connection[Any]]:
    """A table that is not ours, written by a connection of its own."""
    with another_database() as other:
        other.execute("create schema crm; create table crm.people (no text primary key, name text, points numeric, "
                      "changed timestamptz, joined date, number bigint generated always as identity)")  # fmt: skip
        other.execute(
            f'grant usage on schema crm to "{app()["USER"]}"; grant select on crm.people to "{app()["USER"]}"'
        )
        yield other


@contextmanager
def another_database() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**owner_parameters(), autocommit=True) as ours:
        # One that was interrupted left it behind.
        ours.execute(f'drop database if exists "{elsewhere()}"')
        ours.execute(f'create database "{elsewhere()}"')
        try:
            with psycopg.connect(**owner_parameters() | {"dbname": elsewhere()}, autocommit=True) as other:
                yield other
        finally:
            ours.execute(f'drop database "{elsewhere()}"')


def test_a_database_that_an_interrupted_run_left_behind_is_in_nobody_s_way() -> None:
    with psycopg.connect(**owner_parameters(), autocommit=True) as ours:
        ours.execute(f'create database "{elsewhere()}"')
    with another_database() as other:
        assert other.info.dbname == elsewhere()


def elsewhere() -> str:
    return f"{app()['NAME']}_crm"


def app() -> dict[str, Any]:
    return connection.settings_dict


def address() -> str:
    socket, user = quote(app()["HOST"], safe=""), quote(app()["USER"])
    return f"postgresql://{user}@/{elsewhere()}?host={socket}"


def table(shop: Shop, **more: Any) -> Pull:
    said = {"name": "crm-people", "source": shop[0].pk, "kind": "table", "address": address(), "table": "crm.people"}
    said |= {"watermark": "changed", "key": "no", "password": app()["PASSWORD"]}
    return places.create(ACTOR, **said | {"holds": "records", "mapping": TABLE_MAPPING} | more)


def test_our_own_database_is_no_other(shop: Shop) -> None:
    """Who may fetch rows could read there what they may not see."""
    pull = fetched(table(shop, address=address().replace(elsewhere(), app()["NAME"]), table="core_user"))
    assert (pull.failed, Event.objects.count()) == ("our_own", 0)


def add(people: psycopg.Connection[Any], *numbers: int, minute: int = 0, name: str = "n") -> None:
    for number in numbers:
        people.execute(
            "insert into crm.people values (%s, %s, 1.5, timestamptz '2026-03-04 00:00Z' + %s * interval '1 minute', "
            "'2026-01-02') on conflict (no) do update set name = excluded.name, changed = excluded.changed",
            [f"C{number:03}", f"{name}{number}", minute],
        )  # fmt: skip


def known() -> list[str]:
    return sorted(sealed(event)["external_id"] for event in Event.objects.all())


def test_rows_are_fetched_once_then_what_is_new_or_changed(shop: Shop, people: psycopg.Connection[Any]) -> None:
    add(people, *range(5))
    pull = fetched(table(shop))
    assert pull.failed == "" and known() == [f"C{number:03}" for number in range(5)]
    event = Event.objects.get(properties__number=1)
    assert event.occurred_at.isoformat() == "2026-03-04T00:00:00+00:00"
    assert event.properties == {"points": 1.5, "joined": "2026-01-02", "number": 1}
    assert fetched(pull).counts["taken"] == 5
    add(people, 5, minute=60)
    add(people, 1, minute=61, name="renamed")
    pull = fetched(pull)
    assert pull.counts["taken"] == 7 and len(known()) == 7
    names = {sealed(event)["attributes"]["full_name"] for event in Event.objects.all()}
    assert {"n1", "renamed1", "n5"} <= names
    before = pull.counts["received"]
    assert fetched(pull).counts["received"] - before == 2, "only what is near the mark is read again"


def test_rows_written_late_are_taken_in(shop: Shop, people: psycopg.Connection[Any]) -> None:
    """A transaction may commit a row after others that say a later time were read."""
    add(people, 1, minute=30)
    pull = fetched(table(shop))
    add(people, 2, minute=25)
    fetched(pull)
    assert known() == ["C001", "C002"]


def test_a_row_of_the_future_hides_none_that_comes_later(shop: Shop, people: psycopg.Connection[Any]) -> None:
    add(people, 1)
    add(people, 2, minute=60 * 24 * 36500)
    pull = fetched(table(shop))
    assert known() == ["C001", "C002"]
    add(people, 3, minute=60)
    fetched(pull)
    assert known() == ["C001", "C002", "C003"]


def test_many_rows_of_one_moment_are_read_on_by_the_key(shop: Shop, people: psycopg.Connection[Any]) -> None:
    add(people, *range(9))
    pull = table(shop)
    runs = 0
    while pulls.fetch_due(pull.pk, seconds=0):
        runs += 1
    assert runs >= 4 and len(known()) == 9
    pull.refresh_from_db()
    assert pull.counts == {"received": 9, "taken": 9} and pull.complete_at


def test_a_numbered_column_serves_too(shop: Shop, people: psycopg.Connection[Any]) -> None:
    add(people, 1, 2, 3)
    pull = fetched(table(shop, watermark="number", key="number"))
    add(people, 4)
    assert fetched(pull).failed == "" and len(known()) == 4


def test_killed_between_two_pages_the_next_goes_on_there(
    shop: Shop, people: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(people, *range(6))
    pull, keep, calls = table(shop), pulls.actions.keep, []

    def dies(*given: Any) -> Any:
        calls.append(given)
        outcome = keep(*given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return outcome

    monkeypatch.setattr(pulls.actions, "keep", dies)
    with pytest.raises(KeyboardInterrupt):
        pulls.fetch_due(pull.pk)
    assert len(known()) == 2
    assert fetched(pull).counts == {"received": 6, "taken": 6}


def test_another_description_while_it_is_read_is_not_written_over(
    shop: Shop, people: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(people, *range(6))
    pull, keep, calls = table(shop), pulls._keep, []

    def meddled(*given: Any) -> None:
        keep(*given)
        calls.append(given)
        if len(calls) == 1:
            places.change(ACTOR, pull, watermark="number", key="number", password="another")

    monkeypatch.setattr(pulls, "_keep", meddled)
    assert pulls.fetch_due(pull.pk) and len(known()) == 2
    pull = fetched(pull)
    assert pulls.opened(pull).password == "another" and len(known()) == 6 and pull.complete_at


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"table": "crm.nobody"}, "42P01"),
        ({"watermark": "nothing"}, "42703"),
        ({"watermark": "name"}, "watermark_type"),
        ({"key": "nothing"}, "42703"),
        ({"address": "postgresql://somebody@127.0.0.1:1/db"}, "OperationalError"),
    ],
)
def test_a_fault_of_the_other_database_is_told_by_its_kind(
    shop: Shop, people: psycopg.Connection[Any], changed: dict[str, str], why: str
) -> None:
    add(people, 1)
    pull = fetched(table(shop, **changed))
    assert (pull.failed, pull.failures) == (why, 1) and not Event.objects.exists()


def test_a_time_that_python_has_not_stops_no_table(shop: Shop, people: psycopg.Connection[Any]) -> None:
    add(people, 1, 2, 3)
    people.execute("update crm.people set joined = case no when 'C1' then 'infinity'::date else '0044-03-15 BC' end")
    pull = fetched(table(shop))
    assert (pull.failed, pull.counts["taken"]) == ("", 3)


def test_events_of_a_table_are_told_apart_by_its_key(shop: Shop, people: psycopg.Connection[Any]) -> None:
    """Or by all that a row says; two runs would number ids that come twice each for itself."""
    bought = {"event": {"constant": "Bought"}, "time": "changed", "customer": {"column": "no"}}
    with pytest.raises(Refused) as refused:
        table(shop, holds="events", mapping=json.dumps(bought | {"message_id": "name"}))
    assert refused.value.code == "mapping_refused"
    assert table(shop, holds="events", mapping=json.dumps(bought | {"message_id": "no"})).pk


def test_the_other_database_is_only_read(shop: Shop, people: psycopg.Connection[Any]) -> None:
    reading = psycopg.connect(pulls.tables._opened(address(), app()["PASSWORD"]))
    with reading, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reading.execute("delete from crm.people")


def test_a_connection_is_encrypted_unless_the_address_says_otherwise() -> None:
    assert "sslmode=require" in pulls.tables._opened("postgresql://u@9.9.9.9/db", "")
    assert "sslmode=disable" in pulls.tables._opened("postgresql://u@9.9.9.9/db?sslmode=disable", "")


def test_a_mapping_of_another_version_is_told(shop: Shop, people: psycopg.Connection[Any]) -> None:
    pull = table(shop)
    Mapping.objects.update(content={"columns": 5})
    assert fetched(pull).failed == "mapping"


# --- how it is described ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"address": "https://crm/daily"}, "address_refused"),
        ({"address": "s3://crm/../x"}, "address_refused"),
        ({"address": "s3://169.254.169.254:80/x"}, "address_refused"),
        ({"mapping": "{"}, "mapping_refused"),
        ({"holds": "events", "mapping": "{}"}, "mapping_refused"),
        ({"kind": "table"}, "address_refused"),
        ({"kind": "table", "address": "postgresql://u:secret@h/db"}, "address_refused"),
        ({"kind": "table", "address": "postgresql://u@/db"}, "address_refused"),
        ({"kind": "table", "address": "postgresql://u@h/db?service=x"}, "address_refused"),
        ({"kind": "table", "address": "postgresql://u@h/db?options=-c%20x"}, "address_refused"),
        (
            {"kind": "table", "address": "postgresql://u@9.9.9.9/db", "table": "a.b.c", "watermark": "a", "key": "b"},
            "column_refused",
        ),
        (
            {"kind": "table", "address": "postgresql://u@9.9.9.9/db", "table": "a", "watermark": 'a"', "key": "b"},
            "column_refused",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(shop: Shop, changed: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        bucket(shop, **changed)
    assert refused.value.code == code and not Pull.objects.exists()


def test_never_is_no_schedule(shop: Shop) -> None:
    with pytest.raises(ValidationError):
        bucket(shop, every=0)


def test_a_kept_password_is_sent_to_no_other_address(shop: Shop) -> None:
    pull, elsewhere = table(shop, password="open sesame"), "postgresql://u@9.9.9.9/db"
    with pytest.raises(Refused, match="password again"):
        places.change(ACTOR, pull, address=elsewhere, password="")
    with pytest.raises(Refused, match="password again"):
        places.check(pull.pk, address=elsewhere)
    assert pulls.opened(places.change(ACTOR, pull, address=elsewhere, password="new")).password == "new"
    assert "require_auth=!password" in pulls.tables._opened(elsewhere, "new")


def test_another_fault_is_shown_too_and_the_place_waits(
    shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pull = bucket(shop)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "no address")
    pull = fetched(pull)
    assert (pull.failed, pull.failures, pull.next_at > now()) == ("ValueError", 1, True)
    assert "ValueError" in caplog.text and "no address" not in caplog.text


def test_a_connection_that_breaks_puts_no_file_aside(shop: Shop, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(storage, "daily/a.csv", TEXT)
    pull = bucket(shop)

    def broken(*_: Any, **__: Any) -> bytes:
        raise SSLError("bad record")

    with monkeypatch.context() as patch:
        patch.setattr(StreamingBody, "read", broken)
        assert fetched(pull).failed == "SSLError"
    assert PulledFile.objects.get().finished_at is None
    fetched(pull)
    assert Event.objects.count() == 2


def test_no_password_of_our_own_environment_is_sent() -> None:
    said = conninfo_to_dict(pulls.tables._opened("postgresql://u@9.9.9.9/db", ""))
    assert (said["password"], said["passfile"]) == ("", "/dev/null")


def test_the_password_is_sealed_and_stays_when_it_is_not_written_again(shop: Shop) -> None:
    pull = table(shop, password="open sesame")
    assert pulls.opened(places.change(ACTOR, pull, every=5, password="")).password == "open sesame"
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ingestion_pull p where p::text like '%%sesame%%'")
        assert cursor.fetchone() == (0,)
    assert "sesame" not in str(list(AuditEntry.objects.values()))
    assert AuditEntry.objects.filter(action="pull.changed", target=str(pull.pk)).exists()


def test_an_administrator_describes_a_place_in_the_console(
    shop: Shop, people: psycopg.Connection[Any], django_user_model: Any
) -> None:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("root", password="x"))
    said = {
        "name": "crm", "source": shop[0].pk, "kind": "table", "address": address(), "table": "crm.people",
        "watermark": "changed", "key": "no", "every": 15, "enabled": "on", "holds": "records",
        "mapping_text": TABLE_MAPPING, "password": "open sesame",
    }  # fmt: skip
    page = reverse("admin:ingestion_pull_add")
    assert "Fetching" not in client.post(page, said | {"address": "nowhere"}).content.decode()
    assert not Pull.objects.exists()
    assert client.post(page, said).status_code == 302
    pull = Pull.objects.get()
    change = reverse("admin:ingestion_pull_change", args=[pull.pk])
    shown = client.get(change).content.decode()
    assert "sesame" not in shown and "full_name" in shown
    assert client.post(change, said | {"every": 30, "password": ""}).status_code == 302
    pull.refresh_from_db()
    assert (pull.every, pulls.opened(pull).password) == (30, "open sesame")
    Pull.objects.update(failed="28P01", counts={"received": 1200, "taken": 1199, "quarantined": 1})
    shown = client.get(change).content.decode()
    assert "The password is refused" in shown and "rows: 1,200, taken: 1,199, quarantined: 1" in shown
    assert "The password is refused" in client.get(reverse("admin:ingestion_pull_changelist")).content.decode()
