"""History, explanation, undoing and correcting over REST, as a steward's tool does it."""

import json
from typing import Any
from uuid import UUID

import pytest

from cdp.core.models import AuditEntry
from cdp.profiles.actions import refresh
from identity.models import Link, Profile, ProfileChange, Record
from tests.api.people import VALUES, Caller, canary, is_problem, source
from tests.identity.test_profiles import Sender, profile_of
from tests.identity.test_reversible import members, two_that_merge

pytestmark = pytest.mark.django_db
WHY = {"reason": "different_people"}


@pytest.fixture
def sender() -> Sender:
    return Sender(source("web", "haru"))


def steward() -> Caller:
    return Caller("profiles:read", "identity:write")


def posted(profile: UUID, what: str, **body: Any) -> Any:
    answer = steward().post(f"/profiles/{profile}/{what}", WHY | body)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.django_db(transaction=True)
def test_a_merge_is_found_in_the_history_explained_and_undone(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    asking = steward()
    told = asking.get(f"/profiles/{merge.other}/history").json()["results"]
    assert [entry["kind"] for entry in told] == ["created", "merged"]
    assert (told[1]["left"], set(told[1]["records"])) == (str(merge.profile), {str(record) for record in newer})
    pair = {"left": str(min(older)), "right": str(min(newer))}
    links = asking.get(f"/profiles/{merge.other}/explanation", **pair).json()["links"]
    assert {link["identifier"] for link in links} <= {"email", "phone"}
    assert links[0]["waterfall"][0]["name"] == "prior"
    parted = posted(merge.other, "unmerge", change=told[1]["change"])
    assert parted == {"profile": str(merge.profile)}
    assert (members(merge.other), members(merge.profile)) == (older, newer)
    again = asking.post(f"/profiles/{merge.other}/unmerge", WHY | {"change": told[1]["change"]})
    is_problem(again, 409, "already_undone")
    assert AuditEntry.objects.get(action="profile.unmerged").actor.startswith("key:")


def test_the_records_of_a_moment_are_told(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    asking = steward()
    for at, expected in (("2000-01-01T00:00:00Z", set()), ("2100-01-01T00:00:00Z", older | newer)):
        answer = asking.get(f"/profiles/{merge.other}/history", at=at).json()
        assert set(answer["records"]) == {str(record) for record in expected}


def test_a_record_is_expelled_and_a_profile_split(sender: Sender) -> None:
    records = [sender.says(f"c{n}", "customer", email="jane@shop.example", minute=n) for n in range(4)]
    sender.arrives()
    profile = profile_of(records[0])
    alone = posted(profile, "expel", record=str(records[0]))["profile"]
    assert members(UUID(alone)) == {records[0]}
    fresh = posted(profile, "split", records=[str(records[1])])["profile"]
    assert (members(UUID(fresh)), members(profile)) == ({records[1]}, set(records[2:]))


def test_another_profile_s_merges_and_records_are_refused(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    stranger = sender.says("s", "customer", email="s@shop.example")
    sender.arrives(sender.sent[-1:])
    other, asking = profile_of(stranger), steward()
    is_problem(asking.post(f"/profiles/{other}/unmerge", WHY | {"change": str(merge.pk)}), 404, "not_found")
    is_problem(asking.post(f"/profiles/{other}/expel", WHY | {"record": str(min(older))}), 409, "not_its_records")
    is_problem(asking.post(f"/profiles/{other}/split", WHY | {"records": [str(min(newer))]}), 409, "not_its_records")
    pair = {"left": str(stranger), "right": str(min(older))}
    is_problem(asking.get(f"/profiles/{other}/explanation", **pair), 409, "not_its_records")
    assert (members(merge.other), Link.objects.count()) == (older | newer, 0)


@pytest.mark.parametrize("reason", ["", "because", None, 7])
def test_a_reason_of_the_list_is_required(sender: Sender, reason: Any) -> None:
    _, _, merge = two_that_merge(sender)
    body = {"change": str(merge.pk), "reason": reason}
    is_problem(steward().post(f"/profiles/{merge.other}/unmerge", body), 400, "invalid")
    assert ProfileChange.objects.filter(kind="split").count() == 0


def test_a_correction_is_taken_and_neither_answered_nor_written_down() -> None:
    profile = canary()
    made = posted(profile, "corrections", attribute="full_name", value="구슬비")["record"]
    refresh([profile])
    assert Record.objects.get(pk=made).profile_id == profile
    reading = Caller("profiles:read", "profiles:personal")
    told = reading.get(f"/profiles/{profile}", personal="true", purpose="marketing").json()
    assert told["personal"] == VALUES | {"full_name": "구슬비"}
    assert told["lineage"]["full_name"]["why"] == "steward"
    assert "구슬비" not in json.dumps(list(AuditEntry.objects.values_list("details", "target")))


def test_a_value_that_cannot_be_used_is_pointed_at_and_not_repeated() -> None:
    answer = steward().post(f"/profiles/{canary()}/corrections", WHY | {"attribute": "email", "value": "no mail"})
    problem = is_problem(answer, 400, "value_unusable")
    assert problem["errors"][0]["pointer"] == "/value"
    assert "no mail" not in answer.content.decode()


def test_an_erased_profile_has_nothing_to_tell() -> None:
    profile = canary()
    Profile.objects.filter(pk=profile).update(state="erased")
    is_problem(steward().get(f"/profiles/{profile}/history"), 410, "erased")
