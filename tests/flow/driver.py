"""A process that runs the pipeline in children of its own, each of which can be told where to die.

It reads lines: `commit N` kills the child around its Nth commit (odd: just before, even: just after), `after S` kills it
after S seconds, `finish` lets it finish. It answers each with `killed` or `done`. `python -m tests.flow.driver`
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

EVENTS_A_STEP, SUBJECTS_A_STEP = 400, 150


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    django.setup()
    from cdp import pipeline  # noqa: F401 - loaded once, before the children

    print("ready", flush=True)
    for line in sys.stdin:
        how, _, where = line.strip().partition(" ")
        child = os.fork()
        if child == 0:
            _run(int(where) if how == "commit" else 0)
        print(_end_of(child, float(where) if how == "after" else None), flush=True)


def _run(commit: int) -> None:
    from cdp import pipeline

    status = 1
    try:
        if commit:
            _die_around(commit)
        pipeline.EVENTS_A_STEP, pipeline.SUBJECTS_A_STEP = EVENTS_A_STEP, SUBJECTS_A_STEP
        pipeline.advance()
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _die_around(number: int) -> None:
    """Kill this process before or after commits: 1 before the first, 2 after it, 3 before the second …"""
    from django.db import connection

    commit: Callable[[], Any] = connection._commit  # type: ignore[attr-defined]
    passed = [0]

    def counted() -> None:
        passed[0] += 1
        if passed[0] * 2 - 1 == number:
            os.kill(os.getpid(), signal.SIGKILL)
        commit()
        if passed[0] * 2 == number:
            os.kill(os.getpid(), signal.SIGKILL)

    connection._commit = counted  # type: ignore[attr-defined]


def _end_of(child: int, seconds: float | None) -> str:
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


if __name__ == "__main__":
    main()
