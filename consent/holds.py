"""Legal holds: set by an officer, released by another than who asks for it; nothing that a held person is of is destroyed."""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from consent import people
from consent.grounds import HoldReason
from consent.request_models import Erasure, LegalHold


@transaction.atomic
def set_hold(actor: Actor, subject: UUID, reason: str, reference: str = "") -> LegalHold:
    """Keep everything about a person from being destroyed. `reference`: the file's number, no personal value.

    `Refused`: `unknown_reason`, `not_an_officer`.
    """
    _need_person(actor)
    if reason not in HoldReason.values:
        raise Refused("unknown_reason", _("There is no such reason."))
    hold = LegalHold.objects.create(subject=subject, reason=reason, reference=reference[:60], set_by=actor.name)
    audit(actor, "legal_hold.set", subject=subject, target=str(hold.id), reason=reason)
    return hold


@transaction.atomic
def ask_release(actor: Actor, hold: UUID) -> None:
    """Ask that a hold be released; another officer does it. `Refused`, `hold_released`."""
    _need_person(actor)
    found = _standing(hold)
    found.release_asked_by = actor.name
    found.save(update_fields=["release_asked_by"])
    audit(actor, "legal_hold.release_asked", subject=found.subject, target=str(found.id))


@transaction.atomic
def release(actor: Actor, hold: UUID) -> None:
    """Release a hold that somebody else asked to be released; erasures that waited for it go on.

    `Refused`: `release_not_asked`, `same_person`, `hold_released`.
    """
    _need_person(actor)
    found = _standing(hold)
    if not found.release_asked_by:
        raise Refused("release_not_asked", _("Somebody must ask for the release first."))
    if found.release_asked_by == actor.name:
        raise Refused("same_person", _("Another person than who asked must do this."))
    found.released_by, found.released_at = actor.name, now()
    found.save(update_fields=["released_by", "released_at"])
    audit(actor, "legal_hold.released", subject=found.subject, target=str(found.id))
    Erasure.objects.filter(state=Erasure.State.HELD).update(state=Erasure.State.WAITING)
    wake(settings.PRIVACY_TASK)


def held(records: Collection[UUID]) -> list[LegalHold]:
    """The holds that stand on whoever these records are of."""
    return standing(people.subjects_of(records))


def standing(subjects: Collection[UUID]) -> list[LegalHold]:
    """The holds that stand on these subjects."""
    return list(LegalHold.objects.filter(subject__in=list(subjects), released_at=None).order_by("set_at"))


def under_hold() -> set[UUID]:
    """All records of everybody on whom a hold stands, those too that their profile gained since it was set."""
    subjects = LegalHold.objects.filter(released_at=None).values_list("subject", flat=True).distinct()
    return {record for subject in subjects for record in people.records_of(subject)}


def _standing(hold: UUID) -> LegalHold:
    found = LegalHold.objects.select_for_update().filter(pk=hold, released_at=None).first()
    if found is None:
        raise Refused("hold_released", _("The hold does not stand any more."))
    return found


def _need_person(actor: Actor) -> None:
    """A hold is an officer's word: no key and no task sets or releases one."""
    if not actor.name.startswith("user:"):
        raise Refused("not_an_officer", _("Only a privacy officer may do this."))
