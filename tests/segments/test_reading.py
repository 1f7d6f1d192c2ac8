"""What readers are told: bound to a purpose and contact channel, as consent allows at that moment, in commit order."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cdp.core import sequence
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, Disclosure
from identity.models import Profile, Record
from segments import actions, exports, privacy, queries, sampling
from segments.models import Segment, Transition
from segments.types import Reach
from tests.segments.people import (
    ACTOR,
    NOW,
    VIP,
    execute,
    members_of,
    people,
    person,
    reachable,
    record_of,
    retrait,
    says,
    segment,
    told,
)
from tests.segments.test_membership import at_once

MAIL = ("marketing", "email")


def filled(number: int = 3, **fields: Any) -> tuple[Segment, list[UUID]]:
    """A computed segment whose members all consent to marketing mail."""
    made, ids = segment(**fields), people(number, orders_count=3, country="KR")
    actions.recompute(made.pk, NOW)
    says(ids, "granted")
    return made, sorted(ids)


# --- overlap ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_overlap_counts_who_is_in_both_the_most_first() -> None:
    made, ids = filled(3)
    none, two, all_ = (
        segment(key, {"trait": "orders_count", "op": "gt", "value": most})
        for key, most in (("none", 9), ("two", 3), ("all", 0))
    )
    retrait(ids[0], orders_count=2)
    retrait(ids[1], orders_count=4)
    retrait(ids[2], orders_count=5)
    person(orders_count=1)
    for one in (none, two, all_):
        actions.recompute(one.pk, NOW)
    found = queries.overlap(made, Segment.objects.all())
    assert [(row.key, row.both, row.members) for row in found] == [("all", 3, 4), ("two", 2, 2)]
    assert queries.overlap(made, Segment.objects.filter(key="two"))[0].name == two.name
    assert queries.overlap(none, Segment.objects.filter(key="two"))[0].both == 0


# --- members ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_members_are_those_who_consent() -> None:
    made, (a, b, c) = filled()
    says(b, "withdrawn")
    page = queries.members(made, *MAIL, actor=ACTOR)
    assert [(row.profile_id, row.entered_at) for row in page.rows] == [(a, NOW), (c, NOW)] and not page.has_more
    assert not queries.members(made, "marketing", "sms", actor=ACTOR).rows


@pytest.mark.django_db
def test_a_page_is_full_while_there_are_enough() -> None:
    made, ids = filled(60)
    says(ids[:40], "withdrawn")
    seen, after = [], None
    for expected in (8, 8, 4):
        page = queries.members(made, *MAIL, after, 8, actor=ACTOR)
        assert len(page.rows) == expected and page.has_more is (expected == 8)
        seen += [row.profile_id for row in page.rows]
        after = page.next_after
    assert seen == ids[40:]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "code"), [(("analytics", "email"), "purpose_mismatch"), (("marketing", "fax"), "channel_unknown")]
)
def test_a_reader_is_bound_to_the_segments_purpose(asked: tuple[str, str], code: str) -> None:
    made, _ = filled()
    for read in (
        lambda: queries.members(made, *asked, actor=ACTOR),
        lambda: queries.changes(made, *asked),
        lambda: exports.export(made, *asked, actor=ACTOR),
    ):
        with pytest.raises(Refused) as caught:
            read()
        assert caught.value.code == code


@pytest.mark.django_db
def test_who_was_a_member_at_a_moment_is_told_of_the_profile_of_now() -> None:
    made, (came, left, merged, silent) = segment(), people(4, orders_count=3)
    says([came, left, merged], "granted")
    first, later = NOW - timedelta(days=9), NOW - timedelta(days=2)
    retrait(came, orders_count=0)
    actions.recompute(made.pk, first)
    retrait(came, orders_count=3)
    retrait(left, orders_count=0)
    Record.objects.filter(profile=merged).update(profile=came)
    Profile.objects.filter(pk=merged).update(state="merged", redirect=came)
    actions.refresh_profiles([came, left, merged, silent], later)

    def at(moment: datetime | None, limit: int = 10) -> list[Any]:
        rows, after, more = [], None, True
        while more:
            page = queries.members(made, "marketing", "email", after, limit, actor=ACTOR, at=moment)
            rows, after, more = rows + page.rows, page.next_after, page.has_more
        return [(row.profile_id, row.entered_at) for row in rows]

    assert at(first - timedelta(seconds=1)) == []
    assert at(later - timedelta(seconds=1)) == at(first, 1) == sorted([(came, first), (left, first)])
    assert at(later) == at(None) == [(came, later)]


@pytest.mark.django_db
def test_a_member_that_lives_no_more_is_not_read() -> None:
    made, (a, b, c) = filled()
    Profile.objects.filter(pk=b).update(state="merged", redirect_id=a)
    assert [row.profile_id for row in queries.members(made, *MAIL, actor=ACTOR).rows] == [a, c]


@pytest.mark.django_db
def test_a_read_of_members_is_audited() -> None:
    made, ids = filled()
    queries.members(made, *MAIL, actor=ACTOR)
    row = AuditEntry.objects.get(action="segment.members_read")
    assert (row.actor, row.target, row.purpose) == ("system:test", str(made.pk), "marketing")
    assert (row.details["channel"], row.details["count"]) == ("email", 3)
    assert Disclosure.objects.get(pk=row.details["disclosure"]).profiles == sorted(ids)


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_preview_and_reach_count_consent_and_usable_contact_points() -> None:
    made, (a, b, c) = filled()
    outside = person(orders_count=0)
    says([outside], "granted")
    reachable(a)
    reachable(a)
    reachable(b, usable=False)
    reachable(c, valid_to=NOW)
    reachable(outside)
    told(a, b, c, outside)
    found = queries.preview(VIP, *MAIL)
    assert (found.count, found.consented, found.reachable) == (3, 3, 1)
    assert (only := queries.preview(VIP, "marketing")).count == 3 and only.reachable is None
    says(a, "withdrawn")
    told(a)
    found = queries.preview(VIP, *MAIL)
    assert (found.count, found.consented, found.reachable) == (3, 2, 0)
    by_channel = {row.channel: (row.consented, row.reachable) for row in queries.reach(made)}
    assert (by_channel["email"], by_channel["sms"]) == ((2, 0), (0, 0))


@pytest.mark.django_db
def test_the_reach_of_many_members_is_estimated_by_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = filled(200)
    for one in ids[:50]:
        reachable(one)
    told(*ids)
    exact = queries.reach(made, "email")
    assert exact == [Reach("email", 200, 50)]
    monkeypatch.setattr(sampling, "ALL_PROFILES", -1)
    assert queries.reach(made, "email") == exact, "of a few members all are asked"
    monkeypatch.setattr(sampling, "SOME_MEMBERS", 100)
    drawn = sampling.members_drawn(made.pk, 200)
    assert drawn and drawn == sampling.members_drawn(made.pk, 200) and 60 < len(drawn.profiles) < 140
    [about] = queries.reach(made, "email")
    reached = sum(one in drawn.profiles for one in ids[:50])
    assert (about.consented, about.reachable) == (2 * len(drawn.profiles), 2 * reached)
    assert about.margins == {"consented": drawn.margin(len(drawn.profiles)), "reachable": drawn.margin(reached)}


@pytest.mark.django_db
def test_a_channel_without_contact_point_reaches_whoever_consents() -> None:
    one = person(orders_count=3)
    says(one, "granted", channel="ad_audience")
    told(one)
    found = queries.preview(VIP, "marketing", "ad_audience")
    assert (found.count, found.consented, found.reachable) == (1, 1, 1)


# --- changes ----------------------------------------------------------------------------------------------------------


def feed(made: Segment, since: int = 0, limit: int = 1_000) -> list[tuple[UUID, str, str]]:
    """The whole feed, page by page."""
    rows: list[tuple[UUID, str, str]] = []
    while True:
        page = queries.changes(made, *MAIL, since, limit)
        rows += [(row.profile_id, row.kind, row.reason) for row in page.rows]
        assert page.next_since > since or not page.has_more
        since = page.next_since
        if not page.has_more:
            return rows


@pytest.mark.django_db
def test_the_feed_tells_entries_that_consent_allows_and_every_leaving() -> None:
    made, (a, b, c) = filled()
    says(b, "withdrawn")
    assert {row[0] for row in feed(made)} == {a, c}
    retrait(b, orders_count=0)
    retrait(c, orders_count=0)
    actions.refresh_profiles([b, c])
    assert sorted(feed(made)) == sorted(
        [(a, "entered", "rule"), (c, "entered", "rule"), (b, "left", "rule"), (c, "left", "rule")]
    )


@pytest.mark.django_db
def test_a_withdrawal_is_a_leaving_and_a_later_consent_an_entry() -> None:
    made, (a, b, _c) = filled()
    told(a, b)
    since = queries.changes(made, *MAIL).next_since
    says(a, "withdrawn")
    assert told(a) == 1
    assert feed(made, since) == [(a, "left", "consent")]
    says(a, "granted")
    told(a)
    assert feed(made, since) == [(a, "left", "consent"), (a, "entered", "consent")]
    assert not queries.changes(made, "marketing", "sms", since).rows, "another channel hears nothing of it"


@pytest.mark.django_db
def test_a_no_for_another_no_tells_nothing_and_other_purposes_neither() -> None:
    _made, (a, *_rest) = filled()
    other = segment("served", purpose="service")
    actions.recompute(other.pk, NOW)
    says(a, "withdrawn")
    told(a)
    before = Transition.objects.count()
    says(a, "refused")
    told(a)
    assert Transition.objects.count() == before
    assert not Transition.objects.filter(segment=other, reason="consent").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("of_segment", "of_consent", "hears"), [("a", "a", 1), ("a", "b", 0), ("a", "", 1), ("", "b", 1)]
)
def test_brands_hear_what_concerns_them(of_segment: str, of_consent: str, hears: int) -> None:
    made, (one, *_rest) = filled(brand=of_segment)
    told(one)
    says(one, "withdrawn", brand=of_consent)
    assert told(one) == hears
    assert queries.changes(made, *MAIL).next_since > 0


@pytest.mark.django_db
def test_a_page_of_nothing_still_advances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "WINDOW", 4)
    monkeypatch.setattr(queries, "WINDOWS", 2)
    made = segment()
    people(20, orders_count=3)
    actions.recompute(made.pk, NOW)
    page = queries.changes(made, *MAIL, 0, 5)
    assert (page.rows, page.next_since, page.has_more) == ([], 8, True)
    assert feed(made) == []


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_of_any_size_tell_the_same(limit: int) -> None:
    made, ids = filled(10)
    says(ids[::3], "withdrawn")
    assert feed(made, limit=limit) == feed(made)
    assert len(feed(made)) == 6


@pytest.mark.django_db(transaction=True)
def test_the_feed_misses_nothing_of_overlapping_transactions() -> None:
    """Writers hold their transactions open across each other's commits; the reader polls all the while."""
    made, ids = filled(40)
    start = queries.changes(made, *MAIL).next_since
    barrier, done = threading.Barrier(4), threading.Event()

    def write(mine: list[UUID]) -> None:
        for round_number in range(10):
            with transaction.atomic():
                Transition.objects.bulk_create(
                    Transition(segment=made, profile=one, kind="left", reason=f"r{round_number}") for one in mine[:5]
                )
                barrier.wait(30)
                Transition.objects.bulk_create(
                    Transition(segment=made, profile=one, kind="left", reason=f"r{round_number}") for one in mine[5:]
                )

    def read() -> list[Any]:
        rows, since, last = [], start, False
        while True:
            page = queries.changes(made, *MAIL, since, 7)
            rows += page.rows
            since = page.next_since
            if last and not page.has_more:
                return rows
            last = done.is_set()

    def writers() -> None:
        at_once(*[lambda part=part: write(ids[part * 10 : part * 10 + 10]) for part in range(4)])
        done.set()

    rows = at_once(read, writers)[0]
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    expected = sorted((one, f"r{number}") for one in ids for number in range(10))
    assert sorted((row.profile_id, row.reason) for row in rows) == expected


