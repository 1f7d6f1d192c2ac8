"""Reads of review cases and of what stewards said of them.

An open case that was drawn at random is told blind, whoever asks: its answer measures the model, so that whoever answers
must not know what the model made of the pair (docs/adr/0006).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Case as Either
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import Actor
from identity.models import Record, ReviewCase, Verdict
from identity.types import Case, ReviewProgress

SETTLED = (ReviewCase.State.SAME, ReviewCase.State.DIFFERENT)
# Why a case is open of which no more may be told.
DRAWN: Final = "drawn"
BLIND: Final = Q(state=ReviewCase.State.OPEN) & ~Q(stratum=ReviewCase.Stratum.NONE)


def as_told(rows: QuerySet[ReviewCase]) -> QuerySet[Any]:
    """Cases with `told_reason` and `told_weight`: what may be shown of them, filtered and sorted by."""
    return rows.annotate(
        told_reason=Either(When(BLIND, then=Value(DRAWN)), default=F("reason")),
        told_weight=Either(When(BLIND, then=None), default=F("weight")),
    )


def page(
    limit: int, after: tuple[float, UUID] | None = None, state: str = "open", reason: str = ""
) -> tuple[list[Case], bool]:
    """Up to `limit` cases in the order of the queue, and whether there are more; see `queries.review_cases`."""
    rows = as_told(ReviewCase.objects.filter(state=state))
    if reason:
        rows = rows.filter(told_reason=reason)
    if after:
        rows = rows.filter(Q(priority__lt=after[0]) | Q(priority=after[0], id__gt=after[1]))
    found = list(rows.order_by("-priority", "id")[: limit + 1])
    return _views(found[:limit]), len(found) > limit


def find(pk: UUID) -> Case:
    """One case. Raises `Refused`, `not_found`."""
    found = as_told(ReviewCase.objects.filter(pk=pk)).first()
    if found is None:
        raise Refused("not_found", _("There is no such review case."))
    return _views([found])[0]


def _views(rows: Sequence[Any]) -> list[Case]:
    """Cases, of `as_told`, with the profiles that their records are in now."""
    ends = {record for row in rows for record in (row.left, row.right)}
    home = dict(Record.objects.filter(pk__in=ends).values_list("pk", "profile_id"))
    doubted = Verdict.objects.filter(case__in=rows, word=Verdict.Word.NOT_SURE).values_list("case_id", flat=True)
    doubts = Counter(doubted)
    return [
        Case(
            id=row.pk, left=row.left, right=row.right, blind=row.blind,
            profiles=() if row.blind else (home.get(row.left), home.get(row.right)),
            reason=row.told_reason, stratum="" if row.blind else row.stratum, weight=row.told_weight,
            priority=row.priority, state=row.state, assignee=row.assignee, assigned_at=row.assigned_at,
            decided_by=row.decided_by, decided_at=row.decided_at, created_at=row.created_at, doubts=doubts[row.pk],
        )
        for row in rows
    ]  # fmt: skip


def today() -> datetime:
    """The start of the day, in the deployment's zone: what was handed out before is free again."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def handed_out(actor: Actor) -> int:
    """How many cases a steward was given today, decided or not."""
    given = Q(assignee=actor.name, assigned_at__gte=today())
    told = Q(verdicts__actor=actor.name, verdicts__at__gte=today())
    return ReviewCase.objects.filter(given | told).distinct().count()


def settled() -> QuerySet[ReviewCase]:
    """The cases that a steward's verdict decided, same or different."""
    said = Verdict.objects.filter(case=OuterRef("pk"), word=OuterRef("state"))
    return ReviewCase.objects.filter(Exists(said), state__in=SETTLED)


def agreement() -> tuple[int, int]:
    """(verdicts that say what the model found likelier, all verdicts on pairs that the model had scored)."""
    same, different = SETTLED
    agreed = Q(state=same, weight__gt=0) | Q(state=different, weight__lt=0)
    told = settled().exclude(weight=0).aggregate(agreed=Count("pk", filter=agreed), compared=Count("pk"))
    return told["agreed"], told["compared"]


def progress(actor: Actor) -> ReviewProgress:
    """How far review has come."""
    over = ReviewCase.objects.filter(state__in=(*SETTLED, ReviewCase.State.UNDECIDED))
    waiting = ReviewCase.objects.filter(state=ReviewCase.State.OPEN)
    counts = handed_out(actor), int(settings.REVIEW_DAILY_LIMIT), waiting.count(), over.count()
    return ReviewProgress(*counts, *agreement())
