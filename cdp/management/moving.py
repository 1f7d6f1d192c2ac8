"""An embedded pilot moved to a server of one's own: whole, compared table by table, or not at all.

What waits is worked off first, for a mark counts transactions of its own server. Everything is copied in one transaction:
what fails leaves only empty tables behind, in a database that is marked as claimed, and is begun again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from django.db import connections
from django.utils.translation import gettext as _
from psycopg import Connection, IsolationLevel

from cdp import pipeline
from cdp.core.errors import Refused
from cdp.core.models import Watermark
from cdp.events import queries as events
from cdp.lake import actions as lake
from cdp.management import moving_sql as sql

OLDEST = 160000
SECONDS_TO_LEAVE = 5.0
Say = Callable[[str], None]
Session = Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Moved:
    """What was moved: how many tables, how many rows."""

    tables: int
    rows: int


def move(app_url: str, owner_url: str, say: Say = lambda line: None) -> Moved:
    """Move this installation to the database that the application reaches by one address and its owner by the other.

    Raises `Refused` with what to do; then nothing was moved.
    """
    if not settings.EMBEDDED:
        raise Refused("not_embedded", _("This is no embedded installation: DATABASE_URL is set."))
    try:
        with _session(owner_url) as target:
            _check(target, app_url)
            _work_off(say)
            with _session(_own_url()) as source:
                _claim(target)
                say(_("Making the tables"))
                _migrate(app_url, owner_url)
                moved = _copy_all(source, target, say)
            _analyse(target)
            return moved
    except psycopg.Error as error:
        # Its message may quote a row.
        code = error.sqlstate or type(error).__name__
        raise Refused("server", _("A server refused (%(code)s): nothing was moved.") % {"code": code}) from None


@contextmanager
def _session(address: str) -> Iterator[Session]:
    with psycopg.connect(address, autocommit=True) as session:
        session.execute(sql.WRITTEN_ALIKE)
        yield session


def _own_url() -> str:
    """Of the owner of the embedded database."""
    own = connections["owner"].settings_dict
    facts = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "dbname": own["NAME"]}
    return psycopg.conninfo.make_conninfo(**{name: value for name, value in facts.items() if value})


# --- before -----------------------------------------------------------------------------------------------------------


def _check(target: Session, app_url: str) -> None:
    """Whether the target is fit, and the application's role is one that may serve there."""
    version, encoding, *there = _row(target, sql.SERVER)
    if version < OLDEST or encoding != "UTF8":
        raise Refused("unfit", _("The server must be PostgreSQL 16 or later, its database in UTF-8."))
    with _session(app_url) as app:
        if list(_row(app, sql.SERVER)[2:]) != there:
            raise Refused("two_places", _("Both addresses must lead to the same database."))
        if not _row(app, sql.IS_SAFE_ROLE)[0]:
            raise Refused("unsafe_role", _("The application's role must be no superuser and not the owner."))
    if not _row(target, sql.ONE_AT_A_TIME)[0]:
        raise Refused("at_work", _("Another move to this database is at work."))
    if not _row(target, sql.IS_CLAIMED)[0] and (found := target.execute(sql.FOREIGN).fetchone()):
        raise Refused("not_empty", _("The database is not empty (%(table)s): name an empty one.") % {"table": found[0]})


def _work_off(say: Say) -> None:
    """Let nothing wait; nobody else may be at work."""
    connections.close_all()
    with _session(_own_url()) as source:
        _refuse_company(source)
    say(_("Working off what waits"))
    pipeline.advance()
    lake.keep_up()
    late = [stage for stage in Watermark.objects.values_list("stage", flat=True) if events.number_waiting(stage, 1)]
    connections.close_all()
    if late:
        raise Refused("late", _("Events still wait for “%(stage)s”: begin again.") % {"stage": late[0]})


def _refuse_company(source: Session) -> None:
    """A session that was closed is there until its server process has ended, so nobody is refused at the first look."""
    ends = time.monotonic() + SECONDS_TO_LEAVE
    while _row(source, sql.COMPANY, [[source.info.backend_pid]])[0]:
        if time.monotonic() > ends:
            raise _in_use()
        time.sleep(0.05)
        source.execute(sql.LOOK_AGAIN)


