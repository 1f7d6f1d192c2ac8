"""Who may live together: what hints at it, that hints follow the evidence in whatever order it came, and how they go."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto
from cdp.core.types import Actor
from cdp.demo.retailer import generate
from cdp.events.models import Source
from identity import actions, households, privacy, queries, resolution
from identity.linkage.comparisons import PLACE
from identity.models import HouseholdHint, Link, Profile, ReviewCase
from tests.identity.test_profiles import Sender, profile_of
from tests.identity.test_reversible import two_that_merge

pytestmark = pytest.mark.django_db
STEWARD = Actor("user:steward")
FATHER = {"full_name": "김철수", "birth_date": "1960-03-04"}
SON = {"full_name": "김지훈", "birth_date": "1992-05-06"}
MOTHER = {"full_name": "박영희", "birth_date": "1962-07-08"}
PHONE, EMAIL = {"phone": "01023456789"}, {"email": "family@shop.example"}


def hints() -> set[tuple[Any, ...]]:
    return set(HouseholdHint.objects.values_list("left", "right", "household", "shared", "reason"))


def household(record: UUID) -> dict[UUID, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Who may live with the person of a record, and why."""
    found = queries.household_of(profile_of(record))
    return {member.profile: (member.shared, member.reasons) for member in found.members}


# --- what is a hint ---------------------------------------------------------------------------------------------------


