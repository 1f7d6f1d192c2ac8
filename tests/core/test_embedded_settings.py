"""What the embedded servers allow, keep and write to their logs."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from cdp.core import embedded
from cdp.core.embedded import places, postgres
from tests.core.embedded_processes import holder, leave, remove


@pytest.fixture(scope="module")
def running_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    process = holder(home)
    yield home
    leave(process)
    remove(home)


@pytest.fixture
def at_home(running_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CDP_HOME", str(running_home))
    return running_home


def test_roles_own_and_may_what_they_should(at_home: Path) -> None:
    services = embedded.services()
    query = """SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
               EXISTS (SELECT FROM pg_shdepend WHERE refobjid = pg_roles.oid AND deptype = 'o')
               FROM pg_roles WHERE rolname = current_user"""
    with psycopg.connect(services.owner_url) as connection:
        assert connection.execute(query).fetchone() == (True, False, True, False, False, False, True)
        connection.execute("CREATE TABLE ledger (entry text)")
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute(query).fetchone() == (True, False, False, False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (entry text)")


def test_servers_are_durable_and_closed_to_others(at_home: Path) -> None:
    services = embedded.services()
    with psycopg.connect(services.database_url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "data_checksums",
                "listen_addresses",
                "max_connections",
            )
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "max_connections": "200",
    }
    assert redis.Redis.from_url(services.redis_url).config_get("appendonly") == {"appendonly": "yes"}
    assert stat.S_IMODE(places.runtime_folder(at_home).stat().st_mode) == 0o700
    assert stat.S_IMODE(at_home.stat().st_mode) & 0o767 == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in at_home.iterdir()} == {0}


def test_no_value_reaches_a_log(at_home: Path) -> None:
    services = embedded.services()
    with psycopg.connect(services.owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE people (email text PRIMARY KEY, age int)")
        connection.execute("INSERT INTO people VALUES (%s, 1)", ["canary@example.org"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES (%s, 1)", ["canary@example.org"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'canary@example.org'::int")
    logs = b"".join(path.read_bytes() for path in at_home.glob("*.log"))
    assert logs
    assert b"canary" not in logs


@pytest.mark.parametrize(
    ("limit", "buffers"), [("2147483648", 512), ("4096", 128), (str(1 << 60), None), ("max", None)]
)
def test_pages_are_kept_in_a_quarter_of_what_a_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, buffers: int | None
) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    monkeypatch.setattr(postgres, "CONTAINER", tmp_path / "memory.max")
    assert postgres._buffers() == (buffers or min(machine // 4, 8192))
    monkeypatch.setattr(postgres, "CONTAINER", tmp_path / "none")
    assert postgres._buffers() == min(max(machine // 4, 128), 8192)
