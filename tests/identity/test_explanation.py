"""Why two records are one person: the strongest path of links, each with what the model says of it."""

import json
from dataclasses import asdict
from itertools import combinations
from random import Random
from uuid import UUID

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from cdp.core.errors import Refused
from identity import actions, explanation, queries
from identity.linkage import normalise, score
from identity.linkage.model import DEFAULT
from identity.linkage.types import Link as Evidence
from identity.models import Link, ReviewCase
from identity.types import ExplainedLink
from tests.identity.test_profiles import Sender, profile_of

pytestmark = pytest.mark.django_db
STEWARD = actions.Actor("user:steward")


def adds_up(link: ExplainedLink) -> None:
    """The bars of a waterfall stand on each other, and say what the comparisons say."""
    first, *bars, last = link.waterfall
    assert (first.name, first.start, last.name, last.start, last.end) == ("prior", 0, "weight", 0, link.weight)
    assert [bar.name for bar in bars] == [one.comparison for one in link.comparisons]
    at = first.end
    for bar, one in zip(bars, link.comparisons, strict=True):
        assert bar.start == pytest.approx(at)
        assert bar.end - bar.start == pytest.approx(one.bits)
        at = bar.end
    assert at == pytest.approx(link.weight)


def probable(left: UUID, right: UUID, weight: float, levels: dict[str, int] | None = None) -> None:
    one, other = sorted((left, right))
    Link.objects.create(left=one, right=other, kind="probable", weight=weight, levels=levels or {})
    actions.recluster([left])


def test_records_that_share_an_identifier(sender: Sender) -> None:
    left = sender.says("a", "customer", email="jane@shop.example", full_name="김서연")
    right = sender.says("b", "customer", email="jane@shop.example", full_name="김서연")
    sender.arrives()
    [link] = queries.explain(left, right).links
    assert (link.left, link.right, link.kind, link.identifier) == (left, right, "identifier", "email")
    levels = {one.comparison: one.level for one in link.comparisons}
    assert levels["name"] == "full"
    assert levels["birth_date"] == "missing"
    assert link.model == DEFAULT.version
    adds_up(link)


def test_a_path_goes_the_strongest_way(sender: Sender) -> None:
    """From a to c by the must-link and the e-mail, not straight by the phone, which links weaker than either."""
    a = sender.says("a", "customer", phone="010-2345-6789")
    b = sender.says("b", "customer", email="jane@shop.example")
    c = sender.says("c", "customer", email="jane@shop.example", phone="010-2345-6789")
    sender.arrives()
    left, right = sorted((a, b))
    actions.decide_case(STEWARD, ReviewCase.objects.create(left=left, right=right, reason="gray zone"), "same")
    links = queries.explain(a, c).links
    assert [(link.left, link.right, link.kind, link.identifier) for link in links] == [
        (a, b, "must", ""), (b, c, "identifier", "email"),
    ]  # fmt: skip
    assert (links[0].actor, links[0].at is not None, links[1].actor) == ("user:steward", True, "")


def test_a_device_is_explained_by_its_claim_or_what_it_carries(sender: Sender) -> None:
    a = sender.says("a", leaves=[("anonymous", "d1")], email="jane@shop.example")
    b = sender.says("b", "customer", email="jane@shop.example", phone="010-2345-6789")
    device = sender.says("d1", "anonymous")
    receipt = sender.says("r1", "receipt", identifiers={"phone": ["010-2345-6789"]})
    sender.arrives()
    assert [(link.left, link.right, link.kind, link.identifier) for link in queries.explain(device, receipt).links] == [
        (device, a, "claim", ""), (a, b, "identifier", "email"), (b, receipt, "identifier", "phone"),
    ]  # fmt: skip
    assert queries.explain(device, device).links == ()


