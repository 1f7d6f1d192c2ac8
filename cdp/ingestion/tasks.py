"""What a worker does with quarantine, and for each place that rows are fetched from."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from cdp.core import wake
from cdp.ingestion import pulls, replay, uploads


@shared_task(name=settings.QUARANTINE_TASK)
def work_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered(settings.QUARANTINE_TASK)
    replay.work()


@shared_task(name="pulls.work")
def pulls_task() -> None:
    """Sent by beat; harmless at any time and twice at once."""
    for place in pulls.due():
        wake.wake(settings.PULL_TASK, str(place))


@shared_task(name=settings.PULL_TASK)
def pull_task(place: str) -> None:
    """What one place has, for a minute; it is asked for again while there is more."""
    wake.answered(settings.PULL_TASK, place)
    if pulls.fetch_due(UUID(place)):
        wake.wake(settings.PULL_TASK, place)


@shared_task(name=settings.UPLOAD_TASK)
def uploads_task() -> None:
    """Wake-up without state: files that were uploaded are imported, and forgotten."""
    wake.answered(settings.UPLOAD_TASK)
    uploads.work()
