"""What all views of the API share: scopes, what a key is bound to, pages, conditional answers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.errors import Problem, bad_request, forbidden
from cdp.api.forms import StrictJSONParser, cursor
from cdp.api.refusals import actor_of
from cdp.core.actions import disclose
from cdp.core.models import ServiceKey
from cdp.core.types import Actor


class OneRepresentation(BaseContentNegotiation):
    """Each address has one representation; what a client says it accepts changes nothing (RFC 9110, 12.1)."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        given = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


class Endpoint(APIView):
    """One address. `scopes` names what a key needs, by method; `refuses`: the present state may not allow what is asked."""

    http_method_names = ["get", "head", "post", "patch"]
    content_negotiation_class = OneRepresentation
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    scopes: ClassVar[Mapping[str, str]] = {}
    refuses: ClassVar[bool] = False

    def scope(self, method: str) -> str | None:
        """What a key needs for `method`; None where there is no such method here."""
        return self.scopes.get("GET" if method == "HEAD" else method)

    @property
    def key(self) -> ServiceKey:
        """The service key of the request."""
        key = self.request.auth
        assert isinstance(key, ServiceKey)  # noqa: S101 - HasScope has let it in
        return key

    @property
    def actor(self) -> Actor:
        """Who acts, for the audit log."""
        return actor_of(self.key)

    def need(self, scope: str) -> None:
        """Raise a 403 that names the scope where the key lacks it."""
        if scope not in self.key.scopes:
            detail = _("The service key lacks the scope %(scope)s.") % {"scope": scope}
            raise forbidden("scope_missing", detail, scope=scope)

    # --- what the key is bound to -----------------------------------------------------------------------------------

    @property
    def bound(self) -> tuple[str, str]:
        """The purpose and contact channel of the key; "" where it is bound to none."""
        return self.key.purpose, self.key.contact_channel

    def purpose(self, asked: str) -> str:
        """The purpose asked for, or that of the key ("" for neither); raises a 403 for another than the key's."""
        if self.key.purpose and asked not in ("", self.key.purpose):
            raise forbidden("purpose_bound", _("The service key is bound to another purpose."))
        return asked or self.key.purpose

    def channel(self, asked: str) -> str:
        """The contact channel asked for, or that of the key, as with the purpose."""
        if self.key.contact_channel and asked not in ("", self.key.contact_channel):
            raise forbidden("channel_bound", _("The service key is bound to another contact channel."))
        return asked or self.key.contact_channel

    def audience(self, asked: Mapping[str, Any]) -> tuple[str, str]:
        """The purpose and contact channel for which members are told; raises a 400 where one is missing."""
        purpose, channel = self.purpose(asked["purpose"]), self.channel(asked["channel"])
        if not (purpose and channel):
            detail = _(
                "Members are told for a purpose and a contact channel only: add ?purpose=…&channel=…, or use a service "
                "key bound to them. Without them, ask for counts: POST …/preview."
            )
            raise bad_request("audience_missing", detail)
        return purpose, channel

    # --- answers ----------------------------------------------------------------------------------------------------

    def page(self, results: Sequence[Any], more: bool, last: object, **members: Any) -> Response:
        """A page of `results`; where there are `more`, the absolute address of the next, after `last`."""
        url = self._address(cursor=cursor(last)) if more else None
        headers = {"Link": f'<{url}>; rel="next"'} if url else {}
        return Response({"results": list(results), "next": url, **members}, headers=headers)

    def _address(self, **changed: str) -> str:
        query = urlencode(self.request.query_params.dict() | changed)
        return self.request.build_absolute_uri(f"{self.request.path}?{query}")

    def conditional(self, data: Any) -> HttpResponseBase:
        """`data` with a strong validator; 304 where the client has it already (RFC 9110, 13.1.2)."""
        body = JSONRenderer().render(data)
        etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
        response = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
        answer = get_conditional_response(self.request._request, etag=etag, response=response)
        return answer or response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, self._noted(request, response), *args, **kwargs)
        patch_vary_headers(answer, ["Authorization"])
        patch_cache_control(answer, private=True, no_cache=True)
        return answer

    def _noted(self, request: Request, response: Any) -> Any:
        """The answer, once the audit log knows whose profile it tells; that it does not is a fault to answer with."""
        profile = self.kwargs.get("profile")
        if profile is None or request.method not in ("GET", "HEAD") or response.status_code not in (200, 304):
            return response
        route = str(request._request.resolver_match.route) if request._request.resolver_match else ""
        try:
            disclose(
                self.actor, "profile.read", [profile], target=str(profile), purpose=self.key.purpose, address=route
            )
        except DatabaseError as error:
            return self.handle_exception(error)
        return response


class StewardsEndpoint(Endpoint):
    """An address by which a steward's tool acts; what is now may not allow it."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": "identity:write"}
    refuses = True


class Nowhere(APIView):
    """Any address that is not one of ours, without asking who it is."""

    authentication_classes: Sequence[type[BaseAuthentication]] = []
    permission_classes: Sequence[type[BasePermission]] = []
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.http_method_names = [(request.method or "get").lower()]
        setattr(self, self.http_method_names[0], self._refuse)
        return super().dispatch(request, *args, **kwargs)

    def _refuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Problem(404, "not_found", _("There is nothing at this address."))
