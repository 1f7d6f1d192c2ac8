"""New events as rows of COPY's text format: a tab between columns, a backslash before what would be taken for one."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from uuid_utils import uuid7

from cdp.core import crypto
from cdp.events.types import NewEvent

NULL = "\\N"
TABLE, SEALED = "events_event", "sealed"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_encode = msgspec.json.Encoder().encode


def row(event: NewEvent, key: crypto.RecordKey, received_at: datetime) -> str:
    """One line of `sql.COPY_EVENTS`; `key` is the data key of the event's record."""
    return "\t".join(
        (
            str(uuid7()),
            event.source.hex,
            _text(event.message_id),
            event.type,
            _text(event.name),
            event.record.hex,
            event.kind,
            _json(event.leaves) if event.leaves else "{}",
            _time(event.occurred_at),
            _shared_time(event.received_at or received_at),
            _shared_time(event.sent_at) if event.sent_at else NULL,
            "{" + ",".join(event.flags) + "}" if event.flags else "{}",
            _optional(event.session),
            _optional(event.place),
            _optional(event.campaign),
            _optional(event.account),
            _optional(event.order_id),
            _text(event.brand),
            event.currency or NULL,
            NULL if event.revenue is None else str(event.revenue),
            _json(event.properties) if event.properties else "{}",
            "\\\\x" + crypto.seal(key, TABLE, SEALED, event.sealed).hex() if event.sealed else NULL,
        )
    ) + "\n"  # fmt: skip


def _text(value: str) -> str:
    return value.translate(_ESCAPES) if not value.isprintable() or "\\" in value else value


def _optional(value: str | None) -> str:
    return NULL if value is None else _text(value)


def _json(value: Any) -> str:
    return _encode(value).decode().replace("\\", "\\\\")


def _time(moment: datetime) -> str:
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()


# A batch shares when it was sent and received.
_shared_time = lru_cache(maxsize=64)(_time)
