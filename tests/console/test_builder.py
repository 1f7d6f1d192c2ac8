"""What the builder of rules offers is what the rule language takes."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from cdp.console import builder
from cdp.console.builder_words import OPS_OF, PRESENCE
from cdp.core.models import AuditEntry, User
from cdp.core.roles import permissions
from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.models import Event
from cdp.events.tracking import plans
from cdp.events.tracking.files import Plan
from cdp.events.words import event_words
from consent.models import Purpose
from segments import offered
from segments.dropoff import SAMPLED
from segments.models import Segment
from segments.query.ast import BIRTHDAY, Kind
from segments.query.catalog import Catalog, TraitSpec, require
from segments.query.parse import parse
from segments.vocabulary import Names, in_words
from tests.console.conftest import account

VALUES: dict[str, Any] = {"number": 1, "string": "a", "boolean": True, "date": "2026-01-31", "moment": "2026-01-31"}
pytestmark = pytest.mark.django_db


def _types(event: str) -> dict[str, str]:
    return {path: seen.type for path, seen in offered.events()[event].items()}


def test_it_offers_the_names_that_a_purpose_allows(world: dict[str, Any]) -> None:
    told = builder.vocabulary("marketing", "Asia/Seoul")
    assert told is not None and told["traits"]["gender"] == {"label": "Gender", "type": "string"}
    assert told["segments"].keys() >= {"birthday"} and told["purposes"]["marketing"] and told["channels"]["email"]
    assert builder.vocabulary("nothing", "Asia/Seoul") is None and builder.vocabulary("marketing", "Nowhere") is None


def test_a_trait_of_a_class_that_the_purpose_forbids_is_not_offered(world: dict[str, Any]) -> None:
    Purpose.objects.filter(key="marketing").update(data_classes=[])
    told = builder.vocabulary("marketing", "Asia/Seoul")
    assert told is not None and told["traits"] == {}


def test_it_offers_the_properties_of_the_latest_events_with_their_types(world: dict[str, Any]) -> None:
    latest = Event.objects.order_by("-id")[0]
    products = [{"sku": "a", "sizes": [1]}, {"price": 2}]
    held = {
        "total": 9.5,
        "gift": False,
        "register": "3",
        "due": "2026-01-31",
        "to": {"city": "b"},
        "none": None,
        "products": products,
    }
    Event.objects.filter(pk=latest.pk).update(name="Bought", properties=held)
    offered._events.cache_clear()
    assert _types("Bought") == {
        "due": "date", "gift": "boolean", "products[].price": "number", "products[].sizes[]": "number",
        "products[].sku": "string", "register": "string", "to.city": "string", "total": "number",
    }  # fmt: skip
    offered._events.cache_clear()


def test_it_offers_what_is_planned_before_it_arrives_by_its_title() -> None:
    fields: dict[str, Any] = {
        "branch": {"enum": ["a", "b"], "type": "string"}, "fee": {"type": "integer"}, "memo": {"type": "string", "personal": True},
        "any": {}, "visit": {"type": "object", "properties": {"id": {"type": "string"}}},
    }  # fmt: skip
    booked = {"title": "Visit booked", "title_ko": "방문 예약", "properties": fields}
    taken = {"title": "Order Completed", "title_ko": "구매 완료"}
    plans.load(Actor.system("test"), Plan.of({"plan": "p", "events": {"Visit Booked": booked, "Sold": taken}}))
    offered._events.cache_clear()
    try:
        assert _types("Visit Booked") == {"branch": "string", "fee": "number"}
        with override("ko"):
            words = event_words(queries.planned_titles())
        assert words["Visit Booked"] == "방문 예약" and "Sold" not in words and words["Order Completed"] == "구매 완료"
    finally:
        offered._events.cache_clear()


def test_sentences_call_events_segments_and_consents_as_people_do(world: dict[str, Any]) -> None:
    booked = {"title": "Visit booked", "title_ko": "방문 예약"}
    plans.load(Actor.system("test"), Plan.of({"plan": "p", "events": {"Visit Booked": booked}}))
    Segment.objects.filter(key="birthday").update(name="생일")
    consent = {"consent": {"purpose": "marketing", "channel": "email"}}
    rule = {"all": [{"event": "Visit Booked"}, {"segment": "birthday"}, consent]}
    told = in_words(rule, "marketing", Names.read())
    marketing = Purpose.objects.get(key="marketing")
    assert "“Visit booked” happened" in told["en"] and "“방문 예약” 이벤트가" in told["ko"]
    assert f"“생일” 세그먼트에 속함, 그리고 “{marketing.name_ko}” 목적의 “이메일” 연락에 동의함" in told["ko"]
    assert f"consents to “{marketing.name_en}” by “E-mail”" in told["en"]


@pytest.mark.parametrize(("kind", "op"), [(kind, op) for kind in VALUES for op in OPS_OF[kind]])
def test_every_comparison_that_it_offers_is_one_of_the_language(kind: Kind, op: str) -> None:
    require(parse({"trait": "x", **asked(op, VALUES[kind])}), Catalog(traits={"x": TraitSpec(kind)}))


def asked(op: str, value: Any) -> dict[str, Any]:
    if op in PRESENCE:
        return {"op": op}
    if op == BIRTHDAY:
        return {"op": op, "value": {"days": 7}}
    if op in ("since", "before"):
        return {"op": {"since": "gte", "before": "lt"}[op], "value": {"days_ago": 30}}
    several = {"in": [value], "not_in": [value], "between": [value, value]}
    return {"op": op, "value": several.get(op, value)}


def previewed(user: User, rule: str = '{"trait": "gender", "op": "eq", "value": "F"}') -> str:
    """What a preview on the page of a new segment tells somebody."""
    client = Client()
    client.force_login(user)
    written = {"purpose": "marketing", "zone": "Asia/Seoul", "rule": rule}
    return str(client.post(reverse("admin:segments_segment_add"), {**written, "_preview": ""}).content.decode())


def test_members_are_shown_to_who_sees_people_and_the_look_is_written_down(world: dict[str, Any]) -> None:
    page = previewed(account("marketer"))
    assert 'class="sample"' in page and "**" in page
    seen = AuditEntry.objects.get(action="segment.sample_shown")
    assert seen.details["count"] == min(SAMPLED, len(world["profiles"])) and seen.purpose == "marketing"


def test_a_name_that_no_event_has_is_told(world: dict[str, Any]) -> None:
    user = account("marketer")
    page = previewed(user, '{"not": {"event": "Never Sent"}}')
    assert "/not/event: " in page and "chip warn" in page
    assert "chip warn" not in previewed(user)


def test_who_sees_no_people_is_told_of_none_and_of_no_small_count(world: dict[str, Any]) -> None:
    user = account("administrator")
    user.user_permissions.add(*permissions(["add:segments.segment"]))
    page = previewed(user)
    assert 'data-clause="" data-left="–"' in page and 'class="sample"' not in page
    assert not AuditEntry.objects.filter(action="segment.sample_shown").exists()
