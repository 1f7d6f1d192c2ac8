"""Reads of the event store."""

import re
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils.translation import get_language

from cdp.core import crypto
from cdp.core.models import Watermark
from cdp.core.statements import fetch, prepared
from cdp.events import sql
from cdp.events.models import Event, PlannedField, Quarantined, ReferenceValue, Source, TrackingPlan, WriteKey
from cdp.events.quality.measuring import MOST_SEEN
from cdp.events.quality_models import SeenField
from cdp.events.tracking.files import Plan, words_of
from cdp.events.tracking.schema import EventRule
from cdp.events.types import KnownSource, PlannedTreatment, QuarantineGroup, ToldEvent, ViolationCount
from cdp.events.words import event_words

# How far back the latest events of one source are looked for: there is no index by source.
LOOKED_AT = 5_000
# How long a page may call events by the plans it has read.
FRESH_SECONDS = 5
_FACTS = ("id", "name", "channel_id", "brand", "zone", "currency", "enabled", "required_purpose")


def source_by_write_key(key: str) -> KnownSource | None:
    """The source that `key` writes to, enabled or not; None for a key that is unknown or switched off."""
    row = WriteKey.objects.filter(key=key, enabled=True).values_list(*(f"source__{fact}" for fact in _FACTS)).first()
    return KnownSource(*row) if row else None


def source_by_name(name: str) -> KnownSource | None:
    """The source called `name`, or None."""
    row = Source.objects.filter(name=name).values_list(*_FACTS).first()
    return KnownSource(*row) if row else None


def source_by_id(source: UUID) -> KnownSource | None:
    """The source with this id, or None."""
    row = Source.objects.filter(id=source).values_list(*_FACTS).first()
    return KnownSource(*row) if row else None


def source_names() -> dict[UUID, str]:
    """The name of each source."""
    return dict(Source.objects.values_list("pk", "name"))


def planned_treatments() -> list[PlannedTreatment]:
    """What the tracking plan says of fields: some rows, kept by callers for a few seconds."""
    clear, auto = PlannedField.Treatment.CLEAR, PlannedField.Treatment.AUTO
    rows = PlannedField.objects.exclude(treatment=auto).values_list("source_id", "event", "path", "treatment")
    return [PlannedTreatment(source, event, path, word == clear) for source, event, path, word in rows]


def planned_rules() -> dict[tuple[UUID | None, str], EventRule]:
    """(source or None, event) → what the plans in force say of it; under "" that of events without a plan. Each version is
    compiled once a process."""
    rows = TrackingPlan.objects.filter(in_force=True).order_by("key").values_list("pk", "source_id")
    return {(source, event): rule for plan, source in rows for event, rule in _rules_of(plan).items()}


def fields() -> dict[str, set[str]]:
    """The events that were ever counted here, or that a plan in force names, each with the names of its fields; with none
    where nothing is known of them, or not all any more."""
    found: dict[str, set[str]] = {}
    for event, field in SeenField.objects.values_list("event", "field").distinct():
        found.setdefault(event, set()).update({field} - {""})
    for version in TrackingPlan.objects.filter(in_force=True).values_list("pk", flat=True):
        for event, planned in _fields_of(version).items():
            found.setdefault(event, set()).update(planned)
    counted = SeenField.objects.values("source").annotate(number=Count("pk"))
    full = SeenField.objects.filter(source__in=counted.filter(number__gte=MOST_SEEN).values("source"))
    return found | {event: set() for event in full.values_list("event", flat=True).distinct()}


@lru_cache(maxsize=256)
def _fields_of(version: UUID) -> dict[str, set[str]]:
    plan = Plan(TrackingPlan.objects.values_list("content", flat=True).get(pk=version))
    return {
        event: {re.split(r"[.\[]", path)[0] for path, _field in plan.fields(event)} for event in plan.events if event
    }


def planned_titles() -> list[tuple[str, Mapping[str, str]]]:
    """(event, title by language) of the plans in force, each version read once a process."""
    versions = TrackingPlan.objects.filter(in_force=True).order_by("key").values_list("pk", flat=True)
    return [titled for plan in versions for titled in _titles_of(plan)]


