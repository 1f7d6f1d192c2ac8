"""Who is on an uploaded list is found by id or by keyed digest; nothing of an upload stays in the clear."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.profiles.models import ContactPoint
from consent import suppression
from identity.models import Profile, Record
from segments import actions, engines, lists, privacy
from segments.models import ListEntry, Segment, UploadedList
from segments.query.problems import RuleError
from tests.segments.people import ACTOR, NOW, START, members_of, person, record_of, segment, source

pytestmark = pytest.mark.django_db
EMAIL = "listed.person@shop.example"
ON_IT = {"list": "guests"}


def uploaded(key: str = "guests", **fields: Any) -> UploadedList:
    until = datetime.now(UTC) + timedelta(days=9)
    about: dict[str, Any] = {"name": key, "purpose": "marketing", "came_from": "Fair", "expires_at": until}
    return lists.create(ACTOR, key=key, **about | fields)


def holds(profile: UUID, value: str = EMAIL, kind: str = "email", **fields: Any) -> None:
    digest = crypto.contact_digest(kind, value)
    ContactPoint.objects.create(record_id=record_of(profile), kind=kind, digest=digest, valid_from=START, **fields)


def test_contact_values_in_any_spelling_find_their_holders_and_are_kept_as_digests_only() -> None:
    made, listed, called, moved, _other = uploaded(), person(), person(), person(), person()
    holds(listed)
    holds(called, "+821012345678", "phone")
    holds(moved, valid_to=NOW)
    added = lists.add_contacts(ACTOR, made, "email", [" Listed.Person@SHOP.example", EMAIL, "nobody", "x@y.example"])
    assert added == lists.Added(listed=2, unreadable=1, suppressed=0)
    lists.add_contacts(ACTOR, made, "phone", ["010-1234-5678"])
    on_it = segment("on", ON_IT)
    actions.recompute(on_it.pk, NOW)
    assert members_of(on_it).keys() == {listed, called}
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(e)::text from segments_listentry e")
        stored = str(cursor.fetchall()) + str(list(AuditEntry.objects.values()))
    assert "listed.person" not in stored.casefold() and "12345678" not in stored


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", [engines.POSTGRESQL, engines.LAKE])
def test_each_engine_reads_lists(engine: str) -> None:
    made, one, two = uploaded(), person(), person()
    holds(two)
    lists.add_contacts(ACTOR, made, "email", [EMAIL])
    lists.add_profiles(ACTOR, made, [one])
    on_it = segment("on", ON_IT)
    wanted = sorted(f"{one}\n{two}\n".split())
    assert sorted(b"".join(engines.members(engine, on_it, NOW)).decode().split()) == wanted


def test_ids_of_profiles_and_of_a_source_find_theirs_also_after_a_merge_and_before_they_come() -> None:
    made, into, merged = uploaded(), person(), person()
    Profile.objects.filter(pk=merged).update(state="merged", redirect_id=into)
    Record.objects.filter(profile=merged).update(profile=into)
    assert lists.add_profiles(ACTOR, made, [merged, uuid4()]) == lists.Added(1, 1, 0)
    lists.add_external_ids(ACTOR, made, "shop", "customer", ["C-7"])
    on_it = segment("on", ON_IT)
    actions.refresh_due()
    assert members_of(on_it).keys() == {into}
    late = person()
    Record.objects.filter(profile=late).update(profile=None)
    Record.objects.create(
        id=crypto.record_id(source().pk, "customer", "C-7"), source=source(), kind="customer", profile_id=late,
        first_seen=START, last_seen=START,
    )  # fmt: skip
    actions.refresh_profiles([late], NOW)
    assert members_of(on_it).keys() == {into, late}
    with pytest.raises(Refused, match="no such source"):
        lists.add_external_ids(ACTOR, made, "nowhere", "customer", ["C-7"])


def test_segments_follow_a_list_at_once_and_forget_it_when_its_time_is_over() -> None:
    made, one = uploaded(), person()
    on_it = segment("on", ON_IT)
    above = segment("above", {"segment": "on"})
    actions.refresh_due()
    lists.add_profiles(ACTOR, made, [one])
    actions.refresh_due()
    assert members_of(on_it).keys() == members_of(above).keys() == {one}
    UploadedList.objects.update(expires_at=NOW)
    actions.refresh_due()
    assert not members_of(on_it) and not members_of(above) and not ListEntry.objects.exists()
    assert AuditEntry.objects.get(action="list.expired").details["count"] == 1


def test_a_list_serves_its_purpose_alone_even_through_another_segment() -> None:
    uploaded()
    uploaded("helped", purpose="service")
    with pytest.raises(RuleError) as caught:
        segment("by", {"any": [{"list": "guests"}, {"list": "helped"}, {"list": "gueste"}]})
    found = [(problem.path, problem.code, problem.params.get("near")) for problem in caught.value.problems]
    assert found == [("/any/1/list", "unknown_list", None), ("/any/2/list", "unknown_list_near", "guests")]
    segment("served", {"list": "helped"}, purpose="service")
    with pytest.raises(Refused) as refused:
        segment("through", {"segment": "served"})
    assert refused.value.code == "list_purpose"


def test_a_list_in_use_stays() -> None:
    made = uploaded()
    by = segment("by", ON_IT)
    with pytest.raises(Refused) as caught:
        lists.remove(ACTOR, made)
    assert caught.value.code == "list_in_use"
    actions.archive(ACTOR, by)
    lists.remove(ACTOR, made)
    assert not UploadedList.objects.exists()


def test_whoever_must_not_come_back_is_not_put_on_a_list() -> None:
    made, one = uploaded(), person()
    suppression.add(ACTOR, [("email", EMAIL), suppression.record_name(record_of(one))], "objection")
    assert lists.add_contacts(ACTOR, made, "email", [EMAIL]).suppressed == 1
    assert lists.add_profiles(ACTOR, made, [one]).suppressed == 1
    assert not ListEntry.objects.exists()


@pytest.mark.parametrize("days", [-1, 4_000])
def test_a_list_is_kept_for_a_time(days: int) -> None:
    with pytest.raises(ValidationError) as caught:
        uploaded(expires_at=datetime.now(UTC) + timedelta(days=days))
    assert caught.value.message_dict.keys() == {"expires_at"}


def test_an_erasure_takes_a_person_off_every_list_but_not_those_who_share_an_address() -> None:
    made, gone, sharer = uploaded(), person(), person()
    for one in (gone, sharer):
        holds(one, "shared@home.example")
    holds(gone)
    lists.add_contacts(ACTOR, made, "email", [EMAIL, "shared@home.example"])
    lists.add_profiles(ACTOR, made, [gone])
    told = privacy.export([record_of(gone)])["lists"]
    assert [(row["list"], row["purpose"], row["came_from"]) for row in told] == [("guests", "marketing", "Fair")]
    assert privacy.erase([record_of(gone)])["segments_listentry"] == 2
    assert [bytes(entry.digest or b"") for entry in ListEntry.objects.all()] == [
        crypto.contact_digest("email", "shared@home.example")
    ]


def test_too_many_values_and_other_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = uploaded()
    monkeypatch.setattr(lists, "MOST", 1)
    with pytest.raises(Refused, match="At most 1 "):
        lists.add_contacts(ACTOR, made, "email", [EMAIL, "b@c.kr"])
    with pytest.raises(Refused, match="email or phone"):
        lists.add_contacts(ACTOR, made, "fax", [EMAIL])
    assert Segment.objects.count() == ListEntry.objects.count() == 0
