"""What may and may not become one person, and that the order of arrival has no say in it."""

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.cluster import births_compatible, cluster
from identity.linkage.types import MODEL, STEWARD, Identifier, Limits, Link, Node

PHONE = Identifier("phone", "p1")


def together(partition, left, right):
    return partition.label[left] == partition.label[right]


def person(name, **known):
    return Node(name, **{"surname": "김", "identifiers": (PHONE,)} | known)


def test_twins_stay_two_people():
    twins = [person("a", given="민준", birth_date="1990-05-01"), person("b", given="민서", birth_date="1990-05-01")]
    partition = cluster(twins, [Link("a", "b", 3), Link("a", "b", MODEL, 30.0)])
    assert not together(partition, "a", "b")
    assert {refusal.reason for refusal in partition.refused} == {"given names"}


def test_father_and_son_on_one_phone_stay_two_people():
    family = [person("a", given="영수", birth_date="1955-02-03"), person("b", given="민준", birth_date="1985-03-12")]
    assert not together(cluster(family, [Link("a", "b", 4)]), "a", "b")
    unnamed = [person("a", birth_date="1955-02-03"), person("b", birth_date="1985-03-12")]
    assert cluster(unnamed, [Link("a", "b", 4)]).refused[0].reason == "birth dates"


MISSPELT = Limits(given_names=False)  # as where names are misspelt so often that another one proves little


@pytest.mark.parametrize(
    ("known", "joined"),
    [
        ({}, False),
        ({"birth_date": "1985-03-12"}, True),
        ({"identifiers": (PHONE, Identifier("email", "e1"))}, True),
    ],
)
def test_what_a_household_shares_joins_no_two_given_names(known, joined):
    """Phone, home and surname are a family's; a birth date or an address for mail is a person's."""
    family = [person("a", given="richard", **known), person("b", given="colin", **known)]
    partition = cluster(family, [Link("a", "b", 4), Link("a", "b", MODEL, 20.0)], limits=MISSPELT)
    assert together(partition, "a", "b") is joined
    assert {refusal.reason for refusal in partition.refused} == (set() if joined else {"given names"})


def test_a_nameless_record_is_no_bridge():
    family = [person("a", given="영수"), person("b", given="민준"), person("x")]
    partition = cluster(family, [Link("a", "x", 4), Link("b", "x", 4), Link("a", "x", MODEL, 9.0)])
    assert together(partition, "a", "x")
    assert not together(partition, "a", "b")


def test_a_nameless_record_goes_to_nobody_where_two_people_are_as_near():
    """The phone alone does not tell whose of a family it is, nor do other links of the same weight."""
    family = [person("a", given="영수"), person("b", given="민준"), person("x")]
    phone = [Link("a", "x", 4, time="2025-01-01"), Link("b", "x", 4, time="2025-02-01")]
    for links in (phone, [*phone, Link("a", "x", MODEL, 9.0), Link("b", "x", MODEL, 9.0)]):
        partition = cluster(family, links)
        assert not together(partition, "a", "x") and not together(partition, "b", "x")
        assert {(refusal.link.left, refusal.link.right, refusal.reason) for refusal in partition.refused} == {
            ("a", "x", "no name"), ("b", "x", "no name"),
        }  # fmt: skip


@pytest.mark.parametrize("links", [[Link("a", "x", 4)], [Link("a", "x", STEWARD), Link("b", "x", 4)]])
def test_a_nameless_record_goes_to_whom_it_alone_is_near(links):
    family = [person("a", given="영수"), person("b", given="민준"), person("x")]
    assert together(cluster(family, links), "a", "x")


def test_whom_a_nameless_record_cannot_be_is_no_rival():
    """Nor is another record of the same person."""
    family = [
        person("a", given="영수", birth_date="1955-02-03"), person("c", given="영수"),
        person("b", given="민준", birth_date="1985-03-12"), person("x", birth_date="1955-02-03"),
    ]  # fmt: skip
    partition = cluster(family, [Link(one, "x", 4) for one in "abc"] + [Link("a", "c", 4)])
    assert together(partition, "a", "x") and together(partition, "c", "x")
    assert not together(partition, "b", "x")


