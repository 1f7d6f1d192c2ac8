"""Members follow the rule, keep their time of entry, and every difference is told exactly once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdp.core.models import Touched
from consent.models import Purpose
from identity.models import Profile, Record
from segments import actions, engines, membership, sql, vocabulary
from segments.models import Run, Segment, Transition
from tests.segments.people import (
    NOW,
    execute,
    happened,
    members_of,
    people,
    person,
    retrait,
    segment,
    transitions,
)

LATER = NOW + timedelta(hours=1)
BOUGHT = {"event": "Order Completed", "count": {"op": "gte", "value": 2}, "within": {"days": 30}}


@pytest.mark.django_db
def test_a_run_makes_membership_what_the_rule_says() -> None:
    made, inside, _outside = segment(), person(orders_count=3), person(orders_count=2)
    run = actions.recompute(made.pk, NOW)
    assert (run.state, run.members, run.entered, run.left) == ("done", 1, 1, 0)
    assert (run.as_of, run.engine, run.version) == (NOW, "postgresql", 1)
    assert members_of(made) == {inside: NOW}
    assert transitions(made) == [(inside, "entered", "rule")]


@pytest.mark.django_db
def test_who_stays_keeps_the_time_of_entry() -> None:
    made, stays, goes = segment(), person(orders_count=3), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    retrait(goes, orders_count=0)
    comes = person(orders_count=9)
    run = actions.recompute(made.pk, LATER)
    assert (run.members, run.entered, run.left) == (2, 1, 1)
    assert members_of(made) == {stays: NOW, comes: LATER}
    assert transitions(made) == sorted(
        [(stays, "entered", "rule"), (goes, "entered", "rule"), (goes, "left", "rule"), (comes, "entered", "rule")]
    )


@pytest.mark.django_db
def test_a_run_without_a_difference_tells_nothing() -> None:
    made = segment()
    person(orders_count=3)
    actions.recompute(made.pk, NOW)
    before = Transition.objects.count()
    run = actions.recompute(made.pk, LATER)
    assert (run.entered, run.left, Transition.objects.count()) == (0, 0, before)


@pytest.mark.django_db
def test_events_count_within_their_window_as_of() -> None:
    made, one = segment(rule=BOUGHT), person()
    happened(one, "Order Completed", NOW - timedelta(days=29))
    happened(one, "Order Completed", NOW - timedelta(days=2))
    happened(one, "Order Completed", NOW + timedelta(days=2))
    actions.recompute(made.pk, NOW)
    assert members_of(made) == {one: NOW}
    actions.recompute(made.pk, NOW + timedelta(days=1, seconds=1))
    assert not members_of(made)


@pytest.mark.django_db
def test_a_merged_profile_leaves_with_its_reason() -> None:
    made, kept, gone = segment(), person(orders_count=3), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    Record.objects.filter(profile=gone).update(profile=kept)
    Profile.objects.filter(pk=gone).update(state="merged", redirect_id=kept)
    assert actions.refresh_profiles([kept, gone]) == 1
    assert (gone, "left", "merged") in transitions(made) and members_of(made).keys() == {kept}


@pytest.mark.django_db
def test_a_full_run_tells_the_reason_too() -> None:
    made, gone = segment(), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    Profile.objects.filter(pk=gone).update(state="erased")
    actions.recompute(made.pk, LATER)
    assert (gone, "left", "erased") in transitions(made)


@pytest.mark.django_db
def test_an_incremental_pass_changes_only_the_touched() -> None:
    made, touched, untouched = segment(), person(orders_count=3), person(orders_count=3)
    assert actions.refresh_profiles([touched], NOW) == 1
    assert members_of(made) == {touched: NOW}
    actions.refresh_profiles([touched, untouched], LATER)
    assert members_of(made) == {touched: NOW, untouched: LATER}
    retrait(touched, orders_count=1)
    assert actions.refresh_profiles([touched], LATER) == 1
    assert members_of(made) == {untouched: LATER}


@pytest.mark.django_db
def test_a_pass_takes_segments_in_order_of_their_references() -> None:
    below = segment("zz_below")
    above = segment("aa_above", {"segment": "zz_below"})
    one = person(orders_count=3)
    actions.refresh_profiles([one], NOW)
    assert members_of(below) == members_of(above) == {one: NOW}


@pytest.mark.django_db
def test_a_segment_that_cannot_be_computed_does_not_hold_up_a_pass() -> None:
    broken, fine = segment("a"), segment("b", {"trait": "country", "op": "eq", "value": "KR"})
    Segment.objects.filter(pk=broken.pk).update(rule={"trait": "gone"})
    one = person(orders_count=3, country="KR")
    assert actions.refresh_profiles([one], NOW) == 1
    assert members_of(fine).keys() == {one}


@pytest.mark.django_db
def test_due_segments_are_computed_after_those_they_name() -> None:
    above_key, below_key = "aa", "zz"
    below = segment(below_key)
    above = segment(above_key, {"not": {"segment": below_key}})
    inside, outside = person(orders_count=3), person(orders_count=0)
    assert actions.refresh_due() == 2
    assert (members_of(below).keys(), members_of(above).keys()) == ({inside}, {outside})
    retrait(outside, orders_count=4)
    Segment.objects.filter(pk=below.pk).update(due_at=NOW)
    assert actions.refresh_due() == 2, "what builds on a changed segment is computed again"
    assert not members_of(above)
    assert actions.refresh_due() == 0


@pytest.mark.django_db
def test_each_due_segment_is_computed_once_after_all_that_it_builds_on() -> None:
    base = segment("base")
    segment("mid", {"segment": "base"})
    segment("far", {"segment": "mid"})
    top = segment("a_top", {"all": [{"segment": "base"}, {"segment": "far"}]})
    assert actions.refresh_due() == 4
    one = person(orders_count=3)
    Segment.objects.filter(pk__in=[base.pk, top.pk]).update(due_at=NOW)
    before = Run.objects.count()
    assert actions.refresh_due() == 4 == Run.objects.count() - before
    assert members_of(top).keys() == {one}


EVER = {"segment": "vip", "ever": True}


@pytest.mark.django_db
def test_who_once_was_a_member_stays_one_of_ever_in_the_same_step() -> None:
    segment()
    made, one, never = segment("once", EVER), person(orders_count=3), person(orders_count=0)
    actions.refresh_profiles([one, never], NOW)
    retrait(one, orders_count=0)
    actions.refresh_profiles([one, never], LATER)
    assert members_of(made) == {one: NOW}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", [engines.POSTGRESQL, engines.LAKE])
def test_each_engine_knows_who_once_was_a_member(engine: str) -> None:
    segment()
    made, one, into, _never = segment("once", EVER), person(orders_count=3), person(orders_count=0), person()
    actions.refresh_profiles([one], NOW)
    retrait(one, orders_count=0)
    actions.refresh_profiles([one], LATER)
    Profile.objects.filter(pk=one).update(state="merged", redirect_id=into)
    assert engines.members(engine, made, LATER) == [f"{into}\n".encode()]


@pytest.mark.django_db
def test_ever_goes_with_a_profile_into_the_one_it_is_merged_into_and_back() -> None:
    below, made, kept, gone = segment(), segment("once", EVER), person(orders_count=0), person(orders_count=3)
    actions.refresh_profiles([kept, gone], NOW)
    Profile.objects.filter(pk=gone).update(state="merged", redirect_id=kept)
    actions.refresh_profiles([kept, gone], LATER)
    assert not members_of(below) and members_of(made).keys() == {kept}
    Profile.objects.filter(pk=gone).update(state="live", redirect_id=None)
    actions.refresh_profiles([kept, gone], LATER)
    assert members_of(made).keys() == {gone}


@pytest.mark.django_db
def test_a_consent_given_to_no_member_is_no_membership_of_ever() -> None:
    below, made, one = segment(), segment("once", EVER), person(orders_count=0)
    Transition.objects.create(
        segment=below, profile=one, kind="entered", reason="consent", purpose="marketing", channel="email"
    )
    actions.recompute(made.pk, NOW)
    assert not members_of(made)


@pytest.mark.django_db
def test_a_failed_run_says_why_without_a_value_and_is_tried_again_later() -> None:
    made = segment(rule={"trait": "country", "op": "eq", "value": "canary-value"})
    Purpose.objects.filter(pk="marketing").update(data_classes=[])
    run = actions.recompute(made.pk, NOW)
    assert (run.state, run.error) == ("failed", "rule refused: data_class")
    made.refresh_from_db()
    assert made.due_at is not None and run.finished_at is not None and made.due_at > run.finished_at


@pytest.mark.django_db
def test_a_rule_that_takes_too_long_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = segment()
    person(orders_count=3)
    actions.recompute(made.pk, NOW)
    monkeypatch.setattr("segments.sql.EVALUATE", "copy (select pg_sleep(20)::text) to stdout")
    monkeypatch.setattr("django.conf.settings.SEGMENT_STATEMENT_SECONDS", 1, raising=False)
    run = actions.recompute(made.pk, LATER)
    assert (run.state, run.error) == ("failed", "The rule took longer than 1 seconds.")
    assert len(members_of(made)) == 1


@pytest.mark.django_db
def test_a_result_for_an_older_version_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = segment()
    person(orders_count=3)
    evaluate = engines.members

    def meanwhile(*args: Any) -> list[bytes]:
        members = evaluate(*args)
        Segment.objects.filter(pk=made.pk).update(version=2)
        return members

    monkeypatch.setattr(engines, "members", meanwhile)
    run = actions.recompute(made.pk, NOW)
    assert run.state == "failed" and "changed meanwhile" in run.error and not members_of(made)


def run_with_a_pass_in_between(monkeypatch: pytest.MonkeyPatch, inside: bool) -> bool:
    """A pass brings a profile in (or out) after the run has read it as out (or in); whether it is in at the end."""
    made, one = segment(), person(orders_count=0 if inside else 3)
    evaluate = engines.members

    def meanwhile(*args: Any) -> list[bytes]:
        members = evaluate(*args)
        retrait(one, orders_count=3 if inside else 0)
        actions.refresh_profiles([one], LATER)
        return members

    monkeypatch.setattr(engines, "members", meanwhile)
    assert actions.recompute(made.pk, NOW).state == "done"
    return one in members_of(made)


@pytest.mark.django_db
@pytest.mark.parametrize("inside", [True, False])
def test_a_pass_during_a_run_has_the_last_word(monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    assert run_with_a_pass_in_between(monkeypatch, inside) is inside
    assert not Touched.objects.filter(stage__startswith="run").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("inside", [True, False])
def test_without_what_a_pass_leaves_the_run_would_undo_it(monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    monkeypatch.setattr(membership, "touch", lambda *_: None)
    assert run_with_a_pass_in_between(monkeypatch, inside) is not inside


@pytest.mark.django_db
def test_a_segment_may_ask_for_a_consent() -> None:
    made = segment(rule={"consent": {"purpose": "marketing", "channel": "email"}})
    yes, _no = person(), person()
    execute(
        "insert into consent_effective (profile_id, purpose, channel, brand, state, since)"
        " values (%s, 'marketing', 'email', '', 'granted', now())", [yes],
    )  # fmt: skip
    actions.recompute(made.pk, NOW)
    assert members_of(made).keys() == {yes}


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 50])
def test_statements_do_not_grow_with_members(
    size: int, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "_minute", lambda: 0)
    made = segment()
    ids = people(size, orders_count=3)
    with django_assert_num_queries(39):
        actions.recompute(made.pk, NOW)
    with django_assert_num_queries(20):
        actions.refresh_profiles(ids, LATER)


class AnyHistory(TestCase):
    """Whatever happens to profiles, in whatever batches: membership is the rule's, and transitions add up to it."""

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, 6), st.sampled_from(["pass", "run", "nothing"])),
            min_size=1, max_size=12,
        )
    )  # fmt: skip
    def test_transitions_are_exactly_the_differences(self, steps: list[tuple[int, int, str]]) -> None:
        made = segment()
        ids = [person(orders_count=0) for _ in range(5)]
        orders = dict.fromkeys(ids, 0)
        for index, count, then in steps:
            orders[ids[index]] = count
            retrait(ids[index], orders_count=count)
            if then == "pass":
                actions.refresh_profiles([ids[index]], NOW)
            elif then == "run":
                actions.recompute(made.pk, NOW)
                self.assertEqual(members_of(made).keys(), {one for one in ids if orders[one] >= 3})
        actions.recompute(made.pk, NOW)
        self.assertEqual(members_of(made).keys(), {one for one in ids if orders[one] >= 3})
        self._alternate(made)

    def _alternate(self, made: Segment) -> None:
        inside: set[UUID] = set()
        for row in Transition.objects.filter(segment=made).order_by("id"):
            self.assertEqual(row.kind == "left", row.profile in inside)
            inside ^= {row.profile}
        self.assertEqual(inside, members_of(made).keys())


