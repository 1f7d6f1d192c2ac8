"""Writes of identity: folding events into records, and giving records their profiles."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from cdp.core import crypto, watermark
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.statements import by_number, column, execute, execute_over, prepared
from cdp.core.touched import forget, touch
from cdp.core.types import Actor, now, uuid7
from cdp.core.wake import wake
from cdp.events.actions import store
from identity import assign, component, correction, folding, households, online, parting, queries, review, sql
from identity.incoming import Incoming, events_named, next_events, next_place
from identity.models import Link, Record, ReviewCase, Verdict
from identity.reading import Reading, locked
from identity.types import Reason, Seen


class Cause(NamedTuple):
    """On whose account profiles change: a batch run, who acts, and a steward's reason."""

    run: UUID | None
    actor: str
    reason: str


# So many records are linked and clustered in the transaction that folds them.
AT_ONCE = 20
SYSTEM = Actor.system("identity")


Admit = Callable[[Sequence[Seen]], Sequence[Seen]]


def _all(seen: Sequence[Seen]) -> Sequence[Seen]:
    return seen


# --- records --------------------------------------------------------------------------------------------------------


@transaction.atomic(savepoint=False)
def fold_next(limit: int, admit: Admit = _all) -> int:
    """Fold the next events after the watermark, as far as `admit` lets them, and touch what they change; returns how
    many events it took.

    0 also when another worker is at it.
    """
    mark = watermark.take("identity")
    if mark is None:
        return 0
    reading = locked()  # before the keys are read: whom an erasure has taken since must not come back
    incoming = next_events(mark, limit)
    if incoming.last is None:
        return 0
    _fold(incoming, admit, reading)
    mark.move(*incoming.last)
    return len(incoming.seen) or 1


@transaction.atomic(savepoint=False)
def fold_again(events: Collection[UUID], admit: Admit = _all) -> None:
    """Fold events that were set aside, as `fold_next` does."""
    reading = locked()
    _fold(events_named(events), admit, reading)


@transaction.atomic(savepoint=False)
def pass_next() -> list[UUID]:
    """Move the watermark past the next event without folding it; returns its id, or nothing where none waits."""
    mark = watermark.take("identity")
    place = next_place(mark) if mark else None
    if mark is None or place is None:
        return []
    mark.move(*place)
    return [place[1]]


def _fold(incoming: Incoming, admit: Admit, reading: Reading) -> None:
    admitted = admit(incoming.seen)
    said = {event.record for event in admitted}
    told = _follow(folding.fold_events(admitted, incoming.keys, reading), said, reading)
    if said - told:
        touch("profiles", queries.profiles_of(said - told))


def lock() -> None:
    """Keep everybody else from folding and clustering until the caller's transaction ends."""
    locked()


def _follow(changed: Collection[UUID], said: Collection[UUID], reading: Reading) -> set[UUID]:
    """A few records are linked and clustered at once, which needs half as many statements; more are left to the stages
    that do so. Returns those whose profiles are touched by that, as are those of all that were `said` something of."""
    if len(changed) > AT_ONCE:
        touch_changed(changed, reading)
    elif changed:
        return set(recluster(online.link(changed, reading), said=said, reading=reading).profile_of)
    return set()


def touch_changed(records: Collection[UUID], reading: Reading) -> None:
    """Leave records for the next stage that must look at them: linking, or clustering while nothing can be linked."""
    touch("links" if reading.links_wanted else "identity", records)


@transaction.atomic(savepoint=False)
def link(records: Collection[UUID]) -> None:
    """Give changed records the probable links that the live model sees now, and all that these touch their profiles."""
    reading = locked()
    recluster(online.link(records, reading), reading=reading)


# --- profiles -------------------------------------------------------------------------------------------------------


@transaction.atomic(savepoint=False)
def recluster(
    seeds: Iterable[UUID],
    *,
    run: UUID | None = None,
    actor: Actor = SYSTEM,
    reason: str = "",
    reserved: Mapping[UUID, Collection[UUID]] | None = None,
    said: Collection[UUID] = (),
    reading: Reading | None = None,
) -> assign.Plan:
    """Give the records around `seeds` their profiles: their whole components are clustered anew, under a lock.

    `reserved`: ids that go to the cluster with most of these records, whoever bore them before; `said`: records whose
    profiles are touched also where they stay the same; `reading`: that of a caller who holds the lock.
    """
    reading = reading or locked()
    found = component.around(seeds, reading)
    plan = assign.assign(
        found.clusters, found.before, found.leaves, found.pinned, found.followed, found.inhabited, reserved
    )
    _apply(plan, found.before, Cause(run, actor.name, reason), said)
    review.follow(found.refused, found.before, reading.model.link)
    households.follow(found.refused, found.before, plan.profile_of)
    forget("identity", found.before)
    return plan


