"""Addresses of exports: members streamed with consent asked of every part, and the wish of contact values among them."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import segment_shapes as shapes
from cdp.api.authentication import KeyRefused
from cdp.api.errors import Problem, bad_request
from cdp.api.forms import Form, IdField, choices_of, read_body, read_query
from cdp.api.segments import AudienceQuery, SegmentEndpoint
from cdp.core.actions import active_keys
from cdp.core.models import ServiceKey
from cdp.core.objects import seen_by
from segments import approval, exports
from segments.formats import MEDIA_TYPES, PERSONAL
from segments.models import Destination, ExportRequest


class ExportRequestBody(Form):
    channel = serializers.SlugField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")
    reason = serializers.CharField(max_length=200, help_text="What the contact values are needed for.")
    destination = IdField(
        default=None, allow_null=True, help_text="Where the segment is to be sent with them; without it, an export."
    )


class ExportQuery(AudienceQuery):
    approval = IdField(
        default=None,
        allow_null=True,
        help_text="The approved export request, which the columns `contact` and `contact_sha256` need.",
    )
    format = choices_of(tuple(MEDIA_TYPES), default="csv")
    columns = serializers.CharField(
        default="", allow_blank=True, max_length=1_000,
        help_text="Names joined by commas; all clear ones where omitted. `contact` needs an approval, and so does "
        "`contact_sha256`: the SHA-256 of the normalised value, as ad platforms match it.",
    )  # fmt: skip
    once_per_address = serializers.BooleanField(
        default=False, help_text="Each contact value once, of the first member who has it, and nobody without one."
    )
    trailer = serializers.BooleanField(
        default=False, help_text='NDJSON only: a last line {"end": true, "count": n}; without it the export broke off.'
    )


class ExportView(SegmentEndpoint):
    http_method_names = ["get"]
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="exportMembers", summary="All members who may be contacted, streamed", parameters=[ExportQuery],
        responses={
            (200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, MEDIA_TYPES["parquet"]): OpenApiTypes.BINARY,
        },
    )  # fmt: skip
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Consent is asked again for every chunk while it streams, so the number is known only at the end: ask for the
        NDJSON trailer, for Parquet (whose footer holds it), or read on until the connection closes cleanly. Going away
        stops it."""
        asked = read_query(ExportQuery, request)
        purpose, channel = self.audience(asked)
        columns = [name.strip() for name in asked["columns"].split(",") if name.strip()]
        self._check(asked, columns)
        chunks = exports.export(
            self.find(key), purpose, channel, asked["format"], columns, actor=self.actor, personal=bool(PERSONAL.keys() & columns),
            approval=asked["approval"], once=asked["once_per_address"],
        )  # fmt: skip
        chunks = while_valid(self.key, chunks)
        body = with_trailer(chunks) if asked["trailer"] else chunks
        headers = {"Content-Disposition": f'attachment; filename="{key}.{asked["format"]}"', "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(body, content_type=MEDIA_TYPES[asked["format"]], headers=headers)

    def _check(self, asked: Mapping[str, Any], columns: list[str]) -> None:
        if PERSONAL.keys() & columns and asked["approval"] is None:
            self.need("profiles:personal")
        if asked["trailer"] and asked["format"] != "ndjson":
            detail = _("Only NDJSON can end with a trailer.")
            raise bad_request("trailer", detail, {"parameter": "trailer", "code": "trailer", "detail": detail})


class ExportRequestsView(SegmentEndpoint):
    scopes: ClassVar = {"POST": "members:read"}

    @extend_schema(
        operation_id="askExport", summary="Ask to export contact values", request=ExportRequestBody,
        responses={201: shapes.ExportRequestShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """Another person approves it in the console. It then opens one export of this segment, for this service key and
        contact channel, for a day, or where it names a destination the sending of it there: name it as `approval`."""
        segment = self.find_writable(key)
        asked = read_body(ExportRequestBody, request)
        place, channel = self._destination(asked["destination"]), self.channel(asked["channel"])
        made = approval.ask(self.actor, segment, channel, asked["reason"], place)
        return Response(asked_for(made), status=201)

    def _destination(self, pk: UUID | None) -> Destination | None:
        seen = seen_by(self.key, Destination.objects.all(), "segments.view_destination")
        if pk and not seen.filter(pk=pk).exists():
            raise Problem(404, "not_found", _("There is no such destination."))
        return seen.get(pk=pk) if pk else None


class ExportRequestView(SegmentEndpoint):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(
        operation_id="getExportRequest", summary="Whether an export was approved",
        responses={200: shapes.ExportRequestShape},
    )  # fmt: skip
    def get(self, request: Request, key: str, export_request: UUID) -> Response:
        """To the service key that asked, and to a key of a group to which it was opened."""
        asked = ExportRequest.objects.filter(pk=export_request, segment=self.find(key))
        own, opened = asked.filter(asked_by=self.actor.name), self._opened(asked)
        if (found := own.first() or opened.first()) is None:
            raise Problem(404, "not_found", _("There is no such export request."))
        return Response(asked_for(found))

    def _opened(self, asked: QuerySet[ExportRequest]) -> QuerySet[ExportRequest]:
        return seen_by(self.key, asked, "segments.view_exportrequest") if self.key.group else asked.none()


def asked_for(row: ExportRequest) -> dict[str, Any]:
    """An export request as it is answered."""
    return {name: getattr(row, name) for name in ("id", "state", "asked_at", "decided_at", "used_at")} | {
        "channel": row.channel_id, "destination": row.destination_id,
    }  # fmt: skip


def while_valid(key: ServiceKey, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks as long as the key opens something; revoked or expired while they stream, it ends them at once."""
    try:
        for chunk in chunks:
            if not active_keys(key.name).filter(pk=key.pk).exists():
                raise KeyRefused("key_revoked", _("The service key was revoked."), key)
            yield chunk
    finally:
        cast(Any, chunks).close()


def with_trailer(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """NDJSON and a last line that says how many lines came before it; closing it closes `chunks`."""
    count = 0
    try:
        for chunk in chunks:
            count += chunk.count(b"\n")
            yield chunk
        yield b'{"end": true, "count": %d}\n' % count
    finally:
        cast(Any, chunks).close()
