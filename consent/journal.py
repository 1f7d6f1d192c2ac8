"""The journal of erasures: a file outside the database, so that a restored backup cannot bring back whom it names.

A line is JSON: {"v": 1, "erasure": id, "at": time, "subjects": [random ids], "digests": [keyed digests in hexadecimal],
"records": how many} before an erasure starts, {"v": 1, "erasure": id, "done": time} once it is finished. It holds no
personal value and no id of a record. Each line is on disk (fsync) before the call returns; a line cut short by a crash
was never relied on, and is cut off.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, transaction

from cdp.core.errors import Refused
from cdp.core.statements import fetch

VERSION = 1
FINISHED = "select id, finished_at is not null from consent_erasure where id = any(%s::uuid[])"
DONE = "done"


@dataclass(frozen=True)
class Entry:
    """An erasure as the journal knows it."""

    erasure: UUID
    at: datetime
    subjects: list[UUID]
    digests: list[bytes]
    records: int
    done: bool = False


def begun(entry: Entry) -> None:
    """Write down that an erasure starts. To be called before anything is deleted."""
    _append(
        {
            "erasure": str(entry.erasure),
            "at": entry.at.isoformat(),
            "subjects": [str(subject) for subject in entry.subjects],
            "digests": [digest.hex() for digest in entry.digests],
            "records": entry.records,
        }
    )


def finished(erasure: UUID, at: datetime) -> None:
    """Write down that an erasure is done. To be called after the database has it."""
    _append({"erasure": str(erasure), "done": at.isoformat()})


def entries() -> list[Entry]:
    """Every erasure of the journal, oldest first. `Refused`, `journal_damaged`, where a line cannot be read."""
    path = _path()
    found: dict[UUID, Entry] = {}
    for line in _whole(path.read_bytes()).splitlines() if path.exists() else ():
        entry = _read(line, found)
        found[entry.erasure] = entry
    return list(found.values())


def unreplayed() -> list[Entry]:
    """Erasures that the journal knows and this database does not: it was restored from an older backup.

    One that the database is at work on is none, unless the journal has seen it done.
    """
    known = entries()
    finished = _finished([entry.erasure for entry in known]) if known else {}
    return [entry for entry in known if entry.erasure not in finished or (entry.done and not finished[entry.erasure])]


def refuse_unreplayed() -> None:
    """Raise `ImproperlyConfigured` while people who were erased are in this database again."""
    try:
        missing = unreplayed()
    except (Refused, OSError) as error:
        raise ImproperlyConfigured(f"The journal of erasures cannot be read: {error}") from None
    if missing:
        raise ImproperlyConfigured(
            f"{len(missing)} erasures of the journal are not in this database, as after a restore: "
            "run `manage.py replay_erasures` before serving."
        )


def _finished(ids: list[UUID]) -> dict[UUID, bool]:
    """Erasure → whether it is finished, of those that the database knows."""
    try:
        with transaction.atomic():
            return dict(fetch(FINISHED, [ids]))
    except ProgrammingError:
        # No tables yet: a new or emptied database knows of no erasure.
        return {}


def _path() -> Path:
    return Path(settings.ERASURE_JOURNAL)


def _read(line: bytes, before: dict[UUID, Entry]) -> Entry:
    try:
        told = json.loads(line)
        erasure = UUID(told["erasure"])
        return _done(before[erasure]) if DONE in told else _entry(erasure, told)
    except (ValueError, KeyError, TypeError):
        raise Refused(
            "journal_damaged", "A line of the journal of erasures cannot be read: restore the file."
        ) from None


def _entry(erasure: UUID, told: dict[str, Any]) -> Entry:
    return Entry(
        erasure,
        datetime.fromisoformat(told["at"]),
        [UUID(subject) for subject in told["subjects"]],
        [bytes.fromhex(digest) for digest in told["digests"]],
        int(told["records"]),
    )


def _done(entry: Entry) -> Entry:
    return Entry(entry.erasure, entry.at, entry.subjects, entry.digests, entry.records, done=True)


def _whole(content: bytes) -> bytes:
    """Without a last line that was cut short."""
    return content[: content.rfind(b"\n") + 1]


def _append(told: dict[str, Any]) -> None:
    with _locked() as file:
        end = len(_whole(os.pread(file, os.fstat(file).st_size, 0)))
        os.ftruncate(file, end)
        line = json.dumps({"v": VERSION, **told}, separators=(",", ":")).encode() + b"\n"
        os.pwrite(file, line, end)
        os.fsync(file)


@contextmanager
def _locked() -> Iterator[int]:
    """The file, made where missing, this process's alone while it writes."""
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
        _keep_name(path.parent)
    finally:
        os.close(file)


def _keep_name(folder: Path) -> None:
    """A new file's name is safe only once its folder is on disk."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
