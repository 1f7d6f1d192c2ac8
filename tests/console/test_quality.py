"""The page of data quality: alerts in words, every source, and one drawn with a table beside each chart."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cdp.core.actions import count
from cdp.core.types import now
from cdp.events.models import Source
from cdp.events.quality import judging
from cdp.events.quality_models import SeenField
from tests.console.conftest import account

pytestmark = pytest.mark.django_db


def weeks(source: Source) -> None:
    """Weeks as usual, then a day with a fifth of the volume and much in quarantine."""
    chance, today = random.Random(3), now().date()
    for ago in range(40, 0, -1):
        got = 200 if ago == 1 else chance.randint(950, 1_050)
        bad = 60 if ago == 1 else chance.randint(1, 4)
        kinds = {"received": got, "measured": got - bad, "late_hour": got // 40, "quarantined:bad_time": bad}
        count(source.pk, kinds, today - timedelta(days=ago))
    SeenField.objects.create(source=source, event="Order Completed", field="", first=today - timedelta(days=40))
    SeenField.objects.create(source=source, event="Order Completed", field="coupon", first=today - timedelta(days=1))
    judging.judge(today)


@pytest.fixture
def steward(world: dict[str, Any]) -> Client:
    weeks(world["sources"][2])
    client = Client()
    client.force_login(account("steward"))
    return client


def test_what_was_not_as_usual_is_told_and_drawn(steward: Client) -> None:
    page = steward.get("/quality/").content.decode()
    assert page.count("<svg") >= 3 and page.count("<figure") == 3 and " style=" not in page.split("<main")[-1]
    assert '<span class="chip bad">200</span>' in page and '<span class="chip bad">30.0 %</span>' in page
    assert "Coupon of Order Completed" in page and '<h2 class="of">pos-main</h2>' in page


def test_it_is_told_in_korean(steward: Client) -> None:
    page = steward.get("/quality/", headers={"accept-language": "ko"}).content.decode()
    assert "데이터 품질" in page and "구매 완료의 쿠폰" in page and "Not as usual" not in page


def test_another_source_can_be_chosen_and_an_unknown_one_is_none(steward: Client, world: dict[str, Any]) -> None:
    other = world["sources"][0]
    count(other.pk, {"received": 5}, now().date() - timedelta(days=1))
    assert f'<h2 class="of">{other.name}</h2>' in steward.get("/quality/", {"source": str(other.pk)}).content.decode()
    assert steward.get("/quality/", {"source": "'; drop"}).status_code == 200


def test_home_leads_to_the_alerts(steward: Client) -> None:
    page = steward.get("/").content.decode()
    assert '<li><a href="/quality/" class="urgent"><strong>3</strong>' in page


def test_it_opens_empty_and_not_for_a_marketer(rows: None) -> None:
    client = Client()
    client.force_login(account("auditor"))
    assert "Nothing came in yet." in client.get("/quality/").content.decode()
    client.force_login(account("marketer"))
    assert client.get("/quality/").status_code == 403
