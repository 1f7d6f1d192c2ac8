"""Numbers follow commits, without gaps, whoever writes at once; the audit is chained."""

import threading

import pytest
from django.db import connection, transaction

from cdp.core import sequence
from cdp.core.actions import audit
from cdp.core.models import AuditEntry, Sequence
from cdp.core.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)
TESTER = Actor.system("test")


def numbers() -> list[int]:
    return list(Sequence.objects.filter(stream="audit").order_by("seq").values_list("seq", flat=True))


def test_a_row_is_numbered_only_once_it_is_committed() -> None:
    with transaction.atomic():
        audit(TESTER, "first")
        in_thread(lambda: sequence.number("audit"))
        assert numbers() == []
    sequence.number("audit")
    sequence.number("audit")
    assert numbers() == [1]


def test_many_writers_and_sequencers_at_once_leave_no_gap_and_lose_nothing() -> None:
    def write() -> None:
        for _ in range(20):
            audit(TESTER, "written")

    def count() -> None:
        for _ in range(30):
            sequence.number("audit")

    in_threads([write, write, write, count, count])
    sequence.number("audit")
    assert numbers() == list(range(1, 61))
    assert set(Sequence.objects.values_list("row", flat=True)) == set(AuditEntry.objects.values_list("pk", flat=True))


def test_the_audit_chain_breaks_where_a_row_differs() -> None:
    for action in ("one", "two", "three"):
        audit(TESTER, action)
    sequence.number("audit")
    link = b""
    for number in Sequence.objects.filter(stream="audit").order_by("seq"):
        entry = AuditEntry.objects.get(pk=number.row)
        link = sequence.audit_hash(link, number.seq, entry)
        assert bytes(number.hash) == link
        entry.action = "forged"
        assert sequence.audit_hash(link, number.seq, entry) != link


def in_threads(targets) -> None:
    failures = []

    def run(target) -> None:
        try:
            target()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def in_thread(target) -> None:
    in_threads([target])
