"""What is answered about destinations, for the OpenAPI document."""

from rest_framework import serializers

from cdp.api.shapes import KEPT_BACK, PageShape, Shape, moment, number, text, uuid
from segments.models import Delivery, Destination


class DestinationShape(Shape):
    """Whoever is sent members, and of which segments."""

    id = uuid()
    name = text()
    kind = text()
    address = text()
    role = serializers.ChoiceField(choices=Destination.Role.choices)
    recipient = text("The company, as consents name it.")
    country = text("ISO 3166-1 alpha-2.")
    purpose = text()
    channel = text("A contact channel.")
    brand = text()
    enabled = serializers.BooleanField()
    created_at = moment()
    segments = serializers.ListField(child=text(), help_text="Keys of the segments that are sent there.")
    contacts_stopped = serializers.ListField(
        child=text(),
        help_text="Keys of those whose contact values wait for another approval: they mean something else now.",
    )


class MadeDestinationShape(DestinationShape):
    """A new destination, with its secret."""

    secret = text("Told this once.")


class DestinationsPageShape(PageShape):
    """A page of destinations in order of their names."""

    results = DestinationShape(many=True)


class SecretShape(Shape):
    """A new secret."""

    secret = text("Told this once.")


class DeliveryShape(Shape):
    """One message and what became of it."""

    id = uuid("That of the message is `msg_` and this.")
    kind = serializers.ChoiceField(choices=Delivery.Kind.choices)
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    tries = number()
    failed = text("Why the last try failed, in a word; empty for none.")
    created_at = moment()
    closed_at = moment(allow_null=True)
    entered = number(KEPT_BACK, allow_null=True)
    left = number(KEPT_BACK, allow_null=True)
    withheld = number(f"Members kept back for want of consent. {KEPT_BACK}", allow_null=True)


class DeliveriesPageShape(PageShape):
    """A page of deliveries."""

    results = DeliveryShape(many=True)


class ReplayedShape(Shape):
    """How many deliveries are sent again."""

    replayed = number()
