"""What readers are told: bound to a purpose and contact channel, as consent allows at that moment, in commit order."""

import csv
import io
import json
import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdp.core import sequence
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from consent import queries as consent
from identity.models import Profile
from segments import actions, formats, privacy, queries
from segments.models import Segment, Transition
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


def exported(made: Segment, **fields: Any) -> list[dict[str, str]]:
    text = b"".join(queries.export(made, *MAIL, actor=ACTOR, **fields)).decode()
    return list(csv.DictReader(io.StringIO(text)))


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
        lambda: queries.export(made, *asked, actor=ACTOR),
    ):
        with pytest.raises(Refused) as caught:
            read()
        assert caught.value.code == code


@pytest.mark.django_db
def test_a_member_that_lives_no_more_is_not_read() -> None:
    made, (a, b, c) = filled()
    Profile.objects.filter(pk=b).update(state="merged", redirect_id=a)
    assert [row.profile_id for row in queries.members(made, *MAIL, actor=ACTOR).rows] == [a, c]
    assert [row["profile_id"] for row in exported(made)] == [str(a), str(c)]


@pytest.mark.django_db
def test_a_read_of_members_is_audited() -> None:
    made, _ = filled()
    queries.members(made, *MAIL, actor=ACTOR)
    row = AuditEntry.objects.get(action="segment.members_read")
    assert (row.actor, row.target, row.purpose) == ("system:test", str(made.pk), "marketing")
    assert row.details == {"channel": "email", "count": 3}


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


# --- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_export_has_the_clear_columns_of_consenting_members() -> None:
    made, (a, b, c) = filled()
    seen = "2026-01-02T03:04:05.000000Z"
    retrait(a, country="KR", region="서울", orders_count=3, revenue_total_KRW=125000, first_seen=seen)
    says(b, "withdrawn")
    rows = exported(made)
    assert [row["profile_id"] for row in rows] == [str(a), str(c)]
    assert rows[0] == {
        "profile_id": str(a), "entered_at": "2026-06-01T03:00:00.000000Z", "country": "KR", "region": "서울",
        "age_band": "", "gender": "", "first_seen": seen, "last_seen": "", "orders_count": "3",
        "revenue_total_KRW": "125000",
    }  # fmt: skip


@pytest.mark.django_db
def test_ndjson_keeps_types_and_odd_characters() -> None:
    made, (a, *_rest) = filled(1)
    odd = '=1+"\\ \n\t서울\u2028'
    retrait(a, country=odd, orders_count=-5)
    stream = queries.export(made, *MAIL, "ndjson", ["profile_id", "country", "orders_count"], actor=ACTOR)
    lines = b"".join(stream).splitlines()
    assert [json.loads(line) for line in lines] == [{"profile_id": str(a), "country": odd, "orders_count": -5}]


@pytest.mark.django_db
def test_an_export_is_audited_however_it_ends() -> None:
    made, ids = filled()
    exported(made)
    broken_off = queries.export(made, *MAIL, columns=["profile_id"], actor=ACTOR)
    next(iter(broken_off))
    broken_off.close()  # type: ignore[attr-defined]
    ended = AuditEntry.objects.filter(action="segment.exported").order_by("at")
    assert [(row.details["count"], row.details["complete"]) for row in ended] == [(len(ids), True), (0, False)]
    assert ended[1].details["columns"] == ["profile_id"] and ended[1].purpose == "marketing"
    assert AuditEntry.objects.filter(action="segment.export_started").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (["password"], "column_unknown"), (["profile_id", "profile_id"], "column_unknown"),
        (["country' || version() || '"], "column_unknown"), (["revenue_total_krw"], "column_unknown"),
        (["contact"], "personal_not_allowed"),
    ],
)  # fmt: skip
def test_columns_outside_the_list_are_refused(columns: list[str], code: str) -> None:
    made, _ = filled(1)
    with pytest.raises(Refused) as caught:
        queries.export(made, *MAIL, columns=columns, actor=ACTOR)
    assert caught.value.code == code
    assert not AuditEntry.objects.filter(action__startswith="segment.export").exists()


