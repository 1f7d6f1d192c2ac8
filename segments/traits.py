"""Computed traits: their definitions, and how their values come into the golden record and follow what happens.

Whoever writes values of a trait holds its row. The pipeline's step computes them anew for the profiles just touched; a
full run does so for everybody, some thousand profiles a transaction, so that time moves windows on. RFM compares everybody
with everybody, so only full runs compute it. Segments whose rules name the trait follow.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import CdpError, Refused
from cdp.core.statements import column, execute, fetch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.events import queries as events
from cdp.profiles import actions as profiles
from segments import membership, queries, sql
from segments.models import ComputedTrait, Segment
from segments.query import ast
from segments.query.ast import Kind
from segments.query.catalog import Catalog
from segments.query.computed import ZERO, Definition, TraitKind, compile_trait, define, value_of
from segments.query.problems import RuleError
from segments.vocabulary import computed_specs, told_of, zone_of

logger = logging.getLogger(__name__)
State, RFM = ComputedTrait.State, ComputedTrait.Kind.RFM
CHUNK = 5_000
FIRST = UUID(int=0)
# Under these a trait is known once it is published, and these decide which rules may read it.
FIXED = ("key", "kind")
READ_BY = ("value_type", "data_class")
MEANING = frozenset({"event", "path", "value_type", "condition", "zone"})
Values = dict[UUID, dict[str, Any]]


class TraitFields(TypedDict, total=False):
    """What somebody says of a computed trait."""

    key: str
    label_en: str
    label_ko: str
    kind: str
    event: str
    path: str
    value_type: str
    condition: dict[str, Any]
    data_class: str
    zone: str
    refresh_minutes: int


class Changed(CdpError):
    """A run whose definition was changed meanwhile."""


# --- definitions ------------------------------------------------------------------------------------------------------


@transaction.atomic
def create(actor: Actor, **fields: Unpack[TraitFields]) -> ComputedTrait:
    """A new draft. Raises `RuleError` with every problem at its place (/event, /property, /value_type, /condition/…),
    `Refused` for an unknown zone, ValidationError for another field."""
    made = ComputedTrait(**{"zone": settings.TIME_ZONE, **fields})
    _check(made)
    made.save(force_insert=True)
    audit(actor, "computed_trait.created", target=str(made.pk), fields=sorted(fields))
    return made


@transaction.atomic
def change(actor: Actor, trait: ComputedTrait, **fields: Unpack[TraitFields]) -> ComputedTrait:
    """Change some fields; what is published is computed anew at once. Raises as `create`, and `Refused` for another key or
    kind of what is no draft any more, or another type or data class while segments read it."""
    changed = _held(trait)
    moved = [name for name, value in fields.items() if getattr(changed, name) != value]
    if changed.state != State.DRAFT and not set(moved).isdisjoint(FIXED):
        raise Refused("trait_published", _("Key and kind stay as they were published: make another trait."))
    if not set(moved).isdisjoint(READ_BY) and users(changed):
        raise Refused("trait_in_use", _("Segments read this trait: change or archive them first."))
    for name, value in fields.items():
        setattr(changed, name, value)
    _check(changed)
    changed.version += not MEANING.isdisjoint(moved)
    if changed.state == State.PUBLISHED:
        _make_due(changed)
    changed.save()
    audit(actor, "computed_trait.changed", target=str(changed.pk), fields=sorted(moved))
    return changed


@transaction.atomic
def publish(actor: Actor, trait: ComputedTrait) -> ComputedTrait:
    """Let rules name it, and have it computed from now on, at once by the worker. Raises as `create`."""
    published = _held(trait)
    _check(published)
    published.state = State.PUBLISHED
    _make_due(published)
    published.save()
    audit(actor, "computed_trait.published", target=str(published.pk))
    return published


@transaction.atomic
def archive(actor: Actor, trait: ComputedTrait) -> ComputedTrait:
    """Stop computing it; the worker takes its values away. Raises `Refused` while the rule of a segment reads it."""
    archived = _held(trait)
    if users(archived):
        raise Refused("trait_in_use", _("Segments read this trait: change or archive them first."))
    archived.state = State.ARCHIVED
    _make_due(archived)
    archived.save()
    audit(actor, "computed_trait.archived", target=str(archived.pk))
    return archived


def _held(trait: ComputedTrait) -> ComputedTrait:
    """The row as it stands, this transaction's alone; after the lock of definitions, as passes take them."""
    execute(sql.BEGIN_RUN)
    return ComputedTrait.objects.select_for_update().get(pk=trait.pk)


