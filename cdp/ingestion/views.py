"""The doors for SDKs: messages, and what browsers fetch before they send."""

from django.http import HttpRequest, HttpResponse

from cdp.core.types import now
from cdp.events.types import KnownSource
from cdp.ingestion import actions, bodies, sources
from cdp.ingestion.answers import door, found, success
from cdp.ingestion.clock import read_time
from cdp.ingestion.errors import Refusal
from cdp.ingestion.messages import Arrival


@door("POST")
def batch(request: HttpRequest) -> HttpResponse:
    """Many messages; answered 200 once they are durable."""
    return _take(request, None)


@door("POST")
def single(request: HttpRequest, kind: str) -> HttpResponse:
    """One message of one type."""
    return _take(request, kind)


def _take(request: HttpRequest, kind: str | None) -> HttpResponse:
    received_at = now()
    named = bodies.key_of(request)
    source = _open_source(named) if named else None
    body = bodies.read(request, kind)
    arrival = Arrival(
        source or _open_source(body.write_key), received_at, read_time(body.sent_at), sources.plan(),
        gpc=request.headers.get("Sec-GPC") == "1", meanings=sources.meanings(),
    )  # fmt: skip
    actions.take(body.messages, arrival)
    return success()


def _open_source(key: str | None) -> KnownSource:
    source = sources.by_write_key(key) if key else None
    if source is None:
        raise Refusal(401, "unknown_key", "The write key is missing or unknown.")
    if not source.enabled:
        raise Refusal(404, "source_disabled", "This source is switched off.")
    return source


@door("GET")
def settings(request: HttpRequest, key: str) -> HttpResponse:
    """What analytics-next fetches first; it sends back to where this came from."""
    _open_source(key)
    place = {"apiHost": f"{request.get_host()}/v1", "protocol": "https" if request.is_secure() else "http"}
    return found({"integrations": {"Segment.io": {"apiKey": key, **place}}})


@door("GET")
def source_config(request: HttpRequest) -> HttpResponse:
    """What the RudderStack browser library fetches first."""
    key = bodies.key_of(request)
    source = _open_source(key)
    quiet = {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}}
    facts = {"id": str(source.id), "name": source.name, "writeKey": key, "enabled": True, "workspaceId": "cdp"}
    return found({"source": facts | {"config": quiet, "destinations": []}})


@door("GET", "POST")
def ignored(request: HttpRequest) -> HttpResponse:
    """What libraries report about themselves: accepted, and not kept."""
    return success()


@door("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address under the same root."""
    raise Refusal(404, "not_found", "There is nothing at this address.")
