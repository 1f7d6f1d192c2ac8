"""A pilot moved to a real server: whole and compared, or not at all; and it goes on there where it was."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

from cdp import pipeline
from cdp.core.actions import audit
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.management import moving
from cdp.management import moving_sql as sql
from tests.database import owner_parameters
from tests.flow.processes import ROOT
from tests.flow.production import shape
from tests.flow.production_servers import Postgres, own_folder, own_postgres
from tests.ingestion.wire import send, track

PASSWORD = "ab12" * 16
VARIABLES = dict.fromkeys(("SUPERUSER_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "SECRET_KEY"), PASSWORD)
MAIL = "canary.kim@example.kr"
SERVE = """
import sys, django; django.setup()
from django.test import Client
from cdp import pipeline
from cdp.events import queries
from cdp.core import crypto, sequence
from cdp.events.models import Event
from identity.models import Record
assert queries.number_waiting("identity", 10) == 0
told = {"userId": "u4", "event": "Opened", "messageId": "there", "writeKey": sys.argv[1]}
assert Client(headers={"host": "localhost"}).post("/v1/track", told, content_type="application/json").status_code == 200
pipeline.advance()
for event in Event.objects.exclude(sealed=None):
    key = crypto.existing_data_keys([event.record])[event.record]
    print(crypto.unseal(key, "events_event", "sealed", event.sealed).get("attributes"))
print("records", Record.objects.count())
"""


@pytest.fixture(scope="module")
def target() -> Iterator[Postgres]:
    file = shape({**VARIABLES, "ALLOWED_HOSTS": "x"})
    script = file["configs"]["roles"]["content"]
    with own_folder() as folder, own_postgres(folder, file["services"]["postgres"], script) as server:
        yield server


def there(target: Postgres, role: str, database: str = "cdp") -> str:
    return f"postgresql://{role}:{VARIABLES['APP_PASSWORD']}@127.0.0.1:{target.port}/{database}"


def move(target: Postgres, **changed: str) -> str:
    addresses = {"database_url": there(target, "cdp_app"), "owner": there(target, "cdp_owner")} | changed
    said, (app, owner) = StringIO(), (address.replace(f":{PASSWORD}@", "@") for address in addresses.values())
    call_command("move_to", app, owner=owner, stdout=said)
    return said.getvalue()


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a client keeps them."""
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))


@pytest.fixture
def pilot(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An installation at work: events of three people, taken in, one of them not yet."""
    monkeypatch.setattr(settings, "LAKE_DIR", tmp_path)
    key = create_source(Actor.system("test"), "shop", "web")[1]
    for user in ("u1", "u2"):
        send(key, {"type": "identify", "userId": user, "messageId": user, "traits": {"email": f"{user}.{MAIL}"}})
    pipeline.advance()
    audit(Actor.system("test"), "test.done")
    send(key, track(messageId="late", userId="u3"))
    return key


def digests(session: "psycopg.Connection[Any]") -> dict[str, Any]:
    session.execute(sql.WRITTEN_ALIKE)
    tables = session.execute(sql.COLUMNS).fetchall()
    return {
        table: session.execute(sql.DIGEST.format(table=table, columns=", ".join(columns))).fetchone()
        for table, columns in tables
    }


def serve(target: Postgres, key: str) -> str:
    """The product at work on the new server."""
    own = {"DATABASE_URL": there(target, "cdp_app"), "CDP_DEBUG": "1"}
    keys = {"CDP_KEYRING_FILE": str(settings.KEYRING_FILE), "DJANGO_SETTINGS_MODULE": "cdp.settings"}
    command = [sys.executable, "-c", SERVE, key]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | own | keys, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_pilot_is_moved_whole_after_a_failure_too_and_goes_on_there(
    target: Postgres, pilot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(moving.sql, "COPY_OUT", "copy (select {columns} from {table} limit 1) to stdout")
        with pytest.raises(CommandError, match="is not the same there: nothing was moved"):
            move(target)
    with target.superuser("cdp") as session:
        assert session.execute("select count(*) from events_event").fetchone() == (0,)
    said = move(target)
    assert "counts and digests are the same" in said and f"CDP_KEYRING_FILE={settings.KEYRING_FILE}" in said
    assert settings.SECRET_KEY not in said and "ab12" not in said
    with psycopg.connect(**owner_parameters()) as here, target.superuser("cdp") as session:
        mine, its = digests(here), digests(session)
        assert mine.keys() == its.keys() and mine["public.events_event"][0] == 3
        assert {table for table in mine if mine[table] != its[table]} == {"public.core_watermark"}
        for statement in (sql.SEQUENCES, "select proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
                          "where nspname = 'public' order by 1"):  # fmt: skip
            assert here.execute(statement).fetchall() == session.execute(statement).fetchall()
        triggers = "select tgname, tgenabled from pg_trigger where not tgisinternal order by 1"
        assert here.execute(triggers).fetchall() == session.execute(triggers).fetchall()
    served = serve(target, pilot)
    assert f"{{'email': 'u1.{MAIL}'}}" in served and "records 4" in served
    with psycopg.connect(there(target, "cdp_app")) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("update core_auditentry set action = 'x'")
    with pytest.raises(CommandError, match="not empty"):
        move(target)


@pytest.mark.parametrize("isolated", [False, True])
def test_a_session_that_is_just_ending_stops_nothing(transactional_db: None, isolated: bool) -> None:
    connections.close_all()
    with (
        psycopg.connect(**owner_parameters(), autocommit=True) as source,
        source.transaction() if isolated else nullcontext(),
    ):
        leaving = psycopg.connect(**owner_parameters())
        assert source.execute(sql.COMPANY, [[source.info.backend_pid]]).fetchone() == (1,)
        Timer(0.3, leaving.close).start()
        moving._refuse_company(source)


def test_while_somebody_uses_it_or_the_addresses_are_wrong_nothing_is_touched(
    target: Postgres, pilot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "SECONDS_TO_LEAVE", 0.1)
    with target.superuser("postgres") as session:
        session.execute("drop database if exists fresh")
        session.execute("create database fresh owner cdp_owner template template0 encoding 'UTF8' locale 'C'")
    fresh = {"database_url": there(target, "cdp_app", "fresh"), "owner": there(target, "cdp_owner", "fresh")}
    with psycopg.connect(**owner_parameters()), pytest.raises(CommandError, match="stop web, worker and beat"):
        move(target, **fresh)
    with pytest.raises(CommandError, match="no superuser and not the owner"):
        move(target, **fresh | {"database_url": fresh["owner"]})
    with pytest.raises(CommandError, match="same database"):
        move(target, **fresh | {"database_url": there(target, "cdp_app")})
    with pytest.raises(CommandError, match="refused"):
        move(target, **fresh | {"owner": fresh["owner"].replace("cdp_owner", "somebody")})
    with pytest.raises(CommandError, match="Leave passwords out"):
        call_command("move_to", fresh["database_url"], owner=fresh["owner"])
    with override_settings(EMBEDDED=False), pytest.raises(CommandError, match="no embedded installation"):
        move(target, **fresh)
    with target.superuser("fresh") as session:
        assert session.execute(sql.FOREIGN).fetchone() is None
        session.execute("create table of_somebody ()")
    with pytest.raises(CommandError, match=r"not empty \(of_somebody\)"):
        move(target, **fresh)
