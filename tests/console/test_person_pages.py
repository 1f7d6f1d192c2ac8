"""The pages beside a profile's own: its events by channel, how its records hang together, and what was done with it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.console import timeline, together
from cdp.core.actions import audit
from cdp.core.models import AuditEntry, Disclosure, User
from cdp.core.types import Actor
from cdp.events.models import Event
from identity.models import Link, Profile, Record
from identity.types import Tie
from tests.console import seed
from tests.console.conftest import account
from tests.console.test_pages import queries, two_together

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(world: dict[str, Any], root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def address(page: str, profile: Profile) -> str:
    return reverse(f"admin:identity_profile_{page}", args=[profile.pk])


def shown(client: Client, page: str, profile: Profile, **asked: Any) -> Any:
    return client.get(address(page, profile), asked).context


def test_events_are_paged_back_to_the_first_each_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "SHOWN", 3)
    profile, records = two_together()
    for step in range(7):
        seed.event(records[0], records[0].source, step // 2)
    told, before = [], None
    while before or not told:
        page = shown(client, "events", profile, **({"before": before} if before else {}))
        told += [event.id for event, _channel in page["events"]]
        before = page["older"]
    mine = Event.objects.filter(record__in=[record.pk for record in records])
    assert told == list(mine.order_by("-occurred_at", "-id").values_list("pk", flat=True))


def test_events_are_narrowed_to_a_channel_and_a_name(client: Client) -> None:
    profile, records = two_together()
    for record in records:
        seed.event(record, record.source, 1)
    channel = records[0].source.channel_id
    page = shown(client, "events", profile, channel=channel, event="Order Completed")
    assert page["events"]
    assert {event.channel for event, _word in page["events"]} == {channel}
    assert {event.name for event, _word in page["events"]} == {"Order Completed"}
    assert b"<svg" in client.get(address("events", profile)).content


@pytest.mark.parametrize(
    "asked", [{"before": "x"}, {"channel": "<script>"}, {"event": "{{7*7}}"}, {"before": seed.uuid7()}]
)
def test_a_filter_that_cannot_be_read_is_left_out(client: Client, asked: dict[str, Any]) -> None:
    profile, _records = two_together()
    assert len(shown(client, "events", profile, **asked)["events"]) == len(shown(client, "events", profile)["events"])


def test_why_two_records_are_one_person_is_told_by_what_joins_them(client: Client) -> None:
    profile, records = two_together()
    left, right = sorted(record.pk for record in records[:2])
    Link.objects.filter(left__in=[left, right], right__in=[left, right]).delete()
    Link.objects.create(left=left, right=right, kind="must", actor="user:1", weight=0)
    page = shown(client, "together", profile, left=left, right=right)
    assert [tie.pair for tie in page["ties"] if tie.words == "a steward joined them"] == [(left, right)]
    assert [step.words for step in page["steps"]] == ["a steward joined them"]
    assert page["graph"].svg.startswith("<svg")
    assert shown(client, "together", profile, left=left, right=left)["same"]


def test_records_of_others_are_not_explained(client: Client) -> None:
    profile, records = two_together()
    other = Record.objects.exclude(profile=profile)[0]
    page = shown(client, "together", profile, left=records[0].pk, right=other.pk)
    assert "steps" not in page and "unexplained" not in page


@pytest.mark.parametrize("page", ["events", "together"])
def test_seeing_it_is_written_down_and_shows_no_personal_value(client: Client, page: str) -> None:
    profile, records = two_together()
    body = client.get(address(page, profile)).content.decode()
    assert not any(value in body for value in seed.values_of(records[0]).values() if len(value) > 3)
    entry = AuditEntry.objects.filter(action="profile.viewed").order_by("-id")[0]
    assert Disclosure.objects.get(pk=entry.details["disclosure"]).profiles == [profile.pk]


@pytest.mark.parametrize("page", ["events", "together", "change"])
def test_no_page_asks_a_query_a_row(client: Client, page: str) -> None:
    profile, records = two_together()
    for step in range(3):
        seed.event(records[0], records[0].source, step)
        audit(Actor("user:1"), "profile.unmasked", subject=seed.subject_of(records[0].pk))
    before = queries(client, address(page, profile))
    for step in range(10):
        seed.event(records[0], records[0].source, step)
        audit(Actor("user:2"), "profile.unmasked", subject=seed.subject_of(records[0].pk))
    assert queries(client, address(page, profile)) <= before


def test_what_was_done_is_told_to_those_who_may_read_the_audit(client: Client) -> None:
    profile, records = two_together()
    audit(Actor("user:1"), "profile.unmasked", subject=seed.subject_of(records[0].pk))
    told = client.get(address("change", profile)).content.decode()
    assert 'title="profile.unmasked">profile: unmasked<' in told
    client.force_login(account("marketer"))
    assert 'id="trail"' not in client.get(address("change", profile)).content.decode()


def test_the_picture_needs_no_more_links_than_join_all() -> None:
    one, two, three, four = (seed.uuid7() for _ in range(4))
    strong, weak = Tie("probable", "", (one, two), 20.0), Tie("probable", "", (one, three), 5.0)
    between, apart = Tie("probable", "", (two, three), 9.0), Tie("cannot", "", (one, two), None)
    other = Tie("must", "", (three, four), None)
    assert together._needed([strong, between, weak, apart, other]) == [strong, between, apart, other]
