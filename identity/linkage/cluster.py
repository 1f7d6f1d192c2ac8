"""Constrained clustering: links in their total order join records unless something stands between them.

Connected components over-merge: one wrong link among thousands joins two people, and a family's phone joins the family.
Here every union is checked against all that is known of both sides. The result depends on the set of nodes and links
only.

A record without a given name contradicts nobody, so that of a household's contact it would take whoever comes first. Such
records come after all others, each by its heaviest evidence, and to nobody where another person is as near
(docs/adr/0007).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Final, TypeVar

from rapidfuzz.distance import DamerauLevenshtein

from identity.linkage import names
from identity.linkage.types import MODEL, STEWARD, Limits, Link, Node, Partition, Reason, Refusal

# Raise it when another partition comes of the same evidence: the next run clusters everybody anew.
VERSION: Final = 3

T = TypeVar("T")
GivenName = tuple[str | None, str | None, bool]  # given name, surname, whether the given name is a frequent one


def cluster(
    nodes: Iterable[Node], links: Iterable[Link], cannot: Iterable[tuple[str, str]] = (), limits: Limits | None = None
) -> Partition:
    """Partition of `nodes` by `links`, strongest first; `cannot`: pairs of ids that a steward holds apart.

    Links to unknown ids are ignored. Any permutation of the arguments gives the same partition and refusals.
    """
    forest = _Forest({node.id: node for node in nodes}, cannot, limits or Limits())
    known = {link.order: link for link in links if link.left in forest.nodes and link.right in forest.nodes}
    firm: list[Link] = []
    leafy: list[Link] = []
    for link in (known[order].straight for order in sorted(known)):
        (leafy if forest.nodes[link.left].leaf or forest.nodes[link.right].leaf else firm).append(link)
    forest.know(firm)
    refused = [*_join_all(forest, sorted(firm, key=forest.turn)), *_attach_all(forest, leafy)]
    return Partition(_labels(forest), tuple(refused))


def _join_all(forest: "_Forest", links: Sequence[Link]) -> list[Refusal]:
    refused = []
    for link in links:
        if reason := forest.join(link):
            refused.append(Refusal(link, reason))
    return refused


def _attach_all(forest: "_Forest", links: Sequence[Link]) -> list[Refusal]:
    """Leaves attach after all else, each to the one record of its earliest link, and join nothing to anything."""
    attached: dict[str, str] = {}
    refused = []
    for link in sorted(links, key=lambda link: (link.rank > STEWARD, link.time, link.order)):
        if reason := _attach(forest, attached, link):
            refused.append(Refusal(link, reason))
    for leaf, record in attached.items():
        forest.follow(leaf, record)
    return refused


def _attach(forest: "_Forest", attached: dict[str, str], link: Link) -> Reason | None:
    left, right = forest.nodes[link.left], forest.nodes[link.right]
    if left.leaf and right.leaf:
        return "leaves only"
    leaf, record = (left.id, right.id) if left.leaf else (right.id, left.id)
    if forest.root(attached.get(leaf, record)) != forest.root(record):
        return "leaf attached"
    if forest.held_apart(leaf, record):
        return "cannot-link"
    if leaf not in attached:
        attached[leaf] = record
        forest.clusters[forest.root(record)].leaves.add(leaf)
    return None


def _labels(forest: "_Forest") -> dict[str, str]:
    smallest: dict[str, str] = {}
    for node in sorted(forest.nodes):
        smallest.setdefault(forest.root(node), node)
    return {node: smallest[forest.root(node)] for node in sorted(forest.nodes)}


class _Forest:
    """Union-find whose roots know what their members say."""

    def __init__(self, nodes: dict[str, Node], cannot: Iterable[tuple[str, str]], limits: Limits) -> None:
        self.nodes, self.limits = nodes, limits
        self.parent = {node: node for node in nodes}
        self.clusters = {node.id: _Cluster(node) for node in nodes.values()}
        self.linked: dict[str, set[str]] = {node: set() for node in nodes}
        self.claims: dict[str, dict[str, Link]] = {}  # of records without a given name: who else → strongest link
        for left, right in cannot:
            if left in nodes and right in nodes:
                self.clusters[left].foes.add(right)
                self.clusters[right].foes.add(left)

    def know(self, links: Iterable[Link]) -> None:
        """Note who is linked to whom; `links` in their order."""
        for link in links:
            for one, other in ((link.left, link.right), (link.right, link.left)):
                self.linked[one].add(other)
                if not self.nodes[one].given:
                    self._claim(one, other, link)

    def _claim(self, one: str, other: str, link: Link) -> None:
        """The first link of two records, which has the best rank, with the heaviest weight of any."""
        claims = self.claims.setdefault(one, {})
        first = claims.setdefault(other, link)
        if link.weight > first.weight:
            claims[other] = replace(first, weight=link.weight)

    def turn(self, link: Link) -> tuple[bool, float]:
        """When a link has its turn, among links in their order: those of a record with a given name to one without come
        last, by weight, for an identifier alone does not tell whose of a household that is."""
        last = link.rank > STEWARD and (link.left in self.claims) != (link.right in self.claims)
        return last, -self._weight(link) if last else 0.0

    def _weight(self, link: Link) -> float:
        """The heaviest weight of any link between the same two records, one of them without a given name."""
        claim = self.claims.get(link.left, {}).get(link.right) or self.claims[link.right][link.left]
        return claim.weight

    def root(self, node: str) -> str:
        parent = self.parent
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    def join(self, link: Link) -> Reason | None:
        """Unite the link's two clusters, or say why not."""
        left, right = self.root(link.left), self.root(link.right)
        if left == right:
            return None
        one, other = self.clusters[left], self.clusters[right]
        if reason := objection(one, other, link, self.limits) or self._thin(one, other, link):
            return reason
        if link.rank != STEWARD and self._undecided(one, other, link):
            return "no name"
        big, small = (left, right) if (len(one.members), left) > (len(other.members), right) else (right, left)
        self.parent[small] = big
        self.clusters[big].absorb(self.clusters.pop(small))
        return None

    def _thin(self, one: "_Cluster", other: "_Cluster", link: Link) -> Reason | None:
        """A doubtful link needs others beside it: one namesake among many records must not join two people."""
        if not doubtful(link, self.limits):
            return None
        small, big = sorted((one.members, other.members), key=len)
        links = sum(len(self.linked[member] & big) for member in small)
        return "gray zone" if links < self.limits.linked_share * len(small) * len(big) else None

    def _undecided(self, one: "_Cluster", other: "_Cluster", link: Link) -> bool:
        """Whether one side has no given name, and could as well be another person's than the one on the other side."""
        if bool(one.names) == bool(other.names) or not self.limits.given_names:
            return False
        nameless, person = (other, one) if one.names else (one, other)
        weight = self._weight(link)
        claims = (claim for member in nameless.members for claim in self.claims[member].items())
        return any(
            claim.weight >= weight and self._rivals(nameless, person, self.clusters[self.root(holder)], claim)
            for holder, claim in claims
        )

    def _rivals(self, nameless: "_Cluster", person: "_Cluster", rival: "_Cluster", claim: Link) -> bool:
        """Whether a record without a name could be of another person too, by its own claim to that one."""
        return not _names_agree(person, rival) and not objection(nameless, rival, claim, self.limits)

    def held_apart(self, leaf: str, record: str) -> bool:
        cluster, foes = self.clusters[self.root(record)], self.clusters[leaf].foes
        return not (foes.isdisjoint(cluster.members) and foes.isdisjoint(cluster.leaves))

    def follow(self, leaf: str, record: str) -> None:
        self.parent[leaf] = self.root(record)


