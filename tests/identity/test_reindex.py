"""A new index key replaces the old one while events come in: nobody is parted, and nobody is ever not found."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from cdp.core import crypto, custody, indexing, reindex
from cdp.core.errors import Refused
from cdp.core.models import IndexKey, Touched
from cdp.core.statements import fetch
from cdp.core.types import Actor
from cdp.events.models import Source
from identity import actions, folding, queries, resolution, sql
from identity import reindex as hooks
from identity.models import BlockedValue, BlockingKey, Identifier, Record
from identity.reading import locked
from tests.core import keyrings
from tests.identity.test_profiles import Sender, partition

pytestmark = pytest.mark.django_db(transaction=True)
TESTER = Actor.system("test")


@pytest.fixture
def sender(settings) -> Sender:
    keyrings.use_fresh(settings)
    return Sender(Source.objects.create(name="shop", channel_id="web", zone="Asia/Seoul", currency="KRW"))


def say(sender: Sender, start: int, stop: int) -> None:
    """Pairs of records that share an e-mail address; each record a phone of its own; all are known by name too."""
    for number in range(start, stop):
        for end in "ab":
            email, phone = f"p{number}@example.com", f"+8210{number:04}{ord(end):04}"
            sender.says(
                f"{end}{number}", "customer", number, identifiers={"email": [email], "phone": [phone]},
                full_name=f"Person {number}", birth_date="1981-03-07", email=email,
            )  # fmt: skip


def arrive(sender: Sender, start: int = 0) -> None:
    """As the pipeline does, an event a transaction."""
    for event in sender.sent[start:]:
        with transaction.atomic():
            changed = folding.fold_events([event], crypto.data_keys([event.record]), locked())
            actions.recluster(changed)


def found(number: int) -> bool:
    return len(queries.profiles_with("email", f"P{number}@Example.com")) == 1


def indexed() -> set[tuple[Any, ...]]:
    """What records are indexed by, however the index key calls it: each row by what it is made of."""
    index = indexing.now()
    expected = {
        (record.id, kind, index.of(kind, value), index.read.number)
        for record in queries.open_records(Record.objects.values_list("pk", flat=True))
        for kind, values in record.folded.identifiers.items()
        for value in values
    }
    rows = Identifier.objects.values_list("record", "kind", "digest", "generation")
    assert {(record, kind, bytes(digest), generation) for record, kind, digest, generation in rows} == expected
    return expected


@contextmanager
def at_once(work: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Do it again and again in another thread meanwhile; its errors."""
    failures: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            while not done.is_set():
                work()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield failures
    finally:
        done.set()
        thread.join()


def test_a_new_index_key_takes_over_while_records_come_and_are_looked_up(sender: Sender, settings, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "BATCH", 7)
    say(sender, 0, 8)
    arrive(sender)
    resolution.resolve()
    before = {bytes(row) for row in Identifier.objects.values_list("digest", flat=True)}
    keyrings.add(settings, "index")
    late, said = Sender(sender.source), iter(range(100, 1000))

    def ingest() -> None:
        at, number = len(late.sent), next(said)
        say(late, number, number + 1)
        arrive(late, at)

    def look_up() -> None:
        assert all(found(number) for number in range(8))

    with at_once(ingest) as failed, at_once(look_up) as missed:
        reindex.run(TESTER)
    assert (failed, missed) == ([], [])
    assert late.sent, "nobody came meanwhile"
    assert not before & {bytes(row) for row in Identifier.objects.values_list("digest", flat=True)}
    assert list(IndexKey.objects.values_list("generation", "key", "state")) == [(2, "2", "read")]
    indexed()
    pairs = len(sender.sent) // 2 + len(late.sent) // 2
    assert len(partition()) == pairs and all(len(records) == 2 for records in partition())
    custody.retire_index_key(TESTER, "1")


def blocking_keys() -> set[tuple[Any, int]]:
    return set(BlockingKey.objects.values_list("record", "key"))


def test_afterwards_everything_is_as_if_the_new_key_had_been_there_from_the_start(sender: Sender, settings) -> None:
    say(sender, 0, 4)
    arrive(sender)
    resolution.resolve()
    old, parted = blocking_keys(), partition()
    keyrings.add(settings, "index")
    call_command("keys", "rotate", "--index", verbosity=0)
    new = blocking_keys()
    assert old and not old & new and len(old) == len(new)
    assert partition() == parted
    Touched.objects.all().delete()
    resolution.resolve()
    assert partition() == parted and blocking_keys() == new
    with transaction.atomic():
        actions.execute(sql.LOCK)
        assert folding.fold_events(sender.sent, crypto.data_keys({e.record for e in sender.sent}), locked()) == set()


