"""Quality and stability by size: generated customers through the product, judged against the truth they were made from.

Whatever their number, precision and recall must stay where they are with few, and one hundredth more records, linked
online under the same model, must leave the ids of all other people alone.
"""

import argparse
import resource
from collections.abc import Iterable, Sequence
from math import log2
from random import Random
from typing import Any
from uuid import UUID

from tests.bench.online import _timed
from tests.bench.resolve import NOW, SEED, _event, apart, database

LOADED = "cdp_bench_accuracy"
LATE = 0.01  # this share of the records comes after the run
LIKELY = log2(0.95 / 0.05)  # bits


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Pair precision and recall, B³, the largest profile; what plain components would have given; ids changed by more
    records; seconds."""
    parser = argparse.ArgumentParser(prog="accuracy", description=__doc__)
    parser.add_argument("--people", type=int, default=18_000, help="customers to generate; about 5.6 records each")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args(argv)
    with database(LOADED):
        return apart(lambda: _measured(asked.people, asked.seed))


def _measured(people: int, seed: int) -> dict[str, Any]:
    from cdp import pipeline
    from identity import resolution

    events, truth, hard = _generated(people, seed)
    late = set(Random(seed).sample(sorted(truth), round(len(truth) * LATE)))
    seconds = {"load_s": _timed(lambda: _load([event for event in events if event.record not in late]))}
    seconds["resolve_s"] = _timed(resolution.resolve)
    before = _profiles()
    plain = _plain_components(before)
    quality = _quality(before, truth)
    _load([event for event in events if event.record in late])
    seconds["late_s"] = _timed(lambda: pipeline.advance())
    return {
        "records": len(truth),
        **hard,
        **quality,
        "plain_components": _quality(plain, truth),
        "ids_changed": _ids_changed(before, _profiles(), truth, late),
        "with_late": _quality(_profiles(), truth),
        **{name: round(spent, 1) for name, spent in seconds.items()},
        "peak_mb": _peak_mb(),
    }


def _generated(people: int, seed: int) -> tuple[list[Any], dict[UUID, str], dict[str, float]]:
    """Events, the person of each record, and how hard the records are."""
    from cdp.core.types import Actor
    from cdp.demo.channels import SOURCES
    from cdp.demo.difficulty import measure
    from cdp.demo.retailer import generate
    from cdp.events.actions import create_source

    actor = Actor.system("bench")
    sources = {name: create_source(actor, **source.row())[0].id for name, source in SOURCES.items()}
    records = generate(people, seed, now=NOW).records
    events = [_event(record, sources[record.source]) for record in records]
    truth = {event.record: record.person.key for event, record in zip(events, records, strict=True)}
    hard = measure(records)
    return events, truth, {name: round(hard[name], 3) for name in ("exact_pair_recall", "share_without_birth_date")}


def _load(events: list[Any]) -> None:
    from cdp import pipeline
    from cdp.events.actions import store

    for start in range(0, len(events), 10_000):
        store(events[start : start + 10_000])
        while pipeline.STAGES["fold"]():
            pass


def _profiles() -> dict[UUID, UUID]:
    from identity.models import Record

    return dict(Record.objects.filter(profile__isnull=False).values_list("pk", "profile"))


def _plain_components(records: Iterable[UUID]) -> dict[UUID, UUID]:
    """What joining all pairs that are at least 95 % likely would give."""
    from identity.models import Link

    parent = {record: record for record in records}

    def root(record: UUID) -> UUID:
        while parent[record] != record:
            parent[record] = record = parent[parent[record]]
        return record

    for left, right in Link.objects.filter(weight__gte=LIKELY).values_list("left", "right"):
        parent[root(left)] = root(right)
    return {record: root(record) for record in parent}


def _quality(clusters: dict[UUID, Any], truth: dict[UUID, str]) -> dict[str, Any]:
    from identity.linkage.evaluate import evaluate

    found = evaluate(clusters, truth)
    return {
        "precision": round(found.pair_precision, 4),
        "recall": round(found.pair_recall, 4),
        "b3": round(found.b3_f1, 4),
        "largest": found.largest,
    }


def _ids_changed(
    before: dict[UUID, UUID], after: dict[UUID, UUID], truth: dict[UUID, str], late: Iterable[UUID]
) -> dict[str, Any]:
    """Of the people of whom no record came late, how many have a record whose profile id is another one now."""
    touched = {truth[record] for record in late}
    people = {person for person in truth.values() if person not in touched}
    changed = {truth[record] for record, profile in before.items() if after[record] != profile} & people
    return {"people": len(people), "changed": len(changed), "share": round(len(changed) / len(people), 5)}


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
