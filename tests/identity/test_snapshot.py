"""What a batch run read of the records, and what it takes of it when it clusters them."""

from uuid import UUID

import pytest

from identity import fold, queries
from identity.snapshot import SnapshotReading, taken
from identity.types import OpenRecord
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
    opened = {record.id: record for record in queries.open_records([kept, changed])}
    asked: list[UUID] = []

    def opening(ids: list[UUID], keys: object) -> list[OpenRecord]:
        asked.extend(ids)
        return [opened[record] for record in ids]

    monkeypatch.setattr(queries, "open_records", opening)
    found = {record.id: record for record in SnapshotReading(snapshot).records([changed, kept])}
    assert asked == [changed]
    for record, now in opened.items():
        assert fold.cleaned(found[record].folded) == fold.cleaned(now.folded)
        assert (found[record].version, found[record].profile) == (now.version, now.profile)
