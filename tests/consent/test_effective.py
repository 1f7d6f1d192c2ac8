"""Rewriting the effective table: what it reports, that it can be run again and at once; and the mutations."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cdp.core.models import Touched
from consent import actions, sql
from consent.models import Effective
from consent.types import Change
from tests.consent import test_rules
from tests.consent.people import day, person, say


@pytest.mark.django_db
def test_it_reports_what_changed_and_nothing_the_second_time() -> None:
    of, who = person()
    say(who, "granted", day(1))
    assert actions.refresh_effective([of]) == [Change(of, "marketing", "email", "", None, "granted")]
    assert actions.refresh_effective([of]) == []
    say(who, "withdrawn", day(2))
    assert actions.refresh_effective([of]) == [Change(of, "marketing", "email", "", "granted", "withdrawn")]


@pytest.mark.django_db
def test_a_new_expiry_alone_is_a_change() -> None:
    of, who = person()
    say(who, "granted", day(1), expires_at=day(2))
    actions.refresh_effective([of])
    say(who, "granted", day(3))
    assert actions.refresh_effective([of]) == [Change(of, "marketing", "email", "", "granted", "granted")]


@pytest.mark.django_db
def test_a_line_without_a_channel_becomes_a_row_for_each() -> None:
    of, who = person()
    say(who, "granted", day(1), purpose="personalisation", channel=None)
    actions.refresh_effective([of])
    assert set(Effective.objects.values_list("channel", flat=True)) == {key for key, _, _ in actions.CONTACT_CHANNELS}


@pytest.mark.django_db
def test_the_profiles_are_locked_before_anything_is_read_or_written() -> None:
    of, who = person()
    say(who, "granted", day(1))
    with CaptureQueriesContext(connection) as captured:
        actions.refresh_effective([of])
    ran = [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]
    assert ["for no key update" in text for text in ran] == [True, False]
    assert "from consent_effective" in ran[1] and "insert into consent_effective" in ran[1]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_refreshing_at_once_queues_and_ends_in_the_last_committed_state() -> None:
    of, who = person()
    say(who, "granted", day(1))
    seen: list[list[Change]] = []
    with transaction.atomic():
        actions.refresh_effective([of])
        thread = threading.Thread(target=_in_another_connection, args=([of], seen))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive() and seen == []
        say(who, "withdrawn", day(2))
    thread.join(60)
    assert seen == [[Change(of, "marketing", "email", "", "granted", "withdrawn")]]
    assert Effective.objects.get(profile=of).state == "withdrawn"
    assert Touched.objects.filter(stage="consent", subject=of).count() == 2


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_many_refreshers_in_any_order_of_ids_never_deadlock() -> None:
    people = [person() for _ in range(20)]
    for _, who in people:
        say(who, "granted", day(1))
    ids, seen = [of for of, _ in people], list[list[Change]]()
    orders = (ids, ids[::-1], ids[10:] + ids[:10], ids)
    threads = [threading.Thread(target=_in_another_connection, args=(order, seen)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(len(changes) for changes in seen) == [0, 0, 0, 20]
    assert Effective.objects.filter(state="granted").count() == 20


def _in_another_connection(ids: list[UUID], seen: list[list[Change]]) -> None:
    try:
        seen.append(actions.refresh_effective(ids))
    finally:
        connection.close()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "test",
    [
        test_rules.test_rule_8_a_withdrawal_works_at_once_and_wins_over_what_was_computed_before,
        test_rules.test_rule_9_a_merge_of_granted_and_withdrawn_is_withdrawn_and_an_unmerge_gives_both_back,
        test_rules.test_an_opt_out_that_names_a_number_binds_every_record_that_holds_it,
    ],
)
def test_mutation_without_the_gate_the_tests_of_withdrawal_fail(
    monkeypatch: pytest.MonkeyPatch, test: Callable[[], None]
) -> None:
    monkeypatch.setattr(sql, "ALLOWED", sql.ALLOWED.replace("bool_and(why = '')", "true"))
    with pytest.raises(AssertionError):
        test()


@pytest.mark.django_db
def test_mutation_without_the_lock_a_refresher_writes_what_is_no_longer_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "LOCK_PROFILES", sql.LOCK_PROFILES.replace("for no key update", ""))
    with pytest.raises(AssertionError):
        test_the_profiles_are_locked_before_anything_is_read_or_written()
