"""What a batch run read of the records, and what it takes of it when it clusters them."""

from uuid import UUID

import pytest

from identity import cleaning, queries
from identity.snapshot import SnapshotReading, taken
from identity.types import Cleaned
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
