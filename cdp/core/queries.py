"""Reads of core's own tables."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from cdp.core import operations_sql
from cdp.core.models import AuditEntry, DataKey, ServiceKey, User
from cdp.core.statements import fetch
from cdp.core.types import Deed, Sessions


def actor_names(actors: Collection[str]) -> dict[str, str]:
    """What people call the actors of audit rows: accounts and service keys by name, the product by its part.

    Whoever is known no more keeps the id. One query, however many there are.
    """
    users, keys = _called(User, "user:", "username"), _called(ServiceKey, "key:", "name")
    named = dict(users.filter(actor__in=actors).union(keys.filter(actor__in=actors))) if actors else {}
    return {actor: named.get(actor, actor.removeprefix("system:")) for actor in actors}


def deeds_with(subjects: Collection[UUID], most: int) -> list[Deed]:
    """What was done with these subjects, the latest first, at most `most`."""
    rows = AuditEntry.objects.filter(subject__in=subjects).order_by("-at", "-id")[:most]
    names = actor_names({row.actor for row in rows})
    return [Deed(row.pk, row.at, row.action, names[row.actor]) for row in rows]


def subjects_of(records: Collection[UUID]) -> list[UUID]:
    """The subjects that these records are known by in the audit: their data keys. An erased record has none."""
    return list(DataKey.objects.filter(record__in=records).values_list("pk", flat=True))


def _called(table: Any, kind: str, name: str) -> QuerySet[Any]:
    actor = Concat(Value(kind), Cast("pk", TextField()), output_field=TextField())
    return table.objects.annotate(actor=actor, called=F(name)).values_list("actor", "called")  # type: ignore[no-any-return]


def counted() -> list[tuple[UUID | None, str, int]]:
    """(source or None, kind, number) of all that was ever counted."""
    return [(source, kind, number) for source, kind, number in fetch(operations_sql.COUNTED)]


def sessions() -> Sessions:
    """The sessions of this database."""
    return Sessions(*fetch(operations_sql.SESSIONS)[0])


def blocking() -> tuple[int, float | None]:
    """The process of the oldest transaction that has written, 0 for none, and its age in seconds where that is told."""
    return next(((pid, age) for pid, age in fetch(operations_sql.BLOCKING)), (0, 0.0))
