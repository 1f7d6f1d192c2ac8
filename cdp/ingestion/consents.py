"""What messages and rows say about consent, as lines for the ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.events import queries as events
from cdp.events.types import NewEvent
from cdp.ingestion.errors import Flaw
from cdp.ingestion.messages import Arrival
from cdp.ingestion.plan import Plan
from consent import signals, tcf
from consent.types import NewConsent
from identity.linkage.normalise import birth_date

RECORDED_BY = "system:ingestion"
GRANTED, WITHDRAWN, REFUSED = "granted", "withdrawn", "refused"
# The stage that takes events in.
FOLD = "identity"
SDK = "sdk"
PREFERENCES_UPDATED = "Segment Consent Preference Updated"


def of_message(event: NewEvent, arrival: Arrival, refused: Counter[str]) -> list[NewConsent]:
    """What a message says of consent, or means by the tracking plan; signals that cannot be taken are counted in `refused`
    by their reasons.

    `context.consent` holds `categoryPreferences`, {category: true or false}, and `tcString`, a string of the TCF. No
    consent object means no change; a category that is neither true nor false says nothing. The header `Sec-GPC: 1`
    objects to what heeds it, once for each record. `Flaw` "no_preferences" for an update that names none.
    """
    context = event.sealed.get("context")
    said = context.get("consent") if context else None
    lines = list(_objections(event, arrival)) if arrival.gpc else []
    lines += withdrawn(event, arrival.plan, SDK)
    if type(said) is dict:
        lines += _preferences(event, said.get("categoryPreferences"), arrival)
        lines += _of_string(event, said.get("tcString"), arrival, refused)
    elif event.name == PREFERENCES_UPDATED:
        raise Flaw("no_preferences")
    return lines


def withdrawn(event: NewEvent, plan: Plan, method: str) -> list[NewConsent]:
    """The withdrawal that an event is by the tracking plan: for the contact channel that it names, else for every one."""
    rule = plan.rule(event.source, event.name) if plan.rules else None
    if rule is None or rule.withdraws is None:
        return []
    purpose, channel = rule.withdraws.purpose, rule.withdraws.channel
    said = event.properties.get(rule.withdraws.channel_property or "")
    channel = said if isinstance(said, str) and said else channel
    once = f"{event.message_id}\x1f{WITHDRAWN}\x1f{purpose}:{channel}"
    return [_line(event, once, purpose, channel, WITHDRAWN, event.occurred_at, method)]


def line(event: NewEvent, category: str, state: str, given_at: datetime, method: str) -> NewConsent:
    """One ledger line about the event's record, for PURPOSE or PURPOSE:CHANNEL; written once however often the event
    arrives."""
    purpose, _, channel = category.partition(":")
    return _line(event, f"{event.message_id}\x1f{category}", purpose, channel or None, state, given_at, method)


def _line(
    event: NewEvent, once: str, purpose: str, channel: str | None, state: str, given_at: datetime, method: str,
    proof: Any = None,
) -> NewConsent:  # fmt: skip
    return NewConsent(
        key=crypto.record_id(event.source, "consent", once),
        record=event.record,
        purpose=purpose,
        channel=channel,
        brand=event.brand,
        state=state,
        given_at=given_at,
        method=method,
        source=event.source,
        proof=proof,
        recorded_by=RECORDED_BY,
    )


def _objections(event: NewEvent, arrival: Arrival) -> Iterator[NewConsent]:
    for purpose in arrival.meanings.gpc:
        once = f"{signals.GPC}\x1f{event.record}\x1f{purpose}"
        yield _line(event, once, purpose, None, WITHDRAWN, arrival.received_at, signals.GPC)


def _preferences(event: NewEvent, preferences: Any, arrival: Arrival) -> Iterator[NewConsent]:
    if type(preferences) is not dict:
        if event.name == PREFERENCES_UPDATED:
            raise Flaw("no_preferences")
        return
    for category, state in _states(preferences):
        for purpose, channel in arrival.meanings.of_category(event.source, category):
            once = f"{event.message_id}\x1f{purpose}:{channel}" if channel else f"{event.message_id}\x1f{purpose}"
            yield _line(event, once, purpose, channel, state, event.occurred_at, SDK)


def _states(preferences: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for category, value in preferences.items():
        if type(value) is bool:
            yield category, GRANTED if value else WITHDRAWN


def _of_string(event: NewEvent, text: Any, arrival: Arrival, refused: Counter[str]) -> list[NewConsent]:
    """The purposes of a TCF string, which is kept whole as their sealed proof; written once for each update of it."""
    if text is None:
        return []
    try:
        found = tcf.read(text if type(text) is str else "", arrival.received_at)
    except Refused as refusal:
        refused[refusal.code] += 1
        return []
    once = f"{signals.TCF}\x1f{event.record}\x1f{found.updated.isoformat()}"
    return [
        _line(event, f"{once}\x1f{purpose}", purpose, None, state, found.updated, signals.TCF, {"tcString": text})
        for purpose, state in arrival.meanings.of_purposes(found.purposes)
    ]


def births(arrived: Sequence[NewEvent]) -> dict[UUID, date]:
    """Record → when its person was born, by what arrives now or came before and is no profile's yet; of several dates the
    latest, which asks most."""
    said = [(event.record, event.sealed.get("attributes", {})) for event in arrived]
    waiting = events.said_since(FOLD, {event.record for event in arrived})
    found: dict[UUID, date] = {}
    for record, attributes in (*said, *waiting):
        if stated := birth_date(attributes.get("birth_date")):
            born = date.fromisoformat(stated)
            found[record] = max(born, found.get(record, born))
    return found
