"""Replacing the index key while the system runs (see `cdp.core.indexing`): what each package does for its own digests.

`run` begins a generation of the keyring's active index key, has every record indexed by it too, makes it the one that is
read, and deletes what the one before left. Each step is a short transaction and notes how far it has come: killed
anywhere, it is simply run again.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Protocol, cast

from django.conf import settings
from django.db import transaction

from cdp.core import indexing
from cdp.core.indexing import BlindIndex, Generation
from cdp.core.keyring import keys
from cdp.core.types import Actor


class ReindexHooks(Protocol):
    """A package's own knowledge of its blind indexes."""

    def freeze(self) -> None:
        """Keep everybody else from writing digests until the caller's transaction is over. Raises `Refused` when work is
        under way that must not see another generation halfway."""

    def fill(self, index: BlindIndex) -> Iterator[int]:
        """Index what is not yet by the generation that is filled, a batch a transaction; yields the size of each. From the
        end of it on, whoever writes keeps it complete."""

    def clear(self, index: BlindIndex) -> Iterator[int]:
        """Delete, or write anew under the generation that is read, what those that are left indexed; as `fill`."""

    def rows(self, generation: int) -> int:
        """How many rows name a generation."""


def hooks() -> list[ReindexHooks]:
    """Those of `settings.REINDEX_HOOKS`, in that order."""
    return [cast(ReindexHooks, import_module(name)) for name in settings.REINDEX_HOOKS]


def rows(generation: int) -> int:
    """How many rows of all packages name a generation."""
    return sum(hook.rows(generation) for hook in hooks())


def run(actor: Actor, report: Callable[[str, int], None] = lambda step, done: None) -> None:
    """Index everything by the keyring's active index key, and nothing by any other; tells of each step how many are done.

    Harmless to run again. Raises `Refused` as `freeze` and `indexing.begin`.
    """
    wanted = keys().index.active
    if indexing.now().read.key_id == wanted:
        _frozen(lambda: indexing.abandon(actor))
    clear(actor, report)
    if indexing.now().read.key_id != wanted:
        _frozen(lambda: indexing.begin(actor, wanted))
        _tell("filling", (hook.fill(indexing.now()) for hook in hooks()), report)
        _frozen(lambda: indexing.turn(actor))
        clear(actor, report)


def clear(actor: Actor, report: Callable[[str, int], None]) -> None:
    """Delete what replaced generations left."""
    index = indexing.now()
    for generation in left(index):
        _tell("clearing", (hook.clear(index) for hook in hooks()), report)
        indexing.drop(actor, generation)


def left(index: BlindIndex) -> list[Generation]:
    """The generations that were replaced."""
    return [generation for generation in index.generations if generation.state == indexing.State.LEFT]


@transaction.atomic
def _frozen(change: Callable[[], None]) -> None:
    for hook in hooks():
        hook.freeze()
    change()


def _tell(step: str, works: Iterator[Iterator[int]], report: Callable[[str, int], None]) -> None:
    done = 0
    for work in works:
        for size in work:
            done += size
            report(step, done)
