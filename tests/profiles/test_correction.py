"""A steward's value outranks every import, stays with its person, and is written down without itself."""

from uuid import UUID

import pytest
from django.db import transaction

from cdp import pipeline
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor
from cdp.events.actions import store
from cdp.events.models import Event, Source
from cdp.profiles import actions, queries
from cdp.profiles.models import Golden
from identity import actions as identity
from identity.models import Link, Profile, ProfileChange, Record, ReviewCase
from tests.profiles.test_golden import event, sources

__all__ = ["sources"]
pytestmark = pytest.mark.django_db(transaction=True)
STEWARD = Actor("user:steward")
ASKED = "person_asked"
ADDRESS = {"address": "세종대로 110", "city": "서울", "postcode": "04524"}


def arrives(*events) -> UUID:
    """Everything as the pipeline does it; the profile of the first event's record."""
    with transaction.atomic():
        store(events)
    pipeline.advance()
    return profile_of(events[0].record)


def profile_of(record: UUID) -> UUID:
    return Record.objects.get(pk=record).profile_id


def correct(profile: UUID, attribute: str, value: str) -> UUID:
    record = actions.correct(STEWARD, profile, attribute, value, ASKED)
    pipeline.advance()
    return record


def test_a_correction_wins_over_every_import_whatever_its_rank_and_time(sources) -> None:
    Source.objects.filter(name="pos").update(trust_rank=-5)
    pos = event(sources["pos"], day=1, attributes={"email": "min@shop.example", "full_name": "김만수"})
    profile = arrives(pos)
    correct(profile, "full_name", "김민수")
    assert queries.personal([profile])[profile]["full_name"] == "김민수"
    assert Golden.objects.get(pk=profile).lineage["full_name"]["why"] == "steward"
    late = event(sources["pos"], day=900, attributes={"email": "min@shop.example", "full_name": "김만수"})
    arrives(late)
    assert queries.personal([profile])[profile] == {"email": "min@shop.example", "full_name": "김민수"}


def test_a_correction_can_be_corrected(sources) -> None:
    profile = arrives(event(sources["web"], attributes={"birth_date": "1990-01-02"}))
    first = correct(profile, "birth_date", "1990-02-01")
    assert correct(profile, "birth_date", "1990-03-01") == first
    assert identity.correct(STEWARD, first, "birth_date", "1990-04-01", ASKED) == first
    pipeline.advance()
    assert queries.personal([profile])[profile]["birth_date"] == "1990-04-01"
    assert Record.objects.count() == 2


def test_a_corrected_street_keeps_its_city_and_a_corrected_city_its_street(sources) -> None:
    profile = arrives(event(sources["web"], attributes=ADDRESS))
    correct(profile, "address", "세종대로 112")
    assert queries.personal([profile])[profile] == ADDRESS | {"address": "세종대로 112"}
    other = arrives(event(sources["app"], user="u2", attributes=ADDRESS))
    correct(other, "city", "부산")
    assert queries.personal([other])[other] == ADDRESS | {"city": "부산"}


def test_a_correction_is_no_act_of_the_person(sources) -> None:
    profile = arrives(event(sources["web"], day=1, attributes={"gender": "m"}))
    before = Golden.objects.get(pk=profile).traits
    correct(profile, "gender", "f")
    assert Golden.objects.get(pk=profile).traits == before | {"gender": "f"}


def test_a_correction_stays_with_the_record_it_corrects(sources) -> None:
    web = event(sources["web"], day=2, attributes={"email": "min@shop.example", "full_name": "김민수"})
    pos = event(sources["pos"], day=1, attributes={"email": "min@shop.example", "full_name": "김민소"})
    profile = arrives(web, pos)
    assert profile == profile_of(pos.record)
    correct(profile, "full_name", "김민서")
    identity.expel(STEWARD, pos.record, "different_people")
    pipeline.advance()
    pipeline.resolve(retrain=False)
    out = profile_of(pos.record)
    assert out != profile == profile_of(web.record)
    assert {name: known["full_name"] for name, known in queries.personal([profile, out]).items()} == {
        profile: "김민수", out: "김민서",
    }  # fmt: skip


