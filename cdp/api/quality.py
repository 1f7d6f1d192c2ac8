"""Addresses of data quality: counts by source and day, and what was not as usual."""

from datetime import timedelta
from typing import Any, ClassVar

import msgspec
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.endpoint import Endpoint
from cdp.api.forms import Form, limit_field, read_query
from cdp.api.shapes import PageShape, Shape, number, text
from cdp.events import queries
from cdp.events.quality import reading
from cdp.events.types import Alert, Measure, QualityDay

DAYS, MOST_DAYS = 7, 92


class QualityDayShape(Shape):
    """What came in from one source on one day (UTC)."""

    source = text("The name of the source.")  # type: ignore[assignment]  # a field
    day = serializers.DateField()
    received = number("Arrived, whether it was taken or not.")
    repeated = number("Had been kept before.")
    quarantined = number("Does not fit, and waits in quarantine.")
    measured = number("Taken, and looked at a moment later: those that follow are of these.")
    late_hour = number("Came more than an hour after it happened, within a day.")
    late_day = number("More than a day, within a week.")
    late_week = number("More than a week.")
    missing = number("Fields that the tracking plan requires, and were missing.")
    invalid = number("Other differences from the tracking plan.")
    future = number("Happened after it came, which no clock can mean.")
    past = number("Happened more than ten years before it came.")
    clock = number("Sent by a clock that was a day off or more.")
    unread = number("With a time that cannot be read.")


class QualityDaysShape(PageShape):
    """Every day asked for, by source; a day on which nothing came is not there."""

    results = QualityDayShape(many=True)


class AlertShape(Shape):
    """What of a source was not as usual on a day."""

    source = text("The name of the source.")  # type: ignore[assignment]  # a field
    day = serializers.DateField()
    measure = serializers.ChoiceField(choices=Measure.choices)
    event = text("Of a field, and of a new event.")
    field = text()
    value = serializers.FloatField(help_text="A number for `volume` and what is new, else a share from 0 to 1.")
    usual = serializers.FloatField(allow_null=True, help_text="The median of the days before; null for what is new.")


class AlertsShape(PageShape):
    """The latest first."""

    results = AlertShape(many=True)


class QualityQuery(Form):
    source = serializers.CharField(required=False, max_length=60, help_text="Of this source only.")  # type: ignore[assignment]
    since = serializers.DateField(required=False, help_text="From this day (UTC) on; without it of a week.")


class QualityAlertsQuery(QualityQuery):
    limit = limit_field()


class QualityView(Endpoint):
    scopes: ClassVar = {"GET": "events:read"}

    @extend_schema(
        operation_id="listQuality", summary="Data quality by source and day", parameters=[QualityQuery],
        responses={200: QualityDaysShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Volume, repeats, lateness, times, missing and invalid fields, at most of the last 92 days."""
        asked = read_query(QualityQuery, request)
        names = reading.measured_sources()
        wanted = [source for source, name in names.items() if asked.get("source") in (None, name)]
        since = max(_since(asked), timezone.now().date() - timedelta(days=MOST_DAYS))
        found = reading.quality(wanted, since)
        rows = [(names[source], days[day]) for source, days in found.items() for day in days]
        rows.sort(key=lambda row: (row[0], row[1].day))
        return self.page([_member(name, day) for name, day in rows], False, "")


class AlertsView(Endpoint):
    scopes: ClassVar = {"GET": "events:read"}

    @extend_schema(
        operation_id="listQualityAlerts", summary="What was not as usual", parameters=[QualityAlertsQuery],
        responses={200: AlertsShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Days that were far from their usual, judged every quarter of an hour, by median and median absolute deviation."""
        asked = read_query(QualityAlertsQuery, request)
        source = queries.source_by_name(asked["source"]) if "source" in asked else None
        if "source" in asked and source is None:
            return self.page([], False, "")
        found = reading.alerts(_since(asked), asked["limit"], source.id if source else None)
        return self.page([_told(one) for one in found], False, "")


def _since(asked: dict[str, Any]) -> Any:
    return asked.get("since") or timezone.now().date() - timedelta(days=DAYS)


def _member(name: str, day: QualityDay) -> dict[str, Any]:
    return {"source": name, **msgspec.to_builtins(day)}


def _told(alert: Alert) -> dict[str, Any]:
    facts = msgspec.to_builtins(alert)
    return {"source": facts.pop("source_name"), **{name: facts[name] for name in facts if name != "source"}}
