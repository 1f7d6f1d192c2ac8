"""From stored events to what identity folds: the next batch after the watermark, unsealed in memory."""

from typing import Any
from uuid import UUID

from cdp.core import crypto
from cdp.core.statements import prepared
from cdp.core.watermark import Mark
from identity import sql
from identity.types import Seen

# Events that speak of the person; the traits of any other are properties of what happened.
_DESCRIBE = frozenset({"identify", "row"})


def next_events(mark: Mark, limit: int) -> tuple[list[Seen], dict[UUID, crypto.RecordKey], tuple[int, UUID] | None]:
    """Up to `limit` events after the mark, the keys of their records, and the last one's place; events whose key was
    destroyed are passed over."""
    params = {"txid": mark.txid, "row": mark.row, "below": mark.below, "limit": limit}
    rows = prepared(sql.EVENTS_AFTER, params)
    keys = crypto.unwrapped(row[-4:] for row in rows)
    seen = [_seen(row, keys[row[4]]) for row in rows if row[4] in keys]
    return seen, keys, (rows[-1][0], rows[-1][1]) if rows else None


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
