"""The clocks of consent are settings of a regime: night, re-confirmation, expiry, word of the result, dormancy, guardians."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from cdp.profiles.models import Minor
from consent import actions, clocks, regimes, results
from consent.models import ConsentRecord, Effective, Purpose, Regime, ResultNotice
from consent.queries import allowed, dormant, due_for_reconfirmation, may_contact
from identity.models import Record
from tests.consent.people import NOW, day, holds, line, person, say

pytestmark = pytest.mark.django_db
OFFICER = Actor("user:officer")
SEOUL = ZoneInfo("Asia/Seoul")
ASKED = (
    "night_from", "reconfirm_years", "expires_months", "result_days", "guardian_under", "dormant_months", "answer_months",
    "answer_days", "answer_rolls", "extension_months", "extension_days",
)  # fmt: skip


def changed(key: str, **settings: object) -> None:
    Regime.objects.filter(pk=key).update(**settings)


def test_the_regimes_shipped_and_what_each_asks() -> None:
    asks = {row.key: {name for name in ASKED if getattr(row, name)} for row in Regime.objects.all()}
    assert asks == {
        "pipa": {"guardian_under", "answer_days", "answer_rolls", "extension_days"},
        "network_act": {"night_from", "reconfirm_years", "result_days", "guardian_under"},
        "gdpr": {"guardian_under", "answer_months", "extension_months"},
        "ccpa": {"guardian_under", "answer_days", "extension_days"},
        "location": {"guardian_under"},
        "credit": set(),
    }


def test_shipping_again_leaves_what_an_officer_changed() -> None:
    changed("pipa", guardian_under=15)
    Purpose.objects.filter(pk="analytics").update(regime=None)
    actions.ship_rows("default")
    assert Regime.objects.get(pk="pipa").guardian_under == 15
    assert Purpose.objects.get(pk="analytics").regime_id is None


@pytest.mark.parametrize(
    ("begins", "ends", "asked", "night"),
    [
        (time(21), time(8), time(21), True),
        (time(21), time(8), time(8), False),
        (time(0), time(6), time(0), True),
        (time(0), time(6), time(6), False),
        (None, None, time(3), False),
    ],
)
def test_a_regime_has_its_own_night(begins: time | None, ends: time | None, asked: time, night: bool) -> None:
    regime = Regime(key="x", zone="Europe/Berlin", night_from=begins, night_to=ends)
    at = datetime.combine(date(2026, 6, 1), asked, ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert regimes.is_night(at, regime) is night


def test_the_night_asks_nothing_where_the_regime_has_none() -> None:
    of, who = person()
    say(who, "granted", day(1), channel="sms")
    late = datetime(2026, 6, 1, 23, tzinfo=SEOUL)
    assert allowed([of], "marketing", "sms", late, sending=True) == set()
    Purpose.objects.filter(pk="marketing").update(regime="gdpr")
    assert allowed([of], "marketing", "sms", late, sending=True) == {of}


def test_a_grant_ends_after_the_months_of_its_regime() -> None:
    of, who = person()
    changed("network_act", expires_months=1)
    say(who, "granted", datetime(2026, 1, 31, 3, tzinfo=UTC))
    end = datetime(2026, 2, 28, 3, tzinfo=UTC)
    assert allowed([of], "marketing", "email", end - timedelta(seconds=1)) == {of}
    assert allowed([of], "marketing", "email", end) == set()
    actions.refresh_effective([of])
    assert Effective.objects.get(profile=of).expires_at == end


def test_rule_5_a_regime_may_say_that_silence_ends_a_grant() -> None:
    of, who = person()
    say(who, "granted", datetime(2024, 2, 29, 3, tzinfo=UTC))
    after = datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert allowed([of], "marketing", "email", after) == {of}
    changed("network_act", unconfirmed_lapses=True)
    assert allowed([of], "marketing", "email", after) == set()


def test_rule_5_years_are_the_regime_s_unless_the_purpose_has_its_own() -> None:
    of, who = person()
    say(who, "granted", day(1, 2024))
    actions.refresh_effective([of])
    assert [row.due_on for row in due_for_reconfirmation(NOW, 0)] == [date(2026, 1, 1)]
    Purpose.objects.filter(pk="marketing").update(reconfirm_years=5)
    assert due_for_reconfirmation(NOW, 0) == []
    assert [row.due_on for row in due_for_reconfirmation(NOW, 3 * 366)] == [date(2029, 1, 1)]


# --- word of the result -----------------------------------------------------------------------------------------------


def given_now(state: str, at: datetime, **fields: object) -> UUID:
    """A line, as if it had been received when it was given."""
    of, who = person()
    said = line(who, state, at, **fields)
    actions.record_consents([said])
    return of


@pytest.mark.parametrize("state", ["granted", "refused", "withdrawn"])
def test_rule_6_giving_refusing_and_withdrawing_each_owe_word_within_fourteen_days(state: str) -> None:
    at = datetime.now(UTC)
    of = given_now(state, at)
    owed = results.owed(at, 14)
    due = at.astimezone(SEOUL).date() + timedelta(days=14)
    assert [(row.profile, row.state, row.due_on, row.late) for row in owed] == [(of, state, due, False)]
    assert results.owed(at, 13) == []


def test_rule_6_what_is_late_is_flagged_once() -> None:
    at = datetime.now(UTC)
    given_now("granted", at)
    due = ResultNotice.objects.get().due_on
    last = datetime.combine(due, time(23, 59), SEOUL)
    assert results.flag_late(last) == 0
    assert [results.flag_late(last + timedelta(minutes=1)) for _ in range(2)] == [1, 0]
    told = AuditEntry.objects.get(action="consent.result_late")
    assert (told.subject, told.target) == (ConsentRecord.objects.get().subject, str(ConsentRecord.objects.get().pk))


def test_rule_6_word_that_was_sent_is_owed_no_more_and_never_late() -> None:
    at = datetime.now(UTC)
    given_now("withdrawn", at)
    owed = [row.id for row in results.owed(at, 14)]
    with pytest.raises(Refused, match="no such contact channel"):
        results.note_sent(OFFICER, owed, "pigeon")
    assert [results.note_sent(OFFICER, owed, "email") for _ in range(2)] == [1, 0]
    assert results.owed(at, 14) == [] and results.flag_late(at + timedelta(days=20)) == 0


def test_rule_6_no_word_is_owed_of_old_imports_of_bounces_and_where_no_law_asks() -> None:
    at = datetime.now(UTC)
    given_now("granted", at - timedelta(days=400))
    given_now("withdrawn", at, method="bounce")
    given_now("granted", at, purpose="personalisation")
    assert not ResultNotice.objects.exists()


# --- children -----------------------------------------------------------------------------------------------------------


def child(born: date) -> tuple[UUID, UUID]:
    of, who = person()
    holds(who, "email", b"child".ljust(32))
    Minor.objects.create(profile_id=of, born=born.replace(day=1))
    return of, who


def test_rule_7_a_child_s_own_consent_grants_nothing() -> None:
    of, who = child(date(2014, 5, 20))
    say(who, "granted", day(1))
    assert allowed([of], "marketing", "email", NOW) == set()
    assert may_contact(of, "marketing", "email", NOW).reasons == ("no_guardian",)
    actions.refresh_effective([of])
    assert not Effective.objects.filter(profile=of).exists()


def test_rule_7_a_guardian_s_consent_with_evidence_grants_and_the_child_s_own_word_after_it_changes_nothing() -> None:
    of, who = child(date(2014, 5, 20))
    with pytest.raises(ValueError, match="needs evidence"):
        say(who, "granted", day(1), guardian="mobile")
    say(who, "granted", day(1), guardian="mobile", proof={"confirmation": "M-1"})
    say(who, "granted", day(2))
    assert may_contact(of, "marketing", "email", NOW).allowed
    say(who, "withdrawn", day(3))
    assert may_contact(of, "marketing", "email", NOW).reasons == ("withdrawn",)


def test_rule_7_what_a_child_agreed_to_does_not_count_when_it_has_grown_up() -> None:
    of, who = child(date(2012, 1, 20))
    say(who, "granted", day(1))
    assert allowed([of], "marketing", "email", NOW) == set()
    assert may_contact(of, "marketing", "email", NOW).reasons == ("no_consent",)
    say(who, "granted", day(2))
    assert allowed([of], "marketing", "email", NOW) == {of}


def test_rule_7_the_age_is_the_regime_s_and_what_needs_no_consent_is_not_blocked() -> None:
    of, who = child(date(2011, 5, 20))
    say(who, "granted", day(1), purpose="advertising")
    say(who, "granted", day(1), purpose="personalisation")
    assert allowed([of], "advertising", "email", NOW) == set()
    assert allowed([of], "personalisation", "email", NOW) == {of}
    changed("pipa", guardian_under=18)
    assert allowed([of], "personalisation", "email", NOW) == set()
    assert allowed([of], "service", "email", NOW) == {of}


# --- dormancy -----------------------------------------------------------------------------------------------------------


def test_rule_12_dormancy_is_the_controllers_own_policy_and_nothing_until_one_is_announced() -> None:
    (away, gone), (here, present) = person(), person()
    Record.objects.filter(pk=gone).update(last_seen=NOW - timedelta(days=400))
    Record.objects.filter(pk=present).update(last_seen=NOW - timedelta(days=300))
    assert dormant(NOW) == []
    changed("pipa", dormant_months=12)
    assert dormant(NOW) == [away]
    changed("pipa", dormant_months=6)
    assert set(dormant(NOW)) == {away, here}


# --- regimes that are filled by whoever answers for them ----------------------------------------------------------------


@pytest.mark.parametrize("regime", ["location", "credit"])
def test_every_clock_of_the_location_and_the_credit_act_runs_as_an_officer_sets_it(regime: str) -> None:
    Purpose.objects.filter(pk="marketing").update(regime=regime)
    late = datetime(2026, 6, 1, 23, tzinfo=SEOUL)
    of, who = person()
    say(who, "granted", datetime(2026, 1, 31, 3, tzinfo=UTC), channel=None)
    assert allowed([of], "marketing", "sms", late, sending=True) == {of}
    with pytest.raises(Refused, match="no clock"):
        clocks.due_on(regime, NOW)
    changed(regime, night_from=time(21), night_to=time(8), expires_months=24, reconfirm_years=1, result_days=7)
    changed(regime, answer_days=7, answer_rolls=True, guardian_under=19)
    assert allowed([of], "marketing", "sms", late, sending=True) == set()
    assert allowed([of], "marketing", "email", late) == {of}
    assert allowed([of], "marketing", "email", datetime(2028, 1, 31, 3, tzinfo=UTC)) == set()
    actions.refresh_effective([of])
    assert {row.due_on for row in due_for_reconfirmation(datetime(2027, 1, 31, tzinfo=UTC), 0)} == {date(2027, 1, 31)}
    assert given_now("granted", at := datetime.now(UTC)) == results.owed(at, 7)[0].profile
    assert clocks.due_on(regime, NOW) == date(2026, 6, 8) and regime in clocks.regimes()
    with pytest.raises(Refused, match="knows no extension"):
        clocks.extended_to(regime, NOW, date(2026, 6, 8))
