"""What messages and rows say about consent, as lines for the ledger."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cdp.core import crypto
from cdp.events.types import NewEvent
from consent.types import NewConsent

RECORDED_BY = "system:ingestion"
GRANTED, WITHDRAWN, REFUSED = "granted", "withdrawn", "refused"


def of_message(event: NewEvent) -> list[NewConsent]:
    """`context.consent.categoryPreferences`: {purpose, or purpose:contact channel: true or false}.

    No consent object means no change; a category that is neither true nor false says nothing.
    """
    context = event.sealed.get("context")
    said = context.get("consent") if context else None
    if type(said) is not dict:
        return []
    preferences = said.get("categoryPreferences")
    if type(preferences) is not dict:
        return []
    return [line(event, category, state, event.occurred_at, "sdk") for category, state in _states(preferences)]


def line(event: NewEvent, category: str, state: str, given_at: datetime, method: str) -> NewConsent:
    """One ledger line about the event's record; written once however often the event arrives."""
    purpose, _, channel = category.partition(":")
    return NewConsent(
        key=crypto.record_id(event.source, "consent", f"{event.message_id}\x1f{category}"),
        record=event.record,
        purpose=purpose,
        channel=channel or None,
        brand=event.brand,
        state=state,
        given_at=given_at,
        method=method,
        source=event.source,
        recorded_by=RECORDED_BY,
    )


def _states(preferences: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for category, value in preferences.items():
        if type(value) is bool:
            yield category, GRANTED if value else WITHDRAWN