class _Cluster:
    """Members of a cluster and what they say, each value with the number of members that say it."""

    __slots__ = ("births", "foes", "genders", "identifiers", "leaves", "members", "names")

    def __init__(self, node: Node) -> None:
        self.members = {node.id}
        self.leaves: set[str] = set()
        self.foes: set[str] = set()
        self.births = Counter([node.birth_date] if node.birth_date else [])
        self.names = Counter([(node.given, node.surname, node.common_name)] if node.given else [])
        self.genders = {node.gender} if node.gender else set()
        self.identifiers: dict[tuple[str, str], set[str]] = {}
        for item in node.identifiers:
            self.identifiers.setdefault((item.kind, item.scope), set()).add(item.value)

    def absorb(self, other: "_Cluster") -> None:
        self.members |= other.members
        self.foes |= other.foes
        self.births += other.births
        self.names += other.names
        self.genders |= other.genders
        for key, values in other.identifiers.items():
            self.identifiers.setdefault(key, set()).update(values)


def objection(one: _Cluster, other: _Cluster, link: Link, limits: Limits) -> Reason | None:
    """What stands between two clusters. A steward's link yields to a steward's cannot-link only."""
    if not one.foes.isdisjoint(other.members):
        return "cannot-link"
    if link.rank == STEWARD:
        return None
    if len(one.members) + len(other.members) > limits.records:
        return "records"
    if not _within_limits(one, other, limits):
        return "identifiers"
    if link.silent and not _names_agree(one, other):
        return "recycled number"
    unsure = doubtful(link, limits)
    if (limits.given_names or unsure or not _personal(one, other)) and not _names_agree(one, other):
        return "given names"
    if (limits.birth_dates or unsure) and not _births_agree(one, other) and not _misdated(one, other, link):
        return "birth dates"
    return "gender" if _genders_clash(one, other, link) else None


