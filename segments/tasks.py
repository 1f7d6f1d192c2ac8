"""What a worker does about deliveries and export files: a destination that is sent some has a task of its own."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from cdp.core import wake
from segments import deliveries, delivery_plan, export_jobs


@shared_task(name="deliveries.work")
def work_task() -> None:
    """Sent by beat; harmless at any time and twice at once."""
    delivery_plan.lay_out()
    for destination in deliveries.waiting():
        wake.wake(settings.DELIVERY_TASK, str(destination))


@shared_task(name=settings.DELIVERY_TASK, soft_time_limit=120, time_limit=150)
def send_task(destination: str) -> None:
    """What is due for one destination; it ends at the first failure, so a slow one holds a worker for one try."""
    wake.answered(settings.DELIVERY_TASK, destination)
    if deliveries.send_due(UUID(destination)):
        wake.wake(settings.DELIVERY_TASK, destination)


@shared_task(name="deliveries.look_again")
def look_again_task() -> None:
    """Sent by beat every hour: who may be told of no longer because time is over."""
    delivery_plan.look_again()


@shared_task(name=settings.EXPORT_TASK)
def exports_task() -> None:
    """Sent where a file is asked for, and by beat; harmless at any time and twice at once."""
    wake.answered(settings.EXPORT_TASK)
    export_jobs.work()
