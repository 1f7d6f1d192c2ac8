"""Addresses of destinations: where segments are sent, and what became of each delivery."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import destination_shapes as shapes
from cdp.api.errors import Problem
from cdp.api.forms import CursorField, Form, IdCursorField, IdField, choices_of, limit_field, read_body, read_query
from cdp.api.segments import EmptyBody, SegmentEndpoint
from cdp.core.objects import seen_by
from segments import deliveries, destinations
from segments.models import Delivery, Destination, Subscription

FIELDS = ("id", "name", "kind", "address", "role", "recipient", "country", "brand", "enabled", "created_at")
DELIVERY_FIELDS = ("id", "kind", "state", "tries", "failed", "created_at", "closed_at")


class DestinationBody(Form):
    name = serializers.CharField(max_length=100)
    kind = serializers.SlugField(required=False, max_length=20, help_text="`webhook` where omitted.")
    address = serializers.CharField(max_length=500, help_text="https://host/path, of a public host.")
    role = choices_of(
        tuple(Destination.Role.values), required=False, help_text="A recipient is given data by consent to it by name."
    )
    recipient = serializers.CharField(max_length=100, help_text="The company, as consents name it.")
    country = serializers.RegexField("^[A-Z]{2}$", help_text="ISO 3166-1 alpha-2.")
    purpose = serializers.SlugField(max_length=50)
    channel = serializers.SlugField(max_length=20, help_text="A contact channel.")
    brand = serializers.SlugField(required=False, allow_blank=True, max_length=40)
    enabled = serializers.BooleanField(required=False)


class SendBody(Form):
    segment = serializers.SlugField(max_length=60, help_text="The key of a published segment.")
    send = serializers.BooleanField(
        default=True, help_text="False ends it: whoever was told of is told of as having left."
    )
    approval = IdField(
        default=None, allow_null=True,
        help_text="The approved export request, naming this destination, that sends contact values too.",
    )  # fmt: skip


class DestinationsQuery(Form):
    cursor = CursorField()
    limit = limit_field()


class DeliveriesQuery(Form):
    state = choices_of(("", *Delivery.State.values), default="", allow_blank=True)
    cursor = IdCursorField()
    limit = limit_field()


class DestinationEndpoint(SegmentEndpoint):
    """An address below a destination. A key bound to a purpose or contact channel sees those of its own."""

    refuses = True

    def destinations(self) -> QuerySet[Destination]:
        """The destinations that the service key sees."""
        purpose, channel = self.bound
        bound = {name: key for name, key in (("purpose", purpose), ("channel", channel)) if key}
        return seen_by(self.key, Destination.objects.filter(**bound), "segments.view_destination")

    def destination(self, pk: UUID) -> Destination:
        """The destination of an id; raises a 404."""
        found = self.destinations().filter(pk=pk).first()
        if found is None:
            raise Problem(404, "not_found", _("There is no such destination."))
        return found

    def told_of(self, found: Destination) -> dict[str, Any]:
        """A destination as it is answered."""
        sent = Subscription.objects.filter(destination=found, ended_at=None, segment__in=self.visible().values("pk"))
        stopped = sent.filter(segment__in=destinations.outdated(found))
        return {name: getattr(found, name) for name in FIELDS} | {
            "purpose": found.purpose_id, "channel": found.channel_id,
            "segments": list(sent.order_by("segment__key").values_list("segment__key", flat=True)),
            "contacts_stopped": sorted(stopped.values_list("segment__key", flat=True)),
        }  # fmt: skip

    def within_bounds(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields, if the key may write them."""
        self.purpose(fields.get("purpose", ""))
        self.channel(fields.get("channel", ""))
        return fields