# --- several at once, on connections of their own --------------------------------------------------------------------


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run in threads, each with its own connection; the results, or the first error."""
    results: list[Any] = [None] * len(works)

    def work(index: int) -> None:
        try:
            results[index] = works[index]()
        except BaseException as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_no_harm() -> None:
    made, ids = segment(), people(500, orders_count=3)
    runs = at_once(*[lambda: actions.recompute(made.pk, NOW)] * 3)
    assert {run.state for run in runs} == {"done"} and sorted(run.entered for run in runs) == [0, 0, 500]
    assert members_of(made).keys() == set(ids)
    assert Transition.objects.count() == 500


@pytest.mark.django_db(transaction=True)
def test_without_their_locks_two_runs_would_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    unlocked = "select true as lock, %s::text"
    for name in ("LOCK_RUN", "UNLOCK_RUN", "LOCK_MEMBERS"):
        monkeypatch.setattr(sql, name, unlocked)
    monkeypatch.setattr(membership, "_recheck", lambda *_: None)
    made, barrier = segment(), threading.Barrier(2)
    people(500, orders_count=3)
    stage = membership._stage_members

    def together(members: list[bytes]) -> None:
        stage(members)
        barrier.wait(30)

    monkeypatch.setattr(membership, "_stage_members", together)
    runs = at_once(*[lambda: actions.recompute(made.pk, NOW)] * 2)
    assert {run.state for run in runs} == {"done", "failed"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_due_segments() -> None:
    for number in range(6):
        segment(f"s{number}")
    people(50, orders_count=3)
    assert sum(at_once(actions.refresh_due, actions.refresh_due)) >= 6
    assert Run.objects.filter(state="done").values("segment").distinct().count() == 6
    assert Transition.objects.count() == 6 * 50


@pytest.mark.django_db(transaction=True)
def test_runs_and_passes_at_once_end_with_what_the_rule_says() -> None:
    made, ids = segment(), people(200, orders_count=0)
    stop = threading.Event()

    def passes() -> None:
        for start in range(0, 200, 20):
            with transaction.atomic():
                for one in ids[start : start + 20]:
                    retrait(one, orders_count=3)
                actions.refresh_profiles(ids[start : start + 20])
        stop.set()

    def runs() -> None:
        while not stop.is_set():
            actions.recompute(made.pk)

    at_once(passes, runs, runs)
    assert members_of(made).keys() == set(ids)
    assert sorted(transitions(made)) == sorted((one, "entered", "rule") for one in ids)


@pytest.mark.django_db(transaction=True)
def test_a_pass_waits_for_nobody_but_the_writing_of_its_segments() -> None:
    made, one = segment(), person(orders_count=3)
    with membership.alone(made.pk):  # a run of the segment is under way elsewhere, evaluating its rule
        assert at_once(lambda: actions.refresh_profiles([one])) == [1]
