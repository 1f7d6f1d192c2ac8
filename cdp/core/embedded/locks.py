"""File locks that the kernel releases when their holder dies, however it dies.

Every descriptor is opened close-on-exec, so no child program inherits a lock unless it is handed over on purpose.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdp.core.embedded.places import Account

if sys.platform != "win32":
    import fcntl


def opened(path: Path, account: Account) -> int:
    """A new descriptor of the lock file `path`, which the servers' account owns."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if account.switched:
        os.fchown(descriptor, account.uid, account.gid)
    return descriptor


def share(descriptor: int) -> None:
    """Take the lock together with others; waits for an exclusive holder."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def take(descriptor: int) -> bool:
    """Take the lock alone if nobody else has it; never waits."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def exclusive(path: Path, account: Account) -> Iterator[None]:
    """Hold the lock file `path` alone; waits for its holder."""
    descriptor = opened(path, account)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # Unlocked by name: a child forked meanwhile shares the lock, and closing our copy alone would not free it.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
