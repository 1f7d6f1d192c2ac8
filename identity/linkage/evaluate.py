"""How good a partition is, measured exactly from contingency counts, without enumerating pairs."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares between 0 and 1 over the records that both mappings hold, and the size of the largest cluster."""

    pair_precision: float
    pair_recall: float
    pair_f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float
    largest: int
    records: int


def evaluate(clusters: Mapping[Hashable, Hashable], truth: Mapping[Hashable, Hashable]) -> Quality:
    """Compare record → cluster with record → person.

    B³ after Bagga and Baldwin (1998): per record, the share of its cluster that is its person, and the reverse. A side
    with no pairs at all has pair precision, or recall, 1.
    """
    both = Counter((clusters[record], truth[record]) for record in clusters.keys() & truth.keys())
    found, real = Counter[Hashable](), Counter[Hashable]()
    for (cluster, person), count in both.items():
        found[cluster] += count
        real[person] += count
    true_pairs, total = _pairs(both), sum(both.values())
    pair_precision = true_pairs / _pairs(found) if _pairs(found) else 1.0
    pair_recall = true_pairs / _pairs(real) if _pairs(real) else 1.0
    b3_precision = sum(n * n / found[cluster] for (cluster, _), n in both.items()) / total if total else 1.0
    b3_recall = sum(n * n / real[person] for (_, person), n in both.items()) / total if total else 1.0
    pair_f1, b3_f1 = _f1(pair_precision, pair_recall), _f1(b3_precision, b3_recall)
    largest = max(found.values(), default=0)
    return Quality(pair_precision, pair_recall, pair_f1, b3_precision, b3_recall, b3_f1, largest, total)


def _pairs(counts: "Counter[Hashable] | Counter[tuple[Hashable, Hashable]]") -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
