"""Waking the pipeline: one argument-less task on commit, coalesced, never one a request."""

import logging

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
_PENDING = "cdp:wake"


def wake() -> None:
    """Ask for one run of the pipeline once the present transaction is committed."""
    transaction.on_commit(_send_once)


def answered() -> None:
    """The task has begun: what comes from now on needs another."""
    cache.delete(_PENDING)


def _send_once() -> None:
    try:
        if cache.add(_PENDING, 1, timeout=10):
            current_app.send_task(settings.WAKE_TASK)
    except (OSError, RedisError, KombuError) as error:
        # Beat wakes it too: a broker that is away delays, and loses nothing.
        logger.warning("The broker is away (%s); beat will wake the pipeline.", type(error).__name__)
