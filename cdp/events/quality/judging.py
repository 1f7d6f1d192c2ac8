"""Judging days: what is not as usual becomes an `Anomaly`, and is judged again while the day is young. Harmless at any time:
the same counts give the same anomalies."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from celery import shared_task
from django.db import transaction

from cdp.core.statements import column, execute
from cdp.core.types import now
from cdp.events import sql
from cdp.events.models import Source
from cdp.events.quality import usual
from cdp.events.quality.reading import days_of
from cdp.events.quality_models import Anomaly, FieldCount, SeenField
from cdp.events.types import Measure, QualityDay

# The days that are judged each time: also what came while no worker ran.
JUDGED = 7
# Of fewer, a share says little.
LEAST_OF = 20
# A field that few of its events have is missed by nobody.
LEAST_FILLED = 0.05
# So many new names of a source and day are told.
MOST_NEW = 50
# How long anomalies and counts of fields are kept; a name not seen for so long is forgotten.
KEPT = timedelta(days=400)
SHARES = (
    Measure.LATE, Measure.REPEATED, Measure.QUARANTINED, Measure.MISSING, Measure.INVALID, Measure.FUTURE, Measure.PAST,
    Measure.CLOCK, Measure.UNREAD,
)  # fmt: skip
Filled = Mapping[tuple[str, str], Mapping[date, int]]


class Found(NamedTuple):
    """One anomaly of a source."""

    day: date
    measure: Measure
    value: float
    usual: float | None = None
    distance: float | None = None
    event: str = ""
    field: str = ""


@shared_task(name="quality.judge")
def judge_task() -> None:
    """Sent by beat: a source that has fallen silent touches nothing by itself."""
    judge(now().date())


@shared_task(name="quality.forget")
def forget_task() -> None:
    """Sent by beat, once a day: no index leads to old counts."""
    forget(now().date())


def judge(today: date) -> None:
    """Judge the latest days of every source that sends; outside a transaction, and nothing where another worker is at it."""
    with _alone() as held:
        for source in Source.objects.filter(built_in=False, enabled=True).order_by("pk") if held else ():
            judged = [today - timedelta(days=ago) for ago in range(JUDGED)]
            _keep(source, judged, list(_found(source.pk, judged, today)))


def forget(today: date) -> None:
    """Forget what is long past."""
    Anomaly.objects.filter(day__lt=today - KEPT).delete()
    FieldCount.objects.filter(day__lt=today - KEPT).delete()
    SeenField.objects.filter(first__lt=today - KEPT, fieldcount=None).delete()


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else judges, which then holds for the whole of the block: who began earlier knows less."""
    [held] = column(sql.TRY_TO_JUDGE)
    try:
        yield held
    finally:
        if held:
            execute(sql.END_JUDGING)


@transaction.atomic
def _keep(source: Source, judged: list[date], found: list[Found]) -> None:
    kept = Anomaly.objects.filter(source=source, day__in=judged)
    gone = {row.pk for row in kept} - {row.pk for row in kept if _named(row) in {_named(one) for one in found}}
    Anomaly.objects.filter(pk__in=gone).delete()
    Anomaly.objects.bulk_create(
        [Anomaly(source=source, **one._asdict()) for one in found], update_conflicts=True,
        update_fields=["value", "usual", "distance"], unique_fields=["day", "source", "measure", "event", "field"],
    )  # fmt: skip


def _named(one: Anomaly | Found) -> tuple[date, str, str, str]:
    return one.day, str(one.measure), one.event, one.field


def _found(source: UUID, judged: list[date], today: date) -> Iterator[Found]:
    since = min(judged) - usual.REACH
    days = {one.day: one for one in days_of(source, since, today)}
    fields = _fields_of(source, since)
    for day in judged:
        if day in days:
            yield from _of_day(days, day, over=day < today)
            yield from _of_fields(fields, day)
    yield from _new(source, judged)


def _of_day(days: Mapping[date, QualityDay], day: date, *, over: bool) -> Iterator[Found]:
    """How many came in, too few only once the day is over; then the shares, of which less is no alarm."""
    volume = {one.day: float(one.received) for one in days.values()}
    if values := usual.before(volume, day):
        yield from _far(day, Measure.VOLUME, volume[day], usual.of_counts(values), low=over)
    for measure in SHARES:
        number, whole = days[day].of(measure)
        shares = {one.day: n / w for one in days.values() for n, w in [one.of(measure)] if w >= LEAST_OF}
        if whole >= LEAST_OF and (values := usual.before(shares, day)):
            yield from _far(day, measure, number / whole, usual.of_shares(values, whole))


def _far(
    day: date, measure: Measure, value: float, held: usual.Usual, *, low: bool = False, high: bool = True,
    event: str = "", field: str = "",
) -> Iterator[Found]:  # fmt: skip
    distance = held.distance(value)
    if (high and distance > usual.OUTLIER) or (low and distance < -usual.OUTLIER):
        yield Found(day, measure, value, held.middle, distance, event, field)


def _of_fields(fields: Filled, day: date) -> Iterator[Found]:
    """Fields that fewer of their events have than usual."""
    for (event, field), counts in fields.items():
        whole = fields.get((event, ""), {})
        if not field or (number := whole.get(day, 0)) < LEAST_OF:
            continue
        shares = {one: counts.get(one, 0) / n for one, n in whole.items() if n >= LEAST_OF}
        if (values := usual.before(shares, day)) and (held := usual.of_shares(values, number)).middle >= LEAST_FILLED:
            low = {"low": True, "high": False}
            yield from _far(day, Measure.FILLED, shares[day], held, event=event, field=field, **low)


def _fields_of(source: UUID, since: date) -> Filled:
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    rows = FieldCount.objects.filter(field__source=source, day__gte=since)
    for event, field, day, number in rows.values_list("field__event", "field__field", "day", "count"):
        found[event, field][day] = number
    return found


def _new(source: UUID, judged: list[date]) -> Iterator[Found]:
    """Events of a source, and fields of an event, that it had none of on any day before."""
    rows = SeenField.objects.filter(source=source).order_by("first", "event", "field")
    names = list(rows.values_list("event", "field", "first"))
    begun = {event: first for event, field, first in names if not field}
    told: dict[date, int] = defaultdict(int)
    for event, field, first in names:
        known_since = begun.get(event, first) if field else min(begun.values())
        if first in judged and known_since < first and told[first] < MOST_NEW:
            told[first] += 1
            yield Found(first, Measure.NEW_FIELD if field else Measure.NEW_EVENT, 1, event=event, field=field)
