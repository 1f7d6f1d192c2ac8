"""The queue of review cases: what opens them, in which order, who decides them, and what their verdicts measure."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor, now
from identity import actions, bridges, casework, privacy, queries, resolution, review
from identity.models import Link, Profile, Record, ReviewCase, Sample, Verdict
from identity.types import Edge
from tests.identity.linkage import data
from tests.identity.test_profiles import Sender, profile_of

pytestmark = pytest.mark.django_db
ONE, TWO, THREE = (Actor(f"user:{name}") for name in ("one", "two", "three"))


def case(weight: float = 0.5, reason: str = "gray zone", **fields) -> ReviewCase:
    """An open case of two records that nobody has heard of."""
    left, right = sorted((uuid4(), uuid4()))
    return ReviewCase.objects.create(left=left, right=right, reason=reason, weight=weight, **fields)


def household(sender: Sender) -> tuple[UUID, UUID, ReviewCase]:
    """Father and son with one phone."""
    father = sender.says("m1", "customer", phone="01023456789", full_name="김철수", birth_date="1960-03-04")
    son = sender.says("m2", "customer", phone="01023456789", full_name="김지훈", birth_date="1992-05-06")
    sender.arrives()
    return father, son, ReviewCase.objects.get()


def refused(code: str, do, *arguments) -> None:
    with pytest.raises(Refused) as error, transaction.atomic():
        do(*arguments)
    assert error.value.code == code


# --- the order of the queue -------------------------------------------------------------------------------------------


def test_the_order_is_uncertainty_times_impact(sender: Sender) -> None:
    groups = [
        [sender.says(f"c{n}-{k}", "customer", identifiers={"loyalty_id": [f"L{n}"]}) for k in range(n)]
        for n in (1, 2, 5)
    ]
    sender.arrives()
    one, two, five = (group[0] for group in groups)
    for left, right, weight in ((one, two, 0.0), (one, five, 3.0), (two, five, -60.0)):
        left, right = sorted((left, right))
        ReviewCase.objects.create(left=left, right=right, reason="gray zone", weight=weight)
    review.rank([one, two, five])
    found = dict(ReviewCase.objects.values_list("weight", "priority"))
    certain = 2**3 / (1 + 2**3)
    assert found[0.0] == pytest.approx(3)
    assert found[3.0] == pytest.approx(4 * certain * (1 - certain) * 6)
    assert 0 < found[-60.0] < 1e-12


def test_impact_is_bounded_and_follows_the_profiles(sender: Sender) -> None:
    many = [sender.says(f"c{n}", "customer", email="jane@shop.example") for n in range(review.MOST_IMPACT - 5)]
    other = sender.says("x", "customer", identifiers={"loyalty_id": ["L"]})
    sender.arrives()
    left, right = sorted((many[0], other))
    made = ReviewCase.objects.create(left=left, right=right, reason="gray zone", weight=0)
    for number in range(10):
        sender.says(f"y{number}", "customer", identifiers={"loyalty_id": ["L"]})
    sender.arrives(sender.sent[-10:])
    made.refresh_from_db()
    assert made.priority == review.MOST_IMPACT


def test_drawn_cases_stand_in_one_place_whatever_they_weigh_and_in_no_order() -> None:
    """The order of the queue tells neither age nor stratum: in sixteen cases, eight of each, no half has all of one."""
    made = [case(weight, stratum=stratum) for weight in range(-4, 4) for stratum in ("merge", "near miss")]
    review.rank([end for one in made for end in (one.left, one.right)])
    queue = list(ReviewCase.objects.order_by("-priority"))
    places = [one.priority for one in queue]
    assert len(set(places)) == len(places)
    assert all(review.DRAWN_PRIORITY <= place < review.DRAWN_PRIORITY + review.DRAWN_WIDTH for place in places)
    review.rank([end for one in made for end in (one.left, one.right)])
    assert [one.priority for one in ReviewCase.objects.order_by("-priority")] == places


def test_the_place_of_drawn_cases_is_a_digest_of_their_ids() -> None:
    """Uniform over the width, so that the first answered are a random part of those drawn, old and new."""
    made = [case(stratum="merge") for _ in range(400)]
    review.rank([one.left for one in made])
    found = dict(ReviewCase.objects.values_list("pk", "priority"))
    shares = [(found[one.pk] - review.DRAWN_PRIORITY) / review.DRAWN_WIDTH for one in made]
    assert 0.4 < sum(shares[:200]) / 200 < 0.6 and 0.4 < sum(shares[200:]) / 200 < 0.6


# --- one case a pair of profiles --------------------------------------------------------------------------------------


def between(sender: Sender, *weights: float) -> list[ReviewCase]:
    """Cases of as many weights, each between another record of one profile and another record of a second one."""
    one, other = group(sender, "a", len(weights)), group(sender, "b", len(weights))
    sender.arrives()
    pairs = [sorted(pair) for pair in zip(one, other, strict=True)]
    made = [
        ReviewCase.objects.create(left=left, right=right, reason="gray zone", weight=weight)
        for (left, right), weight in zip(pairs, weights, strict=True)
    ]
    review.rank(pairs[0][:1])
    return made


def states(made: list[ReviewCase]) -> list[str]:
    found = dict(ReviewCase.objects.values_list("pk", "state"))
    return [found[one.pk] for one in made]


def test_of_all_cases_of_two_profiles_the_heaviest_is_asked_as_urgently_as_any(sender: Sender) -> None:
    made = between(sender, 0.0, 3.0, -1.0)
    assert states(made) == ["covered", "open", "covered"]
    assert ReviewCase.objects.get(state="open").priority == pytest.approx(6)  # as the one of 0 bits, of six records
    assert actions.hand_out_case(ONE) == made[1].pk
    refused("case_closed", actions.judge_case, TWO, made[0].pk, "same")


def test_different_people_are_not_asked_about_again_unless_something_heavier_comes(sender: Sender) -> None:
    made = between(sender, 3.0, 1.0, 2.0)
    actions.judge_case(ONE, made[0].pk, "different")
    assert states(made) == ["different", "covered", "covered"]
    review.open_gray([Edge(made[1].left, made[1].right, 3.5, {})])
    review.rank([made[2].left])
    assert states(made) == ["different", "open", "covered"]


def test_the_same_people_have_no_case_left(sender: Sender) -> None:
    made = between(sender, 3.0, 1.0)
    actions.judge_case(ONE, made[0].pk, "same")
    assert states(made) == ["same", "obsolete"]


def test_where_two_are_not_sure_the_next_case_is_asked(sender: Sender) -> None:
    made = between(sender, 3.0, 1.0, 2.0)
    for steward in (ONE, TWO):
        actions.judge_case(steward, made[0].pk, "not_sure")
    assert states(made) == ["undecided", "covered", "open"]


def test_a_case_is_asked_again_once_its_profile_is_another(sender: Sender) -> None:
    made = between(sender, 3.0, 1.0)
    assert states(made) == ["open", "covered"]
    actions.expel(ONE, made[1].left, "wrong_data")
    assert states(made) == ["open", "open"]


def test_what_was_drawn_and_bridges_are_asked_for_their_own_sake(sender: Sender) -> None:
    made = between(sender, 3.0, 2.0, 1.0)
    ReviewCase.objects.filter(pk=made[1].pk).update(stratum="near miss")
    ReviewCase.objects.filter(pk=made[2].pk).update(reason="bridge")
    review.rank([made[0].left])
    assert states(made) == ["open", "open", "open"]
    review.open_drawn(uuid4(), ReviewCase.Stratum.NEAR_MISS, [Edge(made[0].left, made[0].right, 3.0, {})], 10)
    assert states(made) == ["open", "open", "open"]


# --- bridges ----------------------------------------------------------------------------------------------------------


def probable(left: UUID, right: UUID, weight: float) -> None:
    left, right = sorted((left, right))
    Link.objects.create(left=left, right=right, kind="probable", weight=weight)


def group(sender: Sender, name: str, size: int) -> list[UUID]:
    return [sender.says(f"{name}{n}", "customer", identifiers={"loyalty_id": [name]}) for n in range(size)]


def test_a_weak_link_that_alone_holds_a_profile_together_is_asked_about_until_it_does_not(sender: Sender) -> None:
    one, other = group(sender, "a", 3), group(sender, "b", 2)
    sender.arrives()
    probable(one[0], other[0], 4.5)
    actions.recluster(one)
    made = ReviewCase.objects.get()
    assert (made.reason, made.state, {made.left, made.right}) == ("bridge", "open", {one[0], other[0]})
    assert made.priority > 0 and profile_of(one[0]) == profile_of(other[0])
    sender.says("a1", "customer", identifiers={"loyalty_id": ["b"]}, minute=3)
    sender.arrives(sender.sent[-1:])
    assert ReviewCase.objects.get().state == "obsolete"
    assert profile_of(one[0]) == profile_of(other[0])


def test_strong_links_lone_pairs_and_confirmed_ones_are_no_bridges(sender: Sender) -> None:
    one, other = group(sender, "a", 2), group(sender, "b", 2)
    lone = [sender.says(name, "customer") for name in "xy"]
    sender.arrives()
    probable(one[0], other[0], queries.live_model()[1].link + review.WEAK)
    probable(*lone, 2.0)
    actions.recluster([*one, *lone])
    assert profile_of(lone[0]) == profile_of(lone[1]) and profile_of(one[0]) == profile_of(other[0])
    assert not ReviewCase.objects.exists()


def test_a_confirmed_bridge_is_none_and_a_refuted_one_parts_the_profile(sender: Sender) -> None:
    one, other = group(sender, "a", 3), group(sender, "b", 2)
    sender.arrives()
    probable(one[0], other[0], 4.5)
    actions.recluster(one)
    bridge = ReviewCase.objects.get()
    actions.decide_case(ONE, bridge, "same")
    actions.recluster(one)
    assert ReviewCase.objects.get().state == "same"
    actions.decide_case(ONE, bridge, "different")
    assert {profile_of(record) for record in one}.isdisjoint({profile_of(record) for record in other})


NODES = [UUID(int=number) for number in range(6)]
PAIRS = st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda pair: pair[0] != pair[1])


@given(
    links=st.lists(PAIRS, min_size=1, max_size=9),
    held=st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from("abc"))),
)
def test_a_bridge_is_a_link_without_which_there_are_more_parts(links, held) -> None:
    graph = bridges.graph_of(links, held)
    for number, link in enumerate(links):
        rest = links[:number] + links[number + 1 :]
        parts = bridges.parts_without(graph, link, number)
        assert (parts is not None) == (components(rest, held) > components(links, held))


def components(links, held) -> int:
    """By repeated union of sets; identifier values are nodes too."""
    parts = [{node} for node in [*NODES, *{value for _, value in held}]]
    for one, other in [*links, *held]:
        joined = [part for part in parts if one in part or other in part]
        parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    return len(parts)


# --- drawing ----------------------------------------------------------------------------------------------------------


def resolved(sender: Sender, people: int = 150, seed: int = 3) -> None:
    records, _ = data.customers(people, seed)
    for number, (key, values) in enumerate(records):
        sender.says(
            key, "customer", number, **{name: value for name, value in values.items() if value and name != "loyalty_id"}
        )
    sender.arrives()
    resolution.resolve(retrain=True)


def test_a_run_draws_merges_and_near_misses_with_the_probability_of_it(sender: Sender, settings) -> None:
    settings.REVIEW_SAMPLE = 7
    resolved(sender)
    home = dict(Record.objects.values_list("pk", "profile_id"))
    merges = list(ReviewCase.objects.filter(stratum="merge"))
    misses = list(ReviewCase.objects.filter(stratum="near miss"))
    linked = Link.objects.filter(kind="probable").count()
    assert 0 < len(merges) <= 7 and 0 < len(misses) <= 7
    assert all(home[made.left] == home[made.right] for made in merges)
    assert all(home[made.left] != home[made.right] for made in misses)
    assert {made.inclusion for made in merges} == {min(7, linked) / linked}
    assert len({made.run for made in merges + misses}) == 1
    model = queries.live_model()[1]
    assert all(model.review - review.NEAR <= made.weight < model.link for made in misses)
    # A weak merge may have had a case of its own before.
    assert {made.reason for made in merges} <= {"automatic merge", "bridge"}


def test_no_more_are_drawn_while_so_many_wait_and_what_is_decided_is_not_drawn_again(sender: Sender, settings) -> None:
    settings.REVIEW_SAMPLE = 5
    resolved(sender)
    drawn = set(ReviewCase.objects.filter(stratum="merge").values_list("pk", flat=True))
    resolution.resolve(retrain=False)
    waiting = set(ReviewCase.objects.filter(stratum="merge", state="open").values_list("pk", flat=True))
    assert drawn <= waiting and len(waiting) <= 5
    for made in ReviewCase.objects.filter(pk__in=drawn):
        actions.decide_case(ONE, made, "same")
    before = Counter(ReviewCase.objects.filter(stratum="merge").values_list("state", flat=True))
    resolution.resolve(retrain=False)
    after = Counter(ReviewCase.objects.filter(stratum="merge").values_list("state", flat=True))
    assert before["same"] == after["same"] == len(drawn)
    assert after["open"] > 0 or Link.objects.filter(kind="probable").count() <= len(drawn)


def test_what_is_drawn_tells_by_nothing_what_it_was_drawn_from(sender: Sender, settings) -> None:
    """Near misses mostly had a case before they were drawn, merges had none: as told, they differ in their two records
    and their shuffled places only."""
    settings.REVIEW_SAMPLE = 7
    resolved(sender)
    drawn = list(ReviewCase.objects.exclude(stratum=""))
    assert {one.stratum for one in drawn} == {"merge", "near miss"}
    told = [asdict(queries.review_case(one.pk)) for one in drawn]
    own = ("id", "left", "right", "priority")
    alike = {tuple(sorted((name, str(value)) for name, value in one.items() if name not in own)) for one in told}
    assert len(alike) == 1
    assert (told[0]["reason"], told[0]["weight"], told[0]["profiles"], told[0]["blind"]) == ("drawn", None, (), True)


def test_who_has_a_case_when_it_is_drawn_has_it_no_more(sender: Sender) -> None:
    left, right = sorted(group(sender, "a", 1) + group(sender, "b", 1))
    sender.arrives()
    made = ReviewCase.objects.create(left=left, right=right, reason="gray zone", weight=1)
    assert actions.hand_out_case(ONE) == made.pk
    review.open_drawn(uuid4(), ReviewCase.Stratum.NEAR_MISS, [Edge(left, right, 1.0, {})], 10)
    made.refresh_from_db()
    assert (made.assignee, made.assigned_at, made.stratum) == ("", None, "near miss")
    assert (made.reason, queries.review_case(made.pk).reason) == ("gray zone", "drawn")


def test_a_sample_says_how_many_pairs_were_drawn_out_of_how_many(sender: Sender) -> None:
    """Also those that are no case of the stratum: these two records are in one profile, so no near miss."""
    left, right = sorted(group(sender, "a", 2))
    sender.arrives()
    review.open_drawn(run := uuid4(), ReviewCase.Stratum.NEAR_MISS, [Edge(left, right, 1.0, {})], 10)
    assert not ReviewCase.objects.exists()
    assert list(Sample.objects.values_list("run", "stratum", "pairs", "drawn")) == [(run, "near miss", 10, 1)]


@pytest.mark.parametrize(("word", "blind"), [("same", False), ("different", False), ("not_sure", True)])
def test_after_the_verdict_all_of_a_drawn_case_is_told(sender: Sender, word: str, blind: bool) -> None:
    left, right = sorted(group(sender, "a", 2))
    sender.arrives()
    made = ReviewCase.objects.create(left=left, right=right, reason="automatic merge", weight=9, stratum="merge")
    actions.judge_case(ONE, made.pk, word)
    told = queries.review_case(made.pk)
    assert (told.blind, told.stratum, told.weight) == ((True, "", None) if blind else (False, "merge", 9))
    assert (told.reason, len(told.profiles)) == (("drawn", 0) if blind else ("automatic merge", 2))


def test_no_filter_finds_a_drawn_case_by_what_is_kept_back() -> None:
    made = case(reason="near miss", stratum="near miss")
    assert queries.review_cases(9, reason="near miss") == ([], False)
    assert [one.id for one in queries.review_cases(9, reason="drawn")[0]] == [made.pk]
    assert [one.id for one in queries.review_cases(9)[0]] == [made.pk]


def test_nothing_is_drawn_where_nothing_is_wanted(sender: Sender, settings) -> None:
    settings.REVIEW_SAMPLE = 0
    resolved(sender, 60)
    assert not ReviewCase.objects.exclude(stratum="").exists()


def test_every_pair_is_drawn_as_often() -> None:
    counts: Counter[int] = Counter()
    for _ in range(400):
        counts.update(review.draw(uuid4(), ReviewCase.Stratum.MERGE, 40))
    assert sum(counts.values()) == 400 * 20
    assert all(140 < counts[place] < 260 for place in range(40))  # 200 expected, 10 the standard deviation


def test_a_drawn_case_stays_open_whatever_becomes_of_its_pair(sender: Sender) -> None:
    left, right = sorted(group(sender, "a", 2))
    sender.arrives()
    ReviewCase.objects.create(
        left=left, right=right, reason="automatic merge", weight=9, stratum="merge", inclusion=0.1
    )
    actions.recluster([left])
    assert ReviewCase.objects.get().state == "open"


def test_confirming_a_merge_writes_the_verdict_and_nothing_else(sender: Sender) -> None:
    left, right = sorted(group(sender, "a", 2))
    sender.arrives()
    made = ReviewCase.objects.create(left=left, right=right, reason="automatic merge", weight=9, stratum="merge")
    before = dict(Record.objects.values_list("pk", "profile_id")), list(Profile.objects.values_list("pk", "pinned"))
    actions.judge_case(ONE, made.pk, "same")
    assert [(link.kind, link.left, link.right) for link in Link.objects.all()] == [("must", left, right)]
    assert (
        dict(Record.objects.values_list("pk", "profile_id")),
        list(Profile.objects.values_list("pk", "pinned")),
    ) == before


# --- stewards ---------------------------------------------------------------------------------------------------------


def test_cases_are_handed_out_most_urgent_first_one_at_a_time() -> None:
    low, high = case(priority=1), case(priority=2)
    assert actions.hand_out_case(ONE) == high.pk == actions.hand_out_case(ONE)
    assert actions.hand_out_case(TWO) == low.pk
    refused("nothing_to_review", actions.hand_out_case, THREE)
    refused("assigned_elsewhere", actions.judge_case, THREE, high.pk, "same")


@pytest.mark.django_db(transaction=True)
def test_stewards_at_once_are_never_handed_one_case() -> None:
    cases = [case(priority=number).pk for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda number: alone(Actor(f"user:{number}")), range(8)))
    assert sorted(given) == sorted(cases)


def alone(steward: Actor) -> UUID:
    """Handed out over a connection of its own."""
    try:
        return actions.hand_out_case(steward)
    finally:
        connection.close()


def test_yesterday_s_case_is_free_again() -> None:
    made = case(assignee="user:two", assigned_at=casework.today().replace(year=2020))
    assert actions.hand_out_case(ONE) == made.pk


def test_a_steward_has_so_many_cases_a_day(sender: Sender, settings) -> None:
    settings.REVIEW_DAILY_LIMIT = 1
    _, _, made = household(sender)
    other = case()
    actions.judge_case(ONE, made.pk, "different")
    refused("daily_limit", actions.hand_out_case, ONE)
    refused("daily_limit", actions.judge_case, ONE, other.pk, "same")
    assert actions.hand_out_case(TWO) == other.pk


def test_not_sure_goes_to_a_second_steward_and_two_close_it_undecided(sender: Sender) -> None:
    _, _, made = household(sender)
    actions.hand_out_case(ONE)
    assert actions.judge_case(ONE, made.pk, "not_sure").state == "open"
    refused("second_steward", actions.judge_case, ONE, made.pk, "same")
    refused("nothing_to_review", actions.hand_out_case, ONE)
    assert actions.hand_out_case(TWO) == made.pk
    assert actions.judge_case(TWO, made.pk, "not_sure").state == "undecided"
    assert Link.objects.count() == 0
    actions.recluster(queries.person_records())
    assert ReviewCase.objects.get().state == "undecided"


def test_a_second_steward_decides_what_the_first_was_not_sure_of(sender: Sender) -> None:
    father, son, made = household(sender)
    actions.judge_case(ONE, made.pk, "not_sure")
    actions.judge_case(TWO, made.pk, "same")
    assert profile_of(father) == profile_of(son)
    told = list(Verdict.objects.order_by("id").values_list("actor", "word"))
    assert told == [("user:one", "not_sure"), ("user:two", "same")]
    audited = AuditEntry.objects.filter(action="review.decided").order_by("id").values_list("actor", "details")
    assert list(audited) == [("user:one", {"verdict": "not_sure"}), ("user:two", {"verdict": "same"})]


def test_a_decided_case_is_closed(sender: Sender) -> None:
    father, son, made = household(sender)
    actions.judge_case(ONE, made.pk, "different")
    for steward in (ONE, TWO):
        refused("case_closed", actions.judge_case, steward, made.pk, "same")
    refused("not_found", actions.judge_case, ONE, father, "same")
    assert profile_of(father) != profile_of(son) and Verdict.objects.count() == 1


def test_verdicts_go_with_an_erased_person(sender: Sender) -> None:
    father, _, made = household(sender)
    actions.judge_case(ONE, made.pk, "different")
    privacy.erase([father])
    assert not Verdict.objects.exists() and not ReviewCase.objects.exists()


def test_a_case_is_told_with_its_profiles_and_weights(sender: Sender) -> None:
    father, son, made = household(sender)
    told = queries.review_case(made.pk)
    assert told.profiles == tuple(profile_of(record) for record in (made.left, made.right)) and not told.together
    weighed = queries.weigh(father, son)
    assert weighed.weight == pytest.approx(weighed.waterfall[0].end + sum(one.bits for one in weighed.comparisons))
    assert {one.comparison for one in weighed.comparisons} >= {"name", "birth_date", "phone"}
    assert queries.weigh(father, uuid4()).comparisons == ()


def test_pages_follow_the_queue_without_gaps() -> None:
    chance = random.Random(1)
    for _ in range(9):
        case(priority=chance.choice([1.0, 2.0, 1 / 3]))
    case(state="same")
    seen, after, more = [], None, True
    while more:
        page, more = queries.review_cases(2, after)
        seen += page
        after = (page[-1].priority, page[-1].id)
    assert [row.id for row in seen] == list(
        ReviewCase.objects.filter(state="open").order_by("-priority", "id").values_list("pk", flat=True)
    )


def test_progress_counts_a_steward_s_day_and_the_agreement_with_the_model(settings) -> None:
    settings.REVIEW_DAILY_LIMIT = 10
    for weight, verdict in ((3.0, "same"), (2.0, "different"), (-1.0, "different"), (0.0, "different")):
        actions.decide_case(ONE, case(weight), verdict)
    case(assignee=TWO.name, assigned_at=now())
    mine, theirs = queries.review_progress(ONE), queries.review_progress(TWO)
    assert (mine.handed_out, mine.daily_limit, mine.open, mine.decided) == (4, 10, 1, 4)
    assert (mine.agreed, mine.compared) == (2, 3) and theirs.handed_out == 1
