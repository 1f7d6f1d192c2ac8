"""Holding records apart, or together, by a steward's word: the links that make a decision last.

Whatever the evidence, clustering never unites two records between which a cannot-link stands; so two sides stay apart
through all records known now when each of one is held apart from each of the other. A side that evidence alone would
not hold is held together by must-links; where evidence holds it, none are written, so that better evidence still counts.
The newer decision wins: parting drops the must-links across, uniting drops the cannot-links across.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.statements import by_number, column, execute, execute_over, fetch
from cdp.core.types import Actor, now
from cdp.events import queries as events
from cdp.events.actions import STEWARD
from identity import component, correction, parting_sql, queries
from identity.models import Link, Profile, ProfileChange, Record, ReviewCase
from identity.reading import Reading


@dataclass(frozen=True)
class Side:
    """Records to be held apart from others; `kept`: those of them that must also stay together."""

    records: frozenset[UUID]
    kept: frozenset[UUID] = frozenset()


def hold_apart(actor: Actor, one: Side, other: Side) -> None:
    """Write what keeps two sides of one profile apart for good, and together what each must keep."""
    leaves = queries.leaves_among(one.records | other.records)
    across = {"one": by_number(one.records), "other": by_number(other.records)}
    execute(parting_sql.DROP_LINKS_ACROSS, {**across, "kind": Link.Kind.MUST})
    persons = product(one.records - leaves, other.records - leaves)
    _link(actor, Link.Kind.CANNOT, [*persons, *_owned_across(one, other, leaves), *_owned_across(other, one, leaves)])
    settled = {"decided_at": now(), "decided_by": actor.name}
    _cases_across(one.records, other.records).update(state=ReviewCase.State.DIFFERENT, **settled)
    _hold_together(actor, [side.kept for side in (one, other) if len(side.kept) > 1])


def suitors(records: frozenset[UUID]) -> frozenset[UUID]:
    """Where these are leaves only, all persons who could own them: they were alone, and are to be so again."""
    if records - queries.leaves_among(records):
        return frozenset()
    return frozenset(column(parting_sql.SUITORS, {"leaves": by_number(records)}))


def unite(one: Collection[UUID], other: Collection[UUID]) -> None:
    """Drop what held the records of two profiles apart: a newer decision says that they are one person."""
    across = {"one": by_number(one), "other": by_number(other)}
    execute(parting_sql.DROP_LINKS_ACROSS, {**across, "kind": Link.Kind.CANNOT})
    _cases_across(one, other).filter(state=ReviewCase.State.DIFFERENT).update(state=ReviewCase.State.OBSOLETE)


def with_corrections(records: Iterable[UUID]) -> frozenset[UUID]:
    """These records and those that hold the corrections of their values."""
    known = frozenset(records)
    return known | frozenset(Record.objects.filter(pk__in=map(correction_of, known)).values_list("pk", flat=True))


def merge_to_undo(change: UUID) -> tuple[ProfileChange, UUID]:
    """The merge, and the live profile that its records are in now. Raises `Refused`: `not_found`, `already_undone`."""
    merge = ProfileChange.objects.filter(pk=change, kind=ProfileChange.Kind.MERGED).first()
    if merge is None:
        raise Refused("not_found", _("There is no such merge."))
    latest = ProfileChange.objects.filter(profile=merge.profile, kind=ProfileChange.Kind.MERGED).order_by("id").last()
    profile = Profile.objects.get(pk=merge.profile)
    if latest != merge or profile.state != Profile.State.MERGED or profile.redirect_id is None:
        raise Refused("already_undone", _("This merge is undone already."))
    return merge, profile.redirect_id


def newcomers(merge: ProfileChange, records: Collection[UUID]) -> set[UUID]:
    """Those that had no profile before the merge."""
    [mark] = column(parting_sql.LAST_DEPARTURE, [merge.profile])
    return set(column(parting_sql.NEWCOMERS, {"records": list(records), "mark": mark, "change": merge.pk}))


def redirected_through(profile: UUID, into: UUID) -> list[UUID]:
    """The ids that were merged into `profile` before it was merged into `into` itself."""
    merged_into = dict(fetch(parting_sql.MERGES_OF, [into]))
    found = {profile}
    for _step in merged_into:
        found |= {one for one, other in merged_into.items() if other in found}
    return by_number(found - {profile})


def persons_beside(profile: UUID, records: Collection[UUID]) -> frozenset[UUID]:
    """The other person records of a profile. Raises `Refused` where a correction would leave the value it corrects."""
    present = set(queries.records_of(profile))
    rest = frozenset(present - set(records) - queries.leaves_among(present))
    if any(correction_of(record) in records for record in rest):
        raise Refused("a_correction", _("A correction stays with the record whose value it corrects."))
    return rest


def profile_of(record: UUID) -> UUID:
    """The profile that a record is in. Raises `Refused`, `not_found`, where there is none."""
    profile = Record.objects.filter(pk=record).values_list("profile", flat=True).first()
    if profile is None:
        raise Refused("not_found", _("There is no such record, or it is in no profile."))
    return profile


def correction_of(record: UUID) -> UUID:
    """The id of the record that holds the corrections of a record's values."""
    return crypto.record_id(steward(), correction.KIND, str(record))


def steward() -> UUID:
    """The built-in source of stewards' corrections."""
    source = events.source_by_name(STEWARD)
    assert source is not None  # noqa: S101 - every installation has it
    return source.id


def corrected_by(record: UUID) -> UUID:
    """The record that a record corrects; itself, if it corrects none."""
    [found] = queries.open_records([record])
    return UUID(found.folded.external_id) if found.source == steward() else record


def bind(actor: Actor, group: Collection[UUID]) -> None:
    """Must-links from one person of a group to all its other records."""
    persons = column(parting_sql.PERSONS_AMONG, [list(group)])
    if persons:
        _link(actor, Link.Kind.MUST, ((persons[0], record) for record in group if record != persons[0]))


def _owned_across(side: Side, other: Side, leaves: set[UUID]) -> Iterable[tuple[UUID, UUID]]:
    """A side's leaves with the persons of the other who claim them or hold what they carry."""
    mine = by_number(side.records & leaves)
    found = fetch(parting_sql.OWNERS_AMONG, {"leaves": mine, "persons": by_number(other.records - leaves)})
    return [(leaf, person) for leaf, person in found]


def _link(actor: Actor, kind: Link.Kind, pairs: Iterable[tuple[UUID, UUID]]) -> None:
    rows = sorted({(min(pair), max(pair)) for pair in pairs})
    execute_over(parting_sql.SAVE_VERDICTS, [(*pair, kind.value, actor.name) for pair in rows])


def _hold_together(actor: Actor, groups: list[frozenset[UUID]]) -> None:
    """Must-links for the groups that evidence does not hold; those of one group may cost another its evidence."""
    waiting = list(groups)
    while waiting:
        clustered = component.around(set().union(*groups), Reading()).clusters
        loose = next((group for group in waiting if not any(group <= cluster for cluster in clustered)), None)
        if loose is None:
            return
        waiting.remove(loose)
        bind(actor, loose)


def _cases_across(one: Collection[UUID], other: Collection[UUID]) -> QuerySet[ReviewCase]:
    pairs = {"left__in": one, "right__in": other}
    mirrored = {"left__in": other, "right__in": one}
    return ReviewCase.objects.filter(**pairs) | ReviewCase.objects.filter(**mirrored)
