"""Data is given to somebody else only by a consent that names them and their country."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from consent import actions, queries
from consent.models import Effective, Purpose
from consent.types import ThirdParty
from tests.consent.people import NOW, day, person, say
from tests.consent.people import record as another

pytestmark = pytest.mark.django_db
PARTNER = ThirdParty("Partner Ltd", "JP")
TO_PARTNER = {"recipient": "Partner Ltd", "country": "JP"}


def given(*said: tuple[str, int, dict[str, Any]], to: ThirdParty = PARTNER, purpose: str = "marketing") -> bool:
    """Whether somebody who said all that, each in its month, may be given away."""
    profile, record = person()
    for state, month, fields in said:
        say(record, state, day(month), **{"purpose": purpose, **fields})
    return bool(queries.allowed([profile], purpose, "email", NOW, given_to=to))


def test_a_grant_must_name_the_recipient_and_the_country() -> None:
    assert given(("granted", 1, TO_PARTNER))
    assert not given(("granted", 1, {})), "a consent to our own use gives nobody away"
    assert not given(("granted", 1, TO_PARTNER | {"recipient": "Other Ltd"}))
    assert not given(("granted", 1, TO_PARTNER | {"country": "US"}))
    assert not given(("granted", 1, TO_PARTNER | {"country": ""}))


def test_without_a_country_it_is_the_controller_s_own(settings: Any) -> None:
    settings.CONTROLLER = {**settings.CONTROLLER, "country": "KR"}
    home = ThirdParty("Partner Ltd", "KR")
    assert given(("granted", 1, {"recipient": "Partner Ltd"}), to=home)
    assert not given(("granted", 1, {"recipient": "Partner Ltd"}))


def test_a_no_stops_it_that_names_the_recipient_or_nobody() -> None:
    granted = ("granted", 1, TO_PARTNER)
    assert not given(granted, ("withdrawn", 2, TO_PARTNER))
    assert not given(granted, ("withdrawn", 2, {"recipient": "Partner Ltd"})), "in whichever country"
    assert not given(granted, ("withdrawn", 2, {}))
    assert given(granted, ("withdrawn", 2, {"recipient": "Other Ltd", "country": "JP"}))
    assert given(granted, ("withdrawn", 2, TO_PARTNER), ("granted", 3, TO_PARTNER))
    assert not given(granted, ("withdrawn", 2, TO_PARTNER), ("granted", 3, {})), "a later yes to us is none to them"
    assert not given(("granted", 1, TO_PARTNER | {"expires_at": NOW - timedelta(days=1)}))


def test_whoever_of_the_records_said_no_wins() -> None:
    profile, record = person()
    say(record, "granted", day(1), **TO_PARTNER)
    say(another(profile), "withdrawn", day(2))
    assert not queries.allowed([profile], "marketing", "email", NOW, given_to=PARTNER)


def test_what_rests_on_no_consent_minds_objections_only() -> None:
    Purpose.objects.create(key="delivering", name_ko="배송", name_en="Delivery", basis="contract")
    assert given(purpose="delivering")
    assert not given(("withdrawn", 1, {}), purpose="delivering")


def test_what_the_purpose_needs_besides_is_asked_as_for_ourselves() -> None:
    Purpose.objects.create(key="marketing_use", name_ko="이용", name_en="Use")
    assert not given(("granted", 1, TO_PARTNER))
    assert given(("granted", 1, TO_PARTNER), ("granted", 1, {"purpose": "marketing_use"}))


def test_our_own_gate_answers_as_before() -> None:
    profile, record = person()
    say(record, "granted", day(1))
    asked: tuple[list[UUID], str, str] = ([profile], "marketing", "email")
    assert queries.allowed(*asked, NOW) and not queries.allowed(*asked, NOW, given_to=PARTNER)


def test_what_names_a_recipient_speaks_of_them_alone() -> None:
    profile, record = person()
    say(record, "granted", day(1), **TO_PARTNER)
    assert not queries.allowed([profile], "marketing", "email", NOW), "a consent for theirs is none for ours"
    say(record, "granted", day(2))
    say(record, "withdrawn", day(3), **TO_PARTNER)
    assert queries.allowed([profile], "marketing", "email", NOW) == {profile}, "nor is an end of theirs one of ours"
    actions.refresh_effective([profile])
    assert {row.state for row in Effective.objects.filter(profile=profile, purpose="marketing")} == {"granted"}


def test_a_source_collects_nothing_by_a_consent_for_others() -> None:
    _, record = person()
    say(record, "granted", day(1), **{"channel": None, **TO_PARTNER})
    assert queries.collectable([record], "marketing", NOW) == set()
    say(record, "granted", day(2), channel=None)
    assert queries.collectable([record], "marketing", NOW) == {record}
