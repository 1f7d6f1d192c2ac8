"""A run says that it lives, stops within seconds when it is cancelled, and is begun anew when its process died."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from cdp.core.errors import Refused
from cdp.lake import queries as lake
from segments import actions, engines, membership, pulse
from segments.models import Run, Segment
from tests.segments.people import ACTOR, NOW, members_of, person, retrait, segment


@pytest.fixture(autouse=True)
def quick_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.05)


def until(found: Any) -> Any:
    """What a question answers once it answers something."""
    for _ in range(600):
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError("nothing came")


def in_background(made: Segment) -> tuple[threading.Thread, list[Run]]:
    runs: list[Run] = []

    def work() -> None:
        try:
            runs.append(actions.recompute(made.pk, NOW))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, runs


@pytest.mark.django_db(transaction=True)
def test_a_run_beats_and_is_cancelled_while_its_rule_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    made, stays = segment(), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    retrait(stays, orders_count=0)
    monkeypatch.setattr("segments.sql.EVALUATE", "copy (select pg_sleep(60)::text) to stdout")
    thread, runs = in_background(made)
    until(lambda: Run.objects.filter(state="running", beat_at__isnull=False).exists())
    actions.cancel(ACTOR, made)
    thread.join(30)
    (run,) = runs
    assert (run.state, run.cancelled_by, run.error) == ("cancelled", ACTOR.name, "")
    assert run.finished_at is not None and members_of(made).keys() == {stays}
    made.refresh_from_db()
    assert made.due_at is not None and made.due_at > run.finished_at


@pytest.mark.django_db(transaction=True)
def test_a_run_over_the_lake_is_cancelled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made, entered = segment(), threading.Event()
    monkeypatch.setattr("django.conf.settings.SEGMENT_ENGINE", "duckdb")

    def endless(of: Segment, as_of: datetime) -> list[bytes]:
        with lake.snapshot(set()) as engine, engines.cancelled_late(engine):
            entered.set()
            engine.execute(
                "select count(*) from range(1000000) a, range(1000000) b where a.range = b.range * 2 + 7 % (a.range + 1)"
            )
        return []

    monkeypatch.setitem(engines.MEMBERS, "duckdb", endless)
    thread, runs = in_background(made)
    assert entered.wait(30)
    actions.cancel(ACTOR, made)
    thread.join(30)
    assert [run.state for run in runs] == ["cancelled"]


@pytest.mark.django_db
def test_a_result_that_comes_after_the_cancelling_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = segment()
    person(orders_count=3)
    evaluate = engines.members

    def meanwhile(*args: Any) -> list[bytes]:
        members = evaluate(*args)
        actions.cancel(ACTOR, made)
        return members

    monkeypatch.setattr(engines, "members", meanwhile)
    assert actions.recompute(made.pk, NOW).state == "cancelled" and not members_of(made)


@pytest.mark.django_db
def test_there_must_be_something_to_cancel() -> None:
    with pytest.raises(Refused) as caught:
        actions.cancel(ACTOR, segment())
    assert caught.value.code == "not_running"


def dead_run(made: Segment, **fields: Any) -> Run:
    run = Run.objects.create(segment=made, version=1, as_of=NOW, **fields)
    Segment.objects.update(due_at=datetime.now(UTC) + timedelta(hours=1))
    return run


@pytest.mark.django_db
def test_what_ended_without_a_word_is_begun_anew() -> None:
    made, one = segment(), person(orders_count=3)
    dead = dead_run(made, beat_at=NOW - membership.DEAD)
    assert actions.refresh_due() == 1 and members_of(made).keys() == {one}
    dead.refresh_from_db()
    assert (dead.state, dead.error) == ("failed", "The run was interrupted.")


@pytest.mark.django_db
def test_what_beats_is_left_alone() -> None:
    alive = dead_run(segment(), beat_at=datetime.now(UTC))
    assert actions.refresh_due() == 0
    alive.refresh_from_db()
    assert alive.state == "running"


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_lock_is_held_is_left_alone_however_long_it_is_silent() -> None:
    made = segment()
    dead_run(made, beat_at=NOW)
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with membership.alone(made.pk):
                held.set()
                go_on.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    assert actions.refresh_due() == 0 and Run.objects.get().state == "running"
    go_on.set()
    thread.join(30)
    assert actions.refresh_due() == 1


@pytest.mark.django_db
def test_lateness_is_told_of_what_is_published_and_due() -> None:
    made = segment()
    Segment.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=5))
    made.refresh_from_db()
    late = membership.lateness(made)
    assert late is not None and late >= timedelta(minutes=5)
    actions.refresh_due()
    made.refresh_from_db()
    assert membership.lateness(made) is None
