"""Merging and unmerging, seen from outside: golden record, consents and memberships go back to whom they belong."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from cdp import answers, pipeline
from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.actions import store
from cdp.events.models import Source
from cdp.events.types import NewEvent
from consent.actions import record_consents
from consent.types import NewConsent
from identity import actions
from identity.models import ProfileChange, Record, ReviewCase
from tests.flow.doors import segment, source

pytestmark = pytest.mark.django_db(transaction=True)
STEWARD = Actor("user:steward")
RULES = {
    "spenders": {"trait": "revenue_total_KRW", "op": "gte", "value": 30_000},
    "agreeing": {"consent": {"purpose": "marketing", "channel": "email"}},
    "busan": {"trait": "city", "op": "eq", "value": "부산"},
}


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def says(name: str, user: str, at: int, event: str = "Identify", **more: Any) -> NewEvent:
    shop = Source.objects.get(name=name).pk
    attributes = more.pop("attributes", {})
    return NewEvent(
        source=shop, message_id=str(uuid4()), type="identify" if event == "Identify" else "track", name=event,
        record=crypto.record_id(shop, "customer", user), kind="customer", brand="haru", occurred_at=day(at),
        sealed={"external_id": user, "attributes": attributes}, **more,
    )  # fmt: skip


def consents(record: UUID, state: str, at: int) -> None:
    line = NewConsent(
        record=record, purpose="marketing", channel="email", state=state, given_at=day(at), key=uuid4(),
        method="form", recorded_by="system:test",
    )  # fmt: skip
    record_consents([line])


def known(profile: UUID) -> dict[str, Any]:
    """What the pages show of a profile, without the moments at which it was computed."""
    page = answers.profile_page(profile)
    return {
        "personal": page.personal, "golden": page.golden, "records": page.records, "contacts": page.contact_points,
        "consents": [(row.purpose, row.channel, row.state, row.since) for row in page.consents],
        "memberships": sorted(membership.name for membership in page.memberships), "events": page.events,
    }  # fmt: skip


def test_after_merging_and_unmerging_everything_is_again_whose_it_was() -> None:
    for name, channel in (("web", "web"), ("till", "pos")):
        source(name, channel)
    store([
        says("web", "w1", 1, attributes={"full_name": "김서연", "email": "seoyeon@shop.example", "city": "서울"}),
        says("web", "w1", 3, "Order Completed", order_id="o1", revenue=20_000, currency="KRW"),
        says("till", "t1", 2, attributes={"full_name": "김서연", "phone": "010-2345-6789", "city": "부산"}),
        says("till", "t1", 4, "Order Completed", order_id="o2", revenue=20_000, currency="KRW"),
    ])  # fmt: skip
    web, till = (
        crypto.record_id(Source.objects.get(name=n).pk, "customer", u) for n, u in (("web", "w1"), ("till", "t1"))
    )
    for key, rule in RULES.items():
        segment(key, rule)
    pipeline.advance()
    consents(web, "granted", 5)
    consents(till, "withdrawn", 6)
    pipeline.advance()
    ids = {record: Record.objects.get(pk=record).profile_id for record in (web, till)}
    before = {profile: known(profile) for profile in ids.values()}
    assert before[ids[web]]["memberships"] == ["agreeing"]
    assert before[ids[till]]["memberships"] == ["busan"]

    left, right = sorted((web, till))
    actions.decide_case(STEWARD, ReviewCase.objects.create(left=left, right=right, reason="gray zone"), "same")
    pipeline.advance()
    merge = ProfileChange.objects.get(kind="merged")
    together = known(merge.other)
    assert {row[2] for row in together["consents"]} == {"withdrawn"}
    assert together["memberships"] == ["busan", "spenders"]
    assert known(merge.profile)["memberships"] == []

    actions.unmerge(STEWARD, merge.pk, "different_people")
    pipeline.advance()
    assert {profile: known(profile) for profile in ids.values()} == before
    pipeline.resolve(retrain=False)
    assert {profile: known(profile) for profile in ids.values()} == before
