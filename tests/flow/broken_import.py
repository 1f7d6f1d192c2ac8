"""The product's commands with a fault where rows are kept, which quotes them: `python -m tests.flow.broken_import COMMAND …`."""

import os
from typing import Any

import manage


def _quotes(event: Any, *_: Any) -> str:
    """As a database that quotes what it cannot take."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select %s::int", [str(event.sealed)])
    return ""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    import django

    django.setup()
    from cdp.events import rows

    rows.row = _quotes  # type: ignore[assignment]
    manage.main()


if __name__ == "__main__":
    main()
