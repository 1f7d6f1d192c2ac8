"""Answers as the contract words them, each with what a browser needs to read it from another origin."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import Error as DatabaseProblem
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from cdp.core.errors import NotReadable, Unavailable
from cdp.ingestion.errors import Refusal

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponse]
_SUCCESS = b'{"success":true}'
_METHODS = "GET,POST,OPTIONS"
RETRY_AFTER_SECONDS = 5


def success() -> HttpResponse:
    """Exactly what libraries take for delivered."""
    return HttpResponse(_SUCCESS, content_type="application/json")


def found(content: Any) -> HttpResponse:
    """A bootstrap document."""
    return HttpResponse(json.dumps(content), content_type="application/json")


def refused(refusal: Refusal) -> HttpResponse:
    """An error body with `code` and `message`: without both some libraries send again for ever."""
    body = json.dumps({"success": False, "code": refusal.code, "message": refusal.message})
    response = HttpResponse(body, status=refusal.status, content_type="application/json")
    if refusal.status in (429, 503):
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def door(*methods: str) -> Callable[[View], View]:
    """A view open to every origin: preflights answered, faults worded after the contract, never a redirect."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def opened(request: HttpRequest, **named: Any) -> HttpResponse:
            if request.method == "OPTIONS":
                return _readable(request, HttpResponse(status=204))
            return _readable(request, _guarded(view, methods, request, named))

        return opened

    return decorate


def _guarded(view: View, methods: tuple[str, ...], request: HttpRequest, named: dict[str, Any]) -> HttpResponse:
    try:
        if request.method not in methods:
            raise Refusal(405, "method_not_allowed", f"Use {' or '.join(methods)}.")
        return view(request, **named)
    except Refusal as refusal:
        return refused(refusal)
    except (OperationalError, InterfaceError, NotReadable, Unavailable) as error:
        logger.error("Nothing can be kept now: %s", type(error).__name__)
        return refused(Refusal(503, "unavailable", "Nothing can be kept now: send again later."))
    except DatabaseProblem as error:
        logger.error("The database refused what was to be kept: %s", type(error).__name__)
        return refused(Refusal(500, "not_kept", "This could not be kept."))


def _readable(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response["Access-Control-Expose-Headers"] = "Retry-After"
    response["Vary"] = "Origin"
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = _METHODS
        response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        response["Access-Control-Max-Age"] = "900"
    return response
