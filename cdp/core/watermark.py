"""Commit-safe marks: a stage reads rows in order of (transaction id, row id), and only of transactions that are over.

`max(id)` would skip rows of transactions that commit late; below the snapshot's xmin nothing can appear any more.
"""

from dataclasses import dataclass
from uuid import UUID

from cdp.core import sql
from cdp.core.statements import execute, prepared

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
        prepared(sql.MOVE_MARK, [txid, row, self.stage])


def take(stage: str) -> Mark | None:
    """Lock the stage's mark until commit; None when another worker has it. Starts over on another database."""
    return _locked(stage) or _first(stage)


def _locked(stage: str) -> Mark | None:
    for txid, row, below, of_this_database in prepared(sql.TAKE_MARK, [stage]):
        if not of_this_database:
            execute(sql.RESTART_MARK, [stage])
            return Mark(stage, 0, _FIRST, below)
        return Mark(stage, txid, row or _FIRST, below)
    return None


def _first(stage: str) -> Mark | None:
    """The same where the stage had none, unless another worker has it."""
    execute(sql.SAVE_MARK, [stage])
    return _locked(stage)
