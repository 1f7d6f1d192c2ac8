"""Exports of personal data take two people: one asks, another approves; an approval opens one export, for a while, or the
sending of one segment with contact values to one destination, both for what the segment meant when it was asked for."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent.models import ContactChannel
from segments import exclusions, vocabulary
from segments.models import ComputedTrait, Destination, ExportRequest, Run, Segment, UploadedList
from segments.query import ast

State = ExportRequest.State


@transaction.atomic
def ask(
    actor: Actor, segment: Segment, channel: str, reason: str, destination: Destination | None = None
) -> ExportRequest:
    """Ask to export the contact values of a segment's members, or to send them to a destination. Raises `Refused` for an
    unknown contact channel, or another than the destination's (`channel_mismatch`)."""
    if not ContactChannel.objects.filter(pk=channel).exists():
        raise Refused("channel_unknown", _("There is no such contact channel."))
    if destination and destination.channel_id != channel:
        raise Refused("channel_mismatch", _("The destination serves another contact channel."))
    about = {"segment": segment, "channel_id": channel, "destination": destination, "reason": reason}
    about |= {"versions": in_force(segment)}
    made = ExportRequest.objects.create(**about, asked_by=actor.name)
    details: dict[str, Any] = {"destination": str(destination.pk)} if destination else {}
    audit(actor, "export.asked", target=str(made.pk), purpose=segment.purpose_id, channel=channel, **details)
    return made


def open_requests(
    actor: Actor, destination: Destination | None = None, segment: Segment | None = None
) -> list[ExportRequest]:
    """What this actor asked of sending segments to a destination, or of exporting a segment, and has not used: what was
    approved too long ago opens nothing any more and is left out."""
    alike = ExportRequest.objects.filter(destination=destination, asked_by=actor.name)
    alike = alike.filter(segment=segment) if segment else alike
    fresh = Q(state=State.ASKED) | Q(state=State.APPROVED, decided_at__gt=now() - settings.EXPORT_APPROVAL)
    return list(alike.filter(fresh).select_related("segment").order_by("segment__name", "-asked_at"))


@transaction.atomic
def decide(actor: Actor, request: UUID, approve: bool) -> ExportRequest:
    """Approve or refuse it. Raises `Refused`: `same_person` for whoever asked, `decided_already`."""
    found = ExportRequest.objects.select_for_update(of=("self",)).select_related("segment").get(pk=request)
    if found.asked_by == actor.name:
        raise Refused("same_person", _("Whoever asks for an export does not approve it: ask another person."))
    if found.state != State.ASKED:
        raise Refused("decided_already", _("Somebody has decided this already."))
    found.state = State.APPROVED if approve else State.REFUSED
    found.decided_by, found.decided_at = actor.name, now()
    found.save()
    audit(actor, f"export.{found.state}", target=str(found.pk), purpose=found.segment.purpose_id)
    return found


@transaction.atomic
def use(
    actor: Actor, request: UUID | None, segment: Segment, channel: str, destination: Destination | None = None
) -> dict[str, int]:
    """Spend an approval on the one thing that it opens, and tell of which versions. Raises `Refused` where there is none for
    this actor, segment, contact channel and destination, or it was used, or it is older than `EXPORT_APPROVAL_HOURS`; and
    `approval_outdated` where the segment means something else by now, or its members are those of another version."""
    alike = ExportRequest.objects.filter(segment=segment, channel=channel, destination=destination)
    asked = alike.select_for_update()
    found = asked.filter(pk=request).first() if request else None
    fresh = found is not None and found.decided_at is not None and now() - found.decided_at < settings.EXPORT_APPROVAL
    if found is None or not fresh or found.state != State.APPROVED or found.asked_by != actor.name:
        raise Refused(
            "not_approved",
            _("Contact values leave only by an approval: ask for it, and have another person approve it."),
        )
    check(segment, found.versions)
    _check_computed(found.versions)
    found.state, found.used_at = State.USED, now()
    found.save(update_fields=["state", "used_at"])
    audit(actor, "export.used", target=str(found.pk), purpose=segment.purpose_id)
    return dict(found.versions)


def in_force(segment: Segment) -> dict[str, int]:
    """The versions of a segment and of all that it builds on, segments, computed traits and uploaded lists, by their ids: who
    widens any of these widens the segment."""
    kept = {one.key: one for one in Segment.objects.exclude(state=Segment.State.ARCHIVED)}
    own = next((one for one in kept.values() if one.pk == segment.pk), None)
    if own is None:
        return {}
    keys = {own.key} | exclusions.below(own.key, exclusions.building(kept.values()))
    among = [kept[key] for key in sorted(keys)]
    read: list[Segment | ComputedTrait | UploadedList] = [*among, *_traits_of(among), *_lists_of(among)]
    return {str(one.pk): one.version for one in read}


def _traits_of(among: Iterable[Segment]) -> QuerySet[ComputedTrait]:
    names = frozenset[str]().union(*(vocabulary.told_of(one.rule, ast.trait_names) for one in among))
    return ComputedTrait.objects.filter(key__in=vocabulary.computed_keys(names))


def _lists_of(among: Iterable[Segment]) -> QuerySet[UploadedList]:
    return UploadedList.objects.filter(
        key__in=frozenset[str]().union(*(vocabulary.told_of(one.rule, ast.list_names) for one in among))
    )


def stands(segment: Segment, versions: dict[str, int]) -> bool:
    """Whether a segment means what was approved. Versions only grow: true after members were read, it was true before."""
    return bool(versions) and in_force(segment) == versions


def check(segment: Segment, versions: dict[str, int]) -> None:
    """Raise `Refused` unless a segment means what was approved."""
    if not stands(segment, versions):
        raise Refused(
            "approval_outdated",
            _("The segment, or one that it builds on, was changed after this was asked for: ask for another approval."),
        )


def _check_computed(versions: dict[str, int]) -> None:
    """Members of a version before, of the segments or of what they read, are nobody's who was approved."""
    ids = list(map(UUID, versions))
    asked = {str(pk): versions[str(pk)] for pk in Segment.objects.filter(pk__in=ids).values_list("pk", flat=True)}
    done = Run.objects.filter(segment__in=ids, state=Run.State.DONE)
    last = done.order_by("segment", "-started_at").distinct("segment").values_list("segment", "version")
    computed = {str(pk): number for pk, number in last}
    if computed != asked or _waits(ids):
        raise Refused("not_computed", _("The members of this version are not computed yet: try again when they are."))


def _waits(ids: Sequence[UUID]) -> bool:
    """Whether a trait has not been computed since it was changed, or a segment is to be computed again."""
    changed = ComputedTrait.objects.filter(Q(computed_at=None) | Q(computed_at__lt=F("updated_at")), pk__in=ids)
    return changed.exists() or Segment.objects.filter(pk__in=ids, due_at__lte=now()).exists()
