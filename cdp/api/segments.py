"""Addresses of segments: their definition, counts, members, changes, exports."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import actions as api
from cdp.api import segment_shapes as shapes
from cdp.api.endpoint import Endpoint
from cdp.api.errors import Problem, bad_request, forbidden, mistakes
from cdp.api.forms import (
    CursorField,
    Form,
    IdCursorField,
    MomentField,
    limit_field,
    read_body,
    read_query,
    since_field,
)
from cdp.core import counts
from cdp.core.actions import disclose
from cdp.core.objects import seen_by
from identity import queries as identity
from segments import actions, queries
from segments.explanation import explain
from segments.models import Run, Segment
from segments.queries import segments_named
from segments.types import Preview

FIELDS = (
    "id", "key", "name", "description", "brand", "zone", "rule", "exclusions", "excluded_everywhere", "split", "state",
    "version", "refresh_minutes", "created_at", "updated_at", "due_at",
)  # fmt: skip

MOST_EXCLUSIONS = 50

# --- what may be asked ------------------------------------------------------------------------------------------------


def keys_field(help_text: str) -> serializers.ListField:
    """Some keys of segments, none by default."""
    return serializers.ListField(
        child=serializers.SlugField(max_length=60), required=False, max_length=MOST_EXCLUSIONS, help_text=help_text
    )


def split_field() -> serializers.DictField:
    """Parts in percent, none by default."""
    return serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=100), required=False,
        help_text="Parts in percent that add up to 100, drawn once for each member; nobody contacts the part holdout.",
    )  # fmt: skip


class SegmentBody(Form):
    key = serializers.SlugField(max_length=60, help_text="How rules and addresses name it.")
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2_000)
    purpose = serializers.SlugField(required=False, max_length=50, help_text="May be omitted with a key bound to one.")
    brand = serializers.SlugField(required=False, allow_blank=True, max_length=40)
    zone = serializers.CharField(required=False, max_length=50, help_text="An IANA time zone.")
    rule = shapes.RuleField()
    exclusions = keys_field(help_text="Keys of segments whose members are never in this one.")
    excluded_everywhere = serializers.BooleanField(
        required=False, help_text="Its members are in no other segment of its brand. Not with a key bound to a purpose."
    )
    split = split_field()
    refresh_minutes = serializers.IntegerField(required=False, min_value=1, max_value=525_600)


class PreviewBody(Form):
    rule = shapes.RuleField()
    exclusions = keys_field(help_text="Keys of segments whose members are not counted.")
    purpose = serializers.SlugField(default="", allow_blank=True, max_length=50)
    channel = serializers.SlugField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")
    brand = serializers.SlugField(default="", allow_blank=True, max_length=40)
    zone = serializers.CharField(default="", allow_blank=True, max_length=50)
    as_of = MomentField(default=None, allow_null=True, help_text="Now where omitted.")


class SegmentPreviewBody(Form):
    channel = serializers.SlugField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")
    as_of = MomentField(default=None, allow_null=True, help_text="Now where omitted.")


class EmptyBody(Form):
    pass


class SegmentsQuery(Form):
    cursor = CursorField()
    limit = limit_field()


class AudienceQuery(Form):
    purpose = serializers.CharField(default="", allow_blank=True, max_length=50, help_text="That of the segment.")
    channel = serializers.CharField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")


class MembersQuery(AudienceQuery):
    at = MomentField(
        default=None, allow_null=True,
        help_text="Who was a member at this moment, told of the profile that each is part of now; now where omitted.",
    )  # fmt: skip
    cursor = IdCursorField()
    limit = limit_field()


class SegmentChangesQuery(AudienceQuery):
    since = since_field()
    limit = limit_field()


# --- segments ---------------------------------------------------------------------------------------------------------


def shown(segment: Segment) -> dict[str, Any]:
    """A segment as it is answered."""
    listed = {name: getattr(segment, name) for name in FIELDS}
    members, computed_at, took = (getattr(segment, name) for name in ("members", "computed_at", "took_time"))
    ran = {"members": members, "computed_at": computed_at, "computed_seconds": _seconds(took)}
    return listed | {"owner": segment.owner_id, "purpose": segment.purpose_id} | ran


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


def all_segments() -> QuerySet[Segment]:
    """Segments with the outcome of their latest computation, in one statement."""
    done = Run.objects.filter(segment=OuterRef("pk"), state=Run.State.DONE).order_by("-started_at")
    return Segment.objects.annotate(
        members=Subquery(done.values("members")[:1]), computed_at=Subquery(done.values("finished_at")[:1]),
        took_time=Subquery(done.values(took=F("finished_at") - F("started_at"))[:1]),
    )  # fmt: skip


class SegmentEndpoint(Endpoint):
    """An address below a segment's key."""

    def visible(self) -> QuerySet[Segment]:
        """The segments that the service key sees."""
        return seen_by(self.key, all_segments(), "segments.view_segment")

    def read_rule(self, rule: object, exclusions: Collection[str] = ()) -> None:
        """Refuse a rule that names a segment which the service key does not see: its counts would tell of it."""
        named = segments_named(rule).union(exclusions)
        if self.key.group_id and named - set(self.visible().filter(key__in=named).values_list("key", flat=True)):
            raise Problem(404, "not_found", _("The rule names a segment that does not exist."))

    def read_fields(self, fields: Mapping[str, Any]) -> None:
        """Refuse what a segment may not say by this key: `read_rule`, or a say over segments of other purposes."""
        self.read_rule(fields.get("rule"), fields.get("exclusions", ()))
        if "excluded_everywhere" in fields and self.key.purpose:
            raise forbidden("purpose_bound", _("The service key is bound to another purpose."))

    @property
    def sees_people(self) -> bool:
        """Whether this key may see people, and so any count of them."""
        return bool({"profiles:read", "members:read"} & set(self.key.scopes))

    def told(self, count: int | None) -> int | None:
        """A count of people as this key may know it."""
        return counts.told(count, self.sees_people)

    def counted(self, rule: object, found: Preview) -> Response:
        """Counts as this key may know them, and what of the rule is probably not meant."""
        numbers = {name: self.told(getattr(found, name)) for name in ("count", "consented", "reachable")}
        margins = {
            name: counts.margin(found.margins.get(name), self.sees_people)
            for name, number in numbers.items()
            if number is not None
        }
        estimated = {"estimated": bool(found.margins), "margins": margins if found.margins else None}
        return Response({**numbers, **estimated, "as_of": found.as_of, "notices": mistakes(queries.unseen(rule))})

    def shown(self, segment: Segment) -> dict[str, Any]:
        """A segment as it is answered to this key."""
        listed = shown(segment)
        return listed | {"members": self.told(listed["members"])}

    def find(self, key: str) -> Segment:
        """The segment of a key; raises a 404."""
        segment = self.visible().filter(key=key).first()
        if segment is None:
            raise Problem(404, "not_found", _("There is no such segment."))
        return segment

    def find_writable(self, key: str) -> Segment:
        """The same for writing: a key bound to a purpose writes segments of that purpose only."""
        segment = self.find(key)
        self.purpose(segment.purpose_id)
        return segment

    def answer(self, segment: Segment, status: int = 200) -> Response:
        """The segment as it is now."""
        headers = {"Location": f"/api/v1/segments/{segment.key}"} if status in (201, 202) else {}
        return Response(self.shown(all_segments().get(pk=segment.pk)), status=status, headers=headers)


