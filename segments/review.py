"""Changing what a segment means: written by one person, reviewed and published by another, and taken back.

Where `SEGMENT_REVIEW` is set there is no other way; else whoever may publish may also change and publish at once.
"""

from typing import Any, cast

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from segments import actions, versions
from segments.models import Segment, Version
from segments.types import SegmentFields

State = Version.State


@transaction.atomic
def propose(actor: Actor, segment: Segment, note: str = "", **fields: Any) -> Version:
    """Write another meaning of a segment down, changing nothing yet. Raises as `actions.change_segment` would."""
    locked = Segment.objects.select_for_update().get(pk=segment.pk)
    meaning = versions.definition(locked) | {name: fields[name] for name in versions.DEFINITION if name in fields}
    actions.rehearse(Segment.objects.get(pk=locked.pk), cast(SegmentFields, meaning))
    made = versions.write(actor, locked, versions.next_number(locked), meaning, State.DRAFT, note)
    audit(actor, "segment.proposed", target=str(locked.pk), purpose=locked.purpose_id, version=made.number)
    return made


def roll_back(actor: Actor, segment: Segment, number: int, note: str = "") -> Version:
    """Propose the meaning of an earlier version again. Raises `Refused` where there is none, else as `propose`."""
    return propose(actor, segment, note, **_find(segment, number).definition)


@transaction.atomic
def submit(actor: Actor, segment: Segment, number: int) -> Version:
    """Ask another person to review a draft. Raises `Refused` where it is none."""
    found = _find(segment, number, State.DRAFT)
    found.state = State.REVIEW
    found.save(update_fields=["state"])
    audit(actor, "segment.submitted", target=str(segment.pk), version=number)
    return found


@transaction.atomic
def decide(actor: Actor, segment: Segment, number: int, approve: bool) -> Version:
    """Publish what is in review, or refuse it. Raises `Refused`: `same_person` for whoever wrote it, `decided_already`
    where it is not in review; else as `actions.change_segment` and `actions.publish`."""
    found = _find(segment, number, State.REVIEW)
    if found.written_by == actor.name:
        raise Refused("same_person", _("Whoever wrote a version does not approve it: ask another person."))
    if approve:
        actions.put_in_force(actor, segment, found)
    Version.objects.filter(pk=found.pk).update(
        state=State.PUBLISHED if approve else State.REFUSED, decided_by=actor.name, decided_at=now()
    )
    audit(actor, f"segment.{'approved' if approve else 'refused'}", target=str(segment.pk), version=number)
    found.refresh_from_db()
    return found


def _find(segment: Segment, number: int, state: str | None = None) -> Version:
    found = Version.objects.select_for_update().filter(segment=segment, number=number).first()
    if found is None:
        raise Refused("not_found", _("There is no such version."))
    if state is not None and found.state != state:
        raise Refused("decided_already", _("This version is not at that step."))
    return found