class DestinationsView(DestinationEndpoint):
    scopes: ClassVar = {"GET": "destinations:read", "POST": "destinations:write"}

    @extend_schema(
        operation_id="listDestinations", summary="All destinations", parameters=[DestinationsQuery],
        responses={200: shapes.DestinationsPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of their names."""
        asked = read_query(DestinationsQuery, request)
        found = list(self.destinations().filter(name__gt=asked["cursor"]).order_by("name")[: asked["limit"] + 1])
        rows = found[: asked["limit"]]
        return self.page([self.told_of(row) for row in rows], len(found) > len(rows), rows[-1].name if rows else "")

    @extend_schema(
        operation_id="createDestination", summary="A new destination", request=DestinationBody,
        responses={201: shapes.MadeDestinationShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Its secret, by which every message is signed, is told this once."""
        fields = self.within_bounds(read_body(DestinationBody, request))
        made, secret = destinations.create(self.actor, **fields)
        return Response(
            self.told_of(made) | {"secret": secret}, status=201, headers={"Location": f"/api/v1/destinations/{made.pk}"}
        )


class DestinationView(DestinationEndpoint):
    scopes: ClassVar = {"GET": "destinations:read", "PATCH": "destinations:write"}

    @extend_schema(operation_id="getDestination", summary="A destination", responses={200: shapes.DestinationShape})
    def get(self, request: Request, destination: UUID) -> Response:
        """With the segments that are sent there."""
        return Response(self.told_of(self.destination(destination)))

    @extend_schema(
        operation_id="changeDestination", summary="Change a destination", request=DestinationBody,
        responses={200: shapes.DestinationShape},
    )  # fmt: skip
    def patch(self, request: Request, destination: UUID) -> Response:
        """Only what is named changes; what people consented to does not while segments are sent there."""
        found = self.destination(destination)
        fields = self.within_bounds(read_body(DestinationBody, request, partial=True))
        return Response(self.told_of(destinations.change(self.actor, found, **fields)))


class SecretView(DestinationEndpoint):
    scopes: ClassVar = {"POST": "destinations:write"}

    @extend_schema(
        operation_id="renewDestinationSecret", summary="A new secret", request=None, responses={200: shapes.SecretShape}
    )
    def post(self, request: Request, destination: UUID) -> Response:
        """Told this once; until the next one messages are signed by the secret before too."""
        found = self.destination(destination)
        read_body(EmptyBody, request)
        return Response({"secret": destinations.renew_secret(self.actor, found)})


class SendView(DestinationEndpoint):
    scopes: ClassVar = {"POST": "destinations:use"}

    @extend_schema(
        operation_id="sendSegment", summary="Send a segment there, or no more", request=SendBody,
        responses={200: shapes.DestinationShape},
    )  # fmt: skip
    def post(self, request: Request, destination: UUID) -> Response:
        """First all members are told, then who comes and goes; consent is asked when each message is sent. With an approval
        whoever enters is told of with the `contact` by which they are reached."""
        found = self.destination(destination)
        asked = read_body(SendBody, request)
        segment = self.find_writable(asked["segment"])
        if asked["send"]:
            destinations.subscribe(self.actor, found, segment, asked["approval"])
        else:
            destinations.unsubscribe(self.actor, found, segment)
        return Response(self.told_of(found))


class DeliveriesView(DestinationEndpoint):
    scopes: ClassVar = {"GET": "destinations:read"}

    @extend_schema(
        operation_id="listDeliveries", summary="What was sent there", parameters=[DeliveriesQuery],
        responses={200: shapes.DeliveriesPageShape},
    )  # fmt: skip
    def get(self, request: Request, destination: UUID) -> Response:
        """In the order in which they were made. Confirmed ones are listed for thirty days."""
        found, asked = self.destination(destination), read_query(DeliveriesQuery, request)
        kept = found.deliveries.filter(state=asked["state"]) if asked["state"] else found.deliveries.all()
        after = kept.filter(pk__gt=asked["cursor"]) if asked["cursor"] else kept
        rows = list(after.order_by("pk")[: asked["limit"] + 1])
        page = rows[: asked["limit"]]
        return self.page([self._told(row) for row in page], len(rows) > len(page), page[-1].pk if page else "")

    def _told(self, row: Delivery) -> dict[str, Any]:
        numbers = {name: self.told(getattr(row, name)) for name in ("entered", "left", "withheld")}
        return {name: getattr(row, name) for name in DELIVERY_FIELDS} | numbers


class ReplayView(DestinationEndpoint):
    scopes: ClassVar = {"POST": "destinations:use"}

    @extend_schema(
        operation_id="replayDeliveries", summary="Send again what was given up", request=None,
        responses={200: shapes.ReplayedShape},
    )  # fmt: skip
    def post(self, request: Request, destination: UUID) -> Response:
        """From the first try on; what each says is made anew, by what holds then."""
        found = self.destination(destination)
        read_body(EmptyBody, request)
        return Response({"replayed": deliveries.replay_all(self.actor, found)})
