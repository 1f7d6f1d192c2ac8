"""Addresses of export files: asked for, made by a worker, fetched with consent asked again."""

from typing import Any, ClassVar
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

from cdp.api import export_shapes as shapes
from cdp.api.errors import Problem
from cdp.api.exports import while_valid
from cdp.api.forms import Form, IdCursorField, IdField, choices_of, limit_field, read_body, read_query
from cdp.api.segments import SegmentEndpoint
from segments import export_jobs
from segments.formats import MEDIA_TYPES, PERSONAL
from segments.models import ExportJob

# After how many seconds a client that waits had better look again.
LOOK_AGAIN = 2
MOST_COLUMNS = 100
FIELDS = (
    "id", "state", "format", "columns", "reason", "asked_at", "percent", "made_at", "checked_at", "count", "size", "sha256",
    "left_out", "failed", "why_gone",
)  # fmt: skip


class ExportFileBody(Form):
    purpose = serializers.CharField(default="", allow_blank=True, max_length=50, help_text="That of the segment.")
    channel = serializers.CharField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")
    format = choices_of(tuple(MEDIA_TYPES), default="csv")
    columns = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=MOST_COLUMNS,
        help_text="All clear ones where omitted. `contact` and `contact_sha256` need an approval.",
    )  # fmt: skip
    approval = IdField(
        default=None, allow_null=True, help_text="The approved export request that columns of contact values need."
    )
    once_per_address = serializers.BooleanField(
        default=False, help_text="Each contact value once, of the first member who has it, and nobody without one."
    )
    reason = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="What it is for, for the audit log."
    )


class ExportFilesQuery(Form):
    cursor = IdCursorField()
    limit = limit_field()


class ExportFileEndpoint(SegmentEndpoint):
    def files(self, key: str) -> QuerySet[ExportJob]:
        """Those of a segment that this service key asked for."""
        return ExportJob.objects.filter(segment=self.find(key), asked_by=self.actor.name)

    def file(self, key: str, pk: UUID) -> ExportJob:
        """One of them; raises a 404."""
        if (found := self.files(key).filter(pk=pk).first()) is None:
            raise Problem(404, "not_found", _("There is no such export file of this service key."))
        self.audience({"purpose": found.purpose_id, "channel": found.channel_id})
        return found


class ExportFilesView(ExportFileEndpoint):
    scopes: ClassVar = {"GET": "members:read", "POST": "members:read"}
    refuses = True

    @extend_schema(
        operation_id="listExportFiles", summary="Export files of this service key", parameters=[ExportFilesQuery],
        responses={200: shapes.ExportFilesPageShape},
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """Also those that are gone, the newest first."""
        asked = read_query(ExportFilesQuery, request)
        found = self.files(key).order_by("-pk")
        if asked["cursor"]:
            found = found.filter(pk__lt=asked["cursor"])
        rows = list(found[: asked["limit"] + 1])
        page = rows[: asked["limit"]]
        return self.page([shown(row) for row in page], len(rows) > len(page), page[-1].pk if page else None)

    @extend_schema(
        operation_id="makeExportFile", summary="Have a file of all members made who may be contacted",
        request=ExportFileBody, responses={202: shapes.ExportFileShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """A worker makes it: follow `Location` until its `state` is `done`, then fetch its `content`. Columns of contact values
        spend an approval when the file is asked for."""
        segment, asked = self.find(key), read_body(ExportFileBody, request)
        purpose, channel = self.audience(asked)
        columns = asked.get("columns", [])
        if PERSONAL.keys() & set(columns) and asked["approval"] is None:
            self.need("profiles:personal")
        made = export_jobs.ask(
            self.actor, segment, purpose, channel, asked["format"], columns, personal=bool(PERSONAL.keys() & set(columns)),
            approval=asked["approval"], once=asked["once_per_address"], reason=asked["reason"],
        )  # fmt: skip
        made.refresh_from_db()
        place = f"/api/v1/segments/{key}/export-files/{made.pk}"
        return Response(shown(made), status=202, headers={"Location": place, "Retry-After": str(LOOK_AGAIN)})


class ExportFileView(ExportFileEndpoint):
    http_method_names = ["get", "delete"]
    scopes: ClassVar = {"GET": "members:read", "DELETE": "members:read"}

    @extend_schema(
        operation_id="getExportFile",
        summary="How far an export file is",
        responses={200: shapes.ExportFileManifestShape},
    )
    def get(self, request: Request, key: str, export_file: UUID) -> Response:
        """With the manifest: of each part, when consent was asked and how many it tells of."""
        found = self.file(key, export_file)
        waits = {"Retry-After": str(LOOK_AGAIN)} if found.state in export_jobs.OPEN else {}
        parts = found.parts.order_by("number").values("number", "at", "members__len")
        manifest = [{"number": row["number"], "at": row["at"], "count": row["members__len"]} for row in parts]
        return Response(shown(found) | {"parts": manifest}, headers=waits)

    @extend_schema(
        operation_id="deleteExportFile", summary="Destroy an export file", request=None, responses={204: None}
    )
    def delete(self, request: Request, key: str, export_file: UUID) -> Response:
        """Or have it made no further. Harmless to repeat."""
        export_jobs.delete(self.actor, self.file(key, export_file).pk)
        return Response(status=204)


class ExportFileContentView(ExportFileEndpoint):
    http_method_names = ["get"]
    scopes: ClassVar = {"GET": "members:read"}
    refuses = True

    @extend_schema(
        operation_id="fetchExportFile", summary="An export file that is ready",
        responses={
            (200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, MEDIA_TYPES["parquet"]): OpenApiTypes.BINARY,
        },
    )  # fmt: skip
    def get(self, request: Request, key: str, export_file: UUID) -> HttpResponseBase:
        """Whoever took back consent since it was made is left out first, so its length and digest are of what is sent. It
        breaks off, shorter than its length, where somebody does so while it is sent: fetch it again."""
        job, content = export_jobs.fetched(self.actor, self.file(key, export_file).pk)
        headers = export_jobs.headers(job) | {"X-Accel-Buffering": "no"}
        return StreamingHttpResponse(while_valid(self.key, content), headers=headers)


def shown(job: ExportJob) -> dict[str, Any]:
    """An export file as it is answered."""
    told = {name: getattr(job, name) for name in FIELDS}
    return told | {
        "purpose": job.purpose_id, "channel": job.channel_id, "once_per_address": job.once, "kept_until": job.ends_at,
    }  # fmt: skip