def test_a_probable_link_is_told_as_it_was_scored(sender: Sender) -> None:
    said = [
        {"full_name": "김서연", "birth_date": "1990-07-19", "postcode": "04524"},
        {"full_name": "김서연", "birth_date": "1990-07-91", "postcode": "04524"},
    ]
    left, right = (sender.says(f"c{n}", "customer", **attributes) for n, attributes in enumerate(said))
    sender.arrives()
    rows = [(str(record), attributes) for record, attributes in zip((left, right), said, strict=True)]
    [edge] = score.score(score.prepare(rows), DEFAULT).edges.to_pylist()
    levels = {name.removeprefix("gamma_"): level for name, level in edge.items() if name.startswith("gamma_")}
    probable(left, right, edge["weight"], levels)
    [link] = queries.explain(left, right).links
    assert (link.kind, link.model) == ("probable", DEFAULT.version)
    assert link.weight == pytest.approx(edge["weight"], abs=1e-8)
    assert {one.comparison: one.level for one in link.comparisons}["name"] == "full"
    assert any(one.frequency_bits for one in link.comparisons)
    adds_up(link)

    sender.says("c1", "customer", postcode="06236", minute=9)
    sender.arrives(sender.sent[-1:])
    [later] = queries.explain(left, right).links
    assert later.weight == pytest.approx(edge["weight"], abs=1e-8)
    assert [one.level for one in later.comparisons if one.level] == [one.level for one in link.comparisons]
    assert all(one.frequency_bits is None for one in later.comparisons[:-1])
    adds_up(later)


def test_records_of_two_people_have_nothing_to_explain(sender: Sender) -> None:
    left = sender.says("a", "customer", email="jane@shop.example")
    right = sender.says("b", "customer", email="john@shop.example")
    sender.arrives()
    for pair in ((left, right), (left, UUID(int=7))):
        with pytest.raises(Refused) as refused:
            queries.explain(*pair)
        assert refused.value.code == "not_one_profile"


def test_what_evidence_no_longer_supports_is_not_made_up(sender: Sender) -> None:
    left = sender.says("a", "customer", full_name="김서연")
    right = sender.says("b", "customer", full_name="김서연")
    sender.arrives()
    probable(left, right, 9.0)
    assert profile_of(left) == profile_of(right)
    Link.objects.all().delete()
    with pytest.raises(Refused) as refused, transaction.atomic():
        queries.explain(left, right)
    assert refused.value.code == "unexplained"


def test_an_explanation_is_json_and_holds_no_personal_value(sender: Sender) -> None:
    left = sender.says("a", "customer", email="jane@shop.example", full_name="Jane Secret")
    right = sender.says("b", "customer", email="jane@shop.example", full_name="Jane Secret")
    sender.arrives()
    text = json.dumps(asdict(queries.explain(left, right)), cls=DjangoJSONEncoder)
    assert "jane" not in text.casefold()
    assert "secret" not in text.casefold()


@pytest.mark.parametrize("seed", range(30))
def test_no_other_path_has_a_stronger_weakest_link(seed: int) -> None:
    """Against all paths of a small random graph."""
    chance = Random(seed)
    nodes = [str(UUID(int=n)) for n in range(6)]
    pairs = chance.sample(list(combinations(nodes, 2)), 9)
    links = [Evidence(*pair, weight=float(chance.randint(1, 5))) for pair in pairs]
    found = explanation._between(explanation._forest(links), nodes[0], nodes[5])
    weakest = [max(link.order for link in way) for way in ways(links, nodes[0], nodes[5], frozenset())]
    assert (found is None) == (not weakest)
    if found:
        assert max(link.order for _, link in found) == min(weakest)


def ways(links: list[Evidence], here: str, end: str, seen: frozenset[str]):
    if here == end:
        yield ()
        return
    for link in links:
        there = {link.left: link.right, link.right: link.left}.get(here)
        if there and there not in seen:
            yield from ((link, *way) for way in ways(links, there, end, seen | {here}))


def test_compared_bits_are_those_of_the_batch(sender: Sender) -> None:
    row = normalise.clean({"full_name": "김서연", "birth_date": "1990-07-19"})
    assert row["name"]
    left = sender.says("a", "customer", full_name="김서연", birth_date="1990-07-19")
    right = sender.says("b", "customer", full_name="김서연", birth_date="1990-07-19")
    sender.arrives()
    opened = queries.open_records([left, right])
    said = [(str(record.id), record.folded.current()) for record in opened]
    [edge] = score.score(score.prepare(said), DEFAULT).edges.to_pylist()
    told = explanation.compared(DEFAULT, *opened)
    assert explanation.weighs(DEFAULT, told, edge["weight"])
    assert not explanation.weighs(DEFAULT, told, edge["weight"] + 0.01)