def _apply(plan: assign.Plan, before: Mapping[UUID, UUID | None], cause: Cause, said: Collection[UUID]) -> None:
    if plan.created:
        prepared(sql.INSERT_PROFILES, [plan.created])
    if plan.revived:
        prepared(sql.REVIVE_PROFILES, [plan.revived])
    targets = [(record, plan.profile_of.get(record)) for record in by_number(before)]
    moved = prepared(sql.MOVE_RECORDS, [[record for record, _ in targets], [profile for _, profile in targets]])
    execute_over(sql.MERGE_PROFILES, list(plan.merged.items()))
    execute_over(sql.SAVE_CHANGES, list(_changes(plan, before, cause)))
    execute_over(sql.SAVE_MOVES, _moves(plan, before, moved, cause))
    changed = {profile for _, profile in moved if profile} | {p for record, _ in moved if (p := before[record])}
    told = {plan.profile_of[record] for record in said if record in plan.profile_of}
    touch("profiles", changed | told | plan.merged.keys())


def _changes(plan: assign.Plan, before: Mapping[UUID, UUID | None], cause: Cause) -> Iterable[tuple[Any, ...]]:
    """A row for each id that went or began, with the records that it had."""
    begun = [*plan.created, *plan.revived]
    lost, parts = _members(before, plan.merged), _members(plan.profile_of, begun)
    for profile, into in plan.merged.items():
        yield (uuid7(), profile, into, "merged", Jsonb(sorted(lost[profile])), *cause)
    for profile in begun:
        left = plan.split.get(profile)
        kind = "split" if left else "created"
        yield (uuid7(), profile, left, kind, Jsonb(sorted(parts[profile])), *cause)


def _moves(
    plan: assign.Plan, before: Mapping[UUID, UUID | None], moved: Iterable[tuple[UUID, UUID | None]], cause: Cause
) -> list[tuple[Any, ...]]:
    """A row for each move, save of new records into new profiles, which say so themselves; newcomers come last."""
    created = set(plan.created)
    told = [(record, before[record], profile) for record, profile in moved if before[record] or profile not in created]
    return [(*move, *cause) for move in sorted(told, key=lambda move: move[1] is None)]


def _members(profile_of: Mapping[UUID, UUID | None], wanted: Collection[UUID]) -> dict[UUID, list[str]]:
    """The records of each wanted profile, as text."""
    members: dict[UUID, list[str]] = {profile: [] for profile in wanted}
    for record, profile in profile_of.items():
        if profile in members:
            members[profile].append(str(record))
    return members


# --- review ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def hand_out_case(actor: Actor) -> UUID:
    """The review case that a steward is to decide next, theirs for today. Raises `Refused`: `daily_limit`,
    `nothing_to_review`."""
    return review.hand_out(actor)


@transaction.atomic
def judge_case(actor: Actor, case: UUID, verdict: str) -> ReviewCase:
    """A steward's word on an open case, `same`, `different` or `not_sure`, which leaves it to a second steward; two who
    are not sure close it undecided. Raises `Refused` as `review.take`."""
    lock()
    taken = review.take(actor, case)
    if verdict != Verdict.Word.NOT_SURE:
        decide_case(actor, taken, verdict)
        return taken
    Verdict.objects.create(case=taken, word=verdict, actor=actor.name)
    review.doubt(taken)
    audit(actor, "review.decided", target=str(case), verdict=verdict)
    return taken


@transaction.atomic
def decide_case(actor: Actor, case: ReviewCase, verdict: str) -> assign.Plan:
    """A steward's verdict, `same` or `different`: permanent evidence that outranks all other, applied at once; of a case
    that was decided before, the newer one counts. Returns what became of the profiles around."""
    lock()
    case.state, case.decided_at, case.decided_by = ReviewCase.State(verdict), now(), actor.name
    case.save()
    Verdict.objects.create(case=case, word=verdict, actor=actor.name)
    kind = Link.Kind.MUST if verdict == ReviewCase.State.SAME else Link.Kind.CANNOT
    left, right = sorted((case.left, case.right))
    beside = [_beside(record) for record in (left, right)]
    if kind == Link.Kind.MUST and beside[0] != beside[1]:
        parting.unite(*beside)
    Link.objects.filter(left=left, right=right, kind__in=[Link.Kind.MUST, Link.Kind.CANNOT]).delete()
    Link.objects.create(left=left, right=right, kind=kind, actor=actor.name)
    audit(actor, "review.decided", target=str(case.pk), verdict=verdict)
    plan = recluster([left, right], actor=actor, reason=Reason.REVIEW)
    wake()
    return plan


def _beside(record: UUID) -> set[UUID]:
    """A record with all others of its profile."""
    profile = Record.objects.filter(pk=record, profile__isnull=False).values("profile")
    return {record, *Record.objects.filter(profile__in=profile).values_list("pk", flat=True)}