def test_nameless_records_are_one_before_they_are_somebody_s():
    """Two of them know each other by a card, and one of them weighs more beside one of the family."""
    family = [person("a", given="영수"), person("b", given="민준"), person("x"), person("y")]
    links = [Link("x", "y", 3), Link("a", "x", 4), Link("b", "y", 4), Link("b", "y", MODEL, 9.0)]
    partition = cluster(family, links)
    assert together(partition, "x", "y") and together(partition, "b", "x") and not together(partition, "a", "x")


def test_where_names_prove_nothing_nobody_is_another_person_by_name():
    people = [person(name, given=given, birth_date="1985-03-12") for name, given in (("a", "영수"), ("b", "민준"))]
    partition = cluster(
        [*people, person("x")], [Link("a", "x", 4), Link("b", "x", 4), Link("a", "b", MODEL, 9.0)], limits=MISSPELT
    )
    assert len(set(partition.label.values())) == 1


def test_one_spelling_that_fits_both_is_no_bridge():
    people = [
        Node("a", given="서연", common_name=True),
        Node("x", given="서얀"),
        Node("b", given="서현", common_name=True),
    ]
    links = [Link("a", "x", MODEL, 9.0), Link("x", "b", MODEL, 8.0)]
    more = [Node("a2", given="서연", common_name=True), Link("a", "a2", MODEL, 10.0)]
    assert not together(cluster([*people, more[0]], [*links, more[1]]), "a", "b")


def test_slips_of_the_pen_do_not_divide():
    spellings = [person("a", given="민준", birth_date="1985-03-12"), person("b", given="민쥰", birth_date="1985-03-13")]
    assert together(cluster(spellings, [Link("a", "b", MODEL, 9.0)]), "a", "b")


@pytest.mark.parametrize(
    ("left", "right", "compatible"),
    [
        ("1985-03-12", "1985-12-03", True),
        ("1985-03-12", "1985-03-13", True),
        ("1985-03-12", "1958-03-12", True),
        ("1985-03-12", "1985-01-01", True),
        ("1985-03-12", "1955-11-30", False),
        ("1985-03-12", "2012-08-25", False),
    ],
)
def test_birth_dates(left, right, compatible):
    assert births_compatible(left, right) is compatible
    assert births_compatible(right, left) is compatible


def test_user_ids_are_limited_per_namespace():
    def account(name, value, brand):
        return Node(name, identifiers=(Identifier("user_id", value, brand),))

    nodes = [account("a", "u1", "haru"), account("b", "u2", "haru"), account("c", "u1", "onsae")]
    partition = cluster(nodes, [Link("a", "b", 3), Link("a", "c", 3)])
    assert together(partition, "a", "c")
    assert not together(partition, "a", "b")


def test_five_phones_and_thirty_records():
    phones = [Node(f"{n:02}", identifiers=(Identifier("phone", str(n)),)) for n in range(8)]
    chain = [Link(f"{n:02}", f"{n + 1:02}", 3) for n in range(7)]
    partition = cluster(phones, chain)
    assert max(list(partition.label.values()).count(label) for label in partition.label.values()) == 5
    many = [Node(f"{n:03}") for n in range(100)]
    crowd = cluster(many, [Link("000", f"{n:03}", MODEL, 5.0) for n in range(1, 100)])
    assert list(crowd.label.values()).count("000") == 30


def test_a_steward_overrules_all_but_a_steward():
    nodes = [person("a", given="영수"), person("b", given="민준"), person("c", given="민준")]
    partition = cluster(nodes, [Link("a", "b", STEWARD), Link("b", "c", MODEL, 9.0)], cannot=[("b", "c")])
    assert together(partition, "a", "b")
    assert not together(partition, "b", "c")


