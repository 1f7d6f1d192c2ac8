"""Records are a fold of their events: whatever order these come in, the same set gives the same record.

Per attribute the latest event time wins, then the message id. Histories are bounded by taking the newest under a total
order, which commutes with adding more events.
"""

from collections.abc import Iterable

from identity.linkage import normalise
from identity.types import Folded, Seen

HISTORY = 10
IDENTIFIERS_A_KIND = 100
# These are unique within a brand, not beyond it.
BRANDED = frozenset({"user_id", "loyalty_id", "customer"})
_CONTACTS = ("email", "phone")


def fold(before: Folded, events: Iterable[Seen]) -> Folded:
    """`before` with `events` folded in, in place and returned."""
    for event in events:
        at = stamp(event)
        before.external_id = before.external_id or event.external_id
        for name, value in event.attributes.items():
            _remember(before.values.setdefault(name, []), [value, at, event.message_id])
        for name, value in event.traits.items():
            before.traits[name] = max(before.traits.get(name, [None, "", ""]), [value, at, event.message_id], key=_when)
        for kind, value in _identifiers(event):
            _widen(before.identifiers.setdefault(kind, {}), value, at)
    return before


def stamp(event: Seen) -> str:
    """The event's time as text that sorts by time: ISO 8601, UTC, microseconds."""
    return event.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def qualified(kind: str, brand: str) -> str:
    """The kind under which a value is indexed: branded kinds carry their brand."""
    return f"{kind}:{brand}" if kind in BRANDED and brand else kind


def _identifiers(event: Seen) -> Iterable[tuple[str, str]]:
    said = {kind: list(values) for kind, values in event.identifiers.items()}
    for contact in _CONTACTS:
        if contact in event.attributes:
            said.setdefault(contact, []).append(event.attributes[contact])
    if event.kind == "user":
        said.setdefault("user_id", []).append(event.external_id)
    for kind, values in said.items():
        for value in values:
            if normal := normalise.identifier(kind, value):
                yield qualified(kind, event.brand), normal


def _remember(history: list[list[str]], entry: list[str]) -> None:
    """Keep for each value its newest saying, and of the values the newest few."""
    newest = {value: [value, at, message] for value, at, message in sorted((*history, entry), key=_when)}
    history[:] = sorted(newest.values(), key=_when, reverse=True)[:HISTORY]


def _when(entry: list[str]) -> tuple[str, str, str]:
    return (entry[1], entry[2], str(entry[0]))


def _widen(periods: dict[str, list[str]], value: str, at: str) -> None:
    first, last = periods.get(value, [at, at])
    periods[value] = [min(first, at), max(last, at)]
    if len(periods) > IDENTIFIERS_A_KIND:
        del periods[max(periods, key=lambda name: (periods[name][0], name))]
