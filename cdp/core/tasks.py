"""What a worker does for the house itself."""

from celery import shared_task

from cdp.core import heartbeat


@shared_task(name="heartbeat.note")
def heartbeat_task() -> None:
    """Sent by beat; harmless at any time."""
    heartbeat.note()
