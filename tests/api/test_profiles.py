"""Profiles by id, by identifier, their records and consents, and what happened to their ids."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdp.core.models import AuditEntry
from cdp.profiles.models import Golden
from identity.models import HouseholdHint, Profile, ProfileChange, Record
from tests.api.people import (
    EXTERNAL,
    START,
    VALUES,
    Caller,
    canary,
    everything,
    is_problem,
    merged,
    person,
    record_of,
    says,
    segment,
    source,
    walk,
)

pytestmark = pytest.mark.django_db


def reader() -> Caller:
    return Caller("profiles:read")


def test_a_profile_is_told_with_lineage_and_consents_and_without_personal_values() -> None:
    profile = canary()
    says(profile, "granted")
    body = reader().get(f"/profiles/{profile}").json()
    assert (body["id"], body["redirected_from"], body["records_count"]) == (str(profile), None, 1)
    assert body["traits"] == {"region": "서울", "orders_count": 5}
    assert body["lineage"]["email"] == {
        "record": str(record_of(profile)), "at": "2026-05-01T09:00:00.000000Z", "why": "latest"
    }  # fmt: skip
    assert [(one["purpose"], one["channel"], one["state"]) for one in body["consents"]] == [
        ("marketing", "email", "granted")
    ]
    assert "personal" not in body


def test_a_merged_id_is_answered_with_the_live_profile() -> None:
    profile = person()
    old = merged(profile)
    for path in ("", "/records", "/consents", "/household"):
        assert reader().get(f"/profiles/{old}{path}").status_code == 200
    body = reader().get(f"/profiles/{old}").json()
    assert (body["id"], body["redirected_from"]) == (str(profile), str(old))


def test_an_erased_profile_is_gone_and_an_unknown_one_not_found() -> None:
    erased = Profile.objects.create(state="erased").id
    for path in ("", "/records", "/consents", "/household"):
        is_problem(reader().get(f"/profiles/{erased}{path}"), 410, "erased")
        is_problem(reader().get(f"/profiles/{uuid4()}{path}"), 404, "not_found")


def test_a_household_is_told_by_ids_and_reasons() -> None:
    one, other, third = canary(), person(), person()
    hint((one, other), "phone", "given names")
    hint((other, third), "email", "cannot-link")
    body = reader().get(f"/profiles/{merged(one)}/household").json()
    assert body["profile"] == str(one) and body["household"]
    assert {member.pop("profile"): member for member in body["members"]} == {
        str(other): {"shared": ["phone"], "reasons": ["given names"]}, str(third): {"shared": [], "reasons": []},
    }  # fmt: skip
    assert reader().get(f"/profiles/{third}/household").json()["household"] == body["household"]
    alone = person()
    nobody = {"profile": str(alone), "household": None, "members": []}
    assert reader().get(f"/profiles/{alone}/household").json() == nobody


def hint(profiles: tuple[UUID, UUID], shared: str, reason: str) -> None:
    left, right = sorted(map(record_of, profiles))
    HouseholdHint.objects.create(left=left, right=right, household=UUID(int=7), shared=shared, reason=reason)


def test_a_profile_that_did_not_change_is_not_sent_again() -> None:
    profile, caller = person(region="서울"), reader()
    first = caller.get(f"/profiles/{profile}")
    tag = first.headers["ETag"]
    assert tag.startswith('"') and "private" in first.headers["Cache-Control"]
    assert "Authorization" in first.headers["Vary"]
    again = caller.get(f"/profiles/{profile}", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    Golden.objects.filter(profile=profile).update(traits={"region": "부산"})
    assert caller.get(f"/profiles/{profile}", headers={"If-None-Match": tag}).status_code == 200


# --- looking up -------------------------------------------------------------------------------------------------------

SPELLINGS = [
    {"email": "canary.kim@example.kr"},
    {"email": "  Canary.KIM@Example.KR "},
    {"email": "ｃａｎａｒｙ.ｋｉｍ@example.kr"},
    {"email": "mailto:canary.kim@example.kr"},
    {"phone": "010-5550-1234"},
    {"phone": "01055501234"},
    {"phone": "+82 10 5550 1234"},
    {"phone": "+82-(0)10-5550-1234"},
    {"phone": "０１０　５５５０　１２３４"},
    {"loyalty_id": "L-7"},
    {"loyalty_id": "L-7", "brand": "aria"},
    {"club_number": "77"},
    {"external_id": EXTERNAL, "source": "till"},
]


@pytest.mark.parametrize("body", SPELLINGS, ids=str)
def test_a_person_is_found_by_every_spelling(body: dict[str, str]) -> None:
    profile = canary({"loyalty_id:aria": "L-7", "club_number": "77"}, source("till", "aria"))
    answer = Caller("profiles:lookup").post("/profiles/lookup", body)
    assert answer.json() == {"profiles": [str(profile)], "truncated": False}
    row = AuditEntry.objects.get(action="profile.looked_up")
    assert row.details["found"] == 1 and not {*body.values()} & {*map(str, row.details.values())}


def test_a_number_of_another_brand_or_kind_finds_nobody() -> None:
    canary({"loyalty_id:aria": "L-7"}, source("till", "aria"))
    source("other", "boru")
    for body in ({"loyalty_id": "L-7", "brand": "boru"}, {"user_id": "L-7"}, {"loyalty_id": "l-7"}, {"phone": "null"}):
        assert Caller("profiles:lookup").post("/profiles/lookup", body).json()["profiles"] == []


def test_merged_records_lead_to_the_live_profile() -> None:
    old, new = canary(), person()
    Record.objects.filter(profile=old).update(profile=new)
    Profile.objects.filter(pk=old).update(state="merged", redirect=new)
    found = Caller("profiles:lookup").post("/profiles/lookup", {"email": VALUES["email"]}).json()
    assert found["profiles"] == [str(new)]


WRONG: list[tuple[Any, str]] = [
    ({}, "one_identifier"),
    ({"email": "canary.kim@example.kr", "phone": "010-5550-1234"}, "one_identifier"),
    ({"canary.kim@example.kr": "x"}, "one_identifier"),
    ({"external_id": "canary.kim@example.kr"}, "source_and_external_id"),
    ({"email": "canary.kim@example.kr", "source": "till"}, "source_and_external_id"),
    ({"external_id": "canary.kim@example.kr", "source": "canary.kim@example.kr"}, "source_unknown"),
    ({"external_id": "1", "source": "a\0"}, "source_unknown"),
    ({"external_id": "1", "source": "\ud800"}, "source_unknown"),
    ({"external_id": "1", "source": "canary"}, "source_unknown"),
    ({"email": ["canary.kim@example.kr"]}, "invalid"),
    (["canary.kim@example.kr"], "invalid"),
    ({"email": "canary.kim@example.kr" * 100}, "too_long"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
def test_a_wrong_look_up_is_refused_without_repeating_it(
    body: Any, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Caller("profiles:lookup").post("/profiles/lookup", body)
    is_problem(answer, 400, code)
    assert b"canary" not in answer.content and "canary" not in caplog.text


def test_an_unknown_source_is_pointed_at() -> None:
    answer = Caller("profiles:lookup").post("/profiles/lookup", {"external_id": "1", "source": "nowhere"})
    assert [one["pointer"] for one in is_problem(answer, 400, "source_unknown")["errors"]] == ["/source"]


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_what_no_table_can_hold_finds_nobody(text: str) -> None:
    canary({"loyalty_id": "L-7"})
    caller = Caller("profiles:lookup")
    for body in ({"loyalty_id": "L-7", "brand": text}, {"loyalty_id": text}, {"external_id": text, "source": "shop"}):
        assert caller.post("/profiles/lookup", body).json()["profiles"] == []


class LookupOfAnything(TestCase):
    """Whatever is looked up, nothing breaks and nobody wrong is found."""

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=30) | st.integers() | st.none(), max_size=3))
    @settings(max_examples=60, deadline=None)
    def test_any_body_is_answered(self, body: dict[str, Any]) -> None:
        answer = Caller("profiles:lookup").post("/profiles/lookup", body)
        assert answer.status_code in (200, 400)

    @given(st.text(max_size=60))
    @settings(max_examples=60, deadline=None)
    def test_any_value_finds_nobody_among_nobody(self, value: str) -> None:
        source("till")
        caller = Caller("profiles:lookup")
        for body in ({"email": value}, {"phone": value}, {"club": value}, {"external_id": value, "source": "till"}):
            assert caller.post("/profiles/lookup", body).json() == {"profiles": [], "truncated": False}


# --- records and consents ---------------------------------------------------------------------------------------------


def test_records_are_paged_and_cover_all_once() -> None:
    profile = Profile.objects.create().id
    made = {
        Record.objects.create(
            id=uuid4(), source=source(), kind="customer", profile_id=profile, first_seen=START, last_seen=START
        ).pk
        for _ in range(7)
    }
    pages = list(walk(reader(), f"/profiles/{profile}/records", limit=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert {UUID(row["id"]) for page in pages for row in page} == made


def test_a_record_tells_its_source_and_clear_traits() -> None:
    (row,) = reader().get(f"/profiles/{canary()}/records").json()["results"]
    assert (row["source"], row["channel"], row["kind"], row["leaf"]) == ("shop", "web", "customer", False)
    assert row["traits"] == {"favourite": "boots"}


def test_consents_are_the_state_and_the_ledger() -> None:
    profile, now = person(), timezone.now()
    says(profile, "granted", given_at=now - timedelta(days=2))
    says(profile, "withdrawn", given_at=now - timedelta(days=1))
    body = reader().get(f"/profiles/{profile}/consents").json()
    assert [one["state"] for one in body["effective"]] == ["withdrawn"]
    assert [line["state"] for line in body["history"]] == ["withdrawn", "granted"]


# --- changes ----------------------------------------------------------------------------------------------------------


def test_changes_are_told_in_commit_order_and_once() -> None:
    one, two = person(), person()
    for kind, profile, other in (
        ("created", one, None),
        ("split", two, one),
        ("merged", two, one),
        ("erased", one, None),
    ):
        ProfileChange.objects.create(profile=profile, other=other, kind=kind, actor="system:test")
    caller, since, told = reader(), 0, []
    while True:
        page = caller.get("/profiles/changes", since=since, limit=3).json()
        told += page["results"]
        since = page["next_since"]
        if not page["has_more"]:
            break
    assert [row["kind"] for row in told] == ["created", "split", "merged", "erased"]
    assert [row["seq"] for row in told] == [1, 2, 3, 4]
    assert (told[2]["profile"], told[2]["other"]) == (str(two), str(one))
    assert caller.get("/profiles/changes", since=since).json() == {"results": [], "next_since": 4, "has_more": False}


@pytest.mark.parametrize("path", ["/profiles/changes", "/profiles/{profile}/records", "/segments"])
def test_statements_do_not_grow_with_the_page(path: str) -> None:
    profile, caller = person(), everything()
    place = path.format(profile=profile)
    fill(profile, 2)
    caller.get(place)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(caller.get(place).json()["results"]) >= 2
    fill(profile, 20)
    caller.get(place)
    with CaptureQueriesContext(connection) as many:
        assert len(caller.get(place).json()["results"]) >= 20
    assert len(many) == len(few)


def fill(profile: UUID, number: int) -> None:
    for _ in range(number):
        ProfileChange.objects.create(profile=profile, kind="created", actor="system:test")
        Record.objects.create(
            id=uuid4(), source=source(f"s-{uuid4().hex[:8]}"), kind="customer", profile_id=profile, first_seen=START,
            last_seen=START,
        )  # fmt: skip
        segment(f"k-{uuid4().hex[:8]}", publish=False)