def test_a_blocked_value_stays_blocked_also_when_it_was_blocked_halfway(sender: Sender, settings, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "BATCH", 3)
    monkeypatch.setattr(folding, "MOST_HOLDERS", 5)
    for number in range(5):
        sender.says(f"s{number}", "customer", number, identifiers={"phone": ["+821099990000"]})
    for number in range(6):
        sender.says(f"t{number}", "customer", number, identifiers={"phone": ["+821088880000"]})
    arrive(sender)
    assert BlockedValue.objects.count() == 1
    keyrings.add(settings, "index")
    reindex._frozen(lambda: indexing.begin(TESTER, "2"))
    assert next(hooks.fill(indexing.now())) == 3
    sender.says("s5", "customer", 9, identifiers={"phone": ["+821099990000"]})
    arrive(sender, len(sender.sent) - 1)
    reindex.run(TESTER)
    index = indexing.now()
    expected = {index.of("phone", f"+8210{number}0000") for number in (9999, 8888)}
    assert {bytes(row) for row in BlockedValue.objects.values_list("digest", flat=True)} == expected


def held() -> list[tuple[Any, ...]]:
    """What is told of who holds what, the digests aside."""
    records = list(Record.objects.values_list("pk", flat=True))
    return sorted((record, kind, first) for record, kind, _digest, first, _last in fetch(sql.IDENTIFIERS, [records]))


def test_each_value_is_told_once_while_both_keys_stand_and_who_comes_meanwhile_has_both(
    sender: Sender, settings
) -> None:
    say(sender, 0, 3)
    arrive(sender)
    before = held()
    keyrings.add(settings, "index")
    reindex._frozen(lambda: indexing.begin(TESTER, "2"))
    list(hooks.fill(indexing.now()))
    assert Identifier.objects.count() == 2 * len(before) and held() == before
    say(sender, 3, 4)
    arrive(sender, len(sender.sent) - 2)
    before = held()
    reindex._frozen(lambda: indexing.turn(TESTER))
    assert held() == before and len(before) == 16
    assert all(found(number) for number in range(4))
    reindex.run(TESTER)
    assert held() == before
    indexed()


class Killed(BaseException):
    """As a power cut."""


@pytest.mark.parametrize("batches", [0, 1, 3, 5, 7])
def test_killed_anywhere_it_is_simply_run_again(batches: int, sender: Sender, settings, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "BATCH", 2)
    say(sender, 0, 4)
    arrive(sender)
    keyrings.add(settings, "index")
    told: list[int] = []

    def report(_step: str, _done: int) -> None:
        told.append(1)
        if len(told) > batches:
            raise Killed

    with pytest.raises(Killed):
        reindex.run(TESTER, report)
    assert all(found(number) for number in range(4))
    again: list[int] = []
    reindex.run(TESTER, lambda _step, done: again.append(done))
    assert len(again) <= 8 - batches, "what was done is not done again"
    indexed()
    assert all(found(number) for number in range(4))


def test_a_key_that_is_wanted_no_more_is_given_up(sender: Sender, settings) -> None:
    say(sender, 0, 2)
    arrive(sender)
    old = settings.KEYRING
    keyrings.add(settings, "index")
    reindex._frozen(lambda: indexing.begin(TESTER, "2"))
    next(hooks.fill(indexing.now()))
    assert set(Identifier.objects.values_list("generation", flat=True)) == {1, 2}
    keyrings.use(settings, settings.KEYRING.replace('"active": "2"', '"active": "1"'))
    reindex.run(TESTER)
    keyrings.use(settings, old)
    assert len(indexed()) == 8


def test_one_key_at_a_time_and_never_within_a_run(sender: Sender, settings) -> None:
    say(sender, 0, 1)
    arrive(sender)
    keyrings.add(settings, "index")
    with threading_connection() as other:
        other.execute(sql.BEGIN_RUN)
        with pytest.raises(CommandError, match="being resolved"):
            call_command("keys", "rotate", "--index")
    reindex._frozen(lambda: indexing.begin(TESTER, "2"))
    keyrings.add(settings, "index")
    with pytest.raises(Refused, match="at a time"):
        reindex.run(TESTER)


@contextmanager
def threading_connection() -> Iterator[Any]:
    """A connection of somebody else's."""
    with connection.Database.connect(**connection.get_connection_params(), autocommit=True) as other:
        yield other
