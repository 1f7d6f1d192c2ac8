"""New records linked online, beside those that are stored: one at a time, and many at once.

From the event, committed, to the record in its profile, committed: folding, normalising, blocking keys, candidates read,
decrypted and compared, links, clustering. Each single record is paired with what PostgreSQL alone needs for the same
rows, written in as many transactions: the record, its keys, its links and its place in a profile.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.bench.resolve import NOW, SEED, _event, apart, database

LOADED = "cdp_bench_online"
STAGES = ("fold", "link", "cluster")
TABLES = {"record": "id", "identifier": "record_id", "blockingkey": "record", "link": '"left"'}


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Milliseconds a record (p50, p95, by stage), and seconds for many; ratios to bare PostgreSQL in the same run."""
    parser = argparse.ArgumentParser(prog="online", description=__doc__)
    parser.add_argument("--people", type=int, default=5_000, help="customers to generate; about 5.6 records each")
    parser.add_argument("--single", type=int, default=500, help="records that come one by one")
    parser.add_argument("--many", type=int, default=10_000, help="records that come at once")
    asked = parser.parse_args(argv)
    with database(LOADED):
        return apart(lambda: _measured(asked))


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    from cdp.core.types import Actor
    from cdp.demo.channels import SOURCES
    from cdp.demo.retailer import generate
    from cdp.events.actions import create_source
    from identity import resolution

    actor = Actor.system("bench")
    sources = {name: create_source(actor, **source.row())[0].id for name, source in SOURCES.items()}
    records = sorted(generate(asked.people, SEED, now=NOW).records, key=lambda record: record.updated)
    events = [_event(record, sources[record.source]) for record in records]
    del records
    stored = len(events) - asked.single - asked.many
    load = _timed(lambda: _load(events[:stored]))
    run = _timed(resolution.resolve)
    _settled()
    single, many = events[stored : stored + asked.single], events[stored + asked.single :]
    return {
        "stored": stored,
        "loaded_s": round(load, 1),
        "resolved_s": round(run, 1),
        "single": _singly(single),
        "many": _at_once(many),
        "changed_by_a_run": _changed_by_a_run(),
    }


def _load(events: list[Any]) -> None:
    from cdp import pipeline
    from cdp.events.actions import store

    for start in range(0, len(events), 10_000):
        store(events[start : start + 10_000])
        while pipeline.STAGES["fold"]():
            pass


def _settled() -> None:
    """As a table of that size is after its nightly maintenance."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("vacuum analyze")


def _singly(events: list[Any]) -> dict[str, Any]:
    from cdp.events.actions import store

    _bare_tables()
    told = []
    for event in events:
        store([event])
        told.append(_advanced() | {"bare": _bare(event.record)})
    totals = [sum(one[stage] for stage in STAGES) for one in told]
    bare = [one["bare"] for one in told]
    return {
        "records": len(events),
        "p50_ms": _percentile(totals, 50),
        "p95_ms": _percentile(totals, 95),
        "bare_p50_ms": _percentile(bare, 50),
        "ratio": round(statistics.median(one / other for one, other in zip(totals, bare, strict=True)), 2),
        **{f"{stage}_p50_ms": _percentile([one[stage] for one in told], 50) for stage in STAGES},
    }


def _at_once(events: list[Any]) -> dict[str, Any]:
    from cdp.events.actions import store
    from identity.models import Link

    before = Link.objects.count()
    store(events)
    told = _advanced()
    spent = {f"{stage}_s": round(told[stage], 2) for stage in STAGES}
    return {
        "records": len(events),
        "seconds": round(sum(told.values()), 2),
        **spent,
        "links": Link.objects.count() - before,
    }


def _advanced() -> dict[str, float]:
    """Seconds in the steps of each stage that had something to do, until nothing waits."""
    from cdp import pipeline

    return {stage: sum(_steps(pipeline.STAGES[stage])) for stage in STAGES}


def _steps(step: Callable[[], int]) -> Iterator[float]:
    while True:
        started = time.perf_counter()
        if not step():
            return
        yield time.perf_counter() - started


def _bare_tables() -> None:
    """Tables of the same shape, for PostgreSQL alone."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"create table bare_{table} (like identity_{table} including indexes)")


def _bare(record: Any) -> float:
    """Seconds that PostgreSQL alone needs to write what the record came to, in as many transactions."""
    from django.db import connections, transaction

    def copied(*tables: str) -> None:
        with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
            for table in tables:
                rows = f"select * from identity_{table} where {TABLES[table]} = %s"
                cursor.execute(f"insert into bare_{table} {rows}", [record])

    started = time.perf_counter()
    copied("record", "identifier", "blockingkey")
    copied("link")
    with connections["owner"].cursor() as cursor:
        cursor.execute("update bare_record set profile_id = id where id = %s", [record])
    return time.perf_counter() - started


def _changed_by_a_run() -> int:
    """How many links and profiles a batch run with the same model adds, drops or changes: none, if all is well."""
    from identity import resolution
    from identity.models import Link, Record

    def state() -> set[Any]:
        links = Link.objects.filter(kind="probable").values_list("left", "right", "weight")
        return {*links, *Record.objects.values_list("pk", "profile_id")}

    before = state()
    resolution.resolve(retrain=False)
    return len(before ^ state())


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _percentile(seconds: list[float], percent: int) -> float:
    return round(statistics.quantiles(seconds, n=100)[percent - 1] * 1000, 2)
