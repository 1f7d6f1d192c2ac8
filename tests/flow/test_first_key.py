"""The very first key-encryption key, made by whoever writes first, while others write too."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from cdp.core import crypto
from cdp.core.models import DataKey, KeyEncryptionKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_new_installation() -> None:
    assert not KeyEncryptionKey.objects.exists()


def write(begun: Event, may_commit: Event) -> UUID:
    """A writer of a thread and connection of its own, which commits when it may."""
    try:
        with transaction.atomic():
            record = uuid4()
            crypto.data_keys([record])
            begun.set()
            assert may_commit.wait(20)
        return record
    finally:
        connection.close()


def test_two_threads_of_a_new_installation_write_at_once() -> None:
    first, second, go, ready = Event(), Event(), Event(), Event()
    ready.set()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(write, first, go)
        assert first.wait(20)
        other = pool.submit(write, second, ready)
        second.wait(0.5)
        go.set()
        records = {one.result(20), other.result(20)}
    assert set(DataKey.objects.values_list("record", flat=True)) == records
    assert KeyEncryptionKey.objects.count() == 1


def test_a_first_write_that_fails_takes_its_key_with_it() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        crypto.data_keys([uuid4()])
        raise RuntimeError
    with transaction.atomic():
        crypto.data_keys([uuid4()])
    assert KeyEncryptionKey.objects.count() == 1
