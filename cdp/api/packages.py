"""A person's own copy: the link that a tool hands on, and the address behind it, which works once and asks no account."""

from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import answers
from cdp.api.endpoint import Endpoint
from cdp.api.forms import Form, read_body
from consent import package, package_file

PAGE = "console/package.html"


class LinkBody(Form):
    hours = serializers.IntegerField(
        default=package.HOURS, min_value=1, max_value=package.MOST_HOURS, help_text="For how many hours the link works."
    )


class LinkShape(serializers.Serializer[Any]):
    """A link that works once: whoever opens it gets everything that is known about the person."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class LinkView(Endpoint):
    scopes: ClassVar = {"POST": "privacy:write"}
    refuses = True

    @extend_schema(
        operation_id="makeAccessLink", summary="A single-use link to a person's access package",
        request=LinkBody, responses={201: LinkShape},
    )  # fmt: skip
    def post(self, request: Request, privacy_request: UUID) -> Response:
        """For an approved request for access, portability or explanation. Told this once; an earlier link of it stops working."""
        asked = read_body(LinkBody, request)
        link, token = package.issue(self.actor, privacy_request, asked["hours"])
        url = request.build_absolute_uri(reverse("access-package", args=[token]))
        told = {"url": url, "expires_at": link.expires_at}
        return Response(LinkShape(told).data, status=201, headers={"Cache-Control": "no-store"})


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def fetch(request: HttpRequest, token: str) -> HttpResponse:
    """GET tells that the link works, so that no scanner of mails uses it up; POST gives the file and uses it up. An address
    that does not work is answered the same, whatever the reason."""
    if request.method != "POST":
        link = package.works(token)
        status = HTTPStatus.OK if link else HTTPStatus.NOT_FOUND
        return render(request, PAGE, {"link": link}, status=status)
    made = package.use(token, answers.access_package)
    if made is None:
        return render(request, PAGE, {"link": None}, status=HTTPStatus.NOT_FOUND)
    answer = HttpResponse(package_file.zipped(made), content_type="application/zip")
    answer["Content-Disposition"] = 'attachment; filename="personal-data.zip"'
    answer["Cache-Control"] = "no-store"
    return answer
