"""Where a rule loses people, and whom it leaves."""

from typing import Any

import pytest
from django.utils import timezone

from segments import actions, dropoff, queries
from segments.query.parse import parse
from tests.segments.people import happened, people, person, segment

pytestmark = pytest.mark.django_db
SEOUL, WOMEN, MANY = (
    {"trait": "region", "op": "eq", "value": "Seoul"},
    {"trait": "gender", "op": "eq", "value": "F"},
    {"trait": "orders_count", "op": "gte", "value": 3},
)
BOUGHT = {"event": "Order Completed"}


@pytest.fixture(autouse=True)
def _everybody(db: None) -> None:
    """Ten people: six in Seoul, of whom three are women and two bought something; four elsewhere, all women."""
    people(3, region="Seoul", gender="F", orders_count=1)
    people(1, region="Seoul", gender="M", orders_count=5)
    for _ in range(2):
        happened(person(region="Seoul", gender="M", orders_count=5), "Order Completed", timezone.now())
    people(4, region="Busan", gender="F", orders_count=5)


@pytest.fixture
def gold(_everybody: None) -> None:
    """A segment of the three who live in Seoul and bought much."""
    segment("gold", {"all": [SEOUL, MANY]})
    actions.refresh_due()


def told(rule: Any, **asked: Any) -> list[tuple[str, str, int, int]]:
    found = dropoff.drop_off(rule, "marketing", zone="Asia/Seoul", **asked)
    return [(clause.path, clause.group, clause.among, clause.left) for clause in found]


def test_each_clause_is_asked_of_those_whom_the_ones_above_left() -> None:
    assert told({"all": [SEOUL, {"any": [WOMEN, BOUGHT]}, {"not": {"any": [BOUGHT, MANY]}}]}) == [
        ("", "all", 10, 3),
        ("/all/0", "", 10, 6),
        ("/all/1", "any", 6, 5),
        ("/all/1/any/0", "", 6, 3),
        ("/all/1/any/1", "", 6, 2),
        ("/all/2", "none", 5, 3),
        ("/all/2/not/any/0", "", 5, 2),
        ("/all/2/not/any/1", "", 5, 2),
    ]


def test_what_is_denied_alone_has_one_line_and_a_rule_of_one_clause_too() -> None:
    assert told({"not": BOUGHT}) == [("", "", 10, 8)]
    assert told(SEOUL) == [("", "", 10, 6)]


def test_it_ends_where_the_preview_does_without_those_whom_exclusions_take(gold: None) -> None:
    rule = {"all": [SEOUL, WOMEN]}
    assert told(rule, leaving=["gold"])[0] == ("", "all", 7, 3)
    assert told(MANY, leaving=["gold"])[0][3] == queries.preview(MANY, "marketing", leaving=["gold"]).count == 4


def test_a_few_are_shown_who_fit_and_the_same_again() -> None:
    query = queries.counted_rule(SEOUL, "marketing", timezone.now(), zone="", brand="", leaving=(), key="")
    shown = dropoff.sample(query)
    assert len(set(shown)) == dropoff.SAMPLED and shown == dropoff.sample(query)
    women = queries.counted_rule(
        {"all": [SEOUL, WOMEN]}, "marketing", timezone.now(), zone="", brand="", leaving=(), key=""
    )
    assert len(dropoff.sample(women)) == 3


def test_places_are_those_of_the_json() -> None:
    rule = {"any": [SEOUL, {"all": [WOMEN, {"not": {"all": [MANY]}}]}]}
    assert [place.path for place in dropoff.placed(parse(rule))] == [
        "", "/any/0", "/any/1", "/any/1/all/0", "/any/1/all/1",
    ]  # fmt: skip
