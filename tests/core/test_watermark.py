"""A mark never passes a transaction that is still under way."""

import threading
from uuid import UUID

import pytest
from django.db import connection, transaction

from cdp.core import watermark
from cdp.core.models import Watermark

pytestmark = pytest.mark.django_db(transaction=True)


def txid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text::bigint")
        return cursor.fetchone()[0]


def test_rows_of_an_open_transaction_stay_ahead_of_the_mark() -> None:
    opened, seen, close = threading.Event(), {}, threading.Event()

    def late_writer() -> None:
        with transaction.atomic():
            seen["late"] = txid()
            opened.set()
            close.wait(10)
        connection.close()

    writer = threading.Thread(target=late_writer)
    writer.start()
    opened.wait(10)
    with transaction.atomic():
        early = txid()
    with transaction.atomic():
        below = watermark.take("test").below
    close.set()
    writer.join()
    assert seen["late"] >= below, "the row of a transaction under way would be skipped for good"
    assert early > seen["late"]
    with transaction.atomic():
        assert watermark.take("test").below > early


def test_a_mark_moves_and_is_kept_and_starts_over_on_another_database() -> None:
    with transaction.atomic():
        watermark.take("test").move(7, UUID(int=7))
    with transaction.atomic():
        mark = watermark.take("test")
        assert (mark.txid, mark.row) == (7, UUID(int=7))
    Watermark.objects.update(system_identifier="restored elsewhere")
    with transaction.atomic():
        assert watermark.take("test").txid == 0


def test_a_second_worker_passes_by() -> None:
    with transaction.atomic():
        watermark.take("test")
    other = []

    def second() -> None:
        with transaction.atomic():
            other.append(watermark.take("test"))
        connection.close()

    with transaction.atomic():
        assert watermark.take("test") is not None
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(60)
    assert other == [None]
