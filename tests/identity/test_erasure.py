"""Who is erased while a worker folds their events does not come back."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from cdp.core import crypto
from cdp.core.models import DataKey
from cdp.events.actions import store
from cdp.events.models import Source
from cdp.events.types import NewEvent
from identity import privacy
from identity.actions import fold_next
from identity.models import Record

pytestmark = pytest.mark.django_db(transaction=True)


def says(source: Source, message: str, **attributes: str) -> NewEvent:
    record = crypto.record_id(source.pk, "user", "u1")
    return NewEvent(
        source=source.pk, message_id=message, type="identify", name="Identify", record=record, kind="user", brand="",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC), sealed={"external_id": "u1", "attributes": attributes},
    )  # fmt: skip


def test_an_erasure_that_is_faster_than_a_fold_is_final(source: Source) -> None:
    first = says(source, "1", full_name="Amelia Pennington")
    store([first])
    while fold_next(100):
        pass
    store([says(source, "2", email="amelia@shop.example")])
    begun, folded = threading.Event(), threading.Event()

    def fold() -> None:
        begun.wait(60)
        fold_next(100)
        folded.set()
        connection.close()

    worker = threading.Thread(target=fold)
    worker.start()
    with transaction.atomic():
        privacy.erase([first.record])
        begun.set()
        assert not folded.wait(1), "the fold must wait for the erasure"
        DataKey.objects.filter(record=first.record).delete()
    worker.join(60)
    assert folded.is_set()
    assert not Record.objects.exists() and not DataKey.objects.filter(record=first.record).exists()
