"""A process that destroys data in children of its own, each killed around its Nth commit (see `tests.flow.driver`).

It reads lines: `ERASURE N` or `retention N` (0: not killed) and answers `killed` or `done`. `python -m tests.consent.eraser`
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from tests.flow.driver import _die_around, _end_of

RETENTION = "retention"


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    django.setup()
    from cdp.core.privacy import hooks
    from consent import erasure, retention  # noqa: F401 - loaded once, before the children

    hooks()
    print("ready", flush=True)
    for line in sys.stdin:
        what, commit = line.split()
        child = os.fork()
        if child == 0:
            _run(what, int(commit))
        print(_end_of(child, None), flush=True)


def _run(what: str, commit: int) -> None:
    from consent import erasure, retention

    status = 1
    try:
        if commit:
            _die_around(commit)
        done = retention.run() if what == RETENTION else erasure.run(UUID(what))
        status = 0 if done else 2
    finally:
        os._exit(status)


@contextmanager
def worker(folder: Path, journal: str) -> Iterator[Callable[[str, int], str]]:
    """Ask it to destroy something and to die around a commit; answers how that ended."""
    from django.conf import settings

    from tests.flow.processes import ROOT, environment

    here = environment(settings.REDIS_URL) | {"CDP_ERASURE_JOURNAL": journal}
    if "REDIS_URL" not in os.environ:
        del here["REDIS_URL"]  # the embedded one has an address for the cache and another for Celery
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.consent.eraser"], cwd=ROOT, env=here, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdin and process.stdout and process.stdout.readline().strip() == "ready"

    def ask(what: str, commit: int) -> str:
        process.stdin.write(f"{what} {commit}\n")
        process.stdin.flush()
        return str(process.stdout.readline().strip())

    yield ask
    process.kill()
    process.wait()


if __name__ == "__main__":
    main()
