"""What joins the records of a profile: identifiers, the model's links, stewards' words, and claims of leaves."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from uuid import UUID

from cdp.core.statements import fetch
from identity import sql
from identity.models import Link
from identity.types import Tie


def among(records: Collection[UUID]) -> list[Tie]:
    """Every tie between these records: identifiers that most hold first, then links, the strongest first."""
    known = list(records)
    return [*_identifiers(known), *_links(known), *_claims(known)]


def _identifiers(records: list[UUID]) -> list[Tie]:
    holders: dict[tuple[str, bytes], set[UUID]] = defaultdict(set)
    for record, kind, digest, *_seen in fetch(sql.IDENTIFIERS, [records]):
        holders[kind, bytes(digest)].add(record)
    found = [Tie("identifier", kind, tuple(sorted(held)), None) for (kind, _digest), held in holders.items()]
    return sorted(found, key=lambda tie: (-len(tie.records), tie.identifier, tie.records))


def _links(records: list[UUID]) -> list[Tie]:
    rows = sorted(fetch(sql.LINKS, {"records": records}), key=lambda row: (-row[3], row[0], row[1]))
    return [
        Tie(kind, "", (left, right), weight if kind == Link.Kind.PROBABLE else None)
        for left, right, kind, weight in rows
    ]


def _claims(records: list[UUID]) -> Iterator[Tie]:
    for leaf, owner in fetch(sql.CLAIMED_LEAVES, {"leaves": records}):
        if owner in records:
            yield Tie("claim", "", (leaf, owner), None)
