"""Is the process alive, and could it answer? No personal value, no detail an outsider could use."""

from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and Redis answer, else 503 with which of them does not."""
    answers = {"database": _answers(_ask_database), "redis": _answers(_ask_redis)}
    return JsonResponse(answers, status=200 if all(answers.values()) else 503)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (DatabaseError, RedisError, OSError):
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


def _ask_redis() -> None:
    cache.get("readyz")


health_urlpatterns = [path("healthz", healthz, name="healthz"), path("readyz", readyz, name="readyz")]
