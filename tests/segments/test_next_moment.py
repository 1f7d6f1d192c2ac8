"""A published segment is looked at again when time alone may have changed it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cdp.core.types import now
from segments import actions, membership
from segments.models import Segment
from tests.segments.people import NOW, happened, members_of, person, segment

SEOUL = ZoneInfo("Asia/Seoul")
BIRTHDAY = {"trait": "birth_month", "op": "eq", "value": {"this": "month"}}
CALLED = {"event": "Call Completed"}
SILENT = {"sequence": [CALLED], "then_not": {"event": "Order Completed"}, "for": {"hours": 2}}


def due_after(rule: object, as_of: datetime, **fields: Any) -> datetime:
    """When a segment is due again once it has been computed as of a moment."""
    made = segment(rule=rule, zone="Asia/Seoul", **fields)
    actions.recompute(made.pk, as_of)
    due_at = Segment.objects.get(pk=made.pk).due_at
    assert due_at is not None
    return due_at


@pytest.mark.django_db
def test_a_month_ends_at_its_last_midnight_in_the_zone() -> None:
    today = now().astimezone(SEOUL)
    first = (today.replace(day=1) + timedelta(days=31)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert due_after(BIRTHDAY, first - timedelta(minutes=5), refresh_minutes=100_000) == first


@pytest.mark.django_db
def test_the_interval_stays_where_time_changes_nothing_sooner() -> None:
    before = now()
    assert due_after(CALLED, before) >= before + timedelta(minutes=60)
    assert due_after(BIRTHDAY, before, key="b", refresh_minutes=1) <= now() + timedelta(minutes=1)


@pytest.mark.django_db
@pytest.mark.parametrize(("within", "minutes"), [({"minutes": 5}, 5), ({"seconds": 20}, 1), ({"hours": 9}, 60)])
def test_a_short_window_is_looked_at_once_in_its_own_length(within: dict[str, int], minutes: int) -> None:
    before, length = now(), timedelta(minutes=minutes)
    assert before + length <= due_after(CALLED | {"within": within}, before) <= now() + length


@pytest.mark.django_db
def test_a_failed_run_is_tried_again_by_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    made, before = segment(rule=BIRTHDAY), now()
    Segment.objects.filter(pk=made.pk).update(rule={"trait": "gone"})
    assert actions.recompute(made.pk, before).state == "failed"
    assert Segment.objects.get(pk=made.pk).due_at >= before + timedelta(minutes=60)  # type: ignore[operator]


@pytest.mark.django_db
def test_a_new_month_brings_others_in() -> None:
    june, july = person(birth_month=6), person(birth_month=7)
    made = segment(rule=BIRTHDAY, zone="Asia/Seoul")
    last = datetime(2026, 6, 30, 14, 59, tzinfo=UTC)
    actions.recompute(made.pk, last)
    assert members_of(made).keys() == {june}
    actions.recompute(made.pk, last + timedelta(minutes=1))
    assert members_of(made).keys() == {july}


@pytest.mark.django_db
def test_time_alone_begins_a_membership_and_an_order_ends_it() -> None:
    made, one = segment(rule=SILENT), person()
    happened(one, "Call Completed", NOW)
    for hours, inside in ((2, set()), (3, {one})):
        actions.recompute(made.pk, NOW + timedelta(hours=hours))
        assert members_of(made).keys() == inside
    happened(one, "Order Completed", NOW + timedelta(hours=1))
    assert actions.refresh_profiles([one], NOW + timedelta(hours=4)) == 1
    assert not members_of(made)


@pytest.mark.django_db
def test_without_the_next_moment_a_month_would_end_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "next_moment", lambda *_: {"starts": None, "shortest": None})
    with pytest.raises(AssertionError):
        test_a_month_ends_at_its_last_midnight_in_the_zone()
