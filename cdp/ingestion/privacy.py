"""What waits in quarantine about records: messages that did not fit, found by the digests of their identifiers."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from cdp.core import indexing
from cdp.core.models import DataKey
from cdp.events.models import Quarantined
from identity import queries as identity

# The kinds by which what is refused is indexed (`cdp.ingestion.gate`), whatever the brand.
KINDS = frozenset({"email", "phone", "user_id"})


def export(records: list[UUID]) -> dict[str, Any]:
    """Why and when messages that name the person were put aside; not what is in them, which may name others too."""
    return {"quarantined": list(_naming(records).values("reason", "source__name", "received_at"))}


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Delete every message that names the person, and its key: in this order, as whoever replays one does."""
    found = list(_naming(records).values_list("pk", flat=True))
    deleted, _ = Quarantined.objects.filter(pk__in=found).delete()
    DataKey.objects.filter(record__in=found).delete()
    return {"events_quarantined": deleted}


def _naming(records: list[UUID]) -> QuerySet[Quarantined]:
    digests = _digests(records)
    return Quarantined.objects.filter(identifiers__overlap=digests) if digests else Quarantined.objects.none()


def _digests(records: list[UUID]) -> list[bytes]:
    named = {
        (kind.partition(":")[0], value)
        for record in identity.open_records(records)
        for kind, values in record.folded.identifiers.items()
        for value in values
    }
    index = indexing.now()
    return sorted({digest for kind, value in named if kind in KINDS for digest in index.anywhere(kind, value)})
