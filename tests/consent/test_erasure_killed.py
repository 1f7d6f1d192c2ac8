"""An erasure killed before and after every commit, and started again each time, ends as an undisturbed one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cdp import pipeline
from cdp.core.models import AuditEntry
from consent import journal
from consent.request_models import Erasure, KeptTransaction
from tests.consent.erased import approved, erased, holding, somebody
from tests.consent.eraser import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def eraser(tmp_path: Path, settings: Any) -> Iterator[Any]:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")
    with worker(tmp_path, settings.ERASURE_JOURNAL) as ask:
        yield ask


def test_killed_around_every_commit_it_ends_the_same(eraser: Any) -> None:
    undisturbed = outcome(erased(somebody("u1")).pk)
    record = somebody("u2", "second@shop.example", "010-7777-6666")
    pk = approved(record).erasure.pk
    ends = []
    # Before the next commit, then before the one after it: each commit is died before of, and after.
    while len(ends) < 60 and (end := eraser(str(pk), 1 + len(ends) % 2)) == "killed":
        ends.append(end)
    assert len(ends) >= 18 and end == "done"
    pipeline.advance()
    assert outcome(pk) == undisturbed
    assert holding(str(record)) == set()


def outcome(pk: UUID) -> Any:
    """All that an erasure leaves behind, less ids and times."""
    erasure = Erasure.objects.get(pk=pk)
    steps = list(erasure.steps.order_by("place").values_list("hook", "counts"))
    certificate = {**erasure.certificate, "finished_at": "", "erased": _counted(erasure), "severed": ""}
    kept = list(KeptTransaction.objects.filter(erasure=pk).values_list("statute", "name", "revenue"))
    known = {entry.erasure: entry for entry in journal.entries()}[pk]
    told = AuditEntry.objects.filter(target=str(pk)).values_list("action", flat=True)
    return erasure.state, erasure.records, steps, certificate, kept, known.done, known.records, sorted(told)


def _counted(erasure: Erasure) -> dict[str, int]:
    return {store: rows for store, rows in erasure.certificate["erased"].items() if rows}