@pytest.mark.django_db
def test_statements_of_a_read_do_not_grow_with_members() -> None:
    counts = []
    for number in (3, 200):
        Profile.objects.update(state="erased")
        made, _ = filled(number, key=f"of{number}")
        sequence.number("segments")
        with CaptureQueriesContext(connection) as statements:
            assert len(queries.changes(made, *MAIL, 0, 500).rows) == number
            assert len(queries.members(made, *MAIL, limit=500, actor=ACTOR).rows) == number
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 20


# --- privacy ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_erased_profile_is_forgotten_and_readers_are_told() -> None:
    made, (a, b) = filled(2)
    assert len(privacy.export([record_of(a)])["memberships"]) == len(privacy.export([record_of(a)])["transitions"]) == 1
    counts = privacy.erase([record_of(a)])
    assert {table: rows for table, rows in counts.items() if rows} == {
        "segments_membership": 1,
        "segments_transition": 1,
    }
    assert members_of(made).keys() == {b}
    assert list(Transition.objects.filter(profile=a).values_list("kind", "reason")) == [("left", "erased")]
    assert (a, "left", "erased") in feed(made)


@pytest.mark.django_db
def test_a_profile_with_other_records_stays() -> None:
    made, (a, *_rest) = filled(2)
    other = record_of(person())
    execute("update identity_record set profile_id = %s where id = %s", [a, other])
    assert set(privacy.erase([other]).values()) == {0}
    assert a in members_of(made)
