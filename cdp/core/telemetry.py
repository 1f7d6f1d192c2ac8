"""OpenTelemetry, an extra: a span for each request and each task, one trace through both, where an endpoint is configured.

A span tells routes, names of tasks, statuses and types of errors; no address, no arguments, no text of an exception.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

SERVICE, TRACEPARENT = "cdp", "traceparent"
Told = Callable[[str, int], None]


def refuse_missing() -> None:
    """Raise `ImproperlyConfigured` where traces are wanted and the extra is not installed."""
    try:
        tracer()
    except ImportError:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: get it with `uv sync --extra otel`."
        ) from None


@lru_cache(maxsize=1)
def tracer() -> Any:
    """What makes spans; None where no endpoint is configured. The libraries read their own variables, `OTEL_…`."""
    if not settings.OTLP_ENDPOINT:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": SERVICE}).merge(Resource.create()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer(SERVICE)


@contextmanager
def request(request: HttpRequest) -> Iterator[Told]:
    """The span of a request; what is yielded is told its route and status."""
    if (spans := tracer()) is None:
        yield lambda route, status: None
        return
    from opentelemetry.trace import SpanKind

    with spans.start_as_current_span("request", _given(request.headers), SpanKind.SERVER, **_SILENT) as span:
        yield lambda route, status: _told(span, str(request.method), route, status)


# What an exception says may be somebody's.
_SILENT = {"record_exception": False, "set_status_on_exception": False}


def _told(span: Any, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        _fail(span, str(status))


def _fail(span: Any, kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)


def _given(carrier: Mapping[str, Any]) -> Any:
    """The trace that goes on; nothing but its ids is taken over."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({TRACEPARENT: str(carrier.get(TRACEPARENT) or "")})


def send_along(headers: MutableMapping[str, Any]) -> None:
    """Have a task go on with the present trace."""
    if tracer() is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)


def task_begins(task: Any) -> None:
    """Open the span of a task."""
    if (spans := tracer()) is not None:
        from opentelemetry.trace import SpanKind

        given = _given(task.request.headers or {})
        running = spans.start_as_current_span(task.name, given, SpanKind.CONSUMER, **_SILENT)
        task.request.cdp_span = (running, running.__enter__())


def task_ends(task: Any, error: BaseException | None) -> None:
    """Close it."""
    if opened := task.request.get("cdp_span"):
        running, span = opened
        if error is not None:
            _fail(span, type(error).__name__)
        running.__exit__(None, None, None)
