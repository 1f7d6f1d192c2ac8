"""The page of a plan: what it says, in the reader's language, and what differed lately."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cdp.core.types import Actor, now
from cdp.events import queries
from cdp.events.actions import count_violations, create_source
from cdp.events.models import PlannedField, PlanViolation, TrackingPlan
from cdp.events.tracking import plans
from cdp.events.tracking.files import Plan, find, read
from cdp.events.types import Violation
from tests.console.conftest import account

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> TrackingPlan:
    source, _key = create_source(Actor.system("test"), "shop", "web")
    made, _new = plans.load(Actor.system("test"), read(find("credit")))
    count_violations(
        source.pk, {Violation("Review Decided", "missing", "decision"): 3, Violation("", "unplanned", ""): 2}
    )
    return made


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(account(role))
    return client


def test_a_plan_is_told_in_the_reader_s_language_with_its_differences(plan: TrackingPlan) -> None:
    address = reverse("admin:events_trackingplan_change", args=[plan.pk])
    client = signed_in("steward")
    shown = client.get(address).content.decode()
    assert "Review Decided" in shown and "3 differences" in shown and ">decision<" in shown and "shop" in shown
    client.cookies["django_language"] = "ko"
    korean = client.get(address).content.decode()
    assert "심사 결정" in korean and "신청 심사가 끝났습니다." in korean and "신용" in korean
    assert signed_in("marketer").get(address).status_code == 403


def test_differences_are_listed_in_words(plan: TrackingPlan) -> None:
    client = signed_in("auditor")
    shown = client.get(reverse("admin:events_planviolation_changelist")).content.decode()
    assert "event without a plan" in shown and "decision" in shown
    row = PlanViolation.objects.get(kind="missing")
    assert row.day == now().date()
    assert client.get(reverse("admin:events_planviolation_change", args=[row.pk])).status_code == 200


def test_what_a_file_says_of_a_field_is_not_changed_by_hand(plan: TrackingPlan) -> None:
    client, planned = signed_in("steward"), PlannedField.objects.filter(plan="credit")[0]
    said = {"event": planned.event, "path": planned.path, "treatment": "clear", "data_class": "general"}
    assert client.post(reverse("admin:events_plannedfield_change", args=[planned.pk]), said).status_code == 403
    own = PlannedField.objects.create(path="memo", treatment="sealed")
    client.post(reverse("admin:events_plannedfield_change", args=[own.pk]), said | {"path": "memo"})
    own.refresh_from_db()
    assert own.treatment == "clear"


def test_events_are_listed_by_the_titles_of_the_house_s_own_plan_without_a_query_per_row(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    source, _key = create_source(Actor.system("test"), "clinic", "web")
    booked = {"title": "Visit arranged", "title_ko": "방문 예약", "properties": {}}
    plans.load(Actor.system("test"), Plan.of({"plan": "clinic", "events": {"Visit Booked": booked}}))
    for number in range(30):
        PlannedField.objects.create(event="Visit Booked", path=f"field_{number}", source=source)
    client, address = signed_in("steward"), reverse("admin:events_plannedfield_changelist")
    for language, title in (("en", "Visit arranged"), ("ko", "방문 예약")):
        client.cookies["django_language"] = language
        queries._event_words.cache_clear()
        with django_assert_max_num_queries(20):
            shown = client.get(address).content.decode()
        assert shown.count(f'title="Visit Booked">{title}</span>') >= 30
    queries._event_words.cache_clear()
