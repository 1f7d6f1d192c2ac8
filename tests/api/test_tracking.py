"""The tracking plan over REST: what events there are, and how often what arrived differed."""

import pytest

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.tracking import plans
from cdp.events.tracking.files import find, read
from cdp.ingestion import sources
from tests.api.people import Caller, is_problem
from tests.ingestion.wire import send, track

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")


def test_the_plan_and_its_violations_are_told() -> None:
    _source, key = create_source(TESTER, "shop", "web")
    for name in ("surveys", "credit"):
        plans.load(TESTER, read(find(name)))
    sources.forget()
    send(key, *(track(event="NPS Answered", messageId=str(number), properties={"score": 11}) for number in range(3)))
    caller = Caller("events:read")
    told = {one["event"]: one for one in caller.get("/tracking-plan?source=shop").json()["results"]}
    assert told["NPS Answered"]["titles"] == {"en": "NPS Answered", "ko": "NPS 응답"}
    assert (told["NPS Answered"]["plan"], told["NPS Answered"]["version"], told["NPS Answered"]["mode"]) == (
        "surveys",
        1,
        "observe",
    )
    fields = {field["path"]: field for field in told["Review Decided"]["fields"]}
    assert (fields["decision"]["required"], fields["decision"]["data_class"]) == (True, "credit")
    (found,) = caller.get("/tracking-plan/violations").json()["results"]
    assert (found["source"], found["event"], found["kind"], found["place"], found["number"]) == (
        "shop", "NPS Answered", "value", "score", 3,
    )  # fmt: skip
    assert not caller.get("/tracking-plan/violations?since=2999-01-01").json()["results"]
    assert not caller.get("/tracking-plan/violations?source=other").json()["results"]
    is_problem(Caller("profiles:read").get("/tracking-plan"), 403, "scope_missing")