def test_cannot_links_hold_across_clusters():
    nodes = [Node(name) for name in "abcd"]
    links = [Link("a", "b", 1), Link("c", "d", 1), Link("b", "c", 2)]
    partition = cluster(nodes, links, cannot=[("a", "d")])
    assert together(partition, "a", "b")
    assert together(partition, "c", "d")
    assert not together(partition, "a", "d")


def test_leaves_attach_to_their_earliest_record_and_never_bridge():
    nodes = [person("a", given="영수"), person("b", given="민준"), Node("leaf", leaf=True)]
    links = [Link("leaf", "a", 5, time="2025-02-01"), Link("leaf", "b", 5, time="2025-01-01")]
    partition = cluster(nodes, links)
    assert together(partition, "leaf", "b")
    assert not together(partition, "a", "b")


def test_a_cannot_link_holds_two_leaves_apart():
    nodes = [Node("a"), Node("l1", leaf=True), Node("l2", leaf=True)]
    partition = cluster(nodes, [Link("a", "l1", 5), Link("a", "l2", 5)], cannot=[("l1", "l2")])
    assert together(partition, "a", "l1") != together(partition, "a", "l2")


def test_leaves_do_not_count_as_records():
    leaves = [Node(f"leaf{n:02}", leaf=True) for n in range(40)]
    partition = cluster(
        [Node("a"), Node("b"), *leaves], [Link("a", leaf.id, 5) for leaf in leaves] + [Link("a", "b", 9)]
    )
    assert len(set(partition.label.values())) == 1


def test_names_do_not_divide_where_they_prove_nothing():
    nodes = [person(name, given=given, birth_date="1985-03-12") for name, given in (("a", "tristan"), ("b", "georgia"))]
    assert together(cluster(nodes, [Link("a", "b", MODEL, 9.0)], limits=MISSPELT), "a", "b")


@pytest.mark.parametrize(("other", "joined"), [("서연", False), ("민준", True), (None, True)])
def test_a_number_that_comes_back_after_silence_is_that_of_its_name_only(other, joined):
    """Also where names prove so little that they divide nobody."""
    nodes = [person("a", given="민준"), person("b", given=other)]
    partition = cluster(nodes, [Link("a", "b", 4, silent=True)], limits=Limits(given_names=False))
    assert together(partition, "a", "b") is joined
    assert [refusal.reason for refusal in partition.refused] == ["recycled number"] * (not joined)


def test_birth_dates_do_not_divide_where_they_prove_nothing():
    nodes = [person("a", birth_date="1990-05-01"), person("b", birth_date="1955-11-30")]
    for link in (Link("a", "b", 4), Link("a", "b", MODEL, 9.0)):
        assert together(cluster(nodes, [link], limits=Limits(birth_dates=False)), "a", "b")
        assert not together(cluster(nodes, [link]), "a", "b")


@pytest.mark.parametrize("known", [{"given": ("민준", "서연")}, {"birth_date": ("1990-05-01", "1955-11-30")}])
def test_what_proves_nothing_divides_what_a_doubtful_link_joins(known):
    ((name, (one, other)),) = known.items()
    mail = {"identifiers": (Identifier("email", "e1"),)}  # no household's
    nodes = [Node("a", **mail, **{name: one}), Node("b", **mail, **{name: other})]
    dirty = Limits(given_names=False, birth_dates=False)
    assert together(cluster(nodes, [Link("a", "b", MODEL, dirty.sure)], limits=dirty), "a", "b")
    assert not together(cluster(nodes, [Link("a", "b", MODEL, dirty.sure - 0.1)], limits=dirty), "a", "b")


