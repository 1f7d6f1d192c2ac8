"""What one request or task sets off can be followed: its id stands in each line of the log, goes with the tasks that it
sends, and is in its answer.

An id from outside is taken only where it is 32 hexadecimal digits, as proxies make them: nothing personal is.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from celery.signals import (
    after_task_publish,
    beat_embedded_init,
    beat_init,
    before_task_publish,
    heartbeat_sent,
    task_postrun,
    task_prerun,
)
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from redis.exceptions import RedisError

from cdp.core import heartbeat, telemetry
from cdp.core.logs import request_id, task_name
from cdp.core.types import uuid7

HEADER, TASK_HEADER = "X-Request-ID", "cdp_request"
_GIVEN = re.compile(r"[0-9a-f]{32}")
_INGESTION = re.compile(r"/(v1|beacon|sourceConfig|rsaMetrics)\b")
# After how many seconds a worker says again that it lives.
NOTED_AFTER = 10.0
_noted = [float("-inf")]
_log = logging.getLogger("cdp.request")
_tasks = logging.getLogger("cdp.task")


class FollowRequests:
    """Gives each request its id, tells the log what became of it (by its route, never its address), and counts what was
    refused for want of strength, at the doors for SDKs for whatever reason, or failed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began, given = time.monotonic(), request.headers.get(HEADER, "")
        token = request_id.set(given if _GIVEN.fullmatch(given) else uuid7().hex)
        try:
            with telemetry.request(request) as told:
                response = self.get_response(request)
                told(_route(request), response.status_code)
            response[HEADER] = request_id.get()
            _tell(request, response.status_code, time.monotonic() - began)
            return response
        finally:
            request_id.reset(token)


def _route(request: HttpRequest) -> str:
    """The pattern of the address, which holds nobody's values."""
    return request.resolver_match.route if request.resolver_match else "(unknown)"


def _tell(request: HttpRequest, status: int, seconds: float) -> None:
    method, route, ms = str(request.method), _route(request), int(1000 * seconds)
    fields = {"method": method, "route": route, "status": status, "ms": ms}
    _log.info("%s %s %d in %d ms", method, route, status, ms, extra={"fields": fields})
    if status in (429, 503) or (status >= 400 and _INGESTION.match(request.path)) or status >= 500:
        _quietly(heartbeat.note_answer, _door(request.path), status)


def _door(path: str) -> str:
    if _INGESTION.match(path):
        return "ingestion"
    return "api" if path.startswith("/api/") else "console"


@before_task_publish.connect
def _send_along(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """A task is of the request, or task, that sends it."""
    if headers is not None:
        headers[TASK_HEADER] = request_id.get() or uuid7().hex
        telemetry.send_along(headers)


@task_prerun.connect
def _task_begins(task: Any = None, **_: Any) -> None:
    given = str((task.request.headers or {}).get(TASK_HEADER) or "")
    request_id.set(given if _GIVEN.fullmatch(given) else uuid7().hex)
    task_name.set(task.name)
    telemetry.task_begins(task)


@task_postrun.connect
def _task_ends(task: Any = None, state: str | None = None, retval: Any = None, **_: Any) -> None:
    _tasks.info("%s %s", task.name, state, extra={"fields": {"state": state}})
    telemetry.task_ends(task, retval if isinstance(retval, BaseException) else None)
    request_id.set("")
    task_name.set("")


@heartbeat_sent.connect
def _worker_lives(sender: Any = None, **_: Any) -> None:
    """Sent by the first process of a worker every two seconds, whatever its others do."""
    if time.monotonic() - _noted[0] >= NOTED_AFTER:
        _noted[0] = time.monotonic()
        _quietly(heartbeat.note_worker, sender.eventer.hostname)


@beat_init.connect
@beat_embedded_init.connect
def _follow_beat(**_: Any) -> None:
    after_task_publish.connect(_beat_lives, weak=False)


def _beat_lives(**_: Any) -> None:
    _quietly(heartbeat.note_beat)


def _quietly(note: Callable[..., None], *about: Any) -> None:
    """What cannot be noted holds nobody up."""
    try:
        note(*about)
    except (RedisError, OSError) as error:
        _log.warning("Redis keeps no note: %s", type(error).__name__)
