"""`manage.py migrate` runs one at a time: two first starts at once would alter the same tables."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate

from cdp.core.management.commands.migrate import LOCK

HELD = "select count(*) from pg_locks where locktype = 'advisory' and (classid::bigint << 32) + objid::bigint = %s"


def held() -> int:
    with connection.cursor() as cursor:
        cursor.execute(HELD, [LOCK])
        return int(cursor.fetchone()[0])


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """How often the lock was held whenever migrating began."""
    times: list[int] = []

    def note(**_: Any) -> None:
        times.append(held())

    pre_migrate.connect(note)
    yield times
    pre_migrate.disconnect(note)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_one_at_a_time(seen: list[int]) -> None:
    call_command("migrate", verbosity=0)
    assert seen and set(seen) == {1} and held() == 0
