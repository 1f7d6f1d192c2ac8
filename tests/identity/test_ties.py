"""What joins the records of a profile."""

import pytest

from identity import queries, ties
from identity.models import BlockedValue, Identifier, Link, Record
from identity.types import Tie
from tests.identity.test_profiles import Sender

pytestmark = pytest.mark.django_db


def test_a_shared_identifier_ties_all_who_hold_it_and_what_one_holds_stands_alone(sender: Sender) -> None:
    web = sender.says("c1", "customer", email="jane@shop.example", phone="+82 10 1234 5678")
    pos = sender.says("c2", "customer", email="Jane@shop.example ")
    sender.arrives()
    found = ties.among([web, pos])
    assert found[0] == Tie("identifier", "email", tuple(sorted((web, pos))), None)
    assert Tie("identifier", "phone", (web,), None) in found
    assert {tie.kind for tie in found} == {"identifier"}


def test_a_blocked_value_ties_nobody(sender: Sender) -> None:
    web = sender.says("c1", "customer", email="jane@shop.example")
    pos = sender.says("c2", "customer", email="jane@shop.example")
    sender.arrives()
    held = Identifier.objects.filter(record=web, kind="email").get()
    BlockedValue.objects.create(kind="email", digest=held.digest)
    assert [tie for tie in ties.among([web, pos]) if tie.identifier == "email"] == []


def test_links_tell_their_weight_and_stewards_words_none(sender: Sender) -> None:
    records = sorted(sender.says(f"c{number}", "customer", email=f"j{number}@shop.example") for number in range(3))
    sender.arrives()
    Link.objects.create(left=records[0], right=records[1], kind="probable", weight=14.5)
    Link.objects.create(left=records[1], right=records[2], kind="cannot", actor="user:1", weight=0)
    links = [tie for tie in ties.among(records) if tie.kind != "identifier"]
    assert links == [
        Tie("probable", "", (records[0], records[1]), 14.5),
        Tie("cannot", "", (records[1], records[2]), None),
    ]
    assert [tie for tie in ties.among(records[:1]) if tie.kind != "identifier"] == []


def test_a_claim_ties_a_leaf_to_the_person_it_came_of(sender: Sender) -> None:
    sender.says("visitor-1", "anonymous")
    user = sender.says("u1", leaves=[("anonymous", "visitor-1")], email="jane@shop.example", minute=1)
    sender.arrives()
    leaf = Record.objects.get(leaf=True)
    profile = Record.objects.get(pk=user).profile_id
    assert leaf.profile_id == profile
    assert Tie("claim", "", (leaf.pk, user), None) in ties.among(queries.records_of(profile))
