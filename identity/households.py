"""Who may live together: hints that clustering leaves where it keeps people apart.

A link that rests on a shared e-mail, phone, loyalty card or home, and joined nobody because given names, birth dates,
genders or a steward say that these are different people, hints at a household. Hints follow from the same evidence as the
clusters and are kept together with them. People whom hints connect are one household, unless they are too many for one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from uuid import UUID

from django.db.models import Q

from cdp.core.statements import by_number, execute_over, fetch, prepared
from identity import households_sql as sql
from identity.clusters import PRIORITY
from identity.linkage.comparisons import EMAIL, PHONE, PLACE, Comparison
from identity.linkage.types import MODEL, Link, Refusal
from identity.models import HouseholdHint
from identity.types import Shared

Pair = tuple[UUID, UUID]

# What tells the people of one household apart. Too many identifiers, or records, say nothing of who lives where.
APART: Final = frozenset({"given names", "birth dates", "gender", "no name", "cannot-link"})
# More people than this who share contacts are an office's or a shop's.
MOST_MEMBERS: Final = 10
# Which identifiers of a link a household shares, by their ranks. Numbers of users and customers are none: two sources may
# count their own from one.
IDENTIFIERS: Final = {PRIORITY[shared.value]: shared for shared in (Shared.EMAIL, Shared.CARD, Shared.PHONE)}


def _gamma(comparison: Comparison, name: str) -> tuple[str, int]:
    """A level as stored links name it: counted from the last."""
    names = [level.name for level in comparison.levels]
    return comparison.name, len(names) - 1 - names.index(name)


# The same of the model's links, by their levels.
LEVELS: Final = {
    _gamma(EMAIL, "exact"): Shared.EMAIL,
    _gamma(PHONE, "exact"): Shared.PHONE,
    _gamma(PLACE, "address"): Shared.HOME,
    _gamma(PLACE, "street"): Shared.HOME,
}


# --- keeping them -----------------------------------------------------------------------------------------------------


def follow(refused: Iterable[Refusal], records: Collection[UUID], home: Mapping[UUID, UUID]) -> None:
    """Make the hints of these records, whole components that have just been clustered, those of what was refused. `home`:
    the profile of each record."""
    hints = _hints([one for one in refused if one.reason in APART and not one.link.silent])
    among = grouped([pair for pair in hints if home[pair[0]] != home[pair[1]]], home)
    rows = [(*pair, among[pair], *hints[pair]) for pair in sorted(among)]
    kept = {"lefts": [row[0] for row in rows], "rights": [row[1] for row in rows]}
    gone = {row[0] for row in prepared(sql.DROP_HINTS, {"records": by_number(set(records)), **kept})}
    execute_over(sql.SAVE_HINTS, rows)
    _settle(gone)


def forget(records: Collection[UUID]) -> int:
    """Delete the hints of these records; returns how many there were."""
    found = HouseholdHint.objects.filter(Q(left__in=records) | Q(right__in=records))
    gone = set(found.values_list("household", flat=True))
    deleted, _ = found.delete()
    _settle(gone)
    return deleted


def told(records: Collection[UUID]) -> list[dict[str, str]]:
    """What these records share with those of others, and what tells the people apart."""
    found = HouseholdHint.objects.filter(Q(left__in=records) | Q(right__in=records))
    rows = found.order_by("shared", "reason").values_list("shared", "reason")
    return [{"shared": shared, "reason": reason} for shared, reason in rows]


def _hints(refused: Collection[Refusal]) -> dict[Pair, tuple[str, str]]:
    """(what is shared, what tells them apart) of each pair, by its strongest link."""
    levels = _levels([one.link for one in refused if one.link.rank == MODEL])
    hints: dict[Pair, tuple[str, str]] = {}
    for one in sorted(refused, key=lambda one: one.link.order, reverse=True):
        pair, rank = _ends(one.link), one.link.rank
        if shared := levels.get(pair) if rank == MODEL else IDENTIFIERS.get(rank):
            hints[pair] = shared.value, one.reason
    return hints


def _levels(links: Collection[Link]) -> dict[Pair, Shared | None]:
    """What the ends of the model's links share."""
    if not links:
        return {}
    rows = prepared(sql.LEVELS_OF, list(zip(*map(_ends, links), strict=True)))
    return {(left, right): _shared(levels) for left, right, levels in rows}


def _shared(levels: Mapping[str, int]) -> Shared | None:
    return next((shared for (name, level), shared in LEVELS.items() if levels.get(name) == level), None)


def _ends(link: Link) -> Pair:
    left, right = sorted((UUID(link.left), UUID(link.right)))
    return left, right


def _settle(gone: Collection[UUID]) -> None:
    """Divide what is left of households that lost a hint."""
    if not gone:
        return
    rows = fetch(sql.HINTS_OF, [by_number(gone)])
    home = {end: profile for row in rows for end, profile in zip(row[:2], row[2:], strict=True)}
    among = grouped([(left, right) for left, right, *_ in rows], home)
    execute_over(sql.SETTLE_HINTS, [(*pair, household) for pair, household in sorted(among.items())])


# --- households (pure) ------------------------------------------------------------------------------------------------


def grouped(pairs: Collection[Pair], home: Mapping[UUID, UUID]) -> dict[Pair, UUID]:
    """The household of each pair of records, by their profiles (`home`); without the pairs of those that are too large."""
    near: dict[UUID, set[UUID]] = defaultdict(set)
    records: dict[UUID, set[UUID]] = defaultdict(set)
    for left, right in pairs:
        near[home[left]].add(home[right])
        near[home[right]].add(home[left])
        records[home[left]].add(left)
        records[home[right]].add(right)
    named: dict[UUID, UUID] = {}
    for members in _parts(near):
        if len(members) <= MOST_MEMBERS:
            named |= dict.fromkeys(members, min(record for member in members for record in records[member]))
    return {pair: named[home[pair[0]]] for pair in pairs if home[pair[0]] in named}


def _parts(near: Mapping[UUID, set[UUID]]) -> Iterable[set[UUID]]:
    """The connected parts of a graph."""
    waiting = set(near)
    while waiting:
        part, frontier = set[UUID](), {waiting.pop()}
        while frontier:
            part |= frontier
            frontier = set[UUID]().union(*(near[node] for node in frontier)) - part
        waiting -= part
        yield part
