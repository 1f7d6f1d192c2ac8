"""The Celery application: worker and beat."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

from cdp.core import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
startup.prepare()

app = Celery("cdp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["cdp"], related_name="pipeline")


@worker_init.connect
def _refuse_unsafe(**_: Any) -> None:
    startup.refuse_unsafe()