# --- undoing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def unmerge(actor: Actor, change: UUID, reason: str) -> UUID:
    """Undo a merge (the id of its `ProfileChange`): the merged profile lives again, under its own id, with the records
    that it brought, and stays apart from those it met there or since. Returns its id.

    Records that had no profile before the merge belong to neither side: they go where their strongest evidence leads.
    What has left the profile since stays where it is. Raises `Refused`: `not_found`, `already_undone`, or
    `nothing_to_undo` where no record is left to be parted.
    """
    why = _reason(reason)
    lock()
    merge, into = parting.merge_to_undo(change)
    present = set(queries.records_of(into))
    returned = parting.with_corrections(present & {UUID(record) for record in merge.records}) & present
    others = parting.with_corrections(present - returned - parting.newcomers(merge, present)) - returned
    persons = (others - queries.leaves_among(others) or others) | parting.suitors(returned)
    if not returned or not others:
        raise Refused("nothing_to_undo", _("Nothing is left of what this merge brought together."))
    followers = parting.redirected_through(merge.profile, into)
    parting.hold_apart(actor, parting.Side(returned, kept=returned), parting.Side(persons))
    plan = recluster(returned | persons, actor=actor, reason=why, reserved={merge.profile: returned, into: others})
    if merge.profile not in plan.revived:
        raise Refused("nothing_to_undo", _("Nothing is left of what this merge brought together."))
    execute(sql.REDIRECT, {"profiles": followers, "into": merge.profile})
    audit(actor, "profile.unmerged", target=str(merge.profile), reason=why, records=len(returned))
    wake()
    return merge.profile


def _reason(reason: str) -> str:
    if reason not in Reason.values:
        raise Refused("reason_unknown", _("Choose a reason of the list."))
    return reason


@transaction.atomic
def expel(actor: Actor, record: UUID, reason: str) -> UUID | None:
    """Put one record out of its profile, with the corrections of its values; the others keep the profile's id.

    What only this record held together parts too: it proved nothing. Returns the profile it is in now, None for a
    receipt that nobody else claims. Raises `Refused`: `not_found`, `a_correction`, or `alone`.
    """
    why = _reason(reason)
    lock()
    profile = parting.profile_of(record)
    one = parting.with_corrections([record])
    rest = parting.persons_beside(profile, one)
    if not rest:
        raise Refused("alone", _("The profile has no other record."))
    _part(actor, profile, parting.Side(one), parting.Side(rest), why)
    audit(actor, "profile.record_expelled", target=str(profile), reason=why)
    return _profile_now(record)


@transaction.atomic
def split(actor: Actor, profile: UUID, records: Collection[UUID], reason: str) -> UUID:
    """Part a profile into two: `records`, with the corrections of their values, leave it for a new one, whose id is
    returned. Both stay together also where evidence alone would not hold them; leaves that are not named go with
    their owners.

    Raises `Refused`: as `find_profile`; `not_its_records`; `a_correction`; `nothing_to_split` unless there is a person
    on both sides.
    """
    why = _reason(reason)
    lock()
    found = queries.find_profile(profile).id
    named = parting.with_corrections(records)
    if not named <= set(queries.records_of(found)):
        raise Refused("not_its_records", _("Not all of these are records of the profile."))
    rest = parting.persons_beside(found, named)
    if not rest or named <= queries.leaves_among(named):
        raise Refused("nothing_to_split", _("A person's record must be on both sides."))
    _part(actor, found, parting.Side(named, kept=named), parting.Side(rest, kept=rest), why)
    audit(actor, "profile.split", target=str(found), reason=why, records=len(named))
    return cast(UUID, _profile_now(min(named - queries.leaves_among(named))))


def _part(actor: Actor, profile: UUID, one: parting.Side, rest: parting.Side, reason: str) -> None:
    parting.hold_apart(actor, one, rest)
    recluster(one.records | rest.records, actor=actor, reason=reason, reserved={profile: rest.records})
    wake()


def _profile_now(record: UUID) -> UUID | None:
    return Record.objects.values_list("profile", flat=True).get(pk=record)


# --- correcting -----------------------------------------------------------------------------------------------------


@transaction.atomic
def correct(actor: Actor, record: UUID, attribute: str, value: str, reason: str) -> UUID:
    """Say how an attribute of a person's record should read: an event of the built-in source, which outranks every other,
    on a record of its own that always stays with the corrected one. Returns that record's id.

    A correction is corrected by correcting again. The audit log names the person and the attribute, never the value.
    Raises `Refused`: `not_found`; `anonymous` for a leaf; `attribute_unknown`, `value_unusable`.
    """
    why, text = _reason(reason), correction.usable(attribute, value)
    reading = locked()
    parting.profile_of(record)
    corrected = parting.corrected_by(record)
    if queries.leaves_among([corrected]):
        raise Refused("anonymous", _("Only what is known of a person can be corrected."))
    said = correction.event(parting.steward(), parting.correction_of(corrected), corrected, attribute, text)
    store([said])
    touch("profiles", column(sql.PROFILES_OF, [[corrected]]))
    touch_changed(folding.fold_events([correction.seen(said)], crypto.data_keys([said.record]), reading), reading)
    parting.bind(actor, [corrected, said.record])
    recluster([corrected, said.record], actor=actor, reason=why, reading=reading)
    subject = crypto.existing_data_keys([corrected])[corrected].id
    audit(actor, "value.corrected", subject=subject, attribute=attribute, reason=why)
    wake()
    return said.record
