"""What rules may name here, what stands there, and what of a rule nothing ever was."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings

from cdp.core.types import Actor
from cdp.events.quality import measuring
from cdp.events.quality_models import SeenField
from cdp.events.tracking import plans
from cdp.events.tracking.files import Plan
from consent.models import Purpose
from segments import offered
from segments.queries import unseen
from segments.types import OfferedEvent, OfferedName
from tests.api.people import Caller
from tests.segments.people import happened, people, person, source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def afresh(settings: LazySettings) -> Iterator[None]:
    settings.SMALLEST_COUNT = 3
    _forget()
    yield
    _forget()


def _forget() -> None:
    offered._events.cache_clear()
    offered._traits.cache_clear()


def trait(name: str) -> OfferedName:
    return next(one for one in offered.offers("marketing").traits if one.name == name)


def event(name: str) -> OfferedEvent:
    return next(one for one in offered.offers("marketing").events if one.name == name)


def values(held: OfferedName) -> list[tuple[Any, float]]:
    return [(one.value, one.share) for one in held.values]


# --- traits -----------------------------------------------------------------------------------------------------------


def test_a_trait_tells_what_it_is_called_how_often_it_stands_and_its_frequent_values() -> None:
    people(4, region="Seoul"), people(3, region="Busan"), people(2, region="Jeju"), people(1)
    told = trait("region")
    assert told.labels == {"en": "Region", "ko": "시·도"} and (told.type, told.share) == ("string", 0.9)
    assert values(told) == [("Seoul", 0.4444), ("Busan", 0.3333)]  # what only a few have would name them


def test_a_list_tells_of_its_elements_each_person_once() -> None:
    people(3, interests=["tea", "tea", "jazz"]), people(1, interests=["golf", "golf", "golf"])
    _forget()
    assert [one.value for one in offered.traits()["interests"].values] == ["jazz", "tea"]


def test_long_texts_are_no_values_to_choose_from() -> None:
    people(3, region="x" * 100)
    assert values(trait("region")) == []


# --- events -----------------------------------------------------------------------------------------------------------


def bought(who: UUID, **properties: Any) -> None:
    happened(who, "Order Completed", properties=properties)


def test_a_property_tells_its_type_its_words_and_what_many_people_have() -> None:
    for number in range(4):
        bought(person(), method="card" if number else "cash", products=[{"category": "tea"}, {"category": "tea"}])
    bought(person())
    told = event("Order Completed")
    assert told.labels == {"en": "Order Completed", "ko": "구매 완료"}
    by_name = {one.name: one for one in told.properties}
    assert values(by_name["method"]) == [("card", 0.75)] and by_name["method"].share == 0.8
    assert values(by_name["products[].category"]) == [("tea", 1.0)]


def test_one_person_however_often_makes_no_value_frequent() -> None:
    again = person()
    for _ in range(5):
        bought(again, method="card")
    assert values(event("Order Completed").properties[0]) == []


def test_true_and_one_are_two_values() -> None:
    for number in range(6):
        bought(person(), gift=True if number % 2 else 1)
    [held] = event("Order Completed").properties
    assert [(type(value), share) for value, share in values(held)] == [(int, 0.5), (bool, 0.5)]


def test_what_the_purpose_does_not_allow_is_not_offered() -> None:
    fields = {"home": {"type": "string", "data_class": "location"}, "branch": {"type": "string"}}
    plans.load(Actor.system("test"), Plan.of({"plan": "p", "events": {"Visited": {"properties": fields}}}))
    assert [one.name for one in event("Visited").properties] == ["branch"]
    Purpose.objects.filter(key="marketing").update(data_classes=["general", "location"])
    told = {one.name: one for one in event("Visited").properties}
    assert told["home"].data_class == "location" and (told["branch"].share, told["branch"].values) == (0.0, [])


# --- by REST ----------------------------------------------------------------------------------------------------------


def test_tools_are_told_the_same() -> None:
    people(3, region="Seoul")
    told = Caller("segments:read").get("/catalog", purpose="marketing").json()
    [region] = [one for one in told["traits"] if one["name"] == "region"]
    assert region["values"] == [{"value": "Seoul", "share": 1.0}] and region["labels"]["ko"] == "시·도"


def test_a_purpose_must_be_named_and_be_the_key_s() -> None:
    assert Caller("segments:read").get("/catalog").json()["code"] == "purpose_missing"
    assert Caller("segments:read", purpose="service").get("/catalog", purpose="marketing").status_code == 403
    assert Caller("segments:read").get("/catalog", purpose="nothing").status_code in (400, 404, 422)
    assert Caller("members:read").get("/catalog", purpose="marketing").status_code == 403


# --- what nothing ever was --------------------------------------------------------------------------------------------


def seen(*names: tuple[str, str]) -> None:
    for name, path in names:
        SeenField.objects.create(source=source(), event=name, field=path, first="2026-01-01")


def noted(*where: str, event: str = "Viewed") -> list[tuple[str, str]]:
    conditions = [{"property": path, "op": "exists"} for path in where]
    return [(one.path, one.code) for one in unseen({"event": event, "where": conditions})]


def test_a_property_that_no_such_event_had_is_told_with_the_one_that_was_meant() -> None:
    seen(("Viewed", ""), ("Viewed", "category"), ("Viewed", "products"))
    assert noted("category", "products[].sku", "revenue") == []
    assert noted("categry", "zzz") == [
        ("/where/0/property", "unknown_property_near"),
        ("/where/1/property", "unknown_property"),
    ]


def test_what_a_plan_names_is_known_before_it_arrives() -> None:
    fields = {"branch": {"type": "object", "properties": {"city": {"type": "string"}}}}
    plans.load(Actor.system("test"), Plan.of({"plan": "p", "events": {"Visited": {"properties": fields}}}))
    assert noted("branch.city", event="Visited") == []
    assert noted("brnch", event="Visited") == [("/where/0/property", "unknown_property_near")]


def test_of_an_event_without_known_fields_and_of_a_source_with_too_many_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen(("Viewed", ""), ("Bought", ""), ("Bought", "total"))
    assert noted("anything") == [] and noted("anything", event="Bought") != []
    monkeypatch.setattr("cdp.events.queries.MOST_SEEN", 3)
    assert noted("anything", event="Bought") == []
    assert measuring.MOST_SEEN > 3