def _in_use() -> Refused:
    said = _("Other processes use this installation: stop web, worker and beat, then begin again.")
    return Refused("in_use", said)


def _claim(target: Session) -> None:
    target.execute(sql.CLAIM)


def _migrate(app_url: str, owner_url: str) -> None:
    """The tables, rights and views of this version, as they are made everywhere."""
    there = {"DATABASE_URL": app_url, "DATABASE_OWNER_URL": owner_url}
    own = {"SECRET_KEY": settings.SECRET_KEY, "CDP_KEYRING_FILE": str(settings.KEYRING_FILE), "CDP_DEBUG": "1"}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--verbosity", "0"]
    done = subprocess.run(command, env=os.environ | there | own, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise Refused("migrate", _("The tables cannot be made there: %(why)s") % {"why": last})


# --- copying ----------------------------------------------------------------------------------------------------------


def _copy_all(source: Session, target: Session, say: Say) -> Moved:
    """All tables as they are at one moment, compared before the commit."""
    source.isolation_level = IsolationLevel.REPEATABLE_READ
    held = ", ".join(table for table, _columns in source.execute(sql.COLUMNS).fetchall())
    with source.transaction(), target.transaction():
        _hold(source, held)
        tables = _same_tables(source, target)
        target.execute(_made(sql.TRUNCATE, tables=", ".join(tables)))
        with _triggers_at_rest(target, list(tables)):
            rows = sum(_copy(source, target, table, columns, say) for table, columns in tables.items())
        for name, last in source.execute(sql.SEQUENCES).fetchall():
            target.execute(sql.SET_SEQUENCE, [name, last])
        target.execute(sql.MOVE_MARKS)
        _refuse_company(source)
        target.execute(sql.RELEASE)
    return Moved(len(tables), rows)


def _hold(source: Session, tables: str) -> None:
    """Nobody writes until the copy is done. Before the snapshot: what was committed by then is copied."""
    source.execute(sql.WAIT_A_MOMENT)
    try:
        source.execute(_made(sql.HOLD, tables=tables))
    except psycopg.errors.LockNotAvailable:
        raise _in_use() from None


def _same_tables(source: Session, target: Session) -> dict[str, list[str]]:
    """Table → columns, which must be the same there as here."""
    here: dict[str, list[str]] = dict(source.execute(sql.COLUMNS).fetchall())
    there: dict[str, list[str]] = dict(target.execute(sql.COLUMNS).fetchall())
    migrations = [session.execute(sql.MIGRATIONS).fetchall() for session in (source, target)]
    if here != there or migrations[0] != migrations[1]:
        raise Refused("versions", _("The tables here are of another version: run manage.py migrate, then begin again."))
    return here


@contextmanager
def _triggers_at_rest(target: Session, tables: list[str]) -> Iterator[None]:
    """They have done their work. Foreign keys are checked in the end, for tables come in no order."""
    for table in tables:
        target.execute(_made(sql.QUIET, table=table))
    yield
    target.execute(sql.CHECK_NOW)
    for table in tables:
        target.execute(_made(sql.LOUD, table=table))


def _copy(source: Session, target: Session, table: str, columns: list[str], say: Say) -> int:
    """One table; how many rows."""
    parts = {"table": table, "columns": ", ".join(columns)}
    with (
        source.cursor().copy(_made(sql.COPY_OUT, **parts)) as out,
        target.cursor().copy(_made(sql.COPY_IN, **parts)) as into,
    ):
        for block in out:
            into.write(block)
    here, there = (_row(session, _made(sql.DIGEST, **parts)) for session in (source, target))
    if here != there:
        raise Refused("differs", _("%(table)s is not the same there: nothing was moved.") % {"table": table})
    if here[0]:
        say(f"{table}: {here[0]:,}")
    return int(here[0])


def _analyse(target: Session) -> None:
    target.execute("analyze")


def _made(statement: LiteralString, **parts: str) -> LiteralString:
    """A statement of ours, of tables and columns that PostgreSQL itself has quoted."""
    return statement.format(**parts)


def _row(session: Session, statement: LiteralString, params: Any = None) -> tuple[Any, ...]:
    found = session.execute(statement, params).fetchone()
    return found or (None,)