def test_a_correction_goes_back_with_an_unmerged_profile(sources) -> None:
    web = event(sources["web"], attributes={"email": "a@shop.example", "full_name": "김민수"})
    pos = event(sources["pos"], attributes={"email": "b@shop.example", "full_name": "김민소"}, user="p1")
    kept, merged = sorted((arrives(web, pos), profile_of(pos.record)))
    left, right = sorted((web.record, pos.record))
    identity.decide_case(STEWARD, ReviewCase.objects.create(left=left, right=right, reason="gray zone"), "same")
    pipeline.advance()
    made = [identity.correct(STEWARD, record, "full_name", f"김민{n}", ASKED) for n, record in enumerate((left, right))]
    pipeline.advance()
    identity.unmerge(STEWARD, ProfileChange.objects.get(kind="merged").pk, "different_people")
    pipeline.advance()
    assert {profile_of(record) for record in made} == {kept, merged}
    assert (profile_of(made[0]), profile_of(made[1])) == (profile_of(left), profile_of(right))
    assert queries.personal([profile_of(left)])[profile_of(left)]["full_name"] == "김민0"


def test_a_correction_does_not_leave_what_it_corrects(sources) -> None:
    web = event(sources["web"], attributes={"full_name": "김민수"})
    profile = arrives(web)
    made = correct(profile, "full_name", "김민서")
    for undo in (
        lambda: identity.expel(STEWARD, made, "wrong_data"),
        lambda: identity.split(STEWARD, profile, [made], "wrong_data"),
    ):
        with pytest.raises(Refused) as refused:
            undo()
        assert refused.value.code == "a_correction"


def test_the_audit_names_person_and_attribute_but_not_the_value(sources) -> None:
    web = event(sources["web"], attributes={"phone": "010-2345-6789"})
    correct(arrives(web), "phone", "010-9876-5432")
    entry = AuditEntry.objects.get(action="value.corrected")
    assert entry.subject == DataKey.objects.get(record=web.record).pk
    assert (entry.actor, entry.details) == (STEWARD.name, {"attribute": "phone", "reason": ASKED})
    said = Event.objects.get(name="Value Corrected")
    told = str((said.properties, said.message_id, said.name))
    assert "9876-5432" not in told and "98765432" not in told
    assert Link.objects.get(kind="must").actor == STEWARD.name


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        ("nickname", "x", "attribute_unknown"), ("email", "no mail", "value_unusable"), ("email", "", "value_unusable"),
        ("birth_date", "19755-01-01", "value_unusable"), ("full_name", "null", "value_unusable"),
        ("full_name", "a\0b", "value_unusable"), ("city", "x" * 400, "value_unusable"),
    ],
)  # fmt: skip
def test_what_could_not_be_used_is_refused_and_not_repeated(sources, attribute, value, code) -> None:
    profile = arrives(event(sources["web"], attributes={"full_name": "김민수"}))
    with pytest.raises(Refused) as refused:
        actions.correct(STEWARD, profile, attribute, value, ASKED)
    assert refused.value.code == code
    assert not value or value not in str(refused.value)
    assert (Record.objects.count(), Profile.objects.count()) == (1, 1)


def test_nobody_is_no_person_to_correct(sources) -> None:
    device = event(sources["web"])
    arrives(device)
    Record.objects.filter(pk=device.record).update(leaf=True)
    for refuse in (
        lambda: actions.correct(STEWARD, profile_of(device.record), "gender", "f", ASKED),
        lambda: identity.correct(STEWARD, device.record, "gender", "f", ASKED),
    ):
        with pytest.raises(Refused) as refused:
            refuse()
        assert refused.value.code == "anonymous"
