"""A worker killed anywhere and started again ends in the state that an undisturbed one reaches."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from cdp import pipeline
from cdp.core import crypto
from cdp.ingestion import sources
from tests.database import wipe
from tests.flow.doors import segment
from tests.flow.outcome import differences, outcome, rows
from tests.flow.processes import Driver, Worker, ask, own_redis, wait_for
from tests.flow.retailer import bring, manifest, open_sources, written
from tests.flow.tables import canonical
from tests.flow.world import RULES

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, KILLS, KILLS_OF_THE_WORKER = 40, 50, 3
DEATHS_A_WAVE = 5
# In one statement, which sees one moment: what is folded between two looks is touched after the first of them.
WAITS = """
select exists (select from core_touched) or exists (select from core_unnumbered) or exists (
    select from events_event e where not exists (
        select from core_watermark w where stage = 'identity' and (e.txid, e.id) <= (w.txid, w.row)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(PEOPLE, 1, tmp_path_factory.mktemp("customers"))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


def begin(folder: Path) -> None:
    """An empty installation with its sources and segments."""
    wipe()
    crypto.forget_keys()
    sources.forget()
    open_sources(folder)
    for key, rule in RULES.items():
        if key != "gold":
            segment(key, rule)


def waves(folder: Path) -> Iterator[None]:
    """The customers' files, one more each time."""
    for row in manifest(folder):
        bring(folder, row)
        yield


def deaths(chance: Random) -> Iterator[str]:
    """Before or after one of the next commits, and at any moment."""
    for number in range(DEATHS_A_WAVE):
        yield f"commit {chance.randint(1, 10)}" if number % 4 else f"after {chance.random() / 3:.3f}"


def test_killed_around_commits_and_at_random_it_ends_the_same(folder: Path, redis: str, tmp_path: Path) -> None:
    chance, killed = Random(11), 0
    with closing(Driver(redis, tmp_path / "driver.log")) as driver:
        begin(folder)
        for _ in waves(folder):
            assert driver.run("finish") == "done"
        expected, told = canonical(), outcome()
        begin(folder)
        for _ in waves(folder):
            killed += sum(driver.run(how) == "killed" for how in deaths(chance))
            assert driver.run("finish") == "done"
    assert differences(told, outcome()) == []
    assert differences(expected, canonical()) == []
    assert killed >= KILLS


def test_a_real_worker_killed_in_the_middle_ends_the_same(folder: Path, redis: str, tmp_path: Path) -> None:
    begin(folder)
    for _ in waves(folder):
        pass
    pipeline.advance()
    expected = outcome()
    begin(folder)
    worker, chance, rest = Worker(redis, tmp_path / "worker.log"), Random(5), waves(folder)
    try:
        for _ in range(KILLS_OF_THE_WORKER):
            for _ in islice(rest, 4):
                pass
            before = _place()
            ask(redis)
            wait_for(_has_moved_since(before), 180)
            time.sleep(chance.random() / 4)
            worker.kill()
            worker.start()
        for _ in rest:
            pass
        ask(redis)
        wait_for(_nothing_waits, 180)
    finally:
        worker.kill()
    assert differences(expected, outcome()) == []


def _has_moved_since(place: object) -> Callable[[], bool]:
    return lambda: _place() != place


def _place() -> object:
    """How far the work is: it changes with every commit of the pipeline's stages."""
    return rows(
        "select (select max(txid) from core_watermark), (select max(id) from core_touched), (select count(*) from core_sequence)"
    )


def _nothing_waits() -> bool:
    return rows(WAITS) == [(False,)]