def test_who_shares_a_phone_under_another_name_may_live_together(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    son = sender.says("m2", "customer", **PHONE, **SON)
    stranger = sender.says("m3", "customer", phone="01099998888", full_name="박서연")
    sender.arrives()
    assert household(father) == {profile_of(son): (("phone",), ("given names",))}
    assert household(son) == {profile_of(father): (("phone",), ("given names",))}
    assert household(stranger) == {} and queries.household_of(profile_of(stranger)).id is None
    assert hints() == {(*sorted((father, son)), min(father, son), "phone", "given names")}


def test_a_household_hangs_together_through_its_members(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    son = sender.says("m2", "customer", **PHONE, **EMAIL, **SON)
    mother = sender.says("m3", "customer", **EMAIL, **MOTHER)
    sender.arrives()
    assert household(father) == {
        profile_of(son): (("phone",), ("given names",)), profile_of(mother): ((), ()),
    }  # fmt: skip
    assert {hint[2] for hint in hints()} == {min(father, son, mother)}
    assert len({queries.household_of(profile_of(record)).id for record in (father, son, mother)}) == 1


@pytest.mark.parametrize(
    ("kind", "shared"),
    [("loyalty_id", "loyalty_id"), ("email", "email"), ("phone", "phone"), ("customer", None), ("kakao_id", None)],
)
def test_contacts_and_cards_are_shared_at_home_numbers_of_sources_are_not(
    sender: Sender, kind: str, shared: str | None
) -> None:
    value = {"email": EMAIL["email"], "phone": PHONE["phone"]}.get(kind, "L-1001")
    for name, person in (("m1", FATHER), ("m2", SON)):
        sender.says(name, "customer", identifiers={kind: [value]}, **person)
    sender.arrives()
    assert Profile.objects.filter(state="live").count() == 2
    assert {hint[3] for hint in hints()} == ({shared} if shared else set())


def gamma(level: str) -> int:
    """How a stored link names a level of the place."""
    return [one.name for one in reversed(PLACE.levels)].index(level)


@pytest.mark.parametrize(("level", "shared"), [("address", "address"), ("street", "address"), ("postcode", None)])
def test_a_home_is_an_address_and_no_neighbourhood(sender: Sender, level: str, shared: str | None) -> None:
    left, right = sorted((sender.says("m1", "customer", **FATHER), sender.says("m2", "customer", **SON)))
    sender.arrives()
    Link.objects.create(left=left, right=right, kind="probable", weight=9.0, levels={"place": gamma(level), "name": 1})
    actions.recluster([left])
    assert {hint[3] for hint in hints()} == ({shared} if shared else set())


def test_a_number_that_came_back_says_nothing_of_a_home(sender: Sender) -> None:
    sender.says("m1", "customer", **PHONE, **FATHER)
    sender.says("m2", "customer", 200 * 1440, **PHONE, **SON)
    sender.arrives()
    assert ReviewCase.objects.get().reason == "recycled number" and hints() == set()


def test_a_record_without_a_name_is_nobody_s_of_a_household_until_it_says_whose(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    son = sender.says("m2", "customer", **PHONE, **SON)
    nameless = sender.says("m3", "customer", **PHONE)
    sender.arrives()
    assert len({profile_of(record) for record in (father, son, nameless)}) == 3
    pairs = {frozenset((made.left, made.right)): made.reason for made in ReviewCase.objects.all()}
    assert pairs == {
        frozenset((father, son)): "given names",
        frozenset((father, nameless)): "no name",
        frozenset((son, nameless)): "no name",
    }
    assert household(nameless) == {profile_of(one): (("phone",), ("no name",)) for one in (father, son)}
    sender.says("m3", "customer", 9, **PHONE, full_name=SON["full_name"])
    sender.arrives(sender.sent[-1:])
    assert profile_of(nameless) == profile_of(son) != profile_of(father)


def test_so_many_people_are_no_household(sender: Sender) -> None:
    given_names = "가나다라마바사아자차카타"
    people = [
        sender.says(
            f"m{n}", "customer", **PHONE, full_name=f"김{one}{one}", birth_date=f"19{40 + 3 * n}-0{n % 9 + 1}-11"
        )
        for n, one in enumerate(given_names)
    ]
    sender.arrives(sender.sent[: households.MOST_MEMBERS])
    assert len(household(people[0])) == households.MOST_MEMBERS - 1
    sender.arrives(sender.sent[households.MOST_MEMBERS :])
    assert Profile.objects.filter(state="live").count() == len(people) and hints() == set()


# --- how they follow --------------------------------------------------------------------------------------------------


def test_hints_go_when_the_people_turn_out_to_be_one(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    other = sender.says("m2", "customer", **PHONE, **SON)
    sender.arrives()
    assert hints()
    sender.says("m2", "customer", 5, **FATHER)
    sender.arrives(sender.sent[-1:])
    assert profile_of(father) == profile_of(other) and hints() == set()


@pytest.mark.parametrize("end", [0, 1])
def test_a_hint_goes_with_its_evidence_whichever_end_is_clustered(sender: Sender, end: int) -> None:
    pair = sorted((sender.says("m1", "customer", **FATHER), sender.says("m2", "customer", **SON)))
    sender.arrives()
    Link.objects.create(
        left=pair[0], right=pair[1], kind="probable", weight=9.0, levels={"place": gamma("address"), "name": 1}
    )
    actions.recluster(pair[:1])
    assert len(hints()) == 1
    Link.objects.all().delete()
    actions.recluster([pair[end]])
    assert hints() == set()


def test_a_steward_s_word_joins_them_or_leaves_the_hint(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    son = sender.says("m2", "customer", **PHONE, **SON)
    sender.arrives()
    actions.decide_case(STEWARD, ReviewCase.objects.get(), "different")
    assert household(father) == {profile_of(son): (("phone",), ("cannot-link",))}
    actions.decide_case(STEWARD, ReviewCase.objects.get(), "same")
    assert hints() == set() and household(father) == {}


def test_whom_an_unmerge_parts_may_live_together_until_they_are_one_again(sender: Sender) -> None:
    _, _, merge = two_that_merge(sender)
    assert hints() == set()
    actions.unmerge(STEWARD, merge.pk, "shared_contact")
    found = queries.household_of(merge.profile)
    assert [(one.profile, one.shared, one.reasons) for one in found.members] == [
        (merge.other, ("email",), ("cannot-link",))
    ]


def test_hints_follow_a_split(sender: Sender) -> None:
    one = sender.says("a", "customer", **PHONE)
    other = sender.says("b", "customer", **PHONE)
    sender.arrives()
    fresh = actions.split(STEWARD, profile_of(one), [other], "different_people")
    assert household(one) == {fresh: (("phone",), ("cannot-link",))}


def test_erased_people_leave_their_household_and_are_named_nowhere(sender: Sender) -> None:
    first, *names = sorted("abcd", key=lambda name: crypto.record_id(sender.source.id, "customer", name))
    mails = [f"mail{n}@shop.example" for n in range(3)]
    people = [
        sender.says(first, "customer", email=mails[0], **FATHER),
        sender.says(names[0], "customer", identifiers={"email": mails[:2]}, **SON),
        sender.says(names[1], "customer", identifiers={"email": mails[1:]}, **MOTHER),
        sender.says(names[2], "customer", email=mails[2], full_name="이도윤", birth_date="1999-09-09"),
    ]
    sender.arrives()
    assert len(hints()) == 3 and {hint[2] for hint in hints()} == {people[0]}
    assert privacy.export(people[:1])["household_hints"] == [{"shared": "email", "reason": "given names"}]
    assert privacy.erase(people[:2])["identity_householdhint"] == 2
    assert hints() == {(*sorted(people[2:]), min(people[2:]), "email", "given names")}
    actions.recluster(people[2:])
    assert len(hints()) == 1


EVENTS = [
    ("a", 0, {**PHONE, **FATHER}), ("b", 1, {**PHONE, **SON}), ("b", 2, EMAIL), ("c", 3, {**EMAIL, **MOTHER}),
    ("d", 4, {"phone": "01077776666", **FATHER}), ("d", 5, PHONE), ("e", 6, {**EMAIL, "full_name": "이도윤"}),
    ("c", 7, {"phone": "01077776666"}), ("e", 8, {"full_name": "박영희", "birth_date": "1962-07-08"}),
]  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(EVENTS))), size=st.integers(1, len(EVENTS)))
def test_the_same_events_give_the_same_hints_in_any_order(source: Source, order: list[int], size: int) -> None:
    sender = Sender(source)
    for name, minute, said in EVENTS:
        sender.says(name, "customer", minute, **said)
    assert sent_in_order(sender, range(len(EVENTS)), len(EVENTS)) == sent_in_order(sender, order, size) != set()


def sent_in_order(sender: Sender, order: Collection[int], size: int) -> set[tuple[Any, ...]]:
    """The hints after the events came in this order, so many at a time."""
    with transaction.atomic():
        crypto.forget_keys()
        events = [sender.sent[place] for place in order]
        for start in range(0, len(events), size):
            sender.arrives(events[start : start + size])
        found = hints()
        actions.recluster(queries.person_records())
        assert hints() == found
        transaction.set_rollback(True)
    crypto.forget_keys()
    return found


def test_hints_at_generated_customers_are_right_and_a_run_with_the_same_model_changes_none(sender: Sender) -> None:
    retailer = generate(300, 11, now=datetime(2025, 6, 1, tzinfo=UTC))
    person = {says(sender, number, record): record.person for number, record in enumerate(retailer.records)}
    sender.arrives()
    resolution.resolve(retrain=True)
    found = hints()
    resolution.resolve(retrain=False)
    assert hints() == found
    pairs = {(person[left].key, person[right].key): (person[left], person[right]) for left, right, *_ in found}
    apart = [(one, other) for one, other in pairs.values() if one is not other]
    at_home = [one.homes[0] == other.homes[0] for one, other in apart]
    assert len(apart) > 25 and sum(at_home) / len(at_home) > 0.95
    assert {"phone", "email", "address"} <= {hint[3] for hint in found}


def says(sender: Sender, number: int, record: Any) -> UUID:
    told = {name: value for name, value in record.values.items() if value and name != "loyalty_id"}
    minute = (record.created - datetime(2023, 1, 1, tzinfo=UTC)) // timedelta(minutes=1)
    return sender.says(f"{number:06}", "customer", minute, **told)


def test_a_household_is_read_in_one_statement(sender: Sender) -> None:
    father = sender.says("m1", "customer", **PHONE, **FATHER)
    for number in range(3):
        sender.says(f"s{number}", "customer", **PHONE, full_name=f"김{'나다라'[number] * 2}")
    sender.arrives()
    profile = profile_of(father)
    with CaptureQueriesContext(connection) as asked:
        assert len(queries.household_of(profile).members) == 3
    assert len(asked) == 1


def test_clustering_again_writes_nothing(sender: Sender) -> None:
    sender.says("m1", "customer", **PHONE, **FATHER)
    sender.says("m2", "customer", **PHONE, **SON)
    sender.arrives()
    before = list(HouseholdHint.objects.values_list("pk", flat=True))
    actions.recluster(queries.person_records())
    assert list(HouseholdHint.objects.values_list("pk", flat=True)) == before


# --- households (pure) ------------------------------------------------------------------------------------------------

RECORDS = [uuid4() for _ in range(24)]
PAIRS = st.lists(st.tuples(st.sampled_from(RECORDS), st.sampled_from(RECORDS)).filter(lambda pair: pair[0] < pair[1]))


@given(pairs=PAIRS, sizes=st.integers(1, 3))
def test_a_household_is_whom_hints_and_profiles_connect(pairs: list[tuple[UUID, UUID]], sizes: int) -> None:
    home = {record: UUID(int=place // sizes) for place, record in enumerate(RECORDS)}
    across = [pair for pair in pairs if home[pair[0]] != home[pair[1]]]
    found = households.grouped(across, home)
    parts = [{record for record in RECORDS if home[record] == profile} for profile in set(home.values())]
    for one, other in across:
        joined = [part for part in parts if one in part or other in part]
        parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    ends = {record for pair in across for record in pair}
    for one, other in across:
        part = next(part for part in parts if one in part)
        if len({home[record] for record in part}) > households.MOST_MEMBERS:
            assert (one, other) not in found
        else:
            assert found[one, other] == min(part & ends)
