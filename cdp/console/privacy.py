"""What the console keeps about people: the log of Django's own forms, by the ids of rows."""

from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry

from identity import queries as identity


def export(records: list[UUID]) -> dict[str, Any]:
    """Nothing: what staff did in forms is the staff's, and names rows only."""
    return {}


def erase(records: list[UUID]) -> dict[str, int]:
    """Delete the lines that name these records or their profiles."""
    named = [str(one) for one in (*records, *identity.profiles_of(records))]
    deleted, _ = LogEntry.objects.filter(object_id__in=named).delete()
    return {"django_admin_log": deleted}
