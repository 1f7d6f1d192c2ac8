"""Word of the result: whoever gave, refused or withdrew is told what became of it, in time (Network Act §50(7)).

The lines owed are written with the ledger itself; who sends the word takes them from here and says when it was sent.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from celery import shared_task
from django.db import transaction

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.statements import fetch
from cdp.core.types import Actor, now
from consent import result_sql as sql
from consent.models import ContactChannel, ResultNotice
from consent.types import OwedResult

SYSTEM = Actor.system("consent.clocks")


def owed(at: datetime, within_days: int, limit: int = 1_000) -> list[OwedResult]:
    """What is not sent yet and due by `within_days` days after `at`, or late; first what is due first."""
    return [OwedResult(*row) for row in fetch(sql.OWED_RESULTS, {"at": at, "within": within_days, "limit": limit})]


@transaction.atomic
def note_sent(actor: Actor, results: Collection[int], contact_channel: str) -> int:
    """Write down that word was sent for these; returns how many were waiting. `Refused` for an unknown contact channel."""
    if not ContactChannel.objects.filter(pk=contact_channel).exists():
        raise Refused("unknown_contact_channel", "There is no such contact channel.")
    waiting = ResultNotice.objects.filter(pk__in=results, sent_at=None)
    sent = waiting.update(sent_at=now(), contact_channel=contact_channel)
    audit(actor, "consent.results_sent", count=sent, channel=contact_channel)
    return sent


@transaction.atomic
def flag_late(at: datetime) -> int:
    """Flag what is late at `at`, each once, with an audit row for each person; returns how many."""
    late: list[tuple[UUID, UUID | None, str]] = fetch(sql.FLAG_LATE, {"at": at})
    for line, subject, purpose in late:
        audit(SYSTEM, "consent.result_late", subject=subject, target=str(line), purpose=purpose)
    return len(late)


@shared_task(name="consent.clocks")
def clocks() -> None:
    """What beat sends every hour: harmless at any time and twice at once."""
    while flag_late(now()):
        pass