class SegmentsView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "segments:read", "POST": "segments:write"}

    @extend_schema(
        operation_id="listSegments", summary="All segments", parameters=[SegmentsQuery],
        responses={200: shapes.SegmentsPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of their keys."""
        asked = read_query(SegmentsQuery, request)
        found = list(self.visible().filter(key__gt=asked["cursor"]).order_by("key")[: asked["limit"] + 1])
        rows = found[: asked["limit"]]
        return self.page([self.shown(row) for row in rows], len(found) > len(rows), rows[-1].key if rows else "")

    @extend_schema(
        operation_id="createSegment", summary="A new segment, as a draft", request=SegmentBody,
        responses={201: shapes.SegmentShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """It is computed once it is published."""
        fields = read_body(SegmentBody, request)
        self.read_fields(fields)
        fields["purpose"] = self.purpose(fields.get("purpose", ""))
        if not fields["purpose"]:
            mistake = {"pointer": "/purpose", "code": "required", "detail": _("A segment serves a purpose: name it.")}
            raise bad_request("invalid", mistake["detail"], mistake)
        return self.answer(actions.create_segment(self.actor, **fields), 201)


class SegmentView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "segments:read", "PATCH": "segments:write"}

    @extend_schema(operation_id="getSegment", summary="A segment", responses={200: shapes.SegmentShape, 304: None})
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Has an ETag."""
        return self.conditional(self.shown(self.find(key)))

    @extend_schema(
        operation_id="changeSegment", summary="Change a segment", request=SegmentBody,
        responses={200: shapes.SegmentShape},
    )  # fmt: skip
    def patch(self, request: Request, key: str) -> Response:
        """Only what is named changes. Another rule, purpose, brand or zone is a new version, computed at once."""
        segment = self.find_writable(key)
        fields = read_body(SegmentBody, request, partial=True)
        self.read_fields(fields)
        self.purpose(fields.get("purpose", ""))
        return self.answer(actions.change_segment(self.actor, segment, **fields))


class PublishView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="publishSegment", summary="Publish a segment", request=None, responses={200: shapes.SegmentShape}
    )
    def post(self, request: Request, key: str) -> Response:
        """From now on its members are computed, at once and then as often as it says."""
        segment = self.find_writable(key)
        read_body(EmptyBody, request)
        return self.answer(actions.publish(self.actor, segment))


class RecomputeView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="recomputeSegment", summary="Have a segment computed now", request=None,
        responses={202: shapes.SegmentShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """The worker does it; `computed_at` of the segment says when it is done."""
        segment = self.find_writable(key)
        read_body(EmptyBody, request)
        return self.answer(api.ask_recompute(self.actor, segment), 202)


class CancelView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="cancelRecompute", summary="Stop the computation that is under way", request=None,
        responses={202: shapes.SegmentShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """Within seconds; the members are those of before, until the next one."""
        segment = self.find_writable(key)
        read_body(EmptyBody, request)
        actions.cancel(self.actor, segment)
        return self.answer(segment, 202)


# --- counts -----------------------------------------------------------------------------------------------------------


class PreviewView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "segments:read"}

    @extend_schema(
        operation_id="previewRule", summary="How many profiles a rule describes, and how many can be reached",
        request=PreviewBody, responses={200: shapes.PreviewShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Nobody is named. Without a contact channel only the first number."""
        asked = read_body(PreviewBody, request)
        purpose, channel = self.purpose(asked.pop("purpose")), self.channel(asked.pop("channel"))
        if not purpose:
            detail = _('Say for which purpose people are counted: add "purpose".')
            raise bad_request("purpose_missing", detail, {"pointer": "/purpose", "code": "required", "detail": detail})
        leaving = asked.pop("exclusions", [])
        self.read_rule(asked["rule"], leaving)
        rule = asked.pop("rule")
        return self.counted(rule, queries.preview(rule, purpose, channel or None, leaving=leaving, **asked))


class SegmentPreviewView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "segments:read"}

    @extend_schema(
        operation_id="previewSegment", summary="How many profiles a segment's rule describes now",
        request=SegmentPreviewBody, responses={200: shapes.PreviewShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """As its rule is written, whether or not it is published. Nobody is named."""
        segment = self.find(key)
        asked = read_body(SegmentPreviewBody, request)
        purpose, channel = self.purpose(segment.purpose_id), self.channel(asked["channel"])
        counted = queries.preview(
            segment.rule, purpose, channel or None, asked["as_of"], segment.zone, segment.brand,
            leaving=segment.exclusions, key=segment.key,
        )  # fmt: skip
        return self.counted(segment.rule, counted)


class OverlapView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "segments:read"}

    @extend_schema(
        operation_id="listOverlap", summary="How many members a segment has in common with others",
        responses={200: shapes.OverlapsShape},
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """The most first, by the rules alone, before consent; of segments that have members. Nobody is named."""
        found = queries.overlap(self.find(key), self.visible())
        rows = [asdict(row) | {name: self.told(getattr(row, name)) for name in ("members", "both")} for row in found]
        return Response({"results": rows})


# --- members ----------------------------------------------------------------------------------------------------------


class MembersView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="listMembers", summary="The members who may be contacted now", parameters=[MembersQuery],
        responses={200: shapes.MembersPageShape},
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """Consent is asked of the ledger for this very page. For a purpose and a contact channel only."""
        asked = read_query(MembersQuery, request)
        purpose, channel = self.audience(asked)
        found = queries.members(
            self.find(key), purpose, channel, asked["cursor"] or None, asked["limit"], actor=self.actor, at=asked["at"]
        )
        return self.page([asdict(row) for row in found.rows], found.has_more, found.next_after)


class ExplanationView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="explainMembership", summary="Why a profile is in a segment or not",
        responses={200: shapes.MembershipExplanationShape},
    )  # fmt: skip
    def get(self, request: Request, key: str, profile: UUID) -> Response:
        """Each clause of the rule as it is written, asked now, with the values that decided it. A merged id is answered with
        the profile it was merged into, an erased one with 410. Audited."""
        segment = self.find_writable(key)
        self.read_rule(segment.rule, segment.exclusions)
        found = explain(self.actor, segment, identity.find_profile(profile).id)
        told = asdict(found)
        told["channels"] = [way for way in told["channels"] if self.key.contact_channel in ("", way["channel"])]
        return Response(told, headers={"Cache-Control": "no-store"})


class SegmentChangesView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="listSegmentChanges", summary="Who came and went", parameters=[SegmentChangesQuery],
        responses={200: shapes.SegmentChangesShape},
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """In commit order. A withdrawal is a `left` with the reason `consent`, a later consent an `entered`."""
        asked = read_query(SegmentChangesQuery, request)
        purpose, channel = self.audience(asked)
        segment = self.find(key)
        found = queries.changes(segment, purpose, channel, asked["since"], asked["limit"])
        if told := {row.profile_id for row in found.rows}:
            disclose(self.actor, "segment.changes_read", told, target=str(segment.pk), purpose=purpose, channel=channel)
        rows = [asdict(row) for row in found.rows]
        return Response({"results": rows, "next_since": found.next_since, "has_more": found.has_more})
