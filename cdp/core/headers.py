"""Headers of every answer that Django's own middleware does not set."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

NO_FEATURES = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"


class SecurityHeaders:
    """No feature of the browser is wanted, no plug-in may read here, and no page is kept by a cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", NO_FEATURES)
        response.headers.setdefault("X-Permitted-Cross-Domain-Policies", "none")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
