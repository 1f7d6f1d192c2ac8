"""Addresses of the tracking plan: which events there are, and how often what arrived differed."""

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
from cdp.api.shapes import PageShape, Shape, TextsField, number, text
from cdp.events import queries
from cdp.events.tracking import plans
from cdp.events.tracking.shown import planned_events
from cdp.events.types import VIOLATIONS, DataClass, Mode

DAYS = 7


class DescribedFieldShape(Shape):
    """A field that a plan describes."""

    path = text("Names joined by dots; what lies in a list as if it were one.")
    titles = TextsField(help_text="By language.")
    types = serializers.ListField(child=serializers.CharField(), help_text="JSON types; empty: any.")
    required = serializers.BooleanField(help_text="Beside its neighbours.")  # type: ignore[assignment]  # a field
    personal = serializers.BooleanField(allow_null=True, help_text="Sealed, or clear; null: by its look.")
    data_class = serializers.ChoiceField(choices=DataClass.choices)


class PlannedEventShape(Shape):
    """An event of the plans in force."""

    plan = text()
    version = number("Of the plan.")
    source = text("The source whose events these are; empty: every one.")  # type: ignore[assignment]  # a field
    event = text()
    mode = serializers.ChoiceField(choices=Mode.choices, help_text="What becomes of an event that differs.")
    owner = text("Who answers for it.")
    titles = TextsField(help_text="By language.")
    descriptions = TextsField(help_text="By language.")
    fields = DescribedFieldShape(many=True)  # type: ignore[assignment]  # a field


class PlannedEventsShape(PageShape):
    """All events of the plans in force."""

    results = PlannedEventShape(many=True)


class ViolationShape(Shape):
    """How often events of a source differed from their plan in one way."""

    source = text("The name of the source.")  # type: ignore[assignment]  # a field
    event = text("Empty for events without a plan, whose names are not told.")
    kind = serializers.ChoiceField(choices=list(VIOLATIONS.items()))
    place = text("Where in the event, by names that stand in the plan; `*` for another.")
    number = number()
    last = serializers.DateField(help_text="The day of the last.")


class ViolationsShape(PageShape):
    """Those most often first."""

    results = ViolationShape(many=True)


class PlanQuery(Form):
    source = serializers.CharField(  # type: ignore[assignment]  # a field of the query
        required=False, max_length=60, help_text="The plan of this source, with what holds for every one."
    )


class ViolationsQuery(Form):
    source = serializers.CharField(required=False, max_length=60, help_text="Of this source only.")  # type: ignore[assignment]
    since = serializers.DateField(required=False, help_text="From this day (UTC) on; without it of a week.")
    limit = limit_field()


class TrackingPlanView(Endpoint):
    scopes: ClassVar = {"GET": "events:read"}

    @extend_schema(
        operation_id="getTrackingPlan", summary="The tracking plan", parameters=[PlanQuery],
        responses={200: PlannedEventsShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Which events there are, what they hold and who answers for them, in both languages."""
        source = read_query(PlanQuery, request).get("source")
        events = planned_events(plans.in_force())
        return self.page(_members(one for one in events if source is None or one.source in ("", source)), False, "")


class ViolationsView(Endpoint):
    scopes: ClassVar = {"GET": "events:read"}

    @extend_schema(
        operation_id="listPlanViolations", summary="Differences from the tracking plan", parameters=[ViolationsQuery],
        responses={200: ViolationsShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Counted by source, event, kind and place as events come in; never a value."""
        asked = read_query(ViolationsQuery, request)
        since = asked.get("since") or timezone.now().date() - timedelta(days=DAYS)
        return self.page(_members(queries.violations(since, asked["limit"], asked.get("source"))), False, "")


def _members(found: Any) -> list[Any]:
    return [msgspec.to_builtins(one) for one in found]
