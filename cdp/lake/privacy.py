"""What the lake holds about records: copies of clear columns of their events, which the event store itself exports."""

from typing import Any
from uuid import UUID

from cdp.lake import actions


def export(records: list[UUID]) -> dict[str, Any]:
    """Nothing that the event store does not tell."""
    return {}


def erase(records: list[UUID]) -> dict[str, int]:
    """Rewrite the files without these records' events."""
    return {"lake files": actions.forget(records)}
