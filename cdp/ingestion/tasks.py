"""What a worker does with quarantine."""

from celery import shared_task
from django.conf import settings

from cdp.core import wake
from cdp.ingestion import replay


@shared_task(name=settings.QUARANTINE_TASK)
def work_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered(settings.QUARANTINE_TASK)
    replay.work()
