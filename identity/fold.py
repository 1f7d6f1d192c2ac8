"""Records are a fold of their events: whatever order these come in, the same set gives the same record.

Per attribute the latest event time wins, then the message id. Histories are bounded by taking the newest under a total
order, which commutes with adding more events.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from identity.linkage import normalise
from identity.types import Folded, Seen

HISTORY = 10
IDENTIFIERS_A_KIND = 100
# These are unique within a brand, not beyond it.
BRANDED = frozenset({"user_id", "loyalty_id", "customer"})
# Many people share these: they never say who somebody is.
_SHARED = frozenset({"group_id"})
_CONTACTS = ("email", "phone")


def fold(before: Folded, events: Collection[Seen]) -> Folded:
    """`before` with `events` folded in, in place and returned."""
    for event in events:
        before.external_id = before.external_id or event.external_id
        if event.attributes or event.traits:
            _describe(before, event)
    for kind, value, first, last in _identified(events):
        _widen(before.identifiers.setdefault(kind, {}), value, first, last)
    return before


def _describe(before: Folded, event: Seen) -> None:
    at = stamp(event.at)
    for name, value in event.attributes.items():
        _remember(before.values.setdefault(name, []), [value, at, event.message_id])
    for name, trait in event.traits.items():
        before.traits[name] = max(before.traits.get(name, [None, "", ""]), [trait, at, event.message_id], key=_when)


def stamp(at: datetime) -> str:
    """A time as text that sorts by time: ISO 8601, UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def qualified(kind: str, brand: str) -> str:
    """The kind under which a value is indexed: branded kinds carry their brand."""
    return f"{kind}:{brand}" if kind in BRANDED and brand else kind


def _identified(events: Collection[Seen]) -> Iterable[tuple[str, str, str, str]]:
    """(kind, normalised value, first seen, last seen); each written value is looked at once, however often it came."""
    periods: dict[tuple[str, str, str], list[datetime]] = {}
    for event in events:
        for kind, value in _identifiers(event):
            period = periods.setdefault((kind, value, event.brand), [event.at, event.at])
            period[0], period[1] = min(period[0], event.at), max(period[1], event.at)
    for (kind, value, brand), (first, last) in periods.items():
        if normal := normalise.identifier(kind, value):
            yield qualified(kind, brand), normal, stamp(first), stamp(last)


def _identifiers(event: Seen) -> Iterable[tuple[str, str]]:
    for kind, values in event.identifiers.items():
        if kind not in _SHARED:
            yield from ((kind, value) for value in values)
    for contact in _CONTACTS:
        if contact in event.attributes:
            yield contact, event.attributes[contact]
    if event.kind == "user":
        yield "user_id", event.external_id


def _remember(history: list[list[str]], entry: list[str]) -> None:
    """Keep for each value its newest saying, and of the values the newest few."""
    newest = {value: [value, at, message] for value, at, message in sorted((*history, entry), key=_when)}
    history[:] = sorted(newest.values(), key=_when, reverse=True)[:HISTORY]


def _when(entry: list[str]) -> tuple[str, str, str]:
    return (entry[1], entry[2], str(entry[0]))


def _widen(periods: dict[str, list[str]], value: str, first: str, last: str) -> None:
    known = periods.get(value, [first, last])
    periods[value] = [min(known[0], first), max(known[1], last)]
    if len(periods) > IDENTIFIERS_A_KIND:
        # By the value alone: what is dropped then never returns with half of its period.
        del periods[max(periods)]


def is_full(record: Folded) -> bool:
    """Whether a record holds as many identifiers of a kind as it may, so that some may have been dropped."""
    return any(len(periods) >= IDENTIFIERS_A_KIND for periods in record.identifiers.values())
