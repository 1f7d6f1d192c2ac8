"""What a worker does about privacy: codes, notices, erasures, and what is to be destroyed in time."""

from celery import shared_task
from django.conf import settings

from cdp.core import wake
from cdp.core.types import now
from consent import challenges, erasure, notices, retention
from consent.clocks import ZONE


@shared_task(name=settings.PRIVACY_TASK)
def work_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered(settings.PRIVACY_TASK)
    work()


def work() -> None:
    """Do whatever waits: people are answered first, erasing may take long."""
    challenges.send_codes()
    notices.send_waiting()
    if erasure.run_open():
        notices.send_waiting()
    challenges.drop_expired()
    notices.forget_old_addresses()
    erasure.destroy_expired(now().astimezone(ZONE).date())


@shared_task(name=settings.RETENTION_TASK)
def retention_task() -> None:
    """Sent by beat every night; harmless at any time and twice at once."""
    retention.run()
