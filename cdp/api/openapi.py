"""The OpenAPI document: every operation with its security, its problems and its shapes."""

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema as FrameworkSchema
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.endpoint import Endpoint
from cdp.api.errors import MEDIA_TYPE
from cdp.api.shapes import ProblemShape

SCHEME = "serviceKey"
BODIES = ("POST", "PATCH")
DESCRIPTIONS = {
    "400": "The request cannot be answered as it is; `errors` says where.",
    "401": "There is no valid service key.",
    "403": "The service key may not do this.",
    "404": "There is no such thing.",
    "409": "The present state does not allow this.",
    "410": "The profile was erased.",
    "413": "The body is too large.",
    "415": "The body is not `application/json`.",
    "503": "Something needed cannot be reached now; `Retry-After` says when to try again.",
}


class ServiceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a service key is sent."""

    target_class = "cdp.api.authentication.ServiceKeyAuthentication"
    name = SCHEME

    def get_security_definition(self, auto_schema: FrameworkSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "cdp_<prefix>_<secret>"}


class AutoSchema(FrameworkSchema):
    """Adds to each operation the scope it needs and the problems it may answer with."""

    def get_auth(self) -> list[dict[str, Any]]:
        scope = self.view.scope(self.method) if isinstance(self.view, Endpoint) else None
        return [{SCHEME: [scope] if scope else []}]

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Shape")

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        return bodies | {code: self._problem(code) for code in self._codes() if code not in bodies}

    def _codes(self) -> list[str]:
        codes = ["400", "401", "403", "503"]
        if "{" in self.path:
            codes.append("404")
        if self.path.startswith("/api/v1/profiles/{"):
            codes.append("410")
        if (self.path.startswith("/api/v1/segments") and self.method in BODIES) or getattr(self.view, "refuses", False):
            codes.append("409")
        if self.method in BODIES:
            codes += ["413", "415"]
        return sorted(codes)

    def _problem(self, code: str) -> dict[str, Any]:
        shape = self.resolve_serializer(ProblemShape, "response").ref
        return {"content": {MEDIA_TYPE: {"schema": shape}}, "description": DESCRIPTIONS[code]}


class Document(APIView):
    """The OpenAPI document, for anybody: as YAML, or as JSON where that is asked for."""

    authentication_classes = []
    permission_classes = []
    renderer_classes = [OpenApiYamlRenderer, OpenApiJsonRenderer]
    schema = None

    def get(self, request: Request) -> Response:
        return Response(document(), headers={"Cache-Control": "public, max-age=3600"})


@cache
def document() -> dict[str, Any]:
    """The document, made once a process."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made