def unopposed(given: Collection[GivenName], births: Collection[str], genders: Collection[str]) -> bool:
    """Whether nothing of what some records say of a person, each value once, divides any two of them, however they are
    grouped. Links of theirs that are sure are then refused for their number or identifiers only."""
    return (
        len(genders) < 2
        and all(births_compatible(*pair) for pair in combinations(births, 2))
        and all(_one_name(*pair) is not False for pair in combinations(given, 2))
    )


def doubtful(link: Link, limits: Limits) -> bool:
    """Whether it is the model's, and not sure."""
    return link.rank == MODEL and link.weight < limits.sure


def _within_limits(one: _Cluster, other: _Cluster, limits: Limits) -> bool:
    for key in one.identifiers.keys() & other.identifiers.keys():
        if len(one.identifiers[key] | other.identifiers[key]) > limits.per_kind.get(key[0], limits.others):
            return False
    return True


def _names_agree(one: _Cluster, other: _Cluster) -> bool:
    return one.names == other.names or _mostly(one.names, other.names, _one_name)


def _one_name(left: GivenName, right: GivenName) -> bool | None:
    """Given names that can be one person's, also when either record has given name and surname swapped."""
    verdict = names.compatible(left[0], right[0], both_common=left[2] and right[2])
    if verdict is False and left[1] and right[1]:
        return names.compatible(left[0], right[1]) is True and names.compatible(left[1], right[0]) is True
    return verdict


def _personal(one: _Cluster, other: _Cluster) -> bool:
    """Whether they agree in something that a household does not share: a birth date, or an identifier other than a phone."""
    if one.births and other.births and _births_agree(one, other):
        return True
    common = one.identifiers.keys() & other.identifiers.keys()
    return any(key[0] != "phone" and one.identifiers[key] & other.identifiers[key] for key in common)


def _misdated(one: _Cluster, other: _Cluster, link: Link) -> bool:
    """Whether a whole name stands on both sides: then another birth date is an error rather than a namesake, if the
    model links them in spite of it."""
    return link.rank == MODEL and any(_whole(left, right) for left, right in product(one.names, other.names))


def _whole(left: GivenName, right: GivenName) -> bool:
    if not (left[0] and left[1] and right[0] and right[1]):
        return False
    return {left[0], left[1]} == {right[0], right[1]} or (
        names.compatible(left[0], right[0]) is True and names.compatible(left[1], right[1]) is True
    )


def _births_agree(one: _Cluster, other: _Cluster) -> bool:
    return one.births == other.births or _mostly(one.births, other.births, births_compatible)


def _mostly(left: "Counter[T]", right: "Counter[T]", compatible: Callable[[T, T], bool | None]) -> bool:
    """Average linkage: at least half of the pairs across two clusters that can tell are compatible.

    One slip of the pen does not divide a person, one record that fits both does not join two.
    """
    agreed = told = 0
    for (one, often), (other, as_often) in product(left.items(), right.items()):
        if (verdict := compatible(one, other)) is not None:
            told += often * as_often
            agreed += often * as_often * verdict
    return 2 * agreed >= told


def births_compatible(left: str, right: str) -> bool:
    """Can two ISO dates be one birth date? Two digits mistyped, day and month swapped, or only the year known."""
    if left == right:
        return True
    if left[:4] == right[:4] and (left[5:7], left[8:]) == (right[8:], right[5:7]):
        return True
    if left[:4] == right[:4] and "01-01" in (left[5:], right[5:]):
        return True
    return DamerauLevenshtein.distance(left, right, score_cutoff=2) <= 2


def _genders_clash(one: _Cluster, other: _Cluster, link: Link) -> bool:
    """Genders are often entered wrongly: they divide only what the model joined without a common name or birth date."""
    if not one.genders or not other.genders or one.genders & other.genders or link.rank < MODEL:
        return False
    return not one.names.keys() & other.names.keys() and not one.births.keys() & other.births.keys()
