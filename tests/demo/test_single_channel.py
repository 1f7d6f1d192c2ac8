"""A channel finds whom its records alone show, and never by what it cannot see."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cdp.core.types import now
from cdp.demo import single_channel
from cdp.demo.single_channel import only_together
from cdp.demo.telling import CART_ABANDONED, STORE_REGULARS, TELLING, UNHAPPY_CALL, VIPS_GONE_QUIET, Telling
from cdp.events.models import Channel, Event, Source
from cdp.profiles import actions as profiles
from identity.models import Profile, Record
from segments import actions
from segments.models import Segment
from segments.query.describe import describe
from segments.query.parse import parse
from tests.segments.people import ACTOR, members_of

RECEIPT = {"name": "Order Completed", "properties": {"register": "1"}, "revenue": 10_000, "currency": "KRW"}
ORDER = {"name": "Order Completed", "revenue": 10_000, "currency": "KRW"}
CART = {"name": "Product Added"}
BAD_CALL = {"name": "Call Completed", "properties": {"satisfaction": 1}}


def source(channel: str) -> Source:
    Channel.objects.get_or_create(key=channel)
    fields = {"channel_id": channel, "zone": "Asia/Seoul", "currency": "KRW"}
    return Source.objects.get_or_create(name=channel, defaults=fields)[0]


def person(**channels: list[dict[str, Any]]) -> UUID:
    """A profile with one record for each channel, and what happened there, an hour apart, the last an hour ago."""
    profile = Profile.objects.create()
    for channel, happened in channels.items():
        first = now() - timedelta(hours=len(happened))
        record = Record.objects.create(
            id=uuid4(), source=source(channel), kind="user", profile=profile, first_seen=first, last_seen=first
        )
        for index, fields in enumerate(happened):
            Event.objects.create(
                source=record.source, message_id=str(uuid4()), type="track", record=record.id, kind="user",
                occurred_at=first + timedelta(hours=index), **fields,
            )  # fmt: skip
    return profile.pk


def computed(telling: Telling) -> Segment:
    """The segment with its members."""
    profiles.refresh(list(Profile.objects.values_list("pk", flat=True)))
    made = actions.create_segment(
        ACTOR, key=telling.key, name=telling.key, rule=telling.rule, purpose=telling.purpose, zone="Asia/Seoul"
    )
    actions.publish(ACTOR, made)
    assert actions.recompute(made.pk).state == "done"
    return made


@pytest.mark.django_db
def test_a_till_cannot_find_who_has_no_app() -> None:
    regular, _has_app = person(pos=[RECEIPT] * 3), person(pos=[RECEIPT] * 3, app=[ORDER])
    made = computed(STORE_REGULARS)
    assert members_of(made).keys() == {regular}
    assert only_together([made]) == {made.pk: 1}


@pytest.mark.django_db
def test_the_web_finds_its_abandoned_carts_alone() -> None:
    web, both = person(web=[CART]), person(web=[CART], pos=[])
    person(web=[ORDER, CART, ORDER])
    made = computed(CART_ABANDONED)
    assert members_of(made).keys() == {web, both}
    assert only_together([made]) == {made.pk: 0}


@pytest.mark.django_db
def test_a_call_center_that_sees_no_orders_cannot_miss_them() -> None:
    unhappy, _consoled = person(call_center=[BAD_CALL]), person(call_center=[BAD_CALL, CART], pos=[RECEIPT])
    made = computed(UNHAPPY_CALL)
    assert members_of(made).keys() == {unhappy}
    assert only_together([made]) == {made.pk: 1}


@pytest.mark.django_db
def test_it_could_if_it_saw_the_order_of_anybody() -> None:
    person(call_center=[BAD_CALL])
    person(call_center=[ORDER])
    made = computed(UNHAPPY_CALL)
    assert only_together([made]) == {made.pk: 0}


@pytest.mark.django_db
def test_what_is_spent_in_several_places_adds_up_only_together() -> None:
    half = {**ORDER, "revenue": 300_000}
    alone, split = person(web=[{**half, "revenue": 600_000}]), person(web=[half], pos=[half])
    Event.objects.update(occurred_at=now() - timedelta(days=90))
    made = computed(VIPS_GONE_QUIET)
    assert members_of(made).keys() == {alone, split}
    assert only_together([made]) == {made.pk: 1}


@pytest.mark.django_db
def test_without_asking_what_a_channel_carries_the_till_would_find_him(monkeypatch: pytest.MonkeyPatch) -> None:
    person(pos=[RECEIPT] * 3)
    made = computed(STORE_REGULARS)
    for names in ("event_names", "trait_names"):
        monkeypatch.setattr(single_channel, names, lambda _: set())
    assert only_together([made]) == {made.pk: 0}


@pytest.mark.parametrize("telling", TELLING, ids=lambda telling: telling.key)
def test_every_telling_segment_is_a_rule_that_can_be_told(telling: Telling) -> None:
    assert describe(parse(telling.rule), "en").startswith("Profiles where ")
