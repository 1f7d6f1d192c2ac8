"""How well the product resolves generated customers whose truth is known, loaded through its doors."""

import csv
import os
from collections.abc import Hashable
from math import log2
from pathlib import Path

import pytest

from cdp import pipeline
from identity import evaluation, queries
from identity.linkage.evaluate import Quality, evaluate
from identity.models import Link, Record
from tests.flow.retailer import load, written

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 5_000
# `CDP_SEEDS=1,2,3` runs all three; one is enough to notice a change.
SEEDS = [int(seed) for seed in os.environ.get("CDP_SEEDS", "1").split(",")]
LIKELY = log2(0.95 / 0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_are_resolved_with_few_errors(seed: int, tmp_path: Path) -> None:
    folder = written(PEOPLE, seed, tmp_path)
    load(folder, only=("identify", "alias"))
    pipeline.resolve()
    truth = folder / "truth" / "truth.csv"
    quality, missing = evaluation.evaluate_truth(truth)
    print(f"seed {seed}: {quality}")
    assert missing == 0
    assert quality.pair_precision >= 0.97, quality
    assert quality.pair_recall >= 0.88, quality
    # The same evidence without the constraints: what everyone else calls a cluster.
    assert connected(truth).pair_precision <= 0.90


def connected(truth: Path) -> Quality:
    """Quality of the plain components of the pairs that are at least 95 % likely."""
    parent = {record: record for record in queries.person_records()}

    def root(record: Hashable) -> Hashable:
        while parent[record] != record:  # type: ignore[index]
            parent[record] = record = parent[parent[record]]  # type: ignore[index]
        return record

    for left, right in Link.objects.filter(weight__gte=LIKELY).values_list("left", "right"):
        parent[root(left)] = root(right)  # type: ignore[index]
    person = persons(truth)
    return evaluate({record: root(record) for record in person}, person)


def persons(truth: Path) -> dict[Hashable, Hashable]:
    """Record → whose it is."""
    with truth.open(encoding="utf-8") as file:
        known = {(row["source"], row["external_id"]): row["person"] for row in csv.DictReader(file)}
    sources = dict(Record.objects.values_list("pk", "source__name"))
    opened = queries.open_records(sources)
    named = {record.id: (sources[record.id], record.folded.external_id) for record in opened if not record.leaf}
    return {record: known[name] for record, name in named.items() if name in known}
