"""Whatever a clock says, what is kept can be shown in every zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingestion.clock import EARLIEST, event_time

RECEIVED = datetime(2026, 11, 21, 12, tzinfo=UTC)
ZONES = [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Los_Angeles")]


@given(st.datetimes(timezones=st.just(UTC)), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_every_time_can_be_shown_everywhere(said: datetime, sent: datetime | None) -> None:
    occurred, _, flags = event_time(said.isoformat(), sent and sent.isoformat(), RECEIVED)
    assert all(occurred.astimezone(zone) for zone in ZONES)
    assert occurred >= EARLIEST or flags == ("clock",)


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_an_impossible_time_becomes_that_of_receipt(said: str) -> None:
    assert event_time(said, None, RECEIVED) == (RECEIVED, None, ("clock",))


def test_an_old_time_is_kept_and_flagged() -> None:
    assert event_time("1969-12-31T23:59:59Z", None, RECEIVED) == (
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        None,
        ("clock",),
    )
