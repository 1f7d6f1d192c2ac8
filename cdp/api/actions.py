"""Writes that the API makes itself: what it writes down about reading, and asking for a recompute."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.profiles import queries as profiles
from identity import queries as identity
from segments.models import Segment


@transaction.atomic
def read_personal(actor: Actor, profile: UUID, purpose: str) -> dict[str, str]:
    """The golden personal values of a profile; one audit row for each subject whose values they are."""
    _note_reading(actor, profiles.winning_records(profile), purpose)
    return profiles.personal([profile]).get(profile, {})


@transaction.atomic
def read_records(actor: Actor, records: Collection[UUID], purpose: str) -> dict[str, dict[str, str]]:
    """The personal values that each of these records holds, by its id; audited as those of a profile are."""
    _note_reading(actor, records, purpose)
    return {str(record.id): record.folded.current() for record in identity.open_records(records)}


def _note_reading(actor: Actor, records: Collection[UUID], purpose: str) -> None:
    subjects = DataKey.objects.filter(record__in=records).order_by("pk")
    for subject in subjects.values_list("pk", flat=True):
        audit(actor, "profile.personal_read", subject=subject, purpose=purpose)


@transaction.atomic
def ask_recompute(actor: Actor, segment: Segment) -> Segment:
    """Have a published segment computed at once by the worker. Raises `Refused` for one that is not published."""
    found = Segment.objects.select_for_update().get(pk=segment.pk)
    if found.state != Segment.State.PUBLISHED:
        raise Refused("segment_not_published", _("Only a published segment is computed: publish it first."))
    found.due_at = now()
    found.save(update_fields=["due_at"])
    audit(actor, "segment.recompute_asked", target=str(found.pk), purpose=found.purpose_id)
    wake()
    return found
