"""Entry points of the lake."""

from celery import shared_task

from cdp.lake import actions


@shared_task(name="lake.keep_up")
def keep_up() -> None:
    """Bring the lake up to what is committed. Harmless at any time and twice at once."""
    actions.keep_up()


@shared_task(name="lake.reconcile")
def reconcile() -> None:
    """Drop what PostgreSQL no longer holds. Harmless at any time and twice at once."""
    actions.reconcile()
