"""What is answered about computed traits, for the OpenAPI document."""

from rest_framework import serializers

from cdp.api.shapes import KEPT_BACK, PageShape, Shape, TextsField, moment, number, text, uuid
from segments.models import ComputedTrait


class ComputedTraitShape(Shape):
    """The definition of a computed trait, and how its last recompute went."""

    id = uuid()
    key = text()
    names = serializers.ListField(child=serializers.CharField(), help_text="As rules name it, and what is made of it.")
    labels = TextsField(help_text="By language.")
    kind = serializers.ChoiceField(choices=ComputedTrait.Kind.choices)
    event = text()
    property = text("Empty for a number of events and for RFM.")
    value_type = serializers.ChoiceField(choices=ComputedTrait.ValueType.choices)
    condition = serializers.JSONField(help_text="Of which events: where, within, between, at, currency, as in rules.")
    data_class = text("Only segments whose purpose allows this class may read it.")
    zone = text("The time zone of its calendar days.")
    refresh_minutes = number()
    state = serializers.ChoiceField(choices=ComputedTrait.State.choices)
    due_at = moment("Null: not until something changes.", allow_null=True)
    computed_at = moment("The last recompute for everybody.", allow_null=True)
    computed_seconds = serializers.FloatField(allow_null=True)
    profiles = number(f"Have a value. {KEPT_BACK}", allow_null=True)
    error = text("Why the last recompute failed; empty where it did not.")


class ComputedTraitsPageShape(PageShape):
    """A page of computed traits in order of their keys."""

    results = ComputedTraitShape(many=True)
