"""The whole `resolve_identities` against bare Splink on the same cleaned table, at several sizes.

With training on both sides, as the first run is; and with a model that is stored already: put to use for the first time
(`linkage promote`), which links and clusters everybody, and once more when nothing has changed. The product's share holds
all that Splink leaves to others: reading and decrypting the records, cleaning them, writing links, clustering under
constraints, profiles and golden records. All run in processes of their own, in turns; before that they are seen to
compare the same pairs. Their priors differ: the product reckons how many matches its certain rules find, where Splink is
told. How both grow is the slope of their times over the numbers of records, both as logarithms.
"""

import argparse
import importlib
import json
import math
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.bench.ingest_baseline import database_seconds, postmaster_of

LOADED, FRESH = "cdp_bench_resolve", "cdp_bench_resolve_run"
BASELINE = Path(__file__).with_name("resolve_baseline.py")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SEED = 1
MEMORY = Path("/dev/shm")  # noqa: S108 - held in memory, and only ever within a folder of its own


# What is measured → against which baseline.
RUNS = {"trained": "trained", "stored": "stored", "again": "stored"}


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Ratios (product ÷ bare Splink) of wall and CPU seconds by round and in the median, peaks of memory, and growth."""
    parser = argparse.ArgumentParser(prog="resolve", description=__doc__)
    parser.add_argument("--sizes", "--people", type=_sizes, default=[2_000, 6_000], help="numbers of people: 2000,6000")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(argv)
    sizes = [_size(people, asked.rounds) for people in asked.sizes]
    return {"growth": _growth(sizes), "sizes": sizes} if len(sizes) > 1 else {"sizes": sizes}


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _size(people: int, rounds: int) -> dict[str, Any]:
    """All that is measured with so many people."""
    with loaded(people), tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        apart(_train)
        records = apart(lambda: write_baseline(Path(folder)))
        found = [_round(Path(folder)) for _ in range(rounds)]
    medians = {name: _medians(name, found) for name in RUNS}
    return {"people": people, "records": records, **medians, "rounds": found}


def _medians(name: str, rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Of one kind of run: ratios, seconds, and the largest peak of memory."""
    pairs = [(found["product"][name], found["baseline"][RUNS[name]]) for found in rounds]
    return {
        "wall_ratio": _median(product["wall_s"] / baseline["wall_s"] for product, baseline in pairs),
        "cpu_ratio": _median(_cpu(product) / _cpu(baseline) for product, baseline in pairs),
        "wall_s": _median(product["wall_s"] for product, _ in pairs),
        "cpu_s": _median(_cpu(product) for product, _ in pairs),
        "baseline_cpu_s": _median(_cpu(baseline) for _, baseline in pairs),
        "peak_mb": max(product["peak_mb"] for product, _ in pairs),
    }


def _cpu(found: dict[str, Any]) -> float:
    return float(found["cpu_s"] + found.get("database_cpu_s", 0.0))


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