def _make_due(trait: ComputedTrait) -> None:
    trait.due_at = now()
    wake()


def _check(trait: ComputedTrait) -> None:
    trait.full_clean()
    if trait.refresh_minutes < 1:
        raise ValidationError({"refresh_minutes": _("At least one minute.")})
    check(trait)


def check(trait: ComputedTrait) -> None:
    """Raise `RuleError` or `Refused` unless the definition can be computed."""
    zone_of(trait.zone)
    definition(trait, _catalog(trait))


def definition(trait: ComputedTrait, catalog: Catalog) -> Definition:
    """What a definition means. Raises `RuleError`."""
    kind, value_type = cast(TraitKind, trait.kind), cast(Kind, trait.value_type)
    return define(kind, trait.event, trait.path, value_type, trait.condition, catalog)


def _catalog(trait: ComputedTrait) -> Catalog:
    """A definition reads events only, of general data and of its own data class."""
    allowed = frozenset({"general", trait.data_class})
    planned = events.classes_of_fields()
    return Catalog({}, allowed_classes=allowed, currency=settings.DEFAULT_CURRENCY, classes=planned)


def names(trait: ComputedTrait) -> list[str]:
    """How rules name it, and what is made of it."""
    return list(computed_specs(trait))


def users(trait: ComputedTrait) -> list[Segment]:
    """The segments, of those that are not archived, whose rules read this trait."""
    known = set(names(trait))
    alive = Segment.objects.exclude(state=Segment.State.ARCHIVED)
    return [one for one in alive if known & told_of(one.rule, ast.trait_names)]


# --- values of the profiles just touched ------------------------------------------------------------------------------


@transaction.atomic
def refresh_profiles(ids: Sequence[UUID], as_of: datetime) -> int:
    """Compute all published traits but RFM anew for some profiles; returns for how many something changed. One that cannot
    be computed never holds up the others: its next run says why."""
    execute(sql.BEGIN_PASS)
    computed: set[str] = set()
    values: Values = {profile: {} for profile in ids}
    for trait in _to_follow():
        try:
            with transaction.atomic():
                found = _values(trait, ids, as_of)
        except (CdpError, RuleError, DatabaseError) as error:
            logger.warning("Computed trait %s was not refreshed: %s", trait.pk, membership.reason(error))
            ComputedTrait.objects.filter(pk=trait.pk).update(due_at=now())
            continue
        computed.update(trait.names)
        for profile, told in found.items():
            values[profile] |= told
    return len(profiles.publish_computed(computed, values)) if computed else 0


def _to_follow() -> QuerySet[ComputedTrait]:
    published = ComputedTrait.objects.filter(state=State.PUBLISHED).exclude(kind=RFM)
    return published.order_by("pk").select_for_update()


def _values(trait: ComputedTrait, ids: Sequence[UUID], as_of: datetime) -> Values:
    """What a trait is for some profiles, by name; nothing where it has no value."""
    catalog = _catalog(trait)
    found = definition(trait, catalog)
    query = compile_trait(found, catalog, as_of=as_of, zone=zone_of(trait.zone), only_profiles=True)
    rows = fetch(query.sql, query.params | {"profiles": list(ids)})
    currency = found.told.currency or catalog.currency
    told = dict(_told(found, rows, currency))
    zero = dict.fromkeys(ids, 0) if found.kind in ZERO else {}
    return {profile: {trait.names[0]: value} for profile, value in (zero | told).items() if value is not None}


def _told(found: Definition, rows: list[tuple[Any, ...]], currency: str | None) -> Iterator[tuple[UUID, Any]]:
    for profile, group in groupby(rows, lambda row: row[0]):
        values = [value_of(found, row[1:], currency) for row in group]
        yield profile, values if found.kind == "list" else values[0]


# --- values of everybody ----------------------------------------------------------------------------------------------