def event_title(name: str) -> str:
    """What an event is called in the reader's language, also by the house's own plans, which are known for some seconds."""
    tick = int(time.monotonic() // FRESH_SECONDS)
    return _event_words(tick, get_language(), str(connection.settings_dict["NAME"])).get(name, name)


@lru_cache(maxsize=4)
def _event_words(tick: int, language: str | None, database: str) -> dict[str, str]:
    return event_words(planned_titles())


@lru_cache(maxsize=256)
def _titles_of(version: UUID) -> list[tuple[str, Mapping[str, str]]]:
    plan = Plan(TrackingPlan.objects.values_list("content", flat=True).get(pk=version))
    return [(event, words_of(schema, "title")) for event, schema in sorted(plan.events.items())]


@lru_cache(maxsize=256)
def _rules_of(version: UUID) -> Mapping[str, EventRule]:
    return Plan(TrackingPlan.objects.values_list("content", flat=True).get(pk=version)).rules()


def violations(since: date, most: int, source: str | None = None) -> list[ViolationCount]:
    """How events differed from their plans since a day, those most often first."""
    asked = {"since": since, "source": source, "most": most}
    return [ViolationCount(*row) for row in fetch(sql.VIOLATIONS_SINCE, asked)]


def planned_classes() -> list[tuple[UUID | None, str, str]]:
    """(source, event, data class) of every declared field; `source` None and `event` "" mean every one."""
    return list(PlannedField.objects.values_list("source_id", "event", "data_class").distinct())


def classes_of_fields() -> dict[tuple[str, str], frozenset[str]]:
    """(event, or "" for every one; field) → the data classes that the tracking plan gives it, in whichever source."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for event, path, data_class in PlannedField.objects.values_list("event", "path", "data_class"):
        found[event, path] = found.get((event, path), frozenset()) | {data_class}
    return found


def source_ranks() -> dict[UUID, int]:
    """Trust rank of each source, lower trusted more: 0 is a steward's alone, whatever others were given."""
    rows = Source.objects.values_list("pk", "trust_rank", "built_in")
    return {source: 0 if built_in else max(rank, 1) for source, rank, built_in in rows}


def source_channels() -> dict[UUID, str]:
    """Channel of each source that people are met through: not of the built-in one, which holds corrections."""
    return dict(Source.objects.filter(built_in=False).values_list("pk", "channel_id"))


def brands() -> set[str]:
    """The brands of the sources, "" among them where one speaks for all."""
    return set(Source.objects.order_by().values_list("brand", flat=True).distinct())


def latest_of(records: Collection[UUID], most: int) -> list[ToldEvent]:
    """The latest events of these records, newest first, at most `most`."""
    return _told(Event.objects.filter(record__in=records).order_by("-occurred_at")[:most])


def page_of(
    records: Collection[UUID], most: int, *, channel: str = "", name: str = "", before: UUID | None = None
) -> tuple[list[ToldEvent], bool]:
    """The events of these records, newest first, at most `most`, and whether older ones follow; of one channel and name
    where they are asked for, and those older than the event `before`."""
    rows = _events_of(records, channel, name)
    last = rows.filter(pk=before).values_list("occurred_at", flat=True).first() if before else None
    if last is not None:
        rows = rows.filter(Q(occurred_at__lt=last) | Q(occurred_at=last, id__lt=before))
    found = _told(rows.order_by("-occurred_at", "-id")[: most + 1])
    return found[:most], len(found) > most


def moments_of(
    records: Collection[UUID], most: int, *, channel: str = "", name: str = ""
) -> list[tuple[datetime, str]]:
    """(when, by which channel) of the latest events of these records, as `page_of` narrows them."""
    rows = _events_of(records, channel, name).order_by("-occurred_at", "-id")
    return list(rows.values_list("occurred_at", "source__channel_id")[:most])


def kinds_of(records: Collection[UUID]) -> list[tuple[str, str]]:
    """(name, channel) of the events that these records have, each once, sorted."""
    rows = Event.objects.filter(record__in=records).order_by("name", "source__channel_id")
    return list(rows.values_list("name", "source__channel_id").distinct())


def _events_of(records: Collection[UUID], channel: str, name: str) -> QuerySet[Event]:
    asked = {"source__channel_id": channel, "name": name}
    return Event.objects.filter(record__in=records, **{field: value for field, value in asked.items() if value})


def latest(most: int, source: UUID | None = None) -> list[ToldEvent]:
    """The events received last, newest first, at most `most`; of one source where it is named, among the latest of all."""
    rows = Event.objects.order_by("-id")
    if source:
        rows = rows.filter(pk__in=rows.values("pk")[:LOOKED_AT], source=source)
    return _told(rows[:most])


def _told(rows: QuerySet[Event]) -> list[ToldEvent]:
    facts = ("id", "name", "source__name", "source__channel_id", "occurred_at", "received_at", "properties")
    return [ToldEvent(*row) for row in rows.values_list(*facts)]


def said_since(stage: str, records: Collection[UUID]) -> Iterator[tuple[UUID, dict[str, str]]]:
    """(record, attributes) of each event that describes one of these people and that this stage has not taken yet."""
    rows = prepared(sql.SAID_SINCE, {"stage": stage, "records": list(records)})
    keys = crypto.unwrapped(row[1:] for row in rows)
    for blob, _key, record, *_wrapped in rows:
        yield record, crypto.unseal(keys[record], "events_event", "sealed", blob).get("attributes", {})


def last_received() -> datetime | None:
    """When the latest event was received."""
    return Event.objects.order_by("-id").values_list("received_at", flat=True).first()


def oldest_waiting(stage: str) -> datetime | None:
    """When the first event was received that this stage of the pipeline has not taken yet."""
    return _behind(stage).values_list("received_at", flat=True).first()


def number_waiting(stage: str, most: int) -> int:
    """How many events this stage of the pipeline has not taken yet, counted no further than `most`."""
    return _behind(stage).order_by()[:most].count()


def _behind(stage: str) -> QuerySet[Event]:
    mark = Watermark.objects.filter(stage=stage).first()
    waiting = Event.objects.order_by("txid", "id")
    if mark is None:
        return waiting
    within = Q(txid=mark.txid, id__gt=mark.row) if mark.row else Q(pk__in=[])
    return waiting.filter(Q(txid__gt=mark.txid) | within)


def waiting_in_quarantine(most: int) -> int:
    """How many wait to be mended, counted no further than `most`."""
    return Quarantined.objects.order_by()[:most].count()


def quarantine_groups(most: int, source: UUID | None = None) -> list[QuarantineGroup]:
    """What waits, by source, reason and place; the largest first, at most `most`."""
    return [QuarantineGroup(*row) for row in fetch(sql.QUARANTINE_GROUPS, {"source": source, "most": most})]


def reference_values(reference: str, keys: Collection[str], at: datetime) -> dict[str, Mapping[str, Any]]:
    """What held of some keys of a table of reference values at a moment; a key of which nothing was known is not there."""
    rows = ReferenceValue.objects.filter(reference=reference, key__in=keys, valid_from__lte=at)
    return dict(rows.order_by("key", "-valid_from").distinct("key").values_list("key", "values"))
