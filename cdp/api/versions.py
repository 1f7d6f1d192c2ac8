"""Addresses of the versions of a segment: proposed, compared, reviewed by another key or person, taken back."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import segment_shapes as shapes
from cdp.api.errors import Problem
from cdp.api.forms import Form, read_body
from cdp.api.segments import EmptyBody, SegmentEndpoint, keys_field, split_field
from segments import dropoff, glimpses, review, versions
from segments.models import Segment, Version

MOST = 100


class MeaningBody(Form):
    rule = shapes.RuleField(required=False)
    purpose = serializers.SlugField(required=False, max_length=50)
    brand = serializers.SlugField(required=False, allow_blank=True, max_length=40)
    zone = serializers.CharField(required=False, max_length=50, help_text="An IANA time zone.")
    exclusions = keys_field(help_text="Keys of segments whose members are never in this one.")
    excluded_everywhere = serializers.BooleanField(required=False)
    split = split_field()


class VersionBody(MeaningBody):
    note = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="Why.")


def shown(version: Version) -> dict[str, Any]:
    """A version as it is answered."""
    names = ("number", "state", "note", "written_by", "written_at", "decided_by", "decided_at", "definition")
    return {name: getattr(version, name) for name in names}


class VersionEndpoint(SegmentEndpoint):
    """An address below a version."""

    def version(self, segment: Segment, number: int) -> Version:
        """The version of a number; raises a 404."""
        found = Version.objects.filter(segment=segment, number=number).first()
        if found is None:
            raise Problem(404, "not_found", _("There is no such version."))
        return found

    def compared(self, segment: Segment, meaning: dict[str, Any]) -> dict[str, Any]:
        """A definition against what the segment means now and against its members of now, as this key may know it; a 403
        where it is bound to another purpose than the definition's."""
        self.purpose(meaning["purpose"])
        named = dropoff.SAMPLED if "profiles:read" in self.key.scopes else 0
        moved = versions.movement(segment, meaning, named)
        people = glimpses.of_movement(self.actor, moved, meaning["purpose"], segment)
        return {
            **{name: self.told(getattr(moved, name)) for name in ("entering", "leaving", "members")},
            "differences": [asdict(one) for one in versions.diff(versions.definition(segment), meaning)],
            "sample": {kind: [asdict(one) for one in few] for kind, few in people.items()},
        }

    def step(self, key: str, number: int, take: Callable[[Segment], Version]) -> Response:
        """Take one step with a version that is there."""
        segment = self.find_writable(key)
        self.version(segment, number)
        read_body(EmptyBody, self.request)
        made = take(segment)
        made.refresh_from_db()
        return Response(shown(made))


class VersionsView(VersionEndpoint):
    scopes: ClassVar = {"GET": "segments:read", "POST": "segments:write"}

    @extend_schema(
        operation_id="listVersions", summary="The versions of a segment", responses={200: shapes.VersionsShape}
    )
    def get(self, request: Request, key: str) -> Response:
        """The latest hundred, newest first."""
        found = Version.objects.filter(segment=self.find(key)).order_by("-number")[:MOST]
        return Response({"results": [shown(row) for row in found]})

    @extend_schema(
        operation_id="proposeVersion", summary="Propose another meaning", request=VersionBody,
        responses={201: shapes.VersionShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """What is not named stays. Nothing changes before another key or person approves it."""
        segment, fields = self.find_writable(key), read_body(VersionBody, request)
        self.read_fields(fields)
        self.purpose(fields.get("purpose", ""))
        made = review.propose(self.actor, segment, fields.pop("note"), **fields)
        made.refresh_from_db()
        headers = {"Location": f"/api/v1/segments/{key}/versions/{made.number}"}
        return Response(shown(made), status=201, headers=headers)


class VersionView(VersionEndpoint):
    scopes: ClassVar = {"GET": "segments:read"}

    @extend_schema(
        operation_id="getVersion", summary="A version, and what it would change",
        responses={200: shapes.VersionComparedShape},
    )  # fmt: skip
    def get(self, request: Request, key: str, number: int) -> Response:
        """Against what the segment means now, and against its members of now. With the scope `profiles:read` a few of those
        who would enter or leave, masked; without it nobody is named."""
        segment = self.find(key)
        found = self.version(segment, number)
        return Response(shown(found) | self.compared(segment, found.definition))


class PreviewVersionView(VersionEndpoint):
    scopes: ClassVar = {"POST": "segments:read"}

    @extend_schema(
        operation_id="previewVersion", summary="What another meaning would change", request=MeaningBody,
        responses={200: shapes.MeaningComparedShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """Before it is written down: what is not named stays, and nothing changes. Else as of a version."""
        segment, fields = self.find(key), read_body(MeaningBody, request)
        self.read_fields(fields)
        return Response(self.compared(segment, versions.definition(segment) | fields))


class SubmitVersionView(VersionEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="submitVersion", summary="Ask for a review", request=None, responses={200: shapes.VersionShape}
    )
    def post(self, request: Request, key: str, number: int) -> Response:
        """From a draft."""
        return self.step(key, number, lambda segment: review.submit(self.actor, segment, number))


class ApproveVersionView(VersionEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="approveVersion", summary="Approve and publish", request=None,
        responses={200: shapes.VersionShape},
    )  # fmt: skip
    def post(self, request: Request, key: str, number: int) -> Response:
        """Not by whoever wrote it."""
        return self.step(key, number, lambda segment: review.decide(self.actor, segment, number, approve=True))


class RefuseVersionView(VersionEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="refuseVersion", summary="Refuse a version", request=None, responses={200: shapes.VersionShape}
    )
    def post(self, request: Request, key: str, number: int) -> Response:
        """Not by whoever wrote it."""
        return self.step(key, number, lambda segment: review.decide(self.actor, segment, number, approve=False))


class RollBackView(VersionEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="rollBackSegment", summary="Propose an earlier version again", request=None,
        responses={200: shapes.VersionShape},
    )  # fmt: skip
    def post(self, request: Request, key: str, number: int) -> Response:
        """As a new draft, to be reviewed as any other."""
        return self.step(key, number, lambda segment: review.roll_back(self.actor, segment, number))
