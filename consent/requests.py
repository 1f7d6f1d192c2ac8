"""The way of a privacy request: received → verified → approved → done, or refused; one step an action, each audited.

Whoever received a request does not approve it. The clock runs from receipt, whatever verifying takes; it is extended once,
with notice, before it is over.
"""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent import actions, clocks, erasure, holds, notices, people
from consent.clocks import ZONE
from consent.grounds import ExtensionGround, Given, Kind, Proof, RefusalGround, Told
from consent.models import ConsentRecord, PrivacyRequest, Purpose
from consent.types import NewConsent

State = PrivacyRequest.State
OPEN = (State.RECEIVED, State.VERIFIED, State.APPROVED)


@transaction.atomic
def receive(
    actor: Actor, kind: str, profile: UUID, *, via: str, regime: str = "pipa", received_at: Any = None,
    reply_to: tuple[str, str, str] | None = None, **details: Any,
) -> PrivacyRequest:  # fmt: skip
    """Take down the request of the person of `profile`, and tell them so where `reply_to` (kind of address, address,
    language) is given. `Refused`: `not_found`, `erased`, `unknown_request`, `unknown_regime`, `unknown_address`.
    """
    if reply_to is not None and reply_to[0] not in notices.kinds():
        raise Refused("unknown_address", _("There is no way to reach such addresses."))
    subject = people.subject_of(profile)
    request = actions.open_request(actor, kind, subject, regime=regime, received_at=received_at, via=via, **details)
    if reply_to is not None:
        notices.answer_at(request, *reply_to)
        notices.tell(request, Told.RECEIVED)
    return request


@transaction.atomic
def verify(actor: Actor, request: UUID, proof: str, profile: UUID | None = None) -> PrivacyRequest:
    """Note that the request is the person's own, and how that was made sure; `profile` says whose it is after all.

    `Refused`: `unknown_proof`, `wrong_state`; as `receive` for a profile.
    """
    found = _in(request, State.RECEIVED)
    if proof not in Proof.values:
        raise Refused("unknown_proof", _("Say how it was made sure who asks."))
    if profile is not None:
        found.subject = people.subject_of(profile)
    found.state, found.verified_by = State.VERIFIED, actor.name
    return _stepped(actor, found, "verified", "state", "verified_by", "subject", proof=proof)


@transaction.atomic
def approve(actor: Actor, request: UUID) -> PrivacyRequest:
    """Grant a verified request, by another person than who received it; an erasure begins with it.

    `Refused`: `same_person`, `wrong_state`, `legal_hold` where nothing of the person may be destroyed.
    """
    found = _in(request, State.VERIFIED)
    if actor.name == found.received_by:
        raise Refused("same_person", _("Another person than who received the request must approve it."))
    if found.kind == Kind.ERASURE and holds.held(people.records_of(found.subject)):
        raise Refused("legal_hold", _("A legal hold stands on the person: release it, or refuse the request."))
    found.state, found.approved_by = State.APPROVED, actor.name
    _stepped(actor, found, "approved", "state", "approved_by")
    if found.kind == Kind.ERASURE:
        erasure.ask(found)
    return found


@transaction.atomic
def extend(actor: Actor, request: UUID, ground: str, given: str = "") -> PrivacyRequest:
    """Move the due day once, as far as the regime allows, and tell the person; `given` says how they were told where the
    product knows no address of theirs.

    `Refused`: `unknown_ground`, `wrong_state`, `extended_before`, `too_late`, `notice_missing`.
    """
    found = _in(request, *OPEN)
    if ground not in ExtensionGround.values:
        raise Refused("unknown_ground", _("There is no such ground."))
    if found.extended_from is not None:
        raise Refused("extended_before", _("A request is extended only once."))
    if _today() > found.due_on:
        raise Refused("too_late", _("The day on which the answer was due is over."))
    _need_notice(found, given)
    found.extended_from, found.extended_for = found.due_on, ground
    found.due_on = clocks.extended_to(found.regime, found.received_at, found.due_on)
    changed = ("extended_from", "extended_for", "due_on")
    _stepped(actor, found, "extended", *changed, ground=ground, given=given or "sent")
    notices.tell(found, Told.EXTENDED)
    return found


