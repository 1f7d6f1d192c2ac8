"""Entry points of the worker."""

from celery import shared_task

from segments import actions


@shared_task(name="segments.refresh_due", soft_time_limit=900, time_limit=960)
def refresh_due() -> None:
    """Recompute the published segments that are due."""
    actions.refresh_due()
