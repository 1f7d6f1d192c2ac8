"""What a verdict would change is told exactly, and telling it changes nothing."""

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from cdp import answers, pipeline
from cdp.core import crypto
from cdp.core.models import AuditEntry, Touched
from cdp.core.types import Actor
from cdp.events.actions import store
from cdp.events.models import Source
from consent.models import Effective
from identity import actions
from identity.models import Link, Profile, Record, ReviewCase
from segments.models import Membership
from tests.flow.doors import segment, source
from tests.flow.tables import canonical
from tests.flow.test_unmerge import RULES, consents, says

pytestmark = pytest.mark.django_db(transaction=True)
STEWARD = Actor("user:steward")


@pytest.fixture
def pair() -> tuple[UUID, UUID]:
    """Two profiles, of which one agreed to mail and the other withdrew; together they spend enough."""
    for name, channel in (("web", "web"), ("till", "pos")):
        source(name, channel)
    store([
        says("web", "w1", 1, attributes={"full_name": "김서연", "email": "seoyeon@shop.example", "city": "서울"}),
        says("web", "w1", 3, "Order Completed", order_id="o1", revenue=20_000, currency="KRW"),
        says("web", "w2", 3, attributes={"email": "seoyeon@shop.example"}),
        says("till", "t1", 2, attributes={"full_name": "김서연", "phone": "010-2345-6789", "city": "부산"}),
        says("till", "t1", 4, "Order Completed", order_id="o2", revenue=20_000, currency="KRW"),
    ])  # fmt: skip
    for key, rule in RULES.items():
        segment(key, rule)
    pipeline.advance()
    web, till = record("web", "w1"), record("till", "t1")
    consents(web, "granted", 5)
    consents(till, "withdrawn", 6)
    pipeline.advance()
    return web, till


def record(name: str, user: str) -> UUID:
    return crypto.record_id(Source.objects.get(name=name).pk, "customer", user)


def case(one: UUID, other: UUID) -> ReviewCase:
    left, right = sorted((one, other))
    return ReviewCase.objects.create(left=left, right=right, reason="gray zone", weight=0.5)


def stands(profile: UUID | None) -> tuple[set[UUID], dict[Any, str]]:
    states = Effective.objects.filter(profile=profile).values_list("purpose", "channel", "brand", "state")
    members = Membership.objects.filter(profile=profile).values_list("segment_id", flat=True)
    return set(members), {row[:3]: row[3] for row in states}


def homes() -> dict[UUID, UUID]:
    return dict(Record.objects.exclude(profile=None).values_list("pk", "profile_id"))


def assert_as_told(told: answers.BlastRadius, before: dict[UUID, UUID], stood: dict[UUID, Any]) -> None:
    """Each part, and each record's segments and consents, are as they were foretold."""
    made = set(homes().values()) - set(before.values())
    moves = {(before[one], homes()[one]) for one in before}
    named = {(part.before, part.after) for part in told.parts}
    assert named <= {(old, None if new in made else new) for old, new in moves}
    for old, new in moves:
        (segments, states), (segments_now, states_now) = stood[old], stands(new)
        name = (old, None if new in made else new)
        shifts = {(s.segment, s.entered) for s in told.segments if (s.part.before, s.part.after) == name}
        assert shifts == {(one, one in segments_now) for one in segments ^ segments_now}
        changed = {key for key in states | states_now if states.get(key) != states_now.get(key)}
        said = {
            (c.purpose, c.channel, c.brand): (c.was, c.now)
            for c in told.consents
            if (c.part.before, c.part.after) == name
        }
        assert said == {key: (states.get(key), states_now.get(key)) for key in changed}


def test_a_merge_is_foretold_with_its_segments_and_withdrawn_consents(pair: tuple[UUID, UUID]) -> None:
    made, before = case(*pair), homes()
    stood = {profile: stands(profile) for profile in before.values()}
    told = answers.blast_radius(made.pk, "same")
    assert sorted(part.records for part in told.parts) == [1, 2]
    assert len({part.after for part in told.parts}) == 1
    assert {(shift.name, shift.entered) for shift in told.segments} >= {("spenders", True), ("agreeing", False)}
    assert ("granted", "withdrawn") in {(shift.was, shift.now) for shift in told.consents}
    actions.judge_case(STEWARD, made.pk, "same")
    pipeline.advance()
    assert_as_told(told, before, stood)


def test_a_parting_is_foretold(pair: tuple[UUID, UUID]) -> None:
    actions.decide_case(STEWARD, case(*pair), "same")
    pipeline.advance()
    made, before = ReviewCase.objects.get(), homes()
    stood = {profile: stands(profile) for profile in before.values()}
    told = answers.blast_radius(made.pk, "different")
    assert len({part.after for part in told.parts}) == 2 and {part.after for part in told.parts} > {None}
    actions.decide_case(STEWARD, made, "different")
    pipeline.advance()
    assert_as_told(told, before, stood)


def test_telling_changes_nothing_and_keeps_no_lock(pair: tuple[UUID, UUID]) -> None:
    made, before = case(*pair), canonical()
    tables = (AuditEntry, Touched, Link, Profile, Membership, Effective)
    counts = [model.objects.count() for model in tables]
    for verdict in ("same", "different"):
        answers.blast_radius(made.pk, verdict)
    assert canonical() == before and [model.objects.count() for model in tables] == counts
    assert not pipeline.advance()


def test_what_waits_for_the_pipeline_is_not_taken_for_a_consequence(pair: tuple[UUID, UUID]) -> None:
    consents(pair[0], "withdrawn", 8)
    told = answers.blast_radius(case(*pair).pk, "same")
    assert told.consents == []
    assert {shift.name for shift in told.segments} == {"spenders", "busan"}


def test_where_nothing_moves_nothing_is_told(pair: tuple[UUID, UUID]) -> None:
    told = answers.blast_radius(case(*pair).pk, "different")
    assert (told.parts, told.segments, told.consents) == ([], [], [])


def test_it_can_be_asked_within_a_transaction(pair: tuple[UUID, UUID]) -> None:
    made = case(*pair)
    with transaction.atomic():
        assert answers.blast_radius(made.pk, "same").parts
        assert Link.objects.count() == 0
    assert Link.objects.count() == 0
