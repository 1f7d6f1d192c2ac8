"""A process that runs one erasure in children of its own, each killed around its Nth commit (see `tests.flow.driver`).

It reads lines: `ERASURE N` (0: not killed) and answers `killed` or `done`. `python -m tests.consent.eraser`
"""

import os
import sys
from uuid import UUID

from tests.flow.driver import _die_around, _end_of


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    django.setup()
    from cdp.core.privacy import hooks
    from consent import erasure  # noqa: F401 - loaded once, before the children

    hooks()
    print("ready", flush=True)
    for line in sys.stdin:
        pk, commit = line.split()
        child = os.fork()
        if child == 0:
            _run(UUID(pk), int(commit))
        print(_end_of(child, None), flush=True)


def _run(pk: UUID, commit: int) -> None:
    from consent import erasure

    status = 1
    try:
        if commit:
            _die_around(commit)
        status = 0 if erasure.run(pk) else 2
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
