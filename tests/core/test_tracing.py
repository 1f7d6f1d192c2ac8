"""What one request sets off can be followed through log lines, tasks and traces, and tells nobody's values."""

import json
import logging
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings

from cdp.core import heartbeat, logs, telemetry, tracing
from cdp.core.types import Actor
from cdp.events.actions import create_source
from tests.flow.processes import Worker, ask, own_redis, wait_for

GIVEN = "0123456789abcdef" * 2
PERSON = "canary.kim@example.kr"


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["", PERSON, "010-1234-5678", GIVEN.upper(), f"{GIVEN}0", f"{GIVEN}\n"])
def test_an_id_from_outside_is_taken_only_where_it_can_be_nobody_s(given: str) -> None:
    assert Client().get("/healthz", headers={"X-Request-ID": GIVEN})["X-Request-ID"] == GIVEN
    made = Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made) and made != GIVEN


def line(record: logging.LogRecord) -> dict[str, Any]:
    return json.loads(logs.JsonFormatter().format(record))


@pytest.mark.django_db
def test_a_request_is_one_line_by_its_route(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(caplog.handler, "emit", lambda record: lines.append(line(record)))
    with caplog.at_level(logging.INFO, "cdp.request"):
        Client().get(f"/v1/{PERSON}?email={PERSON}", headers={"X-Request-ID": GIVEN, "User-Agent": PERSON})
    [told] = [one for one in lines if one["logger"] == "cdp.request"]
    assert told["request"] == GIVEN and told["level"] == "INFO" and told["status"] == 404
    assert told["method"] == "GET" and "canary" not in json.dumps(lines)


def test_a_fault_is_told_by_its_shape() -> None:
    try:
        raise ValueError(PERSON)
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (ValueError, error, error.__traceback__))
    told = line(record)
    assert told["error"].startswith("ValueError at ") and "canary" not in json.dumps(told)
    assert "\n" not in logs.JsonFormatter().format(record)


@pytest.mark.django_db(transaction=True)
def test_the_task_that_a_request_wakes_carries_its_id() -> None:
    key = create_source(Actor.system("test"), "shop", "web")[1]
    heartbeat.server().delete(heartbeat.QUEUE)
    cache.delete("cdp:wake:pipeline.advance")
    answer = Client(headers={"X-Request-ID": GIVEN}).post(
        "/v1/track", {"userId": "u1", "event": "Opened", "messageId": "m1", "writeKey": key},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 200
    [message] = heartbeat.server().lrange(heartbeat.QUEUE, 0, -1)
    assert json.loads(message)["headers"][tracing.TASK_HEADER] == GIVEN
    heartbeat.server().delete(heartbeat.QUEUE)


@pytest.mark.django_db(transaction=True)
def test_a_worker_tells_the_id_and_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_LOG_FORMAT", "json")
    with own_redis(tmp_path) as redis, override_settings(REDIS_URL=redis):
        heartbeat.server.cache_clear()
        worker = Worker(redis, tmp_path / "log")
        token = logs.request_id.set(GIVEN)
        try:
            ask(redis, "heartbeat.note")
            wait_for(lambda: '"logger":"cdp.task"' in worker.log.read_text(), 60)
            assert heartbeat.last() is not None and heartbeat.workers() == 1
        finally:
            logs.request_id.reset(token)
            worker.kill()
            heartbeat.server.cache_clear()
    lines = [json.loads(one) for one in worker.log.read_text().splitlines() if one.startswith("{")]
    [told] = [one for one in lines if one["logger"] == "cdp.task"]
    assert (told["request"], told["task"], told["state"]) == (GIVEN, "heartbeat.note", "SUCCESS")


# --- traces -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="get it with `uv sync --extra otel`")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    made = provider.get_tracer("test")
    monkeypatch.setattr(telemetry, "tracer", lambda: made)
    return kept


@pytest.mark.django_db
def test_a_request_is_a_span_of_the_trace_that_it_names(spans: Any) -> None:
    parent = f"00-{GIVEN}-0123456789abcdef-01"
    Client().get(
        f"/v1/{PERSON}", headers={"traceparent": parent, "tracestate": f"a={PERSON}", "baggage": f"b={PERSON}"}
    )
    [span] = spans.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == GIVEN and span.attributes["http.response.status_code"] == 404
    assert span.name == f"GET {span.attributes['http.route']}" and "canary" not in span.to_json()


def test_what_an_exception_says_is_in_no_span(spans: Any, rf: RequestFactory) -> None:
    with pytest.raises(ValueError), telemetry.request(rf.get("/")):
        raise ValueError(PERSON)
    [span] = spans.get_finished_spans()
    assert "canary" not in span.to_json()


@pytest.mark.django_db
def test_a_task_goes_on_with_the_trace_of_what_sent_it(spans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cdp.core.tasks import heartbeat_task

    headers: dict[str, Any] = {}
    with telemetry.tracer().start_as_current_span("outer") as outer:
        tracing._send_along(headers=headers)

    def fail() -> None:
        raise ValueError(PERSON)

    monkeypatch.setattr(heartbeat, "note", fail)
    heartbeat_task.apply(headers=headers)
    inner = next(span for span in spans.get_finished_spans() if span.name == "heartbeat.note")
    assert inner.context.trace_id == outer.context.trace_id and inner.parent.span_id == outer.context.span_id
    assert inner.attributes["error.type"] == "ValueError" and "canary" not in inner.to_json()


class _Collector(BaseHTTPRequestHandler):
    bodies: list[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def collector() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_spans_are_sent_where_the_endpoint_says_and_nowhere_without(
    collector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk.trace")
    assert telemetry.tracer() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
    telemetry.tracer.cache_clear()
    with override_settings(OTLP_ENDPOINT=collector):
        Client().get("/healthz")
        telemetry.tracer().span_processor.force_flush()
    telemetry.tracer.cache_clear()
    assert len(_Collector.bodies) == 1 and b"GET healthz" in _Collector.bodies[0]


def test_an_endpoint_without_the_extra_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.resources", None)
    telemetry.tracer.cache_clear()
    with (
        override_settings(OTLP_ENDPOINT="http://127.0.0.1:4318"),
        pytest.raises(ImproperlyConfigured, match="extra otel"),
    ):
        telemetry.refuse_missing()
    telemetry.tracer.cache_clear()
