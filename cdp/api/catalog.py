"""What rules may name here: traits, events and properties, in both languages, with their frequent values."""

from dataclasses import asdict
from typing import ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.endpoint import Endpoint
from cdp.api.errors import bad_request
from cdp.api.forms import Form, read_query
from cdp.api.segment_shapes import OffersShape
from segments import offered


class CatalogQuery(Form):
    purpose = serializers.CharField(default="", allow_blank=True, max_length=50, help_text="That of the segment.")


class CatalogView(Endpoint):
    scopes: ClassVar = {"GET": "segments:read"}

    @extend_schema(
        operation_id="getCatalog",
        summary="What rules may name",
        parameters=[CatalogQuery],
        responses={200: OffersShape},
    )
    def get(self, request: Request) -> Response:
        """By a sample of golden records, the latest events and the tracking plans, at most a minute old. Names of events and
        properties are an open set: a rule may name others."""
        purpose = self.purpose(read_query(CatalogQuery, request)["purpose"])
        if not purpose:
            detail = _('Say for which purpose: add "?purpose=…". It decides which data a rule may read.')
            raise bad_request("purpose_missing", detail, {"parameter": "purpose", "code": "required", "detail": detail})
        return Response(asdict(offered.offers(purpose)))
