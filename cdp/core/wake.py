"""Waking the workers: one task on commit, coalesced, never one a request; its arguments are ids of few, long-lived rows."""

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def wake(task: str = settings.WAKE_TASK, *of: str) -> None:
    """Ask for one run of the pipeline, or of another task (`of` some row), once the present transaction is committed."""
    transaction.on_commit(partial(_send_once, task, *of))


def answered(task: str = settings.WAKE_TASK, *of: str) -> None:
    """The task has begun: what comes from now on needs another."""
    cache.delete(_pending(task, *of))


def _pending(task: str, *of: str) -> str:
    return ":".join(("cdp:wake", task, *of))


def _send_once(task: str, *of: str) -> None:
    try:
        if cache.add(_pending(task, *of), 1, timeout=10):
            current_app.send_task(task, args=of)
    except (OSError, RedisError, KombuError) as error:
        # Beat wakes it too: a broker that is away delays, and loses nothing.
        logger.warning("The broker is away (%s); beat will wake %s.", type(error).__name__, task)
