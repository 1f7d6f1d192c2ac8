"""Addresses by which a customer service's tool takes down privacy requests and follows them. Approving is a person's: it
is done in the console, by another than who received the request."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.endpoint import Endpoint
from cdp.api.forms import Form, IdCursorField, IdField, MomentField, choices_of, limit_field, read_body, read_query
from cdp.core.errors import Refused
from cdp.core.types import UNSTORABLE, now
from consent import clocks, notices, people, requests
from consent.grounds import Door, ExtensionGround, Given, Kind, Proof, RefusalGround
from consent.models import PrivacyRequest
from consent.types import IDENTIFIERS

BY = tuple(IDENTIFIERS)


class IdentifierBody(Form):
    kind = choices_of(BY)
    value = serializers.CharField(max_length=320)

    def validate_value(self, value: str) -> str:
        """Refuses what no database holds."""
        if UNSTORABLE.search(value):
            raise serializers.ValidationError(_("This is no identifier."), "identifier")
        return value


class RequestBody(Form):
    kind = choices_of(tuple(Kind.values), help_text="What the person asks for.")
    regime = serializers.SlugField(
        max_length=20, default="pipa", help_text="Whose clock runs: the key of a regime that says how long."
    )
    profile = IdField(required=False, help_text="Whose request it is, or:")
    identifier = IdentifierBody(required=False, help_text="An identifier that exactly one person holds.")
    received_at = MomentField(required=False, help_text="When it came in; by default now. The clock runs from then.")
    answer = serializers.BooleanField(default=False, help_text="Tell the person at the identifier how it stands.")

    def validate_regime(self, value: str) -> str:
        """Refuses a regime without a clock."""
        if value not in clocks.regimes():
            raise serializers.ValidationError(_("There is no clock for this regime."), "unknown_regime")
        return value


class RequestsQuery(Form):
    state = choices_of(tuple(PrivacyRequest.State.values), required=False)
    cursor = IdCursorField()
    limit = limit_field()


class VerifyBody(Form):
    proof = choices_of(tuple(Proof.values), help_text="How it was made sure that the request is the person's own.")


class ExtendBody(Form):
    ground = choices_of(tuple(ExtensionGround.values))
    told = choices_of(tuple(Given.values), required=False, help_text="How the person was told, if not by the product.")


class RefuseBody(ExtendBody):
    ground = choices_of(tuple(RefusalGround.values))


class PrivacyRequestShape(serializers.Serializer[Any]):
    """A privacy request; its certificate once an erasure is done."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    regime = serializers.CharField()
    state = serializers.ChoiceField(choices=PrivacyRequest.State.choices)
    via = serializers.ChoiceField(choices=Door.choices)
    received_at = serializers.DateTimeField()
    due_on = serializers.DateField()
    extended_from = serializers.DateField(allow_null=True)
    refused_for = serializers.CharField()
    closed_at = serializers.DateTimeField(allow_null=True)
    certificate = serializers.DictField(allow_null=True)


class PrivacyRequestsPageShape(serializers.Serializer[Any]):
    results = PrivacyRequestShape(many=True)
    next = serializers.URLField(allow_null=True)


def shaped(row: PrivacyRequest) -> dict[str, Any]:
    """A request as it is answered: nothing of the person."""
    found = getattr(row, "erasure", None)
    return dict(PrivacyRequestShape({**vars(row), "certificate": found.certificate or None if found else None}).data)


