"""Measuring what was taken, behind a mark of its own: ingestion waits for none of it. Counts of times go beside the counters
that ingestion writes, those of fields into `FieldCount`; each event counts once, however often a worker dies."""

from collections import Counter
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from cdp.core import watermark
from cdp.core.actions import count
from cdp.core.stages import COMMIT_LATER
from cdp.core.statements import execute, execute_over, fetch
from cdp.events import sql
from cdp.events.quality_models import SeenField
from cdp.events.types import MEASURED

STAGE = "quality"
# Of one source, events and their fields together: whoever knows a write key may invent names without end.
MOST_SEEN = 2_000


class Named(NamedTuple):
    """A field of an event of a source; "" is the event itself."""

    source: UUID
    event: str
    field: str


@transaction.atomic
def measure_next(limit: int) -> int:
    """Measure the next events behind the mark; returns how many there were, 0 also when another worker is at it."""
    mark = watermark.take(STAGE)
    if mark is None:
        return 0
    after = {"txid": mark.txid, "row": mark.row, "below": mark.below, "most": limit}
    for number, txid, row in fetch(sql.LAST_OF_NEXT, after):
        span = {**after, "until_txid": txid, "until": row}
        _count_times(span)
        _count_fields(span)
        mark.move(txid, row)
        execute(COMMIT_LATER)
        return int(number)
    return 0


def _count_times(span: dict[str, Any]) -> None:
    for source, day, *numbers in fetch(sql.TIMES_BETWEEN, span):
        count(source, dict(zip(MEASURED, numbers, strict=True)), day)


def _count_fields(span: dict[str, Any]) -> None:
    found: dict[tuple[Named, date], int] = {}
    for source, day, event, field, number in fetch(sql.FIELDS_BETWEEN, span):
        found[Named(source, event, field), day] = number
    known = _known({name for name, _ in found}, found)
    rows = sorted((known[name], day, number) for (name, day), number in found.items() if name in known)
    execute_over(sql.COUNT_FIELDS, rows)


def _known(names: set[Named], found: dict[tuple[Named, date], int]) -> dict[Named, int]:
    """The number of each name that is known, or becomes so while there is room."""
    known = {Named(*name): pk for *name, pk in fetch(sql.KNOWN_FIELDS, list(zip(*names, strict=True)))} if names else {}
    unknown = names - known.keys()
    sources = _seen({name.source for name in unknown})
    first = dict(sorted(found, key=itemgetter(1), reverse=True))
    fresh = []
    for name in sorted(unknown):
        sources[name.source] += 1
        if sources[name.source] <= MOST_SEEN:
            fresh.append(_fresh(name, first[name]))
    made = SeenField.objects.bulk_create(fresh)
    return known | {Named(one.source_id, one.event, one.field): one.pk for one in made}


def _fresh(name: Named, day: date) -> SeenField:
    return SeenField(source_id=name.source, event=name.event, field=name.field, first=day)


def _seen(sources: set[UUID]) -> Counter[UUID]:
    """How many names are known of some sources; nothing is asked where there is none."""
    rows = SeenField.objects.filter(source__in=sources).values("source_id").annotate(number=Count("pk"))
    return Counter(dict(rows.values_list("source_id", "number")))
