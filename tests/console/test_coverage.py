"""Who may be contacted, as Home counts it, is whom the gate allows, purpose by purpose and channel by channel."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from cdp.core.models import User
from cdp.core.types import now
from consent import queries
from consent.models import ContactChannel, Effective, Purpose
from identity.models import Profile

pytestmark = pytest.mark.django_db
AT = now()
BRANDS, STATES = ("", "haru", "onsae"), ("granted", "granted", "withdrawn", "refused")
ENDS = (None, None, AT - timedelta(days=1), AT, AT + timedelta(days=1))


def someone(chance: random.Random) -> None:
    profile = Profile.objects.create(state=chance.choice(("live", "live", "live", "erased")))
    for purpose in Purpose.objects.all():
        for brand in BRANDS:
            for channel in chance.sample(("email", "sms", "call", "post"), chance.randint(0, 3)):
                Effective.objects.create(
                    profile=profile, purpose=purpose, channel_id=channel, brand=brand, state=chance.choice(STATES),
                    since=AT, expires_at=chance.choice(ENDS),
                )  # fmt: skip


def by_the_gate(purpose: str, channel: str) -> set[UUID]:
    statement, asked = queries.gate_sql(purpose, channel, AT)
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_are_the_gate_s(rows: None, seed: int) -> None:
    for key, basis in (("marketing_use", "consent"), ("service_use", "consent"), ("analytics_use", "legal")):
        Purpose.objects.create(key=key, name_ko=key, name_en=key, basis=basis)
    chance = random.Random(seed)
    for _ in range(25):
        someone(chance)
    counts = queries.allowed_counts(AT)
    pairs = {(p, c) for p in Purpose.objects.values_list("key", flat=True) for c in channels()}
    assert counts == {(purpose, channel): len(by_the_gate(purpose, channel)) for purpose, channel in pairs}
    assert len(set(counts.values())) > 5


def channels() -> list[str]:
    return list(ContactChannel.objects.values_list("key", flat=True))


def test_home_shows_who_did_not_object(rows: None, root: User) -> None:
    people = Profile.objects.bulk_create([Profile() for _ in range(4)])
    for profile, state in zip(people, ("granted", "withdrawn"), strict=False):
        for purpose in ("service", "marketing"):
            Effective.objects.create(profile=profile, purpose_id=purpose, channel_id="email", state=state, since=AT)
    client = Client()
    client.force_login(root)
    answer = client.get(reverse("admin:index"))
    coverage, page = answer.context["state"].coverage, answer.content.decode()
    assert 'Sale and sharing of personal data <span class="quiet">did not object' in page
    assert 'Marketing messages <span class="quiet">agreed' in page
    shares = {row.name: {share.channel: share.percent for share in row.shares} for row in coverage.rows}
    assert {row.name for row in coverage.rows if not row.consent} == {
        "Providing the service", "Analytics", "Sale and sharing of personal data"
    }  # fmt: skip
    assert shares["Providing the service"]["E-mail"] == 75 and shares["Providing the service"]["SMS"] == 100
    assert shares["Marketing messages"]["E-mail"] == 25 and shares["Marketing messages"]["SMS"] == 0