class PrivacyRequestsView(Endpoint):
    scopes: ClassVar = {"GET": "privacy:read", "POST": "privacy:write"}
    refuses = True

    @extend_schema(
        operation_id="listPrivacyRequests", summary="Privacy requests", parameters=[RequestsQuery],
        responses={200: PrivacyRequestsPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """In the order in which they came in, with the day on which each is due."""
        asked = read_query(RequestsQuery, request)
        rows = PrivacyRequest.objects.select_related("erasure").order_by("id")
        rows = rows.filter(state=asked["state"]) if "state" in asked else rows
        rows = rows.filter(pk__gt=asked["cursor"]) if asked["cursor"] else rows
        found = list(rows[: asked["limit"] + 1])
        told = found[: asked["limit"]]
        return self.page([shaped(row) for row in told], len(found) > len(told), told[-1].pk if told else "")

    @extend_schema(
        operation_id="openPrivacyRequest", summary="Take down a privacy request",
        request=RequestBody, responses={201: PrivacyRequestShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Starts the statutory clock. Whoever takes it down does not approve it."""
        asked = read_body(RequestBody, request)
        received = asked.get("received_at")
        if received is not None and received > now():
            raise Refused("received_later", _("A request cannot have come in later than now."))
        opened = requests.receive(
            self.actor, asked["kind"], _whose(asked), via=Door.API, regime=asked["regime"], received_at=received,
            reply_to=_reply_to(asked),
        )  # fmt: skip
        return Response(shaped(opened), status=201)


class PrivacyRequestView(Endpoint):
    scopes: ClassVar = {"GET": "privacy:read"}

    @extend_schema(operation_id="getPrivacyRequest", summary="A privacy request", responses={200: PrivacyRequestShape})
    def get(self, request: Request, privacy_request: UUID) -> Response:
        """How it stands; the certificate once an erasure is done."""
        return Response(shaped(_found(privacy_request)))


class StepView(Endpoint):
    """A step of a request by a tool."""

    scopes: ClassVar = {"POST": "privacy:write"}
    refuses = True


class VerifyView(StepView):
    @extend_schema(
        operation_id="verifyPrivacyRequest",
        summary="Note who asks",
        request=VerifyBody,
        responses={200: PrivacyRequestShape},
    )
    def post(self, request: Request, privacy_request: UUID) -> Response:
        """It was made sure that the request is the person's own."""
        asked = read_body(VerifyBody, request)
        return Response(shaped(requests.verify(self.actor, privacy_request, asked["proof"])))


class ExtendView(StepView):
    @extend_schema(
        operation_id="extendPrivacyRequest",
        summary="Take longer",
        request=ExtendBody,
        responses={200: PrivacyRequestShape},
    )
    def post(self, request: Request, privacy_request: UUID) -> Response:
        """Once, before it is due, and with notice to the person."""
        asked = read_body(ExtendBody, request)
        return Response(shaped(requests.extend(self.actor, privacy_request, asked["ground"], asked.get("told", ""))))


class RefuseView(StepView):
    @extend_schema(
        operation_id="refusePrivacyRequest", summary="Refuse", request=RefuseBody, responses={200: PrivacyRequestShape}
    )
    def post(self, request: Request, privacy_request: UUID) -> Response:
        """For a ground of the law, and with notice to the person."""
        asked = read_body(RefuseBody, request)
        return Response(shaped(requests.refuse(self.actor, privacy_request, asked["ground"], asked.get("told", ""))))


def _found(pk: UUID) -> PrivacyRequest:
    found = PrivacyRequest.objects.select_related("erasure").filter(pk=pk).first()
    if found is None:
        raise Refused("not_found", _("There is no such request."))
    return found


def _whose(asked: dict[str, Any]) -> UUID:
    """The profile of the person. Refused: `subject_missing`; `subject_unknown`, also where several hold the identifier."""
    if ("profile" in asked) == ("identifier" in asked):
        raise Refused("subject_missing", _("Give either a profile or an identifier."))
    if "profile" in asked:
        return _live(UUID(str(asked["profile"])))
    found = people.holders(asked["identifier"]["kind"], asked["identifier"]["value"])
    if len(found) != 1:
        raise Refused("subject_unknown", _("Not exactly one person holds this identifier."))
    return found[0]


def _live(profile: UUID) -> UUID:
    try:
        people.subject_of(profile)
    except Refused as refusal:
        raise Refused("subject_unknown", str(refusal)) from None
    return profile


def _reply_to(asked: dict[str, Any]) -> tuple[str, str, str] | None:
    named = asked.get("identifier")
    if not asked["answer"] or named is None or named["kind"] not in notices.kinds():
        return None
    return named["kind"], named["value"], get_language() or "en"
