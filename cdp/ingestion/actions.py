"""Writes of ingestion: what arrived becomes durable in one transaction, and every piece of it is counted."""

import logging
import traceback
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.db import transaction
from msgspec.structs import replace

from cdp.core import crypto, wake
from cdp.core.actions import count
from cdp.core.types import now
from cdp.events import actions as events
from cdp.events.types import KnownSource, NewEvent, Refusal, Stored, Violation
from cdp.ingestion import consents, gate
from cdp.ingestion.canonical import Message, content_text
from cdp.ingestion.errors import Flaw
from cdp.ingestion.messages import TYPES, Arrival, translate
from consent.actions import record_consents
from consent.queries import collectable
from consent.suppression import Name, stopped
from consent.types import NewConsent

T = TypeVar("T")
logger = logging.getLogger(__name__)
_COUNTED = ("received", "taken", "repeated", "suppressed", "unconsented")


class Parcel(msgspec.Struct):
    """What is to be kept together: events, what they say of consent by message id, what does not fit, how many signals of
    consent were refused, by reason, and how often something differs from the tracking plan."""

    events: list[NewEvent]
    consents: dict[str, list[NewConsent]]
    refusals: list[Refusal]
    signals: Counter[str]
    violations: Counter[Violation]

    @classmethod
    def empty(cls) -> "Parcel":
        return cls([], {}, [], Counter(), Counter())

    def add(self, event: NewEvent, said: list[NewConsent]) -> None:
        """One more event, with what it says of consent."""
        self.events.append(event)
        if said:
            self.consents[event.message_id] = said


class Outcome(msgspec.Struct, frozen=True):
    """Where everything that was received went."""

    received: int = 0
    taken: int = 0
    repeated: int = 0
    quarantined: int = 0
    suppressed: int = 0
    unconsented: int = 0
    reasons: dict[str, int] = {}

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.received + other.received,
            self.taken + other.taken,
            self.repeated + other.repeated,
            self.quarantined + other.quarantined,
            self.suppressed + other.suppressed,
            self.unconsented + other.unconsented,
            dict(Counter(self.reasons) + Counter(other.reasons)),
        )


def take(messages: Sequence[Message], arrival: Arrival) -> Outcome:
    """Keep the messages of one request, durable when this returns outside a transaction."""
    return keep(parcel_of(messages, arrival), arrival.source)


def parcel_of(messages: Sequence[Message], arrival: Arrival) -> Parcel:
    """Translate each message; one that does not fit costs the others nothing."""
    parcel = Parcel.empty()
    for message in messages:
        try:
            if message.flaw is not None:
                raise Flaw(message.flaw)
            parcel.add(*read(message.content, arrival, parcel.signals))
        except Exception as error:
            parcel.refusals.append(_refused(message, arrival, error))
    parcel.violations.update(arrival.violations)
    return parcel


def read(content: Any, arrival: Arrival, signals: Counter[str]) -> tuple[NewEvent, list[NewConsent]]:
    """The event that a message is and what it says of consent; `Flaw` when it does not fit. Signals of consent that cannot
    be taken are counted in `signals`."""
    event = translate(content, arrival)
    return event, consents.of_message(event, arrival, signals)


def _refused(message: Message, arrival: Arrival, error: Exception) -> Refusal:
    content, place = message.content, place_of(message.content, error)
    refused = refusal(arrival.source, content, reason_of(error), arrival.received_at, place)
    return replace(refused, unreadable=message.flaw is not None, sent_at=arrival.sent_at, gpc=arrival.gpc)


def place_of(content: Any, error: Exception) -> str:
    """Where in a message the flaw is, by the words of the specification: TYPE, or TYPE.FIELD."""
    kind = content.get("type") if isinstance(content, dict) else None
    named = kind if type(kind) is str and kind in TYPES else ""
    return ".".join(filter(None, (named, error.field if isinstance(error, Flaw) else "")))


