"""How well the defaults link data whose truth is known. None of the defaults was written for these files."""

import pytest

from identity.linkage import inputs
from identity.linkage.cluster import cluster
from identity.linkage.evaluate import evaluate
from identity.linkage.score import prepare, score
from identity.linkage.train import train
from identity.linkage.types import Identifier
from tests.identity.linkage import data


def resolve(records):
    """Labels by constrained clustering, and by the components of the pairs at least 95 % likely."""
    table = prepare(records)
    model = train(table)
    edges = score(table, model).edges
    held = {
        row["unique_id"]: tuple(Identifier(kind, row[kind]) for kind in ("email", "phone") if row[kind])
        for row in table.to_pylist()
    }
    nodes = list(inputs.nodes(table, model, held))
    constrained = cluster(nodes, inputs.links(edges, model), limits=inputs.limits(model))
    return constrained.label, components([node.id for node in nodes], edges)


def components(ids, edges):
    parent = {name: name for name in ids}

    def root(name):
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for left, right, weight in zip(*(edges[column].to_pylist() for column in ("left", "right", "weight")), strict=True):
        if weight >= 4.2479:  # log2(0.95 / 0.05)
            parent[root(left)] = root(right)
    return {name: root(name) for name in ids}


@pytest.mark.parametrize(("load", "least"), [(data.febrl3, 0.99), (data.febrl3_streets, 0.99), (data.fake_1000, 0.91)])
def test_public_data_sets(load, least):
    records, truth = load()
    labels, _ = resolve(records)
    assert evaluate(labels, truth).b3_f1 >= least


def test_a_few_hundred_records_teach_enough():
    records, truth = data.febrl3()
    some = sorted(set(truth.values()))[:120]
    labels, _ = resolve([record for record in records if truth[record[0]] in some])
    assert evaluate(labels, truth).b3_f1 >= 0.97


def test_families_are_no_persons_where_names_are_often_misspelt():
    records, truth = data.families(400, seed=1)
    assert not train(prepare(records)).names_divide
    labels, _ = resolve(records)
    quality = evaluate(labels, truth)
    assert quality.pair_precision >= 0.97
    assert quality.pair_recall >= 0.97


def test_generated_customers():
    records, truth = data.customers(3000, seed=1)
    constrained, connected = resolve(records)
    quality = evaluate(constrained, truth)
    assert quality.pair_precision >= 0.97
    assert quality.pair_recall >= 0.88
    assert evaluate(connected, truth).pair_precision <= 0.90
