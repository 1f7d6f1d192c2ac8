"""The numbered rules of consent, one by one, at the gate that is asked before anything leaves."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from cdp.core.errors import Refused
from consent import actions, queries, regimes
from consent.models import Effective, Purpose, Regime
from consent.queries import allowed, due_for_reconfirmation, may_contact
from consent.types import Coverage
from identity.models import Profile, Record
from tests.consent.people import NOW, day, holds, person, profile, record, say, source

pytestmark = pytest.mark.django_db
NUMBER = b"010".ljust(32)


def seoul(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, 1, hour, minute, second, tzinfo=ZoneInfo(regimes.SEOUL))


def test_without_any_word_nothing_is_allowed_that_rests_on_consent() -> None:
    of, _ = person()
    assert allowed([of], "marketing", "email", NOW) == set()
    assert may_contact(of, "marketing", "email", NOW).reasons == ("no_consent", "no_contact_point")


def test_a_grant_is_for_its_own_purpose_and_contact_channel() -> None:
    of, who = person()
    say(who, "granted", day(1), channel="email")
    asked = [("marketing", "email"), ("marketing", "sms"), ("personalisation", "email")]
    assert [bool(allowed([of], purpose, channel, NOW)) for purpose, channel in asked] == [True, False, False]


def test_rule_2_refusing_an_optional_purpose_does_not_block_the_service() -> None:
    of, who = person()
    say(who, "refused", day(1), channel=None)
    assert allowed([of], "service", "email", NOW) == {of}
    assert allowed([of], "marketing", "email", NOW) == set()


def test_a_purpose_of_another_basis_is_allowed_until_objected_to() -> None:
    of, who = person()
    assert allowed([of], "analytics", "email", NOW) == {of}
    say(who, "withdrawn", day(1), purpose="analytics", channel=None)
    assert allowed([of], "analytics", "email", NOW) == set()
    assert may_contact(of, "analytics", "ad_audience", NOW).reasons == ("withdrawn",)


def test_rule_3_sending_needs_the_consent_to_the_use_of_data_too() -> None:
    Purpose.objects.create(key="marketing_use", name_ko="마케팅 이용", name_en="Use for marketing")
    of, who = person()
    holds(who, "email", NUMBER)
    say(who, "granted", day(1), purpose="marketing_use", channel=None)
    assert allowed([of], "marketing", "email", NOW) == set()
    say(who, "granted", day(1))
    assert allowed([of], "marketing", "email", NOW) == {of}
    say(who, "withdrawn", day(2), purpose="marketing_use", channel=None)
    assert may_contact(of, "marketing", "email", NOW).reasons == ("use_withdrawn",)


@pytest.mark.parametrize(
    ("at", "night"),
    [(seoul(20, 59, 59), False), (seoul(21), True), (seoul(0), True), (seoul(7, 59, 59), True), (seoul(8), False)],
)
def test_rule_4_the_night_needs_a_consent_of_its_own(at: datetime, night: bool) -> None:
    of, who = person()
    holds(who, "phone", NUMBER)
    say(who, "granted", day(1), channel="sms")
    assert regimes.is_night(at.astimezone(UTC), Regime.objects.get(pk="network_act")) is night
    assert may_contact(of, "marketing", "sms", at).reasons == (("night_no_consent",) if night else ())
    assert allowed([of], "marketing", "sms", at, sending=True) == (set() if night else {of})
    say(who, "granted", day(2), purpose="marketing_night", channel="sms")
    assert may_contact(of, "marketing", "sms", at).allowed


def test_rule_4_email_is_exempt_from_the_night() -> None:
    of, who = person()
    holds(who, "email", NUMBER)
    say(who, "granted", day(1))
    assert may_contact(of, "marketing", "email", seoul(23)).allowed


@pytest.mark.parametrize(
    ("given", "due"),
    [
        (datetime(2024, 2, 29, 3, tzinfo=UTC), date(2026, 2, 28)),
        (datetime(2024, 3, 1, 3, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2024, 2, 28, 16, tzinfo=UTC), date(2026, 2, 28)),  # already the 29th in Seoul
    ],
)
def test_rule_5_marketing_is_confirmed_again_after_two_calendar_years(given: datetime, due: date) -> None:
    of, who = person()
    say(who, "granted", given)
    actions.refresh_effective([of])
    noon = datetime(due.year, due.month, due.day, 3, tzinfo=UTC)
    assert [line.due_on for line in due_for_reconfirmation(noon, 0)] == [due]
    assert due_for_reconfirmation(noon - timedelta(days=1), 0) == []
    assert [line.profile for line in due_for_reconfirmation(noon - timedelta(days=30), 30)] == [of]


def test_rule_5_what_silence_means_is_a_setting(settings: object) -> None:
    of, who = person()
    say(who, "granted", datetime(2024, 2, 29, 3, tzinfo=UTC))
    end_of_the_last_day = datetime(2026, 2, 28, 15, tzinfo=UTC)
    assert allowed([of], "marketing", "email", end_of_the_last_day) == {of}
    settings.CONSENT_UNCONFIRMED_LAPSES = True  # type: ignore[attr-defined]
    assert allowed([of], "marketing", "email", end_of_the_last_day - timedelta(seconds=1)) == {of}
    assert allowed([of], "marketing", "email", end_of_the_last_day) == set()
    say(who, "granted", day(1, 2026))
    assert allowed([of], "marketing", "email", end_of_the_last_day) == {of}


def test_rule_8_a_withdrawal_works_at_once_and_wins_over_what_was_computed_before() -> None:
    of, who = person()
    say(who, "granted", day(1))
    actions.refresh_effective([of])
    say(who, "withdrawn", day(2))
    assert Effective.objects.get(profile=of, channel="email").state == "granted"
    assert allowed([of], "marketing", "email", NOW) == set()


def test_rule_9_a_merge_of_granted_and_withdrawn_is_withdrawn_and_an_unmerge_gives_both_back() -> None:
    yes, willing = person()
    no, unwilling = person()
    say(unwilling, "withdrawn", day(1))
    say(willing, "granted", day(2))
    Record.objects.filter(id=unwilling).update(profile_id=yes)
    Profile.objects.filter(id=no).update(state="merged", redirect_id=yes)
    changed = actions.refresh_effective([no])
    assert [(change.profile, change.before, change.after) for change in changed] == [(yes, None, "withdrawn")]
    assert allowed([yes, no], "marketing", "email", NOW) == set()
    Profile.objects.filter(id=no).update(state="live", redirect_id=None)
    Record.objects.filter(id=unwilling).update(profile_id=no)
    assert allowed([yes, no], "marketing", "email", NOW) == {yes}
    actions.refresh_effective([yes, no])
    states = Effective.objects.filter(profile__in=(yes, no)).values_list("profile", "state")
    assert set(states) == {(yes, "granted"), (no, "withdrawn")}
    assert [line.state for line in queries.history(yes)] == ["granted"]


def test_rule_9_an_import_cannot_overturn_a_newer_withdrawal() -> None:
    of, who = person()
    say(who, "withdrawn", day(3))
    say(who, "granted", day(2), method="import")
    assert allowed([of], "marketing", "email", NOW) == set()
    say(who, "granted", day(4))
    assert allowed([of], "marketing", "email", NOW) == {of}


def test_rule_9_of_two_words_at_one_moment_the_no_counts() -> None:
    of, who = person()
    for state in ("granted", "withdrawn", "granted"):
        say(who, state, day(1))
    assert allowed([of], "marketing", "email", NOW) == set()


def test_a_clock_in_the_future_wins_nothing_over_a_withdrawal_received_later() -> None:
    of, who = person()
    say(who, "granted", datetime(2031, 1, 1, tzinfo=UTC))
    say(who, "withdrawn", datetime(2031, 1, 2, tzinfo=UTC))
    assert allowed([of], "marketing", "email", NOW) == set()


def test_an_opt_out_that_names_a_number_binds_every_record_that_holds_it() -> None:
    people = [person() for _ in range(3)]
    for _, who in people:
        for channel in ("sms", "call", "email"):
            say(who, "granted", day(1), channel=channel)
    for _, who in people[:2]:
        holds(who, "phone", NUMBER)
    say(None, "withdrawn", day(2), contact=("phone", NUMBER), channel=None)
    profiles = [of for of, _ in people]
    assert allowed(profiles, "marketing", "sms", NOW) == {profiles[2]}
    assert allowed(profiles, "marketing", "call", NOW) == {profiles[2]}
    assert allowed(profiles, "marketing", "email", NOW) == set(profiles)
    assert [line.by_contact for line in queries.history(profiles[0])] == [True, False, False, False]


def test_an_opt_out_does_not_bind_whoever_had_given_up_the_number_before() -> None:
    of, who = person()
    say(who, "granted", day(1), channel="sms")
    holds(who, "phone", NUMBER, valid_to=day(2))
    say(None, "withdrawn", day(3), contact=("phone", NUMBER), channel="sms")
    assert allowed([of], "marketing", "sms", NOW) == {of}


def test_a_grant_that_names_only_a_contact_point_grants_nobody() -> None:
    of, who = person()
    holds(who, "email", NUMBER)
    say(None, "granted", day(1), contact=("email", NUMBER))
    assert allowed([of], "marketing", "email", NOW) == set()


def test_a_line_without_a_channel_speaks_of_all_and_a_later_one_with_a_channel_overrides_it() -> None:
    of, who = person()
    say(who, "withdrawn", day(1), channel=None)
    say(who, "granted", day(2), channel="sms")
    assert [bool(allowed([of], "marketing", channel, NOW)) for channel in ("sms", "email")] == [True, False]
    say(who, "withdrawn", day(3), channel=None)
    assert allowed([of], "marketing", "sms", NOW) == set()


def test_brands() -> None:
    of, who = person()
    say(who, "granted", day(1), brand="north")
    assert [bool(allowed([of], "marketing", "email", NOW, brand)) for brand in ("north", "south", "")] == [1, 0, 0]
    say(who, "granted", day(2))
    assert [bool(allowed([of], "marketing", "email", NOW, brand)) for brand in ("north", "south", "")] == [1, 1, 1]
    say(who, "withdrawn", day(3), brand="south")
    assert [bool(allowed([of], "marketing", "email", NOW, brand)) for brand in ("north", "south", "")] == [1, 0, 0]
    say(who, "withdrawn", day(4))
    assert [bool(allowed([of], "marketing", "email", NOW, brand)) for brand in ("north", "south", "")] == [0, 0, 0]


def test_a_grant_ends_at_its_expiry() -> None:
    of, who = person()
    say(who, "granted", day(1), expires_at=NOW)
    assert allowed([of], "marketing", "email", NOW - timedelta(microseconds=1)) == {of}
    assert may_contact(of, "marketing", "email", NOW).reasons == ("expired", "no_contact_point")


def test_without_a_usable_contact_point_nobody_is_contacted() -> None:
    of, who = person()
    say(who, "granted", day(1))
    holds(who, "email", NUMBER, usable=False, reason="bounced")
    holds(who, "phone", NUMBER)
    assert may_contact(of, "marketing", "email", NOW).reasons == ("no_contact_point",)
    holds(who, "email", b"other".ljust(32))
    assert may_contact(of, "marketing", "email", NOW).allowed


def test_a_merged_or_unknown_profile_is_not_contacted_on_any_basis() -> None:
    gone = Profile.objects.create(state="merged", redirect_id=profile()).id
    assert allowed([gone, uuid4()], "service", "email", NOW) == set()
    assert may_contact(gone, "service", "email", NOW).reasons == ("not_live",)


def test_an_unknown_purpose_or_channel_is_refused() -> None:
    of, _ = person()
    with pytest.raises(Refused, match="no such purpose"):
        allowed([of], "sale", "email", NOW)
    with pytest.raises(Refused, match="no such contact channel"):
        allowed([of], "marketing", "fax", NOW)


def test_coverage_counts_live_profiles() -> None:
    people = [person() for _ in range(3)]
    say(people[0][1], "granted", day(1))
    say(people[1][1], "granted", day(1), expires_at=day(2))
    say(people[2][1], "withdrawn", day(1))
    actions.refresh_effective(of for of, _ in people)
    states = ("expired", "granted", "withdrawn")
    assert queries.coverage(NOW) == [Coverage("marketing", "email", state, 1) for state in states]


def test_history_names_the_source() -> None:
    of, who = person()
    other = record(of)
    say(who, "granted", day(1), source=source().id)
    say(other, "withdrawn", day(2))
    assert [(line.record, line.source) for line in queries.history(of)] == [(other, None), (who, "shop")]
