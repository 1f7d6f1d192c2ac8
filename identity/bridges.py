"""Which links alone hold two parts of a profile together (pure).

A link without which its component falls apart is a bridge of the graph (Tarjan 1974); in graphs of linked records it is
where wrong merges are found first (Randall and others 2014).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from uuid import UUID

Graph = Mapping[Hashable, Sequence[tuple[Hashable, int]]]


def graph_of(links: Iterable[tuple[UUID, UUID]], held: Iterable[tuple[UUID, Hashable]]) -> Graph:
    """The evidence as a graph: records linked to each other, and to each identifier value (`held`) that they share.

    Each edge has a number, so that two links of one pair are two edges; links come first, in their order.
    """
    found: dict[Hashable, list[tuple[Hashable, int]]] = defaultdict(list)
    for number, (one, other) in enumerate([*links, *held]):
        found[one].append((other, number))
        found[other].append((one, number))
    return found


def parts_without(graph: Graph, link: tuple[UUID, UUID], number: int) -> tuple[int, int] | None:
    """How many records are on either side once the link of this number is gone; None where they still hang together."""
    side = _reached(graph, link[0], number)
    if link[1] in side:
        return None
    return _records(side), _records(_reached(graph, link[1], number))


def _reached(graph: Graph, start: Hashable, without: int) -> set[Hashable]:
    seen, waiting = {start}, [start]
    while waiting:
        for there, number in graph[waiting.pop()]:
            if number != without and there not in seen:
                seen.add(there)
                waiting.append(there)
    return seen


def _records(nodes: Iterable[Hashable]) -> int:
    return sum(isinstance(node, UUID) for node in nodes)
