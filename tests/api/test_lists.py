"""Lists over REST: made, filled, named by rules, forgotten; who is on them is never told."""

import pytest

from segments.models import ListEntry, UploadedList
from tests.api.people import Caller, everything, is_problem, people

pytestmark = pytest.mark.django_db
LIST = {"key": "guests", "name": "손님", "purpose": "marketing", "came_from": "Fair"}
UNTIL = {"expires_at": "2027-06-01T00:00:00Z"}


def test_a_list_is_made_filled_named_and_forgotten() -> None:
    caller, (one, _two) = everything(), people(2, orders_count=4)
    made = caller.post("/lists", LIST | UNTIL)
    assert (made.status_code, made.headers["Location"], made.json()["entries"]) == (201, "/api/v1/lists/guests", 0)
    entries = {"emails": ["a@b.kr", "?"], "phones": ["010-1234-5678"], "profiles": [str(one)]}
    assert caller.post("/lists/guests/entries", entries).json() == {"listed": 3, "unreadable": 1, "suppressed": 0}
    assert caller.get("/lists/guests").json()["entries"] == 3
    assert [row["key"] for row in caller.get("/lists").json()["results"]] == ["guests"]
    counted = caller.post("/segments/preview", {"rule": {"list": "guests"}, "purpose": "marketing"})
    assert counted.json()["count"] == 1
    segment = {"key": "on", "name": "on", "purpose": "marketing", "rule": {"list": "guests"}}
    assert caller.post("/segments", segment).status_code == 201
    is_problem(caller.client.delete("/api/v1/lists/guests"), 409, "list_in_use")


def test_nothing_is_added_where_a_part_is_refused() -> None:
    caller = everything()
    caller.post("/lists", LIST | UNTIL)
    wrong = {"emails": ["a@b.kr"], "external_ids": ["1"], "source": "nowhere"}
    is_problem(caller.post("/lists/guests/entries", wrong), 400, "source_unknown")
    assert not ListEntry.objects.exists()


def test_a_key_bound_to_a_purpose_sees_and_makes_its_own() -> None:
    everything().post("/lists", LIST | UNTIL)
    bound = everything(purpose="service")
    is_problem(bound.get("/lists/guests"), 404, "not_found")
    is_problem(bound.post("/lists", LIST | UNTIL), 403, "purpose_bound")
    assert (
        bound.post("/lists", {**LIST, **UNTIL, "key": "ours", "purpose": ""} | {"purpose": "service"}).status_code
        == 201
    )
    assert set(UploadedList.objects.values_list("key", "purpose")) == {("guests", "marketing"), ("ours", "service")}
    assert Caller("segments:read").post("/lists", LIST | UNTIL).status_code == 403
