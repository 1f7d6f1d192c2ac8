"""What a batch run read of the records, and what it takes of it when it clusters them."""

from uuid import UUID

import pytest

from identity import cleaning, queries, resolution
from identity.models import Record
from identity.snapshot import SnapshotReading, taken
from identity.types import Cleaned, OpenRecord
from tests.identity.test_profiles import Sender

pytestmark = pytest.mark.django_db


def test_a_record_is_taken_as_it_was_read_and_opened_again_once_it_has_changed(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, changed = (sender.says(name, "customer", full_name=f"{name} Jones") for name in ("Ann", "Bob"))
    sender.arrives()
    snapshot = taken(queries.person_records())
    sender.says("Bob", "customer", minute=1, full_name="Robert Smith")
    sender.arrives(sender.sent[2:])
    now = cleaning.read(sorted([kept, changed]))
    asked: list[UUID] = []

    def reading(ids: list[UUID]) -> list[Cleaned]:
        asked.extend(ids)
        return [record for record in now if record.id in ids]

    monkeypatch.setattr(cleaning, "read", reading)
    assert SnapshotReading(snapshot).cleaned([changed, kept]) == now
    assert asked == [changed]


def test_a_run_keeps_what_was_not_kept_yet(sender: Sender) -> None:
    """As of records that an earlier release folded."""
    sender.says("Ann", "customer", full_name="Ann Jones")
    sender.arrives()
    resolution.resolve()
    Record.objects.update(cleaned=None)
    resolution.resolve()
    assert not Record.objects.filter(cleaned=None).exists()


def test_who_is_erased_while_it_is_read_is_left_out(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    record = sender.says("Ann", "customer", full_name="Ann Jones")
    sender.arrives()
    Record.objects.update(cleaned=None)
    opened = queries.open_records

    def erased_first(ids: list[UUID]) -> list[OpenRecord]:
        Record.objects.filter(pk__in=ids).delete()
        return opened(ids)

    monkeypatch.setattr(queries, "open_records", erased_first)
    assert cleaning.read([record]) == []
