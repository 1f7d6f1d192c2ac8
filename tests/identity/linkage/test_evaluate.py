"""Quality from contingency counts equals quality from counting every pair and every record."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.linkage.evaluate import evaluate

SIDES = st.integers(0, 30).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(0, 6), min_size=size, max_size=size),
        st.lists(st.integers(0, 6), min_size=size, max_size=size),
    )
)


def brute_force(clusters, truth):
    pairs = list(combinations(clusters, 2))
    found = {pair for pair in pairs if clusters[pair[0]] == clusters[pair[1]]}
    real = {pair for pair in pairs if truth[pair[0]] == truth[pair[1]]}
    precision = len(found & real) / len(found) if found else 1.0
    recall = len(found & real) / len(real) if real else 1.0
    b3 = [0.0, 0.0]
    for record in clusters:
        cluster = {other for other in clusters if clusters[other] == clusters[record]}
        person = {other for other in truth if truth[other] == truth[record]}
        b3[0] += len(cluster & person) / len(cluster)
        b3[1] += len(cluster & person) / len(person)
    return precision, recall, b3[0] / len(clusters), b3[1] / len(clusters)


@given(SIDES)
def test_equals_brute_force(sides):
    clusters, truth = (dict(enumerate(side)) for side in sides)
    quality = evaluate(clusters, truth)
    if clusters:
        assert (quality.pair_precision, quality.pair_recall, quality.b3_precision, quality.b3_recall) == pytest.approx(
            brute_force(clusters, truth)
        )
        assert quality.largest == max(list(clusters.values()).count(label) for label in clusters.values())


def test_only_common_records_count():
    quality = evaluate({"a": 1, "b": 1, "c": 2}, {"a": "x", "b": "x", "d": "y"})
    assert (quality.records, quality.pair_f1, quality.b3_f1) == (2, 1.0, 1.0)


def test_known_values():
    quality = evaluate({"a": 1, "b": 1, "c": 1}, {"a": "x", "b": "x", "c": "y"})
    assert quality.pair_precision == pytest.approx(1 / 3)
    assert quality.pair_recall == 1.0
    assert quality.b3_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
