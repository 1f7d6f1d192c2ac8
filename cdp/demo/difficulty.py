"""How hard the generated records are: what exact identifiers alone would find, measured on the data itself."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from cdp.demo.records import PLACEHOLDER_PHONES, Record


def normalised_phone(text: str) -> str:
    """National digits of a Korean number, empty for none and for what people type to be left alone."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", text))
    digits = digits[2:] if digits.startswith("82") else digits
    national = "0" + digits.lstrip("0") if digits else ""
    return "" if national in PLACEHOLDER_PHONES else national


def identifiers(record: Record) -> Iterator[tuple[str, str]]:
    """The exact identifiers of a record, each with its kind; account names count within a brand."""
    values = record.values
    account = f"{record.source.split('-')[0]}:{record.external_id}"
    found = {"phone": normalised_phone(values.get("phone", "")), "email": values.get("email", "").casefold()}
    found |= {"loyalty_id": values.get("loyalty_id", ""), "user_id": account}
    return ((kind, value) for kind, value in found.items() if value)


def measure(records: Sequence[Record]) -> dict[str, float]:
    """Pair recall of exact identifiers as connected components, and the shares that make the records hard.

    Returns `exact_pair_recall`, `exact_pair_precision`, `share_sharing_a_contact` (of people),
    `share_without_birth_date` (of records), `records`, `people`, `true_pairs`.
    """
    clusters = _components(records)
    people = [record.person.key for record in records]
    found = _pairs(Counter(zip(clusters, people, strict=True)).values())
    true, claimed = _pairs(Counter(people).values()), _pairs(Counter(clusters).values())
    without_birth = sum(not record.values.get("birth_date") for record in records)
    return {
        "records": len(records),
        "people": len(set(people)),
        "true_pairs": true,
        "exact_pair_recall": found / max(true, 1),
        "exact_pair_precision": found / max(claimed, 1),
        "share_sharing_a_contact": len(_sharing(records)) / max(len(set(people)), 1),
        "share_without_birth_date": without_birth / max(len(records), 1),
    }


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _components(records: Sequence[Record]) -> list[int]:
    """The component of each record in the graph of shared identifiers (union-find with path halving)."""
    parent = list(range(len(records)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    first: dict[tuple[str, str], int] = {}
    for number, record in enumerate(records):
        for identifier in identifiers(record):
            parent[root(number)] = root(first.setdefault(identifier, number))
    return [root(node) for node in range(len(records))]


def _sharing(records: Sequence[Record]) -> set[str]:
    """Keys of the people who have an e-mail address or number in common with another person."""
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        for kind, value in identifiers(record):
            if kind in ("email", "phone"):
                holders[kind, value].add(record.person.key)
    return {key for people in holders.values() if len(people) > 1 for key in people}
