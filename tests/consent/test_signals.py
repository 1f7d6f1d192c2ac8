"""An opt-out signal stands, a later opt-in is kept as a conflict; lists that name a number bind whoever holds it."""

from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from consent import actions, opt_outs, signals
from consent.models import ConsentRecord, ContactChannel, Effective
from consent.queries import allowed, collectable, may_contact
from tests.consent.people import NOW, day, holds, person, record, say

pytestmark = pytest.mark.django_db
OFFICER = Actor("user:officer")
SHARING = {"purpose": "sale_sharing", "channel": None}


def objects(who: UUID, at_month: int = 1) -> None:
    say(who, "withdrawn", day(at_month), method="gpc", **SHARING)


def may_share(of: UUID) -> bool:
    return allowed([of], "sale_sharing", "ad_audience", NOW) == {of}


def test_rule_10_a_browser_s_signal_objects_to_sale_and_sharing_and_to_nothing_else() -> None:
    of, who = person()
    assert may_share(of)
    objects(who)
    assert not may_share(of)
    assert allowed([of], "analytics", "email", NOW) == {of}


def test_rule_10_whatever_goes_to_an_audience_of_others_needs_it_besides() -> None:
    of, who = person()
    say(who, "granted", day(1), channel=None)
    assert allowed([of], "marketing", "ad_audience", NOW) == {of}
    objects(who)
    assert allowed([of], "marketing", "ad_audience", NOW) == set()
    assert may_contact(of, "marketing", "ad_audience", NOW).reasons == ("sale_sharing_withdrawn",)
    assert allowed([of], "marketing", "email", NOW) == {of}
    ContactChannel.objects.filter(pk="ad_audience").update(also=None)
    assert allowed([of], "marketing", "ad_audience", NOW) == {of}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_rule_10_a_later_opt_in_is_a_conflict_that_grants_nothing_until_it_is_settled(order: tuple[int, int]) -> None:
    of, who = person()
    for one in order:
        objects(who) if one == 1 else say(who, "granted", day(2), **SHARING)
    assert not may_share(of)
    (conflict,) = signals.conflicts()
    assert (conflict.profile, conflict.purpose, conflict.granted_at) == (of, "sale_sharing", day(2))
    assert ConsentRecord.objects.filter(state="granted").count() == 1
    actions.refresh_effective([of])
    assert set(Effective.objects.filter(profile=of).values_list("state", flat=True)) == {"withdrawn"}


def test_rule_10_settled_in_favour_of_the_opt_in_it_counts_and_a_withdrawal_after_it_too() -> None:
    of, who = person()
    objects(who)
    say(who, "granted", day(2), **SHARING)
    line = signals.conflicts()[0].line
    signals.settle(OFFICER, line, granted=True, at=day(3))
    assert may_share(of) and signals.conflicts() == []
    assert AuditEntry.objects.get(action="consent.conflict_settled").target == str(line)
    with pytest.raises(Refused, match="no conflict"):
        signals.settle(OFFICER, line, granted=True)
    say(who, "withdrawn", day(4), **SHARING)
    assert not may_share(of)


def test_rule_10_settled_in_favour_of_the_signal_it_stays_and_the_next_opt_in_is_a_conflict_again() -> None:
    of, who = person()
    objects(who)
    say(who, "granted", day(2), **SHARING)
    signals.settle(OFFICER, signals.conflicts()[0].line, granted=False, at=day(3))
    assert not may_share(of) and signals.conflicts() == []
    say(who, "granted", day(4), **SHARING)
    assert not may_share(of) and [one.granted_at for one in signals.conflicts()] == [day(4)]


def test_an_opt_in_before_the_signal_is_no_conflict() -> None:
    of, who = person()
    say(who, "granted", day(1), **SHARING)
    objects(who, 2)
    assert not may_share(of) and signals.conflicts() == []


# --- collection ---------------------------------------------------------------------------------------------------------


