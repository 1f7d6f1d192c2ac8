"""A new index key for what is in quarantine: its digests are written anew in place, for nothing joins them.

Until all are, whoever looks one up asks by every index key (`BlindIndex.anywhere`).
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction

from cdp.core import crypto
from cdp.core.indexing import BlindIndex
from cdp.core.models import DataKey
from cdp.events.models import Quarantined
from cdp.ingestion import gate
from cdp.ingestion.actions import repeat_name

BATCH = 500


def freeze() -> None:
    """Nobody need be kept out."""


def fill(index: BlindIndex) -> Iterator[int]:
    """Nothing is kept twice."""
    return iter(())


def clear(index: BlindIndex) -> Iterator[int]:
    """Write the digests of everything in quarantine anew, in the order of its ids."""
    last = UUID(int=0)
    while rows := _next_batch(index, last):
        last = rows[-1]
        yield len(rows)


def rows(generation: int) -> int:
    """None that tell it: they are all written anew before a generation goes."""
    return 0


@transaction.atomic
def _next_batch(index: BlindIndex, after: UUID) -> list[UUID]:
    batch = list(Quarantined.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH])
    keys = crypto.existing_data_keys(batch)
    for waiting in batch:
        # One by one: it may have gone as a repeat of the one before.
        row = Quarantined.objects.select_for_update().filter(pk=waiting).first()
        if row is not None and waiting in keys:
            _write_anew(row, crypto.unseal(keys[waiting], "events_quarantined", "sealed", row.sealed), index)
    return batch


def _write_anew(row: Quarantined, content: object, index: BlindIndex) -> None:
    """By the index key that is read; a repeat that was not known as one meanwhile goes, with its key."""
    row.digest = index.of(*repeat_name(row.source_id, content, row.message_id))
    row.identifiers = list(gate.identifier_digests(content))
    repeats = Quarantined.objects.filter(source=row.source_id, digest=row.digest).exclude(pk=row.pk)
    gone = list(repeats.values_list("pk", flat=True))
    repeats.delete()
    DataKey.objects.filter(record__in=gone).delete()
    row.save(update_fields=["digest", "identifiers"])