@transaction.atomic
def keep(parcel: Parcel, source: KnownSource) -> Outcome:
    """Store, quarantine, record consents and count in one transaction; the pipeline is woken when it commits.

    What names something suppressed is counted and not kept, whether it fits or not; nor are events of a record that does
    not allow the purpose which the source requires, by the ledger with what they say themselves. An error of a gate stops
    everything.
    """
    admitted, refused = admit(parcel)
    kept = events.quarantine(refused) if refused else Counter[str]()
    stored, unconsented = enter(admitted, parcel, source)
    received = len(parcel.events) + len(parcel.refusals)
    outcome = Outcome(
        received=received,
        taken=stored.taken,
        repeated=stored.repeated + len(refused) - kept.total(),
        quarantined=kept.total(),
        suppressed=received - len(admitted) - len(refused),
        unconsented=unconsented,
        reasons=dict(kept),
    )
    count(source.id, _kinds(outcome) | signal_kinds(parcel))
    events.count_violations(source.id, parcel.violations)
    return outcome


def enter(admitted: list[NewEvent], parcel: Parcel, source: KnownSource) -> tuple[Stored, int]:
    """Record the consents of what was admitted, store what the ledger then allows to be collected and wake the pipeline;
    how many it does not allow. In the caller's transaction."""
    if parcel.consents:
        record_consents([line for event in admitted for line in parcel.consents.get(event.message_id, ())])
    collected = _collected(admitted, source)
    stored = events.store(collected)
    if stored.taken:
        wake.wake()
    return stored, len(admitted) - len(collected)


def _collected(admitted: list[NewEvent], source: KnownSource) -> list[NewEvent]:
    if not source.required_purpose or not admitted:
        return admitted
    records = {event.record for event in admitted}
    born = consents.births(admitted)
    allowed = collectable(records, source.required_purpose, now(), source.brand, born)
    return [event for event in admitted if event.record in allowed]


def _kinds(outcome: Outcome) -> dict[str, int]:
    kinds = {name: getattr(outcome, name) for name in _COUNTED}
    return kinds | {f"quarantined:{reason}": number for reason, number in outcome.reasons.items()}


def signal_kinds(parcel: Parcel) -> dict[str, int]:
    """How signals of consent that could not be taken are counted."""
    return {f"consent_{reason}": number for reason, number in parcel.signals.items()}


def admit(parcel: Parcel) -> tuple[list[NewEvent], list[Refusal]]:
    """What of a parcel names nothing suppressed; the list is asked once."""
    named = [gate.names(event) for event in parcel.events]
    also = [gate.refused_names(refused.content, refused.source) for refused in parcel.refusals]
    listed = stopped(set().union(*named, *also))
    if not listed:
        return parcel.events, parcel.refusals
    return _clean(parcel.events, named, listed), _clean(parcel.refusals, also, listed)


def _clean(things: Sequence[T], named: Sequence[set[Name]], listed: set[Name]) -> list[T]:
    return [thing for thing, found in zip(things, named, strict=True) if found.isdisjoint(listed)]


def refusal(
    source: KnownSource, content: Any, reason: str, received_at: datetime, place: str, message_id: str = ""
) -> Refusal:
    """What does not fit, with a digest that is the same when it comes again."""
    digest = crypto.blind_index(*repeat_name(source.id, content, message_id))
    return Refusal(source.id, digest, reason, content, received_at, place, gate.identifier_digests(content))


def repeat_name(source: UUID, content: Any, message_id: str) -> tuple[str, str]:
    """The namespace and text by which content that was refused is known again: its message id (that of a row is not in
    it), or all of it."""
    given = message_id or (content.get("messageId") if isinstance(content, dict) else None)
    text = f"id\x1f{given}" if type(given) is str and given else content_text(content)
    return f"quarantine\x1f{source}", text


def reason_of(error: Exception) -> str:
    """Why a message or row goes to quarantine: its flaw, or a fault of ours, which must not hold up all the others.

    A fault is logged by type and place only, for an exception's text may quote what was sent.
    """
    if isinstance(error, Flaw):
        return error.reason
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("A message met a fault: %s at %s:%s", type(error).__name__, frame.name, frame.lineno)
    return "unexpected"
