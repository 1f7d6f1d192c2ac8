"""A split segment draws a part for each member once; the first draw stays with the person whatever merges."""

import csv
import hashlib
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st

from identity.models import Profile, Record
from segments import actions, approval, assignment, exports, privacy, queries
from segments.models import Assignment, Segment
from tests.segments.people import (
    ACTOR,
    NOW,
    members_of,
    people,
    person,
    reachable,
    record_of,
    retrait,
    says,
    segment,
)

pytestmark = pytest.mark.django_db
SPLIT = {"holdout": 20, "a": 50, "b": 30}
LATER = NOW + timedelta(hours=1)


def drawn(of: Segment, profile: UUID) -> str:
    """The part by the rule that the guide states."""
    place = int.from_bytes(hashlib.sha256(f"{of.pk}:{record_of(profile)}".encode()).digest()[:4]) % 10_000
    return "a" if place < 5_000 else "b" if place < 8_000 else "holdout"


def test_every_member_has_the_part_of_its_hash_by_run_and_by_pass() -> None:
    made, ids = segment(split=SPLIT), people(60, orders_count=3)
    actions.recompute(made.pk, NOW)
    late = person(orders_count=3)
    actions.refresh_profiles([late], LATER)
    found = assignment.variants(made, [*ids, late])
    assert found == {one: drawn(made, one) for one in [*ids, late]}
    assert set(found.values()) == set(SPLIT)
    assert sum(assignment.sizes(made).values()) == len(found)


def test_a_part_is_kept_when_a_member_leaves_and_when_the_split_changes() -> None:
    made, one = segment(split={"a": 100, "b": 0}), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    retrait(one, orders_count=0)
    actions.refresh_profiles([one], LATER)
    actions.change_segment(ACTOR, made, split={"a": 0, "b": 100})
    retrait(one, orders_count=3)
    other = person(orders_count=3)
    actions.refresh_profiles([one, other], LATER)
    assert assignment.variants(made, [one, other]) == {one: "a", other: "b"}
    assert Assignment.objects.filter(record=record_of(one)).count() == 1


def test_the_first_of_two_survives_a_merge_and_each_has_its_own_after_an_unmerge() -> None:
    made, first, second = segment(split={"a": 100, "b": 0}), person(orders_count=3), person(orders_count=0)
    actions.refresh_profiles([first], NOW)
    actions.change_segment(ACTOR, made, split={"a": 0, "b": 100})
    retrait(second, orders_count=3)
    actions.refresh_profiles([second], LATER)
    records = record_of(first), record_of(second)
    for kept, gone in ((second, first), (first, second)):
        Record.objects.filter(pk__in=records).update(profile=kept)
        assert assignment.variants(made, [first, second]) == {kept: "a"}, (kept, gone)
    Record.objects.filter(pk=records[1]).update(profile=second)
    assert assignment.variants(made, [first, second]) == {first: "a", second: "b"}


def test_a_merge_draws_nothing_anew() -> None:
    made, one, into = segment(split=SPLIT), person(orders_count=3), person(orders_count=0)
    actions.refresh_profiles([one], NOW)
    Record.objects.filter(profile=one).update(profile=into)
    Profile.objects.filter(pk=one).update(state="merged", redirect_id=into)
    retrait(into, orders_count=3)
    actions.refresh_profiles([one, into], LATER)
    assert members_of(made).keys() == {into} and Assignment.objects.count() == 1


def test_nobody_changes_an_assignment() -> None:
    made, _one = segment(split=SPLIT), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        Assignment.objects.update(variant="b")


def holdout_and_other(made: Segment) -> tuple[UUID, UUID]:
    """Two members who may be contacted, one of them held out."""
    ids = people(40, orders_count=3)
    says(ids, "granted")
    for one in ids:
        reachable(one)
    actions.recompute(made.pk, NOW)
    held = assignment.held_out(made, ids)
    return next(one for one in ids if one in held), next(one for one in ids if one not in held)


def test_members_and_changes_tell_the_part() -> None:
    made = segment(split=SPLIT)
    held, other = holdout_and_other(made)
    rows = queries.members(made, "marketing", "email", actor=ACTOR).rows
    told = {row.profile_id: row.variant for row in rows}
    assert told[held] == "holdout" and told[other] in ("a", "b")
    moved = queries.changes(made, "marketing", "email")
    assert {row.profile_id: row.variant for row in moved.rows} == told


def test_an_export_marks_the_holdout_and_gives_no_contact_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = segment(split=SPLIT)
    held, other = holdout_and_other(made)
    asked: list[UUID] = []

    def contact_values(ids: Iterable[UUID], kind: str) -> dict[UUID, str]:
        asked.extend(ids)
        return {}

    monkeypatch.setattr("cdp.profiles.queries.contact_values", contact_values)
    request = approval.ask(ACTOR, made, "email", "test")
    approval.decide(type(ACTOR)("user:second"), request.pk, approve=True)
    columns = ["profile_id", "variant", "is_holdout", "contact"]
    body = b"".join(
        exports.export(made, "marketing", "email", "csv", columns, actor=ACTOR, personal=True, approval=request.pk)
    )
    rows = {row["profile_id"]: row for row in csv.DictReader(body.decode().splitlines())}
    assert rows[str(held)]["is_holdout"] == "true" and rows[str(other)]["is_holdout"] == "false"
    assert held not in asked and other in asked


@pytest.mark.parametrize(
    "wrong", [{"a": 50}, {"a": 50, "b": 51}, {"a": 100}, {"a": 50.0, "b": 50}, {"a b": 50, "c": 50}, []]
)
def test_a_wrong_split_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        segment(split=wrong)
    assert caught.value.message_dict.keys() == {"split"}


def test_assignments_are_told_and_erased_with_their_record() -> None:
    made, one, other = segment(split={"a": 100, "b": 0}), person(orders_count=3), person(orders_count=3)
    actions.recompute(made.pk, NOW)
    record = record_of(one)
    assert [row["variant"] for row in privacy.export([record])["assignments"]] == ["a"]
    assert privacy.erase([record])["segments_assignment"] == 1
    assert list(Assignment.objects.values_list("record", flat=True)) == [record_of(other)]


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=5), st.integers(0, 100), min_size=2, max_size=10))
def test_parts_share_the_places_by_their_percents(drawn: dict[str, int]) -> None:
    rest = 100 - sum(drawn.values())
    split = {**drawn, "rest": rest} if rest >= 0 else {"all": 100, "none": 0}
    names, ends = assignment.thresholds(split)
    widths = dict(zip(names, (end - start for start, end in zip([0, *ends], ends, strict=False)), strict=True))
    assert widths == {name: percent * 100 for name, percent in split.items() if percent}
