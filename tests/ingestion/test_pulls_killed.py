"""Whoever fetches is killed, again and again: the next goes on there, and every row is kept once."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event
from cdp.ingestion import places, pulls
from cdp.ingestion.models import Pull
from tests.flow.processes import ROOT, environment, own_redis, wait_for
from tests.ingestion.test_pulls import TABLE_MAPPING, address, another_database, app, fetched, our_socket_is_allowed

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["our_socket_is_allowed"]
ROWS, KILLS = 3000, 4
WORK = """
import sys, time, uuid, django
django.setup()
from django.db import connection
from cdp.ingestion import pulls
pulls.ROWS_A_COMMIT = 20
commit, passed = connection._commit, iter(range(30))
def waits_in_the_end():
    "However late it is killed, it is not done before."
    commit() if next(passed, None) is not None else time.sleep(600)
connection._commit = waits_in_the_end
pulls.fetch_due(uuid.UUID(sys.argv[1]))
"""


@pytest.fixture
def people() -> Iterator[None]:
    with another_database() as other:
        other.execute(
            "create schema crm; create table crm.people as select 'C' || n as no, 'n' || n as name, "
            f"timestamptz '2026-03-04' + n % 7 * interval '1 minute' as changed from generate_series(1, {ROWS}) n"
        )
        other.execute(
            f'grant usage on schema crm to "{app()["USER"]}"; grant select on crm.people to "{app()["USER"]}"'
        )
        yield


def place() -> Pull:
    source = create_source(Actor.system("test"), "crm", "crm")[0]
    return places.create(
        Actor.system("test"), name="crm", source=source.pk, kind="table", address=address(), table="crm.people",
        watermark="changed", key="no", password=app()["PASSWORD"], holds="records", mapping=TABLE_MAPPING,
    )  # fmt: skip


def killed_in_the_middle(pull: Pull, redis: str, chance: Random) -> int:
    """How many rows are kept when somebody who fetches is killed."""
    before = Event.objects.count()
    worker: subprocess.Popen[Any] = subprocess.Popen(
        [sys.executable, "-c", WORK, str(pull.pk)], cwd=ROOT,
        env=environment(redis) | {"DJANGO_SETTINGS_MODULE": "cdp.settings", "CDP_PULL_NETWORKS": app()["HOST"]},
    )  # fmt: skip
    wait_for(lambda: Event.objects.count() > before or worker.poll() is not None, 180)
    time.sleep(chance.random() / 10)
    worker.kill()
    worker.wait()
    return Event.objects.count()


def test_every_row_is_kept_once(people: None, tmp_path: Path) -> None:
    pull, chance = place(), Random(5)
    with own_redis(tmp_path) as redis:
        kept = [killed_in_the_middle(pull, redis, chance) for _ in range(KILLS)]
    assert 0 < kept[0] < kept[1] < kept[2] < kept[3] < ROWS
    pull = fetched(pull)
    assert Event.objects.count() == ROWS and pulls.opened(pull).place.until is None
    assert pull.counts == {"received": ROWS, "taken": ROWS}, "a page and how far it is read are kept together"
