"""Computed traits over REST: defined, published, read by rules and beside the other traits of a profile, archived."""

from typing import Any

import pytest

from cdp.profiles.models import Golden
from segments import actions
from segments.models import ComputedTrait
from tests.api.people import Caller, everything, is_problem, people

pytestmark = pytest.mark.django_db
ORDERS = {
    "key": "orders_90d", "label_en": "Orders in 90 days", "label_ko": "90일 주문 수", "kind": "count",
    "event": "Order Completed", "condition": {"within": {"days": 90}},
}  # fmt: skip
READS = {
    "key": "none",
    "name": "none",
    "purpose": "marketing",
    "rule": {"trait": "computed.orders_90d", "op": "eq", "value": 0},
}


def test_a_trait_is_defined_published_read_and_archived() -> None:
    caller, (one, _two) = everything(), people(2)
    made = caller.post("/traits", ORDERS)
    assert (made.status_code, made.headers["Location"], made.json()["state"]) == (
        201,
        "/api/v1/traits/orders_90d",
        "draft",
    )
    is_problem(caller.post("/segments", READS), 400, "rule_refused")
    assert caller.post("/traits/orders_90d/publish", {}).json()["names"] == ["computed.orders_90d"]
    assert caller.post("/segments", READS).status_code == 201
    assert caller.post("/segments/none/publish", {}).status_code == 200
    actions.refresh_due()
    told = caller.get("/traits/orders_90d").json()
    assert (told["profiles"], told["error"], told["labels"]["ko"]) == (2, "", "90일 주문 수") and told["computed_at"]
    assert caller.get("/segments/none").json()["members"] == 2
    assert caller.get(f"/profiles/{one}").json()["traits"]["computed.orders_90d"] == 0
    assert [row["key"] for row in caller.get("/traits").json()["results"]] == ["orders_90d"]
    is_problem(caller.post("/traits/orders_90d/archive", {}), 409, "trait_in_use")
    is_problem(caller.patch("/traits/orders_90d", {"key": "other"}), 409, "trait_published")
    assert caller.patch("/traits/orders_90d", {"label_en": "Orders"}).json()["labels"]["en"] == "Orders"
    assert Golden.objects.get(profile=one).computed == {"computed.orders_90d": 0}


def test_mistakes_point_into_the_body() -> None:
    caller = everything()
    wrong = {**ORDERS, "kind": "first", "property": "email", "condition": {"within": {"days": 0}, "wher": []}}
    problem = is_problem(caller.post("/traits", wrong), 400, "rule_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/condition/wher", "unknown_key")]
    del wrong["condition"]
    problem = is_problem(caller.post("/traits", wrong), 400, "rule_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/property", "sealed")]
    is_problem(caller.post("/traits", {**ORDERS, "kind": "guess"}), 400, "invalid")
    caller.post("/traits", ORDERS)
    is_problem(caller.post("/traits", ORDERS), 409, "taken")
    is_problem(caller.post("/traits", {**ORDERS, "key": "else", "zone": "Mars"}), 400, "zone_unknown")


def test_a_bound_key_reads_and_writes_none_and_counts_stay_coarse(settings: Any) -> None:
    settings.SMALLEST_COUNT = 10
    everything().post("/traits", ORDERS)
    ComputedTrait.objects.update(profiles=17)
    bound = everything(purpose="service")
    assert bound.get("/traits/orders_90d").json()["profiles"] == 17
    is_problem(bound.post("/traits", {**ORDERS, "key": "other"}), 403, "purpose_bound")
    assert Caller("segments:read").get("/traits/orders_90d").json()["profiles"] == 10