def _growth(sizes: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The exponents of each kind of run: of seconds and of memory, by the number of records."""
    records = [math.log(size["records"]) for size in sizes]
    measures = ("wall_s", "cpu_s", "baseline_cpu_s", "peak_mb")
    return {
        name: {
            measure: round(
                statistics.linear_regression(records, [math.log(size[name][measure]) for size in sizes]).slope, 3
            )
            for measure in measures
        }
        for name in RUNS
    }


def _round(folder: Path) -> dict[str, Any]:
    [trained], baseline = resolved(_resolve), bare(folder, "trained")
    [stored, again], stored_baseline = resolved(_promote, _resolve), bare(folder, "stored")
    product = {"trained": trained, "stored": stored, "again": again}
    for name, found in product.items():
        if found["pairs"] != baseline["pairs"]:
            raise AssertionError(f"pairs differ, {name}: {found['pairs']} and {baseline['pairs']}")
    return {
        "product": {name: _rounded(found) for name, found in product.items()},
        "baseline": {"trained": _rounded(baseline), "stored": _rounded(stored_baseline)},
    }


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 2) if name.endswith(("_s", "_mb")) else value for name, value in found.items()}


# --- the product ------------------------------------------------------------------------------------------------------


def resolved(*works: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    """What each run says of itself, one after the other over a fresh copy of the loaded database."""
    from django.db import connections

    _close(connections)
    _drop(FRESH)
    _on_server(f"create database {FRESH} template {LOADED}")
    _move(FRESH)
    found = [apart(work) for work in works]
    _move(LOADED)
    _drop(FRESH)
    return found


def _resolve() -> dict[str, Any]:
    """A run by the command; the first one trains."""
    from django.core.management import call_command

    return _timed(lambda: call_command("resolve_identities", stdout=StringIO()))


def _train() -> None:
    """Store a model that is not in use yet."""
    from identity import trial

    trial.train_draft()


def _promote() -> dict[str, Any]:
    """A run that puts the stored model to use."""
    from cdp import pipeline
    from cdp.core.types import Actor
    from identity import registry
    from identity.models import LinkageModel

    draft = LinkageModel.objects.latest("created_at").pk
    actor = Actor.system("bench")
    return _timed(lambda: pipeline.resolve(promote=lambda: registry.promote(actor, draft, without_trial=True)))


def _timed(work: Callable[[], Any]) -> dict[str, Any]:
    """Seconds and memory of a run, and what it counted."""
    from django.db import connection

    from identity import queries
    from identity.models import ResolutionRun

    connection.ensure_connection()
    server = postmaster_of(connection.connection)
    wall, cpu, database = time.perf_counter(), time.process_time(), database_seconds(server)
    work()
    seconds = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "database_cpu_s": database_seconds(server) - database,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    counts = ResolutionRun.objects.latest("started_at").counts
    return {**seconds, "pairs": counts["pairs"], "links": counts["links"], "prior": queries.live_model()[1].prior}


def apart(work: Callable[[], Any]) -> Any:
    """The result of `work` in a forked process, whose memory and threads go with it."""
    from django.db import connections

    _close(connections)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(work()))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError("A process of the bench failed; it says above why.") from None
    finally:
        process.join()


# --- the baseline -----------------------------------------------------------------------------------------------------


def bare(folder: Path, plan: str) -> dict[str, Any]:
    """One run of the baseline's script."""
    command = [sys.executable, str(BASELINE), str(folder / "records.parquet"), str(folder / f"{plan}.json")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def write_baseline(folder: Path) -> int:
    """What the baseline is handed: the cleaned table with its blocking keys, the settings, how to train, if at all."""
    from identity import queries, resolution
    from identity.linkage import blocking, model, score, splink_settings, train
    from identity.models import LinkageModel

    table = resolution.cleaned(queries.person_records())
    with score.connect(table) as connection:
        blocking.block(connection, {}, "")
        rules = _with_keys(connection, len(blocking.RULES))
        connection.execute(f"copy keyed to '{folder / 'records.parquet'}' (format parquet)")
        passes = train._passes(connection)
    training = {
        "certain": train.CERTAIN,
        "recall": train.CERTAIN_RECALL,
        "sampled_pairs": train.SAMPLED_PAIRS,
        "seed": SEED,
        "passes": passes,
        "pass_pairs": train.PASS_PAIRS,
    }
    stored = queries.stored_model(LinkageModel.objects.latest("created_at").pk)
    for name, used, how in (("trained", model.DEFAULT, training), ("stored", stored, None)):
        settings = splink_settings.settings(used).create_settings_dict("duckdb")
        settings |= {"blocking_rules_to_generate_predictions": rules, "max_iterations": train.ITERATIONS[0]}
        plan = {"settings": settings, "threshold": used.review, "training": how}
        (folder / f"{name}.json").write_text(json.dumps(plan))
    return int(table.num_rows)


def _with_keys(connection: Any, rules: int) -> list[dict[str, Any]]:
    """Table `keyed`: the records with a column of usable keys for each rule; and Splink's rules over these columns.

    A record with two keys under one rule has a list, which Splink explodes; any other has a plain value.
    """
    several = {
        rule
        for (rule,) in connection.execute("select rule from usable group by rule, rid having count(*) > 1").fetchall()
    }
    columns = ", ".join(
        f"{'list(key)' if rule in several else 'any_value(key)'} filter (rule = {rule}) as key_{rule}"
        for rule in range(rules)
    )
    connection.execute(f"""
        create table keyed as select * from records
        left join (select rid, {columns} from usable group by rid) keys using (rid)""")
    return [_rule(f"key_{rule}", rule in several) for rule in range(rules)]


def _rule(column: str, several: bool) -> dict[str, Any]:
    exploded = {"arrays_to_explode": [column]} if several else {}
    return {"blocking_rule": f"l.{column} = r.{column}", "sql_dialect": "duckdb"} | exploded


# --- the data ---------------------------------------------------------------------------------------------------------


@contextmanager
def loaded(people: int) -> Iterator[None]:
    """A database of its own with the generated customers' records, folded; dropped afterwards."""
    with database(LOADED):
        apart(lambda: _load(people))
        yield


@contextmanager
def database(name: str) -> Iterator[None]:
    """An empty database of its own, dropped afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    import django

    from cdp.core import startup

    startup.prepare()
    django.setup()
    importlib.import_module("cdp.celery")
    from django.core.management import call_command
    from django.db import connections

    before = connections["owner"].settings_dict["NAME"]
    _drop(name)
    _on_server(f"create database {name}")
    _move(name)
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        _move(before)
        _drop(name)


def _load(people: int) -> None:
    from cdp import pipeline
    from cdp.core.types import Actor
    from cdp.demo.channels import SOURCES
    from cdp.demo.retailer import generate
    from cdp.events.actions import create_source, store

    actor = Actor.system("bench")
    sources = {name: create_source(actor, **source.row())[0].id for name, source in SOURCES.items()}
    records = generate(people, SEED, now=NOW).records
    for start in range(0, len(records), 5_000):
        store([_event(record, sources[record.source]) for record in records[start : start + 5_000]])
    pipeline.advance()


def _event(record: Any, source: UUID) -> Any:
    """A generated record as the row of a file that says it."""
    from cdp.core import crypto
    from cdp.demo.channels import SOURCES
    from cdp.events.types import NewEvent

    values = {name: value for name, value in record.values.items() if value}
    loyalty = values.pop("loyalty_id", None)
    sealed: dict[str, Any] = {"external_id": record.external_id, "attributes": values}
    return NewEvent(
        source=source,
        message_id=record.external_id,
        type="row",
        name="Record Imported",
        record=crypto.record_id(source, "customer", record.external_id),
        kind="customer",
        occurred_at=record.updated,
        brand=SOURCES[record.source].brand,
        sealed=sealed | ({"identifiers": {"loyalty_id": [loyalty]}} if loyalty else {}),
    )


def _drop(name: str) -> None:
    """Drop a database once its last session, which may be ending in another process, is over."""
    from django.db.utils import OperationalError

    for _ in range(100):
        try:
            return _on_server(f"drop database if exists {name}")
        except OperationalError:
            time.sleep(0.1)
    raise RuntimeError(f"Somebody still uses the database {name}.")


def _on_server(statement: str) -> None:
    """A statement in the owner's maintenance database, which no bench drops."""
    from django.db import connections

    owner = connections["owner"]
    name = owner.settings_dict["NAME"]
    owner.close()
    owner.settings_dict["NAME"] = "postgres"
    try:
        with owner.cursor() as cursor:
            cursor.execute(statement)
    finally:
        owner.close()
        owner.settings_dict["NAME"] = name


def _move(name: str) -> None:
    from django.db import connections

    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _close(connections: Any) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