def test_a_record_is_collected_where_its_person_allows_the_purpose_as_a_whole() -> None:
    _, yes = person()
    _, only_by_mail = person()
    of, no = person()
    another_of_no, nobody = record(of), uuid4()
    say(yes, "granted", day(1), channel=None)
    say(only_by_mail, "granted", day(1), channel="email")
    say(another_of_no, "granted", day(2), channel=None)
    say(no, "withdrawn", day(1), channel=None)
    asked = [yes, only_by_mail, no, another_of_no, nobody]
    assert collectable(asked, "marketing", NOW) == {yes}
    assert collectable(asked, "analytics", NOW) == set(asked)
    assert collectable(asked, "no_such_purpose", NOW) == set()
    say(yes, "withdrawn", day(3), channel=None, brand="north")
    assert collectable([yes], "marketing", NOW, "south") == {yes}
    assert collectable([yes], "marketing", NOW, "north") == set() == collectable([yes], "marketing", NOW)


# --- lists that name only a number or address -----------------------------------------------------------------------------


def held(kind: str, value: str) -> tuple[UUID, UUID]:
    of, who = person()
    holds(who, kind, crypto.contact_digest(kind, value))
    return of, who


def listed(tmp_path: Path, text: str, *options: str) -> str:
    file, out = tmp_path / "list.csv", StringIO()
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    call_command("import_opt_outs", file, *options, stdout=out)
    return out.getvalue()


def test_a_list_binds_every_record_that_holds_a_number_in_whatever_spelling_now_and_later(tmp_path: Path) -> None:
    people = [held("phone", "+821012345678") for _ in range(2)]
    later, newcomer = person()
    for _, who in (*people, (later, newcomer)):
        for channel in ("sms", "call", "email"):
            say(who, "granted", day(1), channel=channel)
    assert "withdrawals: 12" in listed(tmp_path, "number\n010-1234-5678\n", "--list", "080", "--column", "number")
    ids = [of for of, _ in people]
    assert allowed([*ids, later], "marketing", "sms", NOW) == {later}
    assert allowed(ids, "marketing", "email", NOW) == set(ids)
    holds(newcomer, "phone", crypto.contact_digest("phone", "+821012345678"))
    assert allowed([later], "marketing", "call", NOW) == set()


def test_taking_a_list_again_doubles_nothing_and_no_value_is_kept(tmp_path: Path) -> None:
    text = "kim@shop.example\n"
    assert "withdrawals: 4" in listed(tmp_path, text, "--list", "unsubscribe")
    assert "withdrawals: 0" in listed(tmp_path, text, "--list", "unsubscribe")
    lines = ConsentRecord.objects.values("subject", "recorded_by", "method", "state", "channel")
    assert {tuple(line.values()) for line in lines} == {
        (None, "system:import_opt_outs", "unsubscribe", "withdrawn", "email")
    }


def test_a_bounce_ends_what_rests_on_consent_and_leaves_the_service(tmp_path: Path) -> None:
    of, who = held("email", "kim@shop.example")
    say(who, "granted", day(1))
    listed(tmp_path, "Kim@Shop.example\n", "--list", "bounce")
    assert may_contact(of, "marketing", "email", NOW).reasons == ("withdrawn",)
    assert may_contact(of, "service", "email", NOW).allowed


def test_what_is_no_number_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"1 lines hold no value.*at: 2"):
        listed(tmp_path, "010-1234-5678\nnobody\n", "--list", "do_not_call", "--purpose", "marketing")
    assert ConsentRecord.objects.get().purpose_id == "marketing"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--purpose", "sale"), "no such purpose"),
        (("--channel", "email"), "uses other addresses"),
        (("--as-of", "yesterday"), "ISO 8601"),
        (("--column", "phone"), "no such column"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        listed(tmp_path, "number\n010-1234-5678\n", "--list", "080", *options)
    assert not ConsentRecord.objects.exists()


def test_a_list_of_no_kind_is_refused() -> None:
    with pytest.raises(Refused, match="no such kind"):
        opt_outs.take(OFFICER, "rumours", [], NOW)
