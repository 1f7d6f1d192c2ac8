"""Which record's value wins, per attribute (pure): steward, then source rank, then recency, then frequency."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from cdp.profiles.types import Winner
from identity.types import ATTRIBUTES, OpenRecord

# These come from one record together: a street of one address and a city of another is nobody's address.
ADDRESS = ("address", "city", "region", "postcode", "country")
NAME = ("full_name", "given_name", "family_name")
STEWARD_RANK = 0


def survivors(records: Iterable[OpenRecord], rank: Mapping[UUID, int]) -> dict[str, Winner]:
    """The winner of each attribute; `rank` is the trust rank of each source, lower trusted more."""
    offers = _offers(records)
    winners = {name: _win(offers[name], rank) for name in ATTRIBUTES if offers.get(name)}
    return _keep_together(_keep_together(winners, offers, ADDRESS, "address"), offers, NAME, "full_name")


Offer = tuple[OpenRecord, str, str]


def _offers(records: Iterable[OpenRecord]) -> dict[str, list[Offer]]:
    offers: dict[str, list[Offer]] = {}
    for record in records:
        for name, history in record.folded.values.items():
            value, at, _ = history[0]
            offers.setdefault(name, []).append((record, value, at))
    return offers


def _win(offers: list[Offer], rank: Mapping[UUID, int]) -> Winner:
    said = Counter([value for _, value, _ in offers])

    def preference(offer: Offer) -> tuple[int, str, int, int]:
        record, value, at = offer
        return (-rank.get(record.source, 50), at, said[value], record.id.int)

    record, value, at = max(offers, key=preference)
    return Winner(record.id, value, at, _why(record, offers, rank))


def _why(winner: OpenRecord, offers: list[Offer], rank: Mapping[UUID, int]) -> str:
    best = rank.get(winner.source, 50)
    if best == STEWARD_RANK:
        return "steward"
    if len(offers) == 1:
        return "only"
    return "recency" if any(r is not winner and rank.get(r.source, 50) == best for r, _, _ in offers) else "source"


def _keep_together(
    winners: dict[str, Winner], offers: dict[str, list[Offer]], group: tuple[str, ...], lead: str
) -> dict[str, Winner]:
    """Where the leading attribute of a group is known, the rest of the group comes from the same record, or not at all;
    what a steward corrected stands in any case."""
    if lead not in winners:
        return winners
    theirs = _of_one_record(winners[lead], offers, group, lead)
    theirs |= {name: winners[name] for name in group if name in winners and winners[name].why == "steward"}
    if group is ADDRESS and "country" not in theirs and "country" in winners:
        theirs["country"] = winners["country"]
    return {name: winner for name, winner in winners.items() if name not in group} | theirs


def _of_one_record(
    leader: Winner, offers: dict[str, list[Offer]], group: tuple[str, ...], lead: str
) -> dict[str, Winner]:
    """A group as the leader's record says it. A street that a steward corrected stands in the address that it corrects."""
    record = next(record for record, _, _ in offers[lead] if record.id == leader.record)
    corrected = UUID(record.folded.external_id) if leader.why == "steward" and group is ADDRESS else record.id
    theirs = {
        name: Winner(record.id, value, at, leader.why if record.id == leader.record else "source")
        for name in group
        for record, value, at in offers.get(name, [])
        if record.id == corrected
    }
    return theirs | {lead: leader}
