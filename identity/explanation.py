"""Why two records are one person (pure): the strongest path of links, and what the model says of each.

Links join clusters in their total order; those that joined form a spanning forest of each cluster, strongest first, so
the path between two records in it is the one whose weakest link is strongest (a maximum-bottleneck path; Hu 1961).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import clusters
from identity.linkage.comparisons import COMPARISONS
from identity.linkage.compiled import MISSING, MISSING_NAME, Scorer, compile_model
from identity.linkage.model import Model
from identity.linkage.normalise import clean
from identity.linkage.types import MODEL, STEWARD, Link
from identity.types import Bar, Cleaned, Compared, OpenRecord

# Stored weights are rounded to 1e-9; more than this apart means that the values have changed since.
SAME_WEIGHT = 1e-6


@dataclass(frozen=True)
class Step:
    """One link of a path, in the direction of the path."""

    left: UUID
    right: UUID
    kind: str
    identifier: str = ""


def path(
    records: Sequence[OpenRecord],
    held: Collection[clusters.Held],
    stored: Collection[clusters.StoredLink],
    model: Model,
    ends: tuple[UUID, UUID],
) -> list[Step] | None:
    """The strongest path between two person records of one cluster; None where no links connect them."""
    _, refused = clusters.partition(map(_cleaned, records), held, stored, model)
    links, _ = clusters.all_links(held, stored)
    turned_down = {refusal.link for refusal in refused}
    joined = _forest(link.straight for link in links if link.straight not in turned_down)
    found = _between(joined, str(ends[0]), str(ends[1]))
    kinds = {item.digest.hex(): item.kind for item in held}
    return None if found is None else [_step(start, link, kinds) for start, link in found]


def _cleaned(record: OpenRecord) -> Cleaned:
    return Cleaned(record.id, record.profile, record.version, clean(record.folded.current()))


def _forest(links: Iterable[Link]) -> dict[str, list[Link]]:
    """The links that joined clusters, by record."""
    parent: dict[str, str] = {}
    joined: dict[str, list[Link]] = defaultdict(list)
    for link in sorted(links, key=lambda link: link.order):
        left, right = _root(parent, link.left), _root(parent, link.right)
        if left != right:
            parent[left] = right
            joined[link.left].append(link)
            joined[link.right].append(link)
    return joined


def _root(parent: dict[str, str], node: str) -> str:
    while (above := parent.get(node, node)) != node:
        parent[node] = node = parent.get(above, above)
    return node


def _between(joined: Mapping[str, list[Link]], start: str, end: str) -> list[tuple[str, Link]] | None:
    """(where from, link) along the one path of a forest."""
    before: dict[str, tuple[str, Link] | None] = {start: None}
    waiting = [start]
    while waiting and end not in before:
        here = waiting.pop()
        for link in joined.get(here, ()):
            there = link.right if link.left == here else link.left
            if there not in before:
                before[there] = here, link
                waiting.append(there)
    return _backwards(before, end) if end in before else None


def _backwards(before: Mapping[str, tuple[str, Link] | None], end: str) -> list[tuple[str, Link]]:
    found = []
    while (step := before[end]) is not None:
        found.append(step)
        end = step[0]
    return found[::-1]


def _step(start: str, link: Link, kinds: Mapping[str, str]) -> Step:
    ends = UUID(start), UUID(link.right if link.left == start else link.left)
    if link.rank == STEWARD:
        return Step(*ends, "must")
    return Step(*ends, "probable") if link.rank == MODEL else Step(*ends, "identifier", kinds[link.digest])


# --- weights ----------------------------------------------------------------------------------------------------------


def compared(model: Model, one: OpenRecord, other: OpenRecord) -> tuple[Compared, ...]:
    """What each comparison says of two records as they are now."""
    scorer = _scorer(model)
    rows = [scorer.prepare(str(record.id), _cleaned(record).row) for record in (one, other)]
    return tuple(Compared(*evidence) for evidence in scorer.explain(*rows))


_scorers: dict[str, Scorer] = {}


def _scorer(model: Model) -> Scorer:
    """The compiled model; a version is frozen, and the last one asked for is kept."""
    scorer = _scorers.get(model.version)
    if scorer is None:
        scorer = compile_model(model)
        _scorers.clear()
        _scorers[model.version] = scorer
    return scorer


def as_scored(model: Model, levels: Mapping[str, Any], weight: float) -> tuple[Compared, ...]:
    """What each comparison said when a link was scored, from its stored levels.

    How much of the weight came from frequencies is known in sum only: `frequency_bits` None, and a bar of its own.
    """
    told = tuple(_level(model, comparison.name, levels.get(comparison.name, MISSING)) for comparison in COMPARISONS)
    rest = weight - prior(model) - sum(one.bits for one in told)
    return (*told, Compared("frequencies", "", rest, rest)) if abs(rest) > SAME_WEIGHT else told


def _level(model: Model, comparison: str, gamma: int) -> Compared:
    if gamma == MISSING:
        return Compared(comparison, MISSING_NAME, 0.0, None)
    weight = model.weights[comparison][-1 - gamma]
    return Compared(comparison, weight.level, weight.bits, None)


def prior(model: Model) -> float:
    """Bits that speak for any two records before they are compared."""
    return _scorer(model).prior


def weighs(model: Model, comparisons: Iterable[Compared], weight: float) -> bool:
    """Whether prior and comparisons still add up to the weight that a link was stored with."""
    return abs(prior(model) + sum(one.bits for one in comparisons) - weight) < SAME_WEIGHT


def waterfall(model: Model, comparisons: Sequence[Compared]) -> tuple[Bar, ...]:
    """The rows of a waterfall chart: the prior, a bar for each comparison, the whole weight."""
    bars, at = [Bar("prior", 0.0, prior(model))], prior(model)
    for one in comparisons:
        bars.append(Bar(one.comparison, at, at + one.bits))
        at += one.bits
    return (*bars, Bar("weight", 0.0, at))
