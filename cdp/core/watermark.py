"""Commit-safe marks: a stage reads rows in order of (transaction id, row id), and only of transactions that are over.

`max(id)` would skip rows of transactions that commit late; below the snapshot's xmin nothing can appear any more.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from cdp.core import sql
from cdp.core.models import Watermark
from cdp.core.types import now

_FIRST = UUID(int=0)


@dataclass
class Mark:
    """Rows with (txid, id) > (`txid`, `row`) and txid < `below` are to be done."""

    stage: str
    txid: int
    row: UUID
    below: int

    def move(self, txid: int, row: UUID) -> None:
        """Say that all up to and including this row is done; in the transaction that did it."""
        self.txid, self.row = txid, row
        Watermark.objects.filter(stage=self.stage).update(txid=txid, row=row, moved_at=now())


def take(stage: str) -> Mark | None:
    """Lock the stage's mark until commit; None when another worker has it. Starts over on another database."""
    with connection.cursor() as cursor:
        cursor.execute(sql.STABLE_BELOW)
        below, system = cursor.fetchone()
    mark = _locked(stage)
    if mark is None:  # another worker has it, or it is the first
        Watermark.objects.get_or_create(stage=stage, defaults={"system_identifier": system})
        mark = _locked(stage)
    if mark is None:
        return None
    if mark.system_identifier != system:
        mark.system_identifier, mark.txid, mark.row = system, 0, None
        mark.save()
    return Mark(stage, mark.txid, mark.row or _FIRST, below)


def _locked(stage: str) -> Watermark | None:
    return Watermark.objects.select_for_update(skip_locked=True).filter(stage=stage).first()
