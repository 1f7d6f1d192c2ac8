"""From stored events to what identity folds: the next batch after the watermark, unsealed in memory."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from cdp.core import crypto
from cdp.core.statements import prepared
from cdp.core.watermark import Mark
from identity import sql
from identity.types import Seen

# Events that speak of the person; the traits of any other are properties of what happened.
_DESCRIBE = frozenset({"identify", "row"})


class Incoming(NamedTuple):
    """Events to fold, the keys of their records, and the place of the last that was read."""

    seen: list[Seen]
    keys: dict[UUID, crypto.RecordKey]
    last: tuple[int, UUID] | None


def next_events(mark: Mark, limit: int) -> Incoming:
    """Up to `limit` events after the mark; events whose key was destroyed are passed over."""
    return _opened(prepared(sql.EVENTS_AFTER, _after(mark, limit)))


def events_named(ids: Collection[UUID]) -> Incoming:
    """These events, wherever the mark stands, as far as they are still there."""
    return _opened(prepared(sql.EVENTS_NAMED, {"events": list(ids)}))


def next_place(mark: Mark) -> tuple[int, UUID] | None:
    """Where the next event after the mark stands, whatever is in it."""
    return next(iter(prepared(sql.PLACE_AFTER, _after(mark, 1))), None)


def _after(mark: Mark, limit: int) -> dict[str, Any]:
    return {"txid": mark.txid, "row": mark.row, "below": mark.below, "limit": limit}


def _opened(rows: list[tuple[Any, ...]]) -> Incoming:
    keys = crypto.unwrapped(row[-4:] for row in rows)
    seen = [_seen(row, keys[row[4]]) for row in rows if row[4] in keys]
    return Incoming(seen, keys, rows[-1][:2] if rows else None)


def _seen(row: tuple[Any, ...], key: crypto.RecordKey) -> Seen:
    _, _, source, brand, record, kind, leaves, at, message_id, type_, properties, blob, *_ = row
    sealed = crypto.unseal(key, "events_event", "sealed", blob) if blob is not None else {}
    clear = properties if type_ in _DESCRIBE else {}
    return Seen(
        record=record,
        kind=kind,
        source=source,
        brand=brand or "",
        at=at,
        message_id=message_id,
        leaves={name: UUID(leaf) for name, leaf in leaves.items()},
        external_id=sealed.get("external_id", ""),
        identifiers=sealed.get("identifiers", {}),
        attributes=sealed.get("attributes", {}) if type_ in _DESCRIBE else {},
        traits=clear,
    )