@pytest.mark.parametrize(("weight", "doubtful", "joined"), [(9.0, 0, True), (2.0, 0, False), (2.0, 3, True)])
def test_a_doubtful_link_joins_groups_only_beside_others(weight, doubtful, joined):
    """Two groups of three, one link between them, and as many doubtful ones beside it."""
    sides = [f"a{n}" for n in range(3)], [f"b{n}" for n in range(3)]
    links = [Link(side[0], other, 3) for side in sides for other in side[1:]]
    links += [Link(left, right, MODEL, 1.5) for left, right in zip(*sides, strict=True)][:doubtful]
    links.append(Link("a0", "b1", MODEL, weight))
    partition = cluster([Node(name) for side in sides for name in side], links)
    assert together(partition, "a0", "b0") is joined
    assert together(partition, "a0", "a2")
    assert together(partition, "b0", "b2")
    assert {refusal.reason for refusal in partition.refused} == (set() if joined else {"gray zone"})


IDS = [f"r{n:02}" for n in range(12)]
NODES = st.fixed_dictionaries(
    {
        name: st.builds(
            Node,
            st.just(name),
            st.sampled_from([None, "1990-05-01", "1990-05-02", "1955-02-03"]),
            st.sampled_from([None, "민준", "민쥰", "서연"]),
            st.sampled_from([None, "김"]),
            st.sampled_from([None, "m", "f"]),
            st.booleans(),
            st.lists(
                st.builds(Identifier, st.sampled_from(["user_id", "phone"]), st.sampled_from("abc")), max_size=2
            ).map(tuple),
            st.sampled_from([False, False, False, True]),
        )
        for name in IDS
    }
)
ENDS = st.lists(st.sampled_from(IDS), min_size=2, max_size=2, unique=True)
LINKS = st.lists(
    st.builds(
        lambda ends, rank, weight, when: Link(ends[0], ends[1], rank, weight, when),
        ENDS,
        st.sampled_from([STEWARD, 3, MODEL]),
        st.sampled_from([1.0, 5.0, 9.0]),
        st.sampled_from(["", "2025-01-01", "2025-01-02"]),
    ),
    max_size=25,
)
CANNOT = st.lists(ENDS.map(tuple), max_size=4)


@settings(max_examples=200, deadline=None)
@given(NODES, LINKS, CANNOT, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_partition(nodes, links, cannot, random):
    straight = cluster(nodes.values(), links, cannot)
    turned = [
        Link(link.right, link.left, link.rank, link.weight, link.time) if random.random() < 0.5 else link
        for link in links
    ]
    shuffled_nodes, shuffled_cannot = list(nodes.values()), [pair[::-1] for pair in cannot]
    for items in (turned, shuffled_nodes, shuffled_cannot):
        random.shuffle(items)
    again = cluster(shuffled_nodes, turned, shuffled_cannot)
    assert straight.label == again.label
    assert [refusal.reason for refusal in straight.refused] == [refusal.reason for refusal in again.refused]


@settings(max_examples=200, deadline=None)
@given(NODES, LINKS, CANNOT)
def test_constraints_hold_in_every_cluster(nodes, links, cannot):
    partition = cluster(nodes.values(), links, cannot)
    assert all(not together(partition, left, right) for left, right in cannot)
    assert all(
        label == min(name for name in IDS if partition.label[name] == label) for label in partition.label.values()
    )
    if not any(link.rank == STEWARD for link in links):
        for label in set(partition.label.values()):
            members = [node for name, node in nodes.items() if partition.label[name] == label and not node.leaf]
            held = {item.value for node in members for item in node.identifiers if item.kind == "user_id"}
            own = max((len({i.value for i in node.identifiers if i.kind == "user_id"}) for node in members), default=0)
            assert len(held) <= max(1, own)


def test_forty_thousand_links_take_seconds():
    random = Random(1)
    nodes = [
        Node(f"{n:06}", given=random.choice(["민준", "서연"]), birth_date=f"19{n // 3 % 90 + 10}-01-02")
        for n in range(20_000)
    ]
    links = [
        Link(f"{n:06}", f"{n + random.randrange(1, 3):06}", MODEL, random.random()) for n in range(19_990) for _ in "ab"
    ]
    start = time.process_time()
    cluster(nodes, links)
    assert time.process_time() - start < 4
