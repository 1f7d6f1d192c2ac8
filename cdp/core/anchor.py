"""The audit's last hashes, in a file outside the database: whoever cuts off the end of the chain cannot cut it off there.

One JSON object a line, `{"at", "seq", "hash"}`, at most one in `AUDIT_ANCHOR_SECONDS`. Keep the file where the database's
administrators cannot write. A line `{"at", "restored", "reason"}` says that the database was restored up to that number:
what the lines before it say of higher numbers is history.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from cdp.core.types import now

logger = logging.getLogger(__name__)


def note(seq: int, link: bytes) -> None:
    """Write down a number and its hash, once they are committed, unless somebody did so a moment ago."""
    if _age() >= settings.AUDIT_ANCHOR_SECONDS:
        _append({"seq": seq, "hash": link.hex()})


def note_restored(seq: int, reason: str) -> None:
    """Say that the database was restored from a backup, whose last number is `seq`."""
    _append({"restored": seq, "reason": reason}, required=True)


def kept() -> dict[int, bytes]:
    """Number → hash, of all lines that still hold. Raises ValueError where a line cannot be read."""
    found: dict[int, bytes] = {}
    for line in _lines():
        if "restored" in line:
            found = {seq: link for seq, link in found.items() if seq <= line["restored"]}
        else:
            found[int(line["seq"])] = bytes.fromhex(line["hash"])
    return found


def _lines() -> Iterator[dict[str, Any]]:
    path = Path(settings.AUDIT_ANCHOR_FILE)
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def _age() -> float:
    """Seconds since the last line."""
    try:
        return time.time() - Path(settings.AUDIT_ANCHOR_FILE).stat().st_mtime
    except FileNotFoundError:
        return float("inf")
    except OSError:
        return 0.0


def _append(line: dict[str, Any], *, required: bool = False) -> None:
    """One line, on the disk before this returns. A file that cannot be written stops nobody's work, and is said."""
    text = json.dumps({"at": now().isoformat(), **line}) + "\n"
    try:
        Path(settings.AUDIT_ANCHOR_FILE).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(settings.AUDIT_ANCHOR_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if required:
            raise
        logger.error("The audit's anchor could not be written (%s): see CDP_AUDIT_ANCHOR_FILE.", error.strerror)
