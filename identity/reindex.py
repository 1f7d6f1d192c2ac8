"""Indexing every record by a new index key, and deleting what the old one left: identifiers, blocked values, blocking keys.

Everything is computed anew from the records themselves, which keep each normalised value sealed.
"""

from collections.abc import Callable, Iterator
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import indexing
from cdp.core.errors import Refused
from cdp.core.indexing import BlindIndex, Generation
from cdp.core.reindex import left
from cdp.core.statements import column, execute
from identity import folding, online, queries, sql

BATCH = 1_000


def freeze() -> None:
    """Take the identity lock, under which all digests are written, and keep batch runs out, which read them for long.

    Raises `Refused`, `run_under_way`.
    """
    if column(sql.KEEP_RUNS_OUT) != [True]:
        raise Refused("run_under_way", _("Identities are being resolved: rotate again when that is done."))
    execute(sql.LOCK)


def fill(index: BlindIndex) -> Iterator[int]:
    """Index every record by the generation that is filled too, in the order of their ids."""
    assert index.filled is not None  # noqa: S101 - the caller has just begun it
    return _each_batch(index.filled, _fill)


def clear(index: BlindIndex) -> Iterator[int]:
    """Delete what the generations that were replaced indexed."""
    for generation in left(index):
        execute(sql.CLEAR_BLOCKED_VALUES, [[generation.number]])
        yield from _each_batch(generation, _clear)


def rows(generation: int) -> int:
    """Identifiers and blocked values of a generation. (Blocking keys do not tell theirs.)"""
    [found] = column(sql.INDEXED_ROWS, {"generation": generation})
    return int(found)


def _each_batch(generation: Generation, work: Callable[[list[UUID]], None]) -> Iterator[int]:
    """From where an earlier run of it came to; each batch in a transaction of its own."""
    while records := _next_batch(generation, work):
        yield len(records)


@transaction.atomic
def _next_batch(generation: Generation, work: Callable[[list[UUID]], None]) -> list[UUID]:
    execute(sql.LOCK)
    done = indexing.position(generation) or UUID(int=0)
    records: list[UUID] = column(sql.RECORDS_AFTER, [done, BATCH])
    if records:
        work(records)
        indexing.done_to(generation, records[-1])
    return records


def _fill(records: list[UUID]) -> None:
    index = indexing.now()
    folded = {record.id: record.folded for record in queries.open_records(records)}
    folding.save_identifiers(folded, index)
    folding.carry_blocks(folded, index)
    online.keep_all_keys(records)


def _clear(records: list[UUID]) -> None:
    execute(sql.CLEAR_IDENTIFIERS, [records, [generation.number for generation in left(indexing.now())]])
    online.keep_all_keys(records)
