"""What a steward should look at: pairs that the model is not sure of, and unions that a constraint refused."""

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from cdp.core.statements import execute, execute_over
from cdp.core.types import uuid7
from identity import sql
from identity.linkage.types import Refusal
from identity.types import Edge

# Refusals that a person can settle; the others follow from rules that need nobody.
WORTH_A_LOOK: Final = frozenset({"birth dates", "given names", "gender", "identifiers", "gray zone"})


def open_refused(refused: Iterable[Refusal]) -> None:
    """Review cases for unions that a constraint refused."""
    rows = [
        (uuid7(), UUID(r.link.left), UUID(r.link.right), r.reason, r.link.weight, Jsonb({"rank": r.link.rank}))
        for r in refused
        if r.reason in WORTH_A_LOOK
    ]
    execute_over(sql.SAVE_CASES, _one_a_pair(rows))


def _one_a_pair(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    best: dict[frozenset[UUID], tuple[Any, ...]] = {}
    for row in sorted(rows, key=lambda row: (row[4], row[3]), reverse=True):
        best.setdefault(frozenset(row[1:3]), row)
    return list(best.values())


def open_gray(edges: Iterable[Edge]) -> None:
    """Review cases for pairs that the model finds likely but not sure."""
    execute_over(
        sql.SAVE_CASES,
        [(uuid7(), edge.left, edge.right, "gray zone", edge.weight, Jsonb(edge.levels)) for edge in edges],
    )


def retire(records: Collection[UUID]) -> None:
    """Close the open cases of pairs of these records that are in one profile: nothing is left to decide."""
    execute(sql.RETIRE_CASES, {"records": list(records)})
