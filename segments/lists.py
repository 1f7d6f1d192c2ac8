"""Uploaded lists: people by their ids, or by contact values that are turned into keyed digests in memory and forgotten.

A list serves one purpose and is kept until a day. Who is on it is found at every look: a person who comes later with a
listed address is on it from then on.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.statements import column, fetch
from cdp.core.types import UNSTORABLE, Actor, now
from cdp.core.wake import wake
from cdp.events import queries as events
from consent import suppression
from identity.linkage.normalise import identifier
from segments import lists_sql as sql
from segments import membership
from segments.models import ListEntry, Segment, UploadedList
from segments.query import ast
from segments.vocabulary import told_of

CONTACTS: Final = ("email", "phone")
# An upload at once.
MOST: Final = 50_000
LONGEST_KEPT_DAYS: Final = 366 * 3


@dataclass(frozen=True)
class Added:
    """How many of the values that were given are on the list now, and how many identify nobody or may not come back."""

    listed: int
    unreadable: int
    suppressed: int


@transaction.atomic
def create(
    actor: Actor, *, key: str, name: str, purpose: str, came_from: str, expires_at: datetime
) -> UploadedList:  # fmt: skip
    """A new, empty list. Raises ValidationError for a field, also for a time that is over or years away."""
    made = UploadedList(
        key=key, name=name, purpose_id=purpose, came_from=came_from, expires_at=expires_at, made_by=actor.name
    )
    made.full_clean()
    if not 0 <= (expires_at - now()).days <= LONGEST_KEPT_DAYS:
        raise ValidationError({"expires_at": _("A list is kept for at most three years, and at least for a moment.")})
    made.save(force_insert=True)
    audit(actor, "list.created", target=str(made.pk), purpose=purpose)
    return made


def add_contacts(actor: Actor, listed: UploadedList, kind: str, values: Sequence[str]) -> Added:
    """Put the holders of e-mail addresses or phone numbers, in any spelling, on a list. Raises `Refused` for another kind
    or too many at once, `Unavailable` where the suppression list cannot be read."""
    if kind not in CONTACTS:
        raise Refused("kind_unknown", _("Contact values of lists are email or phone."))
    _check_number(values)
    normal = [identifier(kind, value) for value in values]
    names = {(kind, value) for value in normal if value and not UNSTORABLE.search(value)}
    stopped = suppression.stopped(names)
    rows = sorted((crypto.contact_digest(*name),) for name in names - stopped)
    unreadable = sum(value is None for value in normal)
    with transaction.atomic():
        fresh = fetch(sql.ADD_DIGESTS, {"list": listed.pk, "digests": [digest for (digest,) in rows]})[0][0]
        return _added(actor, listed, Added(len(rows), unreadable, len(stopped)), kind, fresh)


def add_profiles(actor: Actor, listed: UploadedList, profiles: Collection[UUID]) -> Added:
    """Put profiles on a list, by the first of their records. Raises `Refused` for too many at once."""
    _check_number(profiles)
    records = column(sql.FIRST_RECORDS, [list(profiles)])
    return _add_records(actor, listed, records, len(set(profiles)), "profile")


def add_external_ids(actor: Actor, listed: UploadedList, source: str, kind: str, ids: Collection[str]) -> Added:
    """Put the records of a source, by its name, on a list: those, too, that it has not told of yet. Raises `Refused` where
    there is no such source, or for too many at once."""
    _check_number(ids)
    found = events.source_by_name(source)
    if found is None:
        raise Refused("source_unknown", _("There is no such source."))
    usable = {text for text in ids if identifier("id", text) and not UNSTORABLE.search(text)}
    records = [crypto.record_id(found.id, kind, text) for text in usable]
    return _add_records(actor, listed, records, len(set(ids)), "record")


def _add_records(actor: Actor, listed: UploadedList, records: Collection[UUID], given: int, kind: str) -> Added:
    names = {suppression.record_name(record): record for record in records}
    stopped = suppression.stopped(names)
    kept = sorted(record for name, record in names.items() if name not in stopped)
    with transaction.atomic():
        fresh = fetch(sql.ADD_RECORDS, {"list": listed.pk, "records": kept})[0][0]
        return _added(actor, listed, Added(len(kept), given - len(names), len(stopped)), kind, fresh)


def _check_number(values: Collection[object]) -> None:
    if len(values) > MOST:
        raise Refused("too_many_values", _("At most %(limit)s values at once.") % {"limit": MOST})


def _added(actor: Actor, listed: UploadedList, added: Added, kind: str, fresh: int) -> Added:
    if fresh:
        UploadedList.objects.filter(pk=listed.pk).update(version=F("version") + 1)
    audit(actor, "list.added", target=str(listed.pk), purpose=listed.purpose_id, kind=kind, count=added.listed)
    follow([listed.key])
    return added


@transaction.atomic
def remove(actor: Actor, listed: UploadedList) -> None:
    """Forget a list and everybody on it. Raises `Refused` while the rule of a segment names it."""
    if users([listed.key]):
        raise Refused("list_in_use", _("Segments name this list: change or archive them first."))
    listed.delete()
    audit(actor, "list.removed", target=str(listed.pk), purpose=listed.purpose_id)


@transaction.atomic
def expire() -> int:
    """Forget everybody on the lists whose time is over; returns how many entries. The lists stay, empty, by name."""
    over = UploadedList.objects.filter(expires_at__lte=now(), entries__isnull=False).distinct()
    keys = list(over.values_list("key", flat=True))
    gone, _by_table = ListEntry.objects.filter(list__key__in=keys).delete() if keys else (0, {})
    if keys:
        UploadedList.objects.filter(key__in=keys).update(version=F("version") + 1)
        audit(Actor.system("retention"), "list.expired", keys=keys, count=gone)
        follow(keys)
    return gone


def users(keys: Iterable[str]) -> list[Segment]:
    """The segments, of those that are not archived, whose rules name one of these lists."""
    wanted = set(keys)
    alive = Segment.objects.exclude(state=Segment.State.ARCHIVED)
    return [segment for segment in alive if wanted & named(segment.rule)]


def named(rule: object) -> frozenset[str]:
    """The keys of the lists that a rule (JSON) names."""
    return told_of(rule, ast.list_names)


def follow(keys: Iterable[str]) -> None:
    """Have the segments whose rules name these lists computed at once."""
    if using := users(keys):
        membership.make_due(using)
        wake()


def sizes(lists: Collection[UploadedList]) -> dict[UUID, int]:
    """How many entries each of these lists has."""
    return dict(fetch(sql.SIZES, [[one.pk for one in lists]]))
