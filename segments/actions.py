"""Writes of segments: their definition, their members, and what readers are told of consent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Unpack
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.statements import execute, execute_over, fetch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.events import queries as events
from consent import queries as consent
from consent.types import Change
from segments import assignment, exclusions, lists, membership, queries, sql, traits, versions, vocabulary
from segments.models import Run, Segment, UploadedList, Version
from segments.query.catalog import require
from segments.query.parse import parse
from segments.types import SegmentFields
from segments.versions import DEFINITION

# Addresses of the API beside those of segments.
RESERVED = {"preview"}
PASS = 5_000
GATE = 10_000


# --- definition ------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_segment(actor: Actor, **fields: Unpack[SegmentFields]) -> Segment:
    """A new draft. Raises `RuleError` with every problem of the rule, `Refused` for a cycle of segments, a data class
    that the purpose does not allow or an unknown purpose or zone, ValidationError for another field."""
    segment = Segment(zone=settings.TIME_ZONE)
    _fill(segment, fields)
    _check(segment)
    segment.save(force_insert=True)
    versions.write(actor, segment, segment.version, versions.definition(segment), Version.State.DRAFT)
    audit(actor, "segment.created", target=str(segment.pk), purpose=segment.purpose_id, fields=sorted(fields))
    return segment


@transaction.atomic
def change_segment(actor: Actor, segment: Segment, **fields: Unpack[SegmentFields]) -> Segment:
    """Change some fields; a new meaning (rule, purpose, brand, zone, exclusions) is a new version, computed at once if
    published, with all others whose exclusions it changes.

    Raises as `create_segment` does, and `Refused` for a new key while other rules name the old one, or where what is
    published changes its meaning by review only.
    """
    changed = _held(segment)
    if (
        settings.SEGMENT_REVIEW
        and changed.state == Segment.State.PUBLISHED
        and not fields.keys().isdisjoint(DEFINITION)
    ):
        raise Refused("review_needed", _("What is published changes by a version that another person reviews."))
    if fields.get("key", changed.key) != changed.key and _users(changed):
        raise Refused("segment_in_use", _("Other segments name this one: change or archive them first."))
    renewed = not fields.keys().isdisjoint(DEFINITION)
    _change(changed, fields, versions.next_number(changed) if renewed else changed.version)
    if renewed:
        state = Version.State.PUBLISHED if changed.state == Segment.State.PUBLISHED else Version.State.DRAFT
        versions.write(actor, changed, changed.version, versions.definition(changed), state)
    audit(actor, "segment.changed", target=str(changed.pk), fields=sorted(fields), version=changed.version)
    return changed


def _change(segment: Segment, fields: SegmentFields, version: int) -> None:
    """Set fields; another version is computed at once if the segment is published."""
    before = _leaving()
    _fill(segment, fields)
    _check(segment)
    if segment.version != version:
        segment.version = version
        _make_due(segment)
    segment.save()
    _follow(before)


def rehearse(segment: Segment, fields: SegmentFields) -> None:
    """Raise what changing these fields would raise; nothing is changed."""
    with transaction.atomic():
        _change(segment, fields, segment.version + 1)
        transaction.set_rollback(True)


@transaction.atomic
def put_in_force(actor: Actor, segment: Segment, version: Version) -> Segment:
    """Make a reviewed version what the segment means, and publish it. Raises as `change_segment` and `publish`."""
    changed = _held(segment)
    _change(changed, version.definition, version.number)
    return _publish(actor, changed)


@transaction.atomic
def publish(actor: Actor, segment: Segment) -> Segment:
    """Have the segment computed from now on, at once by the worker. Raises as `create_segment` does, and `Refused`
    where its rule names a segment that is not published, or where another person must review it."""
    if settings.SEGMENT_REVIEW:
        raise Refused("review_needed", _("A segment is published by a version that another person reviews."))
    published = _publish(actor, _held(segment))
    versions.publish(actor, published)
    return published


def _publish(actor: Actor, published: Segment) -> Segment:
    before = _leaving()
    published.state = Segment.State.PUBLISHED
    _check(published)
    keys = exclusions.named(published)
    if Segment.objects.filter(key__in=keys).exclude(state=Segment.State.PUBLISHED).exists():
        raise Refused("segment_not_published", _("The rule names a segment that is not published."))
    _make_due(published)
    published.save()
    _follow(before)
    audit(actor, "segment.published", target=str(published.pk), purpose=published.purpose_id, version=published.version)
    return published


@transaction.atomic
def archive(actor: Actor, segment: Segment) -> Segment:
    """Stop computing the segment; all its members leave. Raises `Refused` while a rule in use names it."""
    execute(sql.BEGIN_RUN)
    membership.lock([segment])
    archived, before = Segment.objects.select_for_update().get(pk=segment.pk), _leaving()
    if _users(archived):
        raise Refused("segment_in_use", _("Other segments name this one: change or archive them first."))
    archived.state, archived.due_at = Segment.State.ARCHIVED, None
    archived.save()
    _follow(before)
    execute(sql.EMPTY_SEGMENT, {"segment": archived.pk})
    audit(actor, "segment.archived", target=str(archived.pk))
    return archived


def _held(segment: Segment) -> Segment:
    """The segment as it stands, this transaction's alone. Runs come first to the lock of definitions, then to the row; who
    came the other way would wait for a run that waits for him."""
    execute(sql.BEGIN_RUN)
    return Segment.objects.select_for_update().get(pk=segment.pk)


def _fill(segment: Segment, fields: SegmentFields) -> None:
    """Set fields, a purpose also by its key."""
    values: dict[str, Any] = dict(fields)
    if "purpose" in values:
        purpose = values.pop("purpose")
        values["purpose_id"] = purpose if isinstance(purpose, str) else purpose.pk
    for name, value in values.items():
        setattr(segment, name, value)


def _make_due(segment: Segment) -> None:
    if segment.state == Segment.State.PUBLISHED:
        segment.due_at = now()
        wake()


def _leaving() -> dict[str, frozenset[str]]:
    """Of each segment the segments whose members it leaves out."""
    return exclusions.left_out(Segment.objects.exclude(state=Segment.State.ARCHIVED))


def _follow(before: Mapping[str, frozenset[str]]) -> None:
    """Have those segments computed at once that leave out others than before."""
    after = _leaving()
    moved = [key for key in after if after[key] != before.get(key, frozenset())]
    membership.make_due(list(Segment.objects.filter(key__in=moved, state=Segment.State.PUBLISHED)))


def _check(segment: Segment) -> None:
    """Refuse what cannot stand: alone, so that two changes at once cannot close a cycle."""
    execute(sql.BEGIN_RUN)
    node = parse(segment.rule)
    require(node, queries.catalog(segment.purpose_id, segment.zone, node))
    segment.full_clean()
    if segment.key in RESERVED:
        raise Refused("key_reserved", _("This key is an address of the API: choose another."))
    if segment.refresh_minutes < 1:
        raise ValidationError({"refresh_minutes": _("At least one minute.")})
    exclusions.check(segment)
    assignment.check(segment.split)
    _check_uses(segment)


def _check_uses(segment: Segment) -> None:
    """No cycles; and no segment, this or one that builds on it, may read through others what its purpose forbids."""
    others = Segment.objects.exclude(pk=segment.pk).exclude(state=Segment.State.ARCHIVED)
    by_key = {other.key: other for other in [*others, segment]}
    graph = exclusions.building(by_key.values())
    if segment.key in exclusions.below(segment.key, graph):
        raise Refused("segment_cycle", _("The rule names a segment that builds on this one."))
    for user in by_key.values():
        below = exclusions.below(user.key, graph)
        if user is segment or segment.key in below:
            _check_classes(user, [by_key[key].rule for key in below])


def _check_classes(segment: Segment, rules: Iterable[object]) -> None:
    rules, planned = list(rules), events.classes_of_fields()
    classes = frozenset[str]().union(*(vocabulary.classes_of(rule, planned) for rule in rules))
    if not classes <= set(segment.purpose.data_classes):
        message = _("Through another segment the rule reads a data class that its purpose does not allow.")
        raise Refused("data_class", message)
    keys = frozenset[str]().union(*(lists.named(rule) for rule in rules))
    if UploadedList.objects.filter(key__in=keys).exclude(purpose=segment.purpose_id).exists():
        raise Refused("list_purpose", _("Through another segment the rule reads a list of another purpose."))


def _users(segment: Segment) -> list[Segment]:
    others = Segment.objects.exclude(pk=segment.pk).exclude(state=Segment.State.ARCHIVED)
    return [other for other in others if segment.key in exclusions.named(other)]


# --- members ---------------------------------------------------------------------------------------------------------


def recompute(segment_id: UUID, as_of: datetime | None = None) -> Run:
    """Evaluate a published segment's rule for all profiles and make its membership so; the run says how it went.

    Readers are told exactly the differences; who stays keeps the time of entry, who comes gets `as_of`. It waits for
    another run of the segment. Killed at any moment it leaves members as they were or as they should be, and the next
    run mends the rest. Outside a transaction of the caller. Raises `Refused` where the segment is not published.
    """
    with membership.alone(segment_id):
        segment = Segment.objects.get(pk=segment_id)
        if segment.state != Segment.State.PUBLISHED:
            raise Refused("segment_not_published", _("Only a published segment is computed: publish it first."))
        return membership.full_run(segment, as_of or now())


def refresh_due() -> int:
    """Recompute the computed traits and then the published segments whose time has come, each once after all that it builds
    on; returns how many.

    Those that another worker is at are left to it; so many workers may do this at once. Forgets lists whose time is
    over, and begins anew what ended without a word.
    """
    lists.expire()
    membership.take_over_dead()
    total = traits.refresh_due()
    while done := sum(_refresh_if_due(segment) for segment in membership.due()):
        total += done
    return total


@transaction.atomic
def cancel(actor: Actor, segment: Segment) -> Run:
    """Have the run that is under way stop within seconds; members stay as they are until the next one. Raises `Refused`
    where there is none."""
    run = Run.objects.select_for_update().filter(segment=segment, state=Run.State.RUNNING).first()
    if run is None:
        raise Refused("not_running", _("No recompute of this segment is under way."))
    run.cancelled_by = actor.name
    run.save(update_fields=["cancelled_by"])
    audit(actor, "segment.run_cancelled", target=str(segment.pk), run=str(run.pk))
    return run


def _refresh_if_due(segment: Segment) -> bool:
    with membership.alone(segment.pk, wait=False) as held:
        segment.refresh_from_db()
        due = segment.state == Segment.State.PUBLISHED and segment.due_at is not None and segment.due_at <= now()
        if held and due:
            membership.full_run(segment, now())
    return held and due


def refresh_profiles(profile_ids: Sequence[UUID], as_of: datetime | None = None) -> int:
    """Look again at profiles that something touched: at their computed traits, then in every published segment; returns how
    many came and left.

    In the caller's transaction. Profiles that live no more leave, with the reason "merged" or "erased".
    """
    ids = sorted(set(profile_ids))
    at = as_of or now()
    parts = [ids[start : start + PASS] for start in range(0, len(ids), PASS)]
    return sum(_look_again(part, at) for part in parts)


def _look_again(profiles: Sequence[UUID], at: datetime) -> int:
    traits.refresh_profiles(profiles, at)
    return membership.one_pass(profiles, at)


# --- what readers are told of consent ------------------------------------------------------------------------------


@transaction.atomic
def note_consent_changes(changes: Sequence[Change]) -> int:
    """Tell the readers bound to a purpose and contact channel who may be contacted there since now, and who may not.

    Of every segment that a profile is a member of, as the gate answers at this moment: an objection of one brand or a
    missing consent to the use of data counts as the gate counts it. Returns how many rows were written.
    """
    heard = [change for change in changes if _may_matter(change)]
    if not heard:
        return 0
    membership.lock(Segment.objects.filter(state=Segment.State.PUBLISHED))
    columns = zip(*((change.profile, change.purpose, change.channel, change.brand) for change in heard), strict=True)
    concerned = fetch(sql.CONCERNED, [list(column) for column in columns])
    rows = [row for (purpose, channel, brand), group in groupby(concerned, lambda row: row[:3])
            for row in _told(purpose, channel, brand, [(row[3], row[4]) for row in group])]  # fmt: skip
    execute_over(sql.NOTE_CONSENT, rows)
    return len(rows)


def _may_matter(change: Change) -> bool:
    """Whether the gate may answer otherwise than before: not where a no took the place of a no."""
    return not {change.before, change.after} <= {"withdrawn", "refused"}


def _told(purpose: str, channel: str, brand: str, members: list[tuple[UUID, UUID]]) -> list[tuple[Any, ...]]:
    profiles = sorted({profile for _segment, profile in members})
    allowed: set[UUID] = set()
    for start in range(0, len(profiles), GATE):
        allowed |= consent.allowed(profiles[start : start + GATE], purpose, channel, now(), brand)
    kinds = {profile: "entered" if profile in allowed else "left" for profile in profiles}
    return [(purpose, channel, segment, profile, kinds[profile]) for segment, profile in members]
