"""A hundred thousand rows that are due, in batches: workers are killed again and again, and others work on meanwhile."""

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction

from cdp import pipeline
from cdp.core.models import AuditEntry
from cdp.core.statements import execute
from cdp.events.actions import create_source, store
from cdp.events.models import Event
from cdp.events.sql import COLUMNS
from consent import retention
from consent.models import RetentionRule, RetentionRun
from tests.consent.eraser import RETENTION, worker
from tests.consent.test_retention import OFFICER, event
from tests.database import owner_parameters

pytestmark = pytest.mark.django_db(transaction=True)
ROWS, BATCH = 100_000, retention.EVENTS_A_COMMIT
OTHERS = COLUMNS.replace("id, source_id, message_id", "gen_random_uuid(), source_id, 'm' || n", 1)
MANY = f"insert into events_event ({COLUMNS}) select {OTHERS} from events_event, generate_series(1, %s) n where name = 'Old'"
FOLDED = "update core_watermark set txid = 2::bigint ^ 60 where stage = 'identity'"
LOCKS = """
select distinct l.mode from pg_locks l join pg_stat_activity a on a.pid = l.pid and a.backend_type = 'client backend'
where l.relation = 'events_event'::regclass and l.granted and l.pid <> pg_backend_pid()
"""
GENTLE = {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}


@pytest.fixture
def full() -> None:
    """One person's old events, all due and folded, and a young one."""
    shop = create_source(OFFICER, "shop", "web")[0]
    with transaction.atomic():
        store([event(shop, "kim", 1, "Identify"), event(shop, "kim", 800, "Old"), event(shop, "kim", 1, "Young")])
    pipeline.advance()
    execute(MANY, [ROWS - 1])
    execute(FOLDED)
    RetentionRule.objects.create(what="events", days=365)


def gone() -> int:
    return sum(of["shop"] for of in RetentionRun.objects.values_list("counts__events", flat=True) if of)


def test_killed_anywhere_nothing_is_lost_doubled_or_left_uncounted(full: None, tmp_path: Path, settings: Any) -> None:
    with worker(tmp_path, settings.ERASURE_JOURNAL) as ask:
        before = 0
        # Odd: before the commit of a batch, with its work undone; even: right after it.
        for killed_at in (1, 3, 4, 9, 12, 2, 7, 20):
            assert ask(RETENTION, killed_at) == "killed"
            now_gone = gone()
            assert now_gone + Event.objects.filter(name="Old").count() == ROWS
            assert before <= now_gone <= before + BATCH * (killed_at // 2)
            before = now_gone
        assert 0 < before < ROWS
        with Others() as others:
            assert ask(RETENTION, 0) == "done"
    assert gone() == ROWS and set(Event.objects.values_list("name", flat=True)) == {"Identify", "Young", "Elsewhere"}
    assert others.locks <= GENTLE and others.written > 0
    assert RetentionRun.objects.filter(finished_at=None, interrupted=False).count() == 0
    interrupted = RetentionRun.objects.filter(interrupted=True).count()
    assert interrupted > 3 and AuditEntry.objects.filter(action="retention.interrupted").count() == interrupted


class Others:
    """Somebody who takes in events and changes others while data is destroyed, and never waits long for a lock."""

    def __enter__(self) -> "Others":
        self.locks, self.written, self._end = set[str](), 0, threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        elsewhere = OTHERS.replace("'m' || n", "gen_random_uuid()::text").replace("name, record", "'Elsewhere', record")
        with psycopg.connect(**owner_parameters(), autocommit=True) as other:
            other.execute("set lock_timeout = '1s'")
            while not self._end.wait(0.05) or not self.written:
                self.locks |= {row[0] for row in other.execute(LOCKS)}
                other.execute(
                    f"insert into events_event ({COLUMNS}) select {elsewhere} from events_event where name = 'Young'"
                )
                other.execute("update events_event set flags = flags where name = 'Young'")
                self.written += 1