@transaction.atomic
def refuse(actor: Actor, request: UUID, ground: str, given: str = "") -> PrivacyRequest:
    """Close a request without doing what it asks, for a ground of the law, and tell the person.

    `Refused`: `unknown_ground`, `wrong_state` (also once an erasure has begun), `notice_missing`.
    """
    found = _in(request, State.RECEIVED, State.VERIFIED)
    if ground not in RefusalGround.values:
        raise Refused("unknown_ground", _("There is no such ground."))
    _need_notice(found, given)
    found.state, found.refused_for = State.REFUSED, ground
    return _closed(actor, found, "refused", "refused_for", ground=ground, given=given or "sent")


@transaction.atomic
def complete(actor: Actor, request: UUID) -> PrivacyRequest:
    """Close an approved request as done; a restriction or an objection is carried out by this very step.

    `Refused`: `wrong_state`, `by_itself` for an erasure, which closes itself once every store has confirmed.
    """
    found = _in(request, State.APPROVED)
    if found.kind == Kind.ERASURE:
        raise Refused("by_itself", _("An erasure closes by itself when everything is erased."))
    carry_out = CARRIED_OUT.get(found.kind)
    details = {"lines": carry_out(actor, found)} if carry_out else {}
    found.state = State.DONE
    return _closed(actor, found, "done", **details)


# --- restriction and objection ----------------------------------------------------------------------------------------


def _restrict(actor: Actor, request: PrivacyRequest) -> int:
    """Stop all use that is not required to provide the service (PIPA §37, GDPR article 18)."""
    return _withdraw(actor, request, Purpose.objects.filter(required=False).values_list("key", flat=True))


def _object(actor: Actor, request: PrivacyRequest) -> int:
    """Stop the uses objected to: the purposes the request names, else all that rest on interest or consent."""
    named = request.details.get("purposes")
    bases = (Purpose.Basis.INTEREST, Purpose.Basis.CONSENT)
    found = Purpose.objects.filter(key__in=named) if named else Purpose.objects.filter(basis__in=bases, required=False)
    return _withdraw(actor, request, found.values_list("key", flat=True))


CARRIED_OUT: dict[str, Callable[[Actor, PrivacyRequest], int]] = {
    Kind.RESTRICTION: _restrict,
    Kind.OBJECTION: _object,
}


def _withdraw(actor: Actor, request: PrivacyRequest, purposes: Any) -> int:
    """A line of the ledger for each purpose and record of the person; said again it adds nothing."""
    records = people.records_of(request.subject)
    return actions.record_consents(
        [
            NewConsent(
                key=uuid5(request.id, f"{record}{purpose}"), purpose=purpose, record=record, given_at=now(),
                state=ConsentRecord.State.WITHDRAWN, method="privacy_request", recorded_by=actor.name,
            )
            for record in records
            for purpose in purposes
        ]
    )  # fmt: skip


# --- steps ------------------------------------------------------------------------------------------------------------


def _in(request: UUID, *states: str) -> PrivacyRequest:
    """The request, this transaction's alone, if it is in one of these states."""
    found = PrivacyRequest.objects.select_for_update().filter(pk=request).first()
    if found is None:
        raise Refused("not_found", _("There is no such request."))
    if found.state not in states:
        raise Refused("wrong_state", _("The request is in a state that does not allow this."))
    return found


def _stepped(actor: Actor, request: PrivacyRequest, step: str, *fields: str, **details: Any) -> PrivacyRequest:
    request.save(update_fields=list(fields))
    audit(actor, f"privacy_request.{step}", subject=request.subject, target=str(request.id), **details)
    return request


def _closed(actor: Actor, request: PrivacyRequest, step: str, *fields: str, **details: Any) -> PrivacyRequest:
    request.closed_at, request.closed_by = now(), actor.name
    _stepped(actor, request, step, "state", "closed_at", "closed_by", *fields, **details)
    notices.tell(request, step)
    return request


def _need_notice(request: PrivacyRequest, given: str) -> None:
    if not request.reply_to and given not in Given.values:
        raise Refused("notice_missing", _("Tell the person, and say here how you told them."))


def _today() -> date:
    return now().astimezone(ZONE).date()
