"""The Celery application: worker and beat."""

import logging.config
import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init

import cdp.core.tracing  # noqa: F401 - its receivers
from cdp.core import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
# Only where the command is Celery's own: Django imports this module too, and then has its own entry point.
if Path(sys.argv[0]).name == "celery" or Path(sys.argv[0]).parent.name == "celery":
    startup.prepare()

app = Celery("cdp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["cdp"], related_name="pipeline")
app.autodiscover_tasks(["consent"], related_name="results")
app.autodiscover_tasks(["cdp.events.quality"], related_name="judging")


@setup_logging.connect
def _log_without_values(loglevel: int | None = None, **_: Any) -> None:
    """Celery's own set-up would print what exceptions say."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
    if loglevel is not None:
        logging.getLogger().setLevel(loglevel)


@worker_init.connect
def _refuse_unsafe(**_: Any) -> None:
    """Celery goes on after an exception of a receiver; so this ends the process."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    try:
        startup.refuse_unsafe()
    except (ImproperlyConfigured, DatabaseError) as error:
        raise SystemExit(f"The worker does not start: {error}") from None
