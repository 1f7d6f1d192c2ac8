"""Addresses by which stewards' tools work through the queue of review cases."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import answers
from cdp.api import actions as api
from cdp.api import review_shapes as shapes
from cdp.api.endpoint import Endpoint, StewardsEndpoint
from cdp.api.forms import CursorField, Form, choices_of, limit_field, read_body, read_query
from cdp.api.profiles import NothingQuery, ProfileQuery, purpose_of_reading
from cdp.core.actions import disclose
from identity import actions, evaluation, queries
from identity.types import Case

VERDICTS = ("same", "different", "not_sure")


class PlaceField(CursorField):
    """A cursor that is a place in the queue: a priority and an id."""

    def meant(self, text: str) -> tuple[float, UUID]:
        priority, _space, case = text.partition(" ")
        if not math.isfinite(float(priority)):
            raise ValueError
        return float(priority), UUID(case)


class CasesQuery(Form):
    state = choices_of(shapes.STATES, default="open")
    reason = serializers.CharField(
        default="", max_length=40, allow_blank=True, help_text="Only cases that are open for this reason."
    )
    cursor = PlaceField()
    limit = limit_field()


class VerdictBody(Form):
    verdict = choices_of(VERDICTS, help_text="`not_sure` leaves the case to a second steward.")


class CasesView(Endpoint):
    scopes: ClassVar = {"GET": "identity:write"}

    @extend_schema(
        operation_id="listReviewCases", summary="The queue of review cases", parameters=[CasesQuery],
        responses={200: shapes.CasesPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Ordered by uncertainty × impact, the most urgent first. Cases drawn at random to measure quality stand at one
        place of it, whatever their pairs weigh, and are judged blind: until the verdict nothing is told of what the model
        made of them."""
        asked = read_query(CasesQuery, request)
        rows, more = queries.review_cases(asked["limit"], asked["cursor"] or None, asked["state"], asked["reason"])
        last = f"{rows[-1].priority!r} {rows[-1].id}" if rows else ""
        return self.page([asdict(row) for row in rows], more, last)


class NextCaseView(StewardsEndpoint):
    @extend_schema(
        operation_id="takeReviewCase", summary="The case to decide next", request=None,
        responses={200: shapes.CaseShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Hands out the most urgent case that nobody has, for the rest of the day; the same one until it is decided. A
        steward, which is a key here, is handed out so many cases a day."""
        read_query(NothingQuery, request)
        return Response(asdict(queries.review_case(actions.hand_out_case(self.actor))))


class QualityView(Endpoint):
    scopes: ClassVar = {"GET": "identity:write"}

    @extend_schema(
        operation_id="getLinkageQuality", summary="How good automatic links are, by stewards' verdicts",
        responses={200: shapes.QualityShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Estimated from verdicts on pairs that runs drew at random, each weighing the inverse of its probability of being
        drawn; with intervals of 95%."""
        read_query(NothingQuery, request)
        found = asdict(evaluation.evaluate_verdicts())
        return Response({name: found[name] for name in ("models", "agreed", "compared")})


class CaseView(Endpoint):
    scopes: ClassVar = {"GET": "identity:write"}

    @extend_schema(
        operation_id="getReviewCase", summary="A review case with both sides and what a verdict would change",
        parameters=[ProfileQuery], responses={200: shapes.CaseDetailShape},
    )  # fmt: skip
    def get(self, request: Request, case: UUID) -> Response:
        """The weight of each comparison is of the records as they are now. What a verdict would change is computed for
        real, with everything that waits for the pipeline taken as done, and rolled back. Both are null for a case that is
        judged blind."""
        asked = read_query(ProfileQuery, request)
        purpose = purpose_of_reading(self, asked) if asked["personal"] else ""
        found = queries.review_case(case)
        pair = [found.left, found.right]
        told = queries.profiles_of(pair)  # also of a blind case, which does not name them
        disclose(self.actor, "review.case_read", told, target=str(case), purpose=purpose)
        records = queries.record_views(pair)
        answer = asdict(found) | {
            "sides": [asdict(records[record]) for record in pair if record in records],
            "weighed": None if found.blind else asdict(queries.weigh(*pair)),
            "blast_radius": self._radius(found),
        }
        if asked["personal"]:
            answer["personal"] = api.read_records(self.actor, pair, purpose)
        return Response(answer)

    def _radius(self, case: Case) -> Mapping[str, Any] | None:
        """What this key may know of it: no segments without their scope, and consents of what it is bound to."""
        if case.blind or case.state != "open" or None in case.profiles:
            return None
        found = asdict(answers.blast_radius(case.id, "different" if case.together else "same"))
        if "segments:read" not in self.key.scopes:
            found["segments"] = []
        purpose, channel = self.bound
        found["consents"] = [
            shift
            for shift in found["consents"]
            if purpose in ("", shift["purpose"]) and channel in ("", shift["channel"])
        ]
        return found


class VerdictView(StewardsEndpoint):
    @extend_schema(
        operation_id="decideReviewCase", summary="Decide a review case",
        request=VerdictBody, responses={200: shapes.CaseShape},
    )  # fmt: skip
    def post(self, request: Request, case: UUID) -> Response:
        """A verdict is permanent: it outranks all other evidence and is applied at once. Whoever was not sure of a case
        does not decide it; two who are not sure close it undecided."""
        asked = read_body(VerdictBody, request)
        actions.judge_case(self.actor, case, asked["verdict"])
        return Response(asdict(queries.review_case(case)))