def refresh_due() -> int:
    """Compute the traits whose time has come for everybody; returns how many. Those that another worker is at are left to
    it, and what a crash interrupted is still due."""
    waiting = ComputedTrait.objects.filter(due_at__lte=now()).order_by("due_at").values_list("pk", flat=True)
    return sum(_refresh_if_due(pk) for pk in waiting)


def _refresh_if_due(pk: UUID) -> bool:
    with membership.alone(pk, wait=False) as held:
        trait = ComputedTrait.objects.get(pk=pk)
        due = trait.due_at is not None and trait.due_at <= now()
        if held and due:
            _full_run(trait, None)
    return held and due


def recompute(trait_id: UUID, as_of: datetime | None = None) -> ComputedTrait:
    """Compute a trait for everybody; afterwards the row says how it went. Outside a transaction of the caller."""
    with membership.alone(trait_id):
        _full_run(ComputedTrait.objects.get(pk=trait_id), as_of)
    return ComputedTrait.objects.get(pk=trait_id)


def _full_run(trait: ComputedTrait, as_of: datetime | None) -> None:
    began = now()
    try:
        known, changed = _everybody(trait, as_of)
    except Changed:  # it is due again by that change
        return
    except (CdpError, RuleError, DatabaseError) as error:
        reason = membership.reason(error)
        logger.warning("A run of computed trait %s failed: %s", trait.pk, reason)
        _over(trait, began, error=reason[:200])
        return
    # Segments first: a run that dies in between is done again, but would find nothing changed any more.
    if (changed or trait.error) and (using := users(trait)):
        membership.make_due(using)
        wake()
    _over(trait, began, computed_at=began, took=now() - began, profiles=known, error="")


def _over(trait: ComputedTrait, began: datetime, **about: Any) -> None:
    """Note how a run went; due again after its interval, unless something made it due since the run began."""
    again = began + timedelta(minutes=trait.refresh_minutes) if trait.state == State.PUBLISHED else None
    due_at = Case(When(due_at__gt=began, then=F("due_at")), default=Value(again))
    ComputedTrait.objects.filter(pk=trait.pk).update(due_at=due_at, **about)


def _everybody(trait: ComputedTrait, as_of: datetime | None) -> tuple[int, int]:
    """How many profiles have a value, and for how many it changed. Profiles that come meanwhile are the pipeline's."""
    scores = _quintiles(trait, as_of or now()) if trait.kind == RFM and trait.state == State.PUBLISHED else {}
    after, known, changed = FIRST, 0, 0
    while ids := column(sql.PROFILES_AFTER, [after, CHUNK]):
        after = ids[-1]
        of_chunk = _some(trait, ids, scores, as_of)
        known, changed = known + of_chunk[0], changed + of_chunk[1]
    return known, changed


@transaction.atomic
def _some(
    trait: ComputedTrait, ids: list[UUID], scores: Mapping[UUID, dict[str, Any]], as_of: datetime | None
) -> tuple[int, int]:
    """A part of a run, at its own moment, so that it knows all that the step before it knew. Raises `Changed`."""
    present = ComputedTrait.objects.select_for_update().get(pk=trait.pk)
    if present.updated_at != trait.updated_at:
        raise Changed
    queries.limit_statements()
    follows = trait.kind != RFM and trait.state == State.PUBLISHED
    found: Mapping[UUID, dict[str, Any]] = _values(trait, ids, as_of or now()) if follows else scores
    values = {profile: found.get(profile, {}) for profile in ids}
    return sum(map(bool, values.values())), len(profiles.publish_computed(trait.names, values))


@transaction.atomic
def _quintiles(trait: ComputedTrait, as_of: datetime) -> Values:
    """Recency, frequency, money and the three as one code of everybody who bought."""
    queries.limit_statements()
    catalog = _catalog(trait)
    query = compile_trait(definition(trait, catalog), catalog, as_of=as_of, zone=zone_of(trait.zone))
    rows = fetch(sql.QUINTILES.format(rule=query.sql), query.params)
    return {row[0]: dict(zip(trait.names, (*row[1:], "{}{}{}".format(*row[1:])), strict=True)) for row in rows}