@pytest.mark.django_db
def test_contact_values_are_read_only_with_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    made, (a, b) = filled(2)
    asked: list[tuple[Any, str]] = []

    def contact_values(ids: Iterable[UUID], kind: str) -> dict[UUID, str]:
        asked.append((sorted(ids), kind))
        return {a: "=evil@x.kr"}

    monkeypatch.setattr("cdp.profiles.queries.contact_values", contact_values)
    rows = exported(made, columns=["country", "contact", "profile_id"], personal=True)
    assert rows == [
        {"country": "KR", "contact": "'=evil@x.kr", "profile_id": str(a)},
        {"country": "KR", "contact": "", "profile_id": str(b)},
    ]
    assert asked == [([a, b], "email")]
    stream = queries.export(made, *MAIL, "ndjson", ["contact"], actor=ACTOR, personal=True)
    lines = b"".join(stream).splitlines()
    assert [json.loads(line)["contact"] for line in lines] == ["=evil@x.kr", None]


def withdrawn_between_chunks(monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], set[str]]:
    """Export in chunks of two; after the first bytes all withdraw on another connection. (All sent, the first.)"""
    monkeypatch.setattr(queries, "GATE_CHUNK", 2)
    made, ids = filled(6)
    stream = queries.export(made, *MAIL, columns=["profile_id"], actor=ACTOR)
    sent = [next(stream), next(stream)]
    first = set(b"".join(sent).decode().split()[1:])
    at_once(lambda: says(ids, "withdrawn"))
    return {*b"".join([*sent, *stream]).decode().split()[1:]}, first


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_between_two_chunks_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, first = withdrawn_between_chunks(monkeypatch)
    assert len(first) == 2 and sent == first


@pytest.mark.django_db(transaction=True)
def test_without_the_gate_the_test_above_would_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "allowed", lambda ids, *_args, **_more: set(ids))
    sent, first = withdrawn_between_chunks(monkeypatch)
    assert len(sent) == 6 and sent > first


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C x'!A0", "'+cmd|' /C x'!A0"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"), ("\rx", "'\rx"), ("＝1+1", "'＝1+1"), ("-5", "-5"), ("+821012345678", "+821012345678"),
        ("-5.25", "-5.25"), ("5", "5"), ("서울", "서울"), ("", ""), ("a=b", "a=b"), ("-", "'-"), ("+1\n", "'+1\n"),
    ],
)  # fmt: skip
def test_cells_are_defused(cell: str, safe: str) -> None:
    assert formats.defused(cell) == safe


class AnyCell(TestCase):
    @settings(max_examples=150, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))
    @example("＝1")
    @example("+1\n")
    @example("-5")
    def test_the_database_defuses_as_python_does(self, cell: str) -> None:
        expression = formats._cell("country").replace("t.traits", "%(traits)s::jsonb")
        found = execute(f"select {expression}", {"traits": json.dumps({"country": cell})})[0][0]
        self.assertEqual(found, formats.defused(cell))


# --- privacy ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_erased_profile_is_forgotten_and_readers_are_told() -> None:
    made, (a, b) = filled(2)
    assert len(privacy.export([record_of(a)])["memberships"]) == len(privacy.export([record_of(a)])["transitions"]) == 1
    counts = privacy.erase([record_of(a)])
    assert counts == {"segments_membership": 1, "segments_transition": 1}
    assert members_of(made).keys() == {b}
    assert list(Transition.objects.filter(profile=a).values_list("kind", "reason")) == [("left", "erased")]
    assert (a, "left", "erased") in feed(made)


@pytest.mark.django_db
def test_a_profile_with_other_records_stays() -> None:
    made, (a, *_rest) = filled(2)
    other = record_of(person())
    execute("update identity_record set profile_id = %s where id = %s", [a, other])
    assert privacy.erase([other]) == {"segments_membership": 0, "segments_transition": 0}
    assert a in members_of(made)
