"""Addresses by which stewards' tools explain a profile, undo what was merged wrongly, and correct values."""

from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import shapes
from cdp.api.endpoint import Endpoint, StewardsEndpoint
from cdp.api.forms import Form, MomentField, choices_of, read_body, read_query
from cdp.core.errors import Refused
from consent import suppression
from identity import actions, queries
from identity.types import ATTRIBUTES, Reason

MOST_RECORDS = 1_000


class HistoryQuery(Form):
    at = MomentField(default=None, allow_null=True, help_text="Also tell the records that it had at this moment.")


class ExplanationQuery(Form):
    left = serializers.UUIDField(help_text="A record of the profile.")
    right = serializers.UUIDField(help_text="Another one.")


class ReasonBody(Form):
    reason = choices_of(tuple(Reason.values), help_text="Why; is written down.")


class UnmergeBody(ReasonBody):
    change = serializers.UUIDField(help_text="The `change` of a merge in the profile's history.")


class ExpelBody(ReasonBody):
    record = serializers.UUIDField()


class SplitBody(ReasonBody):
    records = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_RECORDS)


class CorrectionBody(ReasonBody):
    attribute = choices_of(tuple(ATTRIBUTES))
    value = serializers.CharField(max_length=500)


class HistoryView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="getProfileHistory", summary="Everything that happened to a profile", parameters=[HistoryQuery],
        responses={200: shapes.HistoryShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """The history of exactly this id, also of one that was merged. Records that were erased are not told."""
        asked = read_query(HistoryQuery, request)
        queries.find_profile(profile)
        answer: dict[str, Any] = {"results": [asdict(entry) for entry in queries.history(profile)]}
        if asked["at"]:
            answer["records"] = sorted(queries.members_at(profile, asked["at"]))
        return Response(answer)


class ExplanationView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}
    refuses = True

    @extend_schema(
        operation_id="explainProfile", summary="Why two records are in one profile", parameters=[ExplanationQuery],
        responses={200: shapes.ExplanationShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """The path whose weakest link is strongest, each link with what the linkage model says of its two records."""
        asked = read_query(ExplanationQuery, request)
        _need_records(profile, asked["left"], asked["right"])
        return Response(asdict(queries.explain(asked["left"], asked["right"])))


class UnmergeView(StewardsEndpoint):
    @extend_schema(
        operation_id="unmergeProfile", summary="Undo a merge",
        request=UnmergeBody, responses={200: shapes.PartedShape},
    )  # fmt: skip
    def post(self, request: Request, profile: UUID) -> Response:
        """The merged profile lives again under its own id; both stay apart whatever comes. Answers its id."""
        asked = read_body(UnmergeBody, request)
        told = {entry.change for entry in queries.history(profile)}
        if asked["change"] not in told:
            raise Refused("not_found", _("There is no such merge."))
        return Response({"profile": actions.unmerge(self.actor, asked["change"], asked["reason"])})


class ExpelView(StewardsEndpoint):
    @extend_schema(
        operation_id="expelRecord", summary="Put a record out of its profile",
        request=ExpelBody, responses={200: shapes.PartedShape},
    )  # fmt: skip
    def post(self, request: Request, profile: UUID) -> Response:
        """What only this record held together parts too. Answers the profile that the record is in now."""
        asked = read_body(ExpelBody, request)
        _need_records(profile, asked["record"])
        return Response({"profile": actions.expel(self.actor, asked["record"], asked["reason"])})


class SplitView(StewardsEndpoint):
    @extend_schema(
        operation_id="splitProfile", summary="Part a profile into two",
        request=SplitBody, responses={200: shapes.PartedShape},
    )  # fmt: skip
    def post(self, request: Request, profile: UUID) -> Response:
        """The records leave for a new profile, whose id is answered; the others keep the profile's own."""
        asked = read_body(SplitBody, request)
        return Response({"profile": actions.split(self.actor, profile, asked["records"], asked["reason"])})


class CorrectionsView(StewardsEndpoint):
    @extend_schema(
        operation_id="correctProfile", summary="Correct an attribute of a person",
        request=CorrectionBody, responses={200: shapes.CorrectionShape},
    )  # fmt: skip
    def post(self, request: Request, profile: UUID) -> Response:
        """The value outranks every import and stays with the person through splits; a later correction replaces it."""
        asked = read_body(CorrectionBody, request)
        said = asked["attribute"], asked["value"], asked["reason"]
        return Response({"record": suppression.correct(self.actor, profile, *said)})


def _need_records(profile: UUID, *records: UUID) -> None:
    if not set(records) <= set(queries.records_of(queries.find_profile(profile).id)):
        raise Refused("not_its_records", _("Not all of these are records of the profile."))
