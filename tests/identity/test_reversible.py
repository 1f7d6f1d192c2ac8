"""What a steward undoes: merges, records in the wrong profile, profiles of two people; and that the next run keeps it so."""

from itertools import combinations
from uuid import UUID

import pytest
from django.db import transaction

from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, Touched
from identity import actions, parting, queries
from identity.models import Link, Profile, ProfileChange, Record, ReviewCase
from tests.identity.test_profiles import Sender, profile_of

pytestmark = pytest.mark.django_db
STEWARD = actions.Actor("user:steward")


def members(profile: UUID) -> set[UUID]:
    return set(queries.records_of(profile))


def resolve_again() -> None:
    """Every record clustered anew, one at a time and all at once."""
    for record in Record.objects.values_list("pk", flat=True):
        actions.recluster([record])
    actions.recluster(queries.person_records())


def is_sound() -> None:
    """Each record in a live profile; redirects straight to live ones; no two together that a steward holds apart."""
    home = dict(Record.objects.values_list("pk", "profile_id"))
    live = set(Profile.objects.filter(state="live").values_list("pk", flat=True))
    assert set(home.values()) <= live
    assert set(Profile.objects.filter(state="merged").values_list("redirect", flat=True)) <= live
    assert set(Profile.objects.filter(state="live").exclude(redirect=None)) == set()
    assert all(home[parting.corrected_by(record)] == home[record] for record in corrections())
    apart = Link.objects.filter(kind="cannot").values_list("left", "right")
    assert [pair for pair in apart if home[pair[0]] == home[pair[1]]] == []


def corrections() -> list[UUID]:
    return list(Record.objects.filter(source__built_in=True).values_list("pk", flat=True))


def two_that_merge(sender: Sender) -> tuple[set[UUID], set[UUID], ProfileChange]:
    """Two profiles of two records each, then what makes them one; and their merge."""
    older = {sender.says(f"a{n}", "customer", email="jane@shop.example", minute=n) for n in range(2)}
    sender.arrives()
    newer = {sender.says(f"b{n}", "customer", phone="010-2345-6789", minute=n + 5) for n in range(2)}
    sender.arrives(sender.sent[2:])
    sender.says("b0", "customer", email="jane@shop.example", minute=9)
    sender.arrives(sender.sent[4:])
    merge = ProfileChange.objects.get(kind="merged")
    assert members(merge.other) == older | newer
    return older, newer, merge


def test_an_unmerged_profile_lives_again_with_what_it_brought_and_stays_apart(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    survivor = merge.other
    assert actions.unmerge(STEWARD, merge.pk, "different_people") == merge.profile
    for _ in range(2):
        assert (members(survivor), members(merge.profile)) == (older, newer)
        assert queries.find_profile(merge.profile).redirected_from is None
        is_sound()
        resolve_again()


def test_unmerging_is_written_down(sender: Sender) -> None:
    _, newer, merge = two_that_merge(sender)
    Touched.objects.all().delete()
    actions.unmerge(STEWARD, merge.pk, "shared_contact")
    told = ProfileChange.objects.order_by("id").last()
    assert (told.profile, told.other, told.kind) == (merge.profile, merge.other, "split")
    assert (set(told.records), told.actor, told.reason) == ({str(r) for r in newer}, "user:steward", "shared_contact")
    audited = AuditEntry.objects.get(action="profile.unmerged")
    assert (audited.target, audited.details) == (str(merge.profile), {"reason": "shared_contact", "records": 2})
    assert set(Touched.objects.filter(stage="profiles").values_list("subject", flat=True)) == {
        merge.profile, merge.other,
    }  # fmt: skip


def test_no_must_link_is_written_where_evidence_holds_a_side(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "different_people")
    assert Link.objects.filter(kind="must").count() == 0
    assert Link.objects.filter(kind="cannot").count() == len(older) * len(newer)


def test_a_merge_is_undone_once_and_only_a_merge(sender: Sender) -> None:
    _, _, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "different_people")
    created = ProfileChange.objects.filter(kind="created").first()
    for change, code in ((merge.pk, "already_undone"), (created.pk, "not_found"), (merge.profile, "not_found")):
        with pytest.raises(Refused) as refused, transaction.atomic():
            actions.unmerge(STEWARD, change, "different_people")
        assert refused.value.code == code


@pytest.mark.parametrize("reason", ["", "because Jane said so", "Different_People"])
def test_a_reason_is_one_of_the_list(sender: Sender, reason: str) -> None:
    older, _, merge = two_that_merge(sender)
    before = members(merge.other)
    for undo in (
        lambda: actions.unmerge(STEWARD, merge.pk, reason),
        lambda: actions.expel(STEWARD, min(older), reason),
        lambda: actions.split(STEWARD, merge.other, older, reason),
    ):
        with pytest.raises(Refused) as refused, transaction.atomic():
            undo()
        assert refused.value.code == "reason_unknown"
    assert (members(merge.other), Link.objects.count()) == (before, 0)


def test_who_joined_later_goes_where_the_evidence_leads(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    to_old = sender.says("c", "customer", identifiers={"loyalty_id": ["L1"]}, email="jane@shop.example", minute=20)
    to_new = sender.says("d", "customer", phone="010-2345-6789", minute=21)
    sender.arrives(sender.sent[5:])
    actions.unmerge(STEWARD, merge.pk, "different_people")
    resolve_again()
    assert (members(merge.other), members(merge.profile)) >= (older, newer)
    assert profile_of(to_new) == merge.profile
    assert profile_of(to_old) in (merge.other, merge.profile)
    is_sound()


def test_each_keeps_its_id_however_many_joined_later(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    crowd = {sender.says(f"c{n}", "customer", phone="010-2345-6789", minute=30 + n) for n in range(5)}
    sender.arrives(sender.sent[5:])
    actions.unmerge(STEWARD, merge.pk, "different_people")
    assert (members(merge.other), members(merge.profile)) == (older, newer | crowd)


def test_of_a_chain_of_merges_the_middle_can_be_undone_and_takes_its_redirects_along(sender: Sender) -> None:
    groups = [{group_of(sender, n, k) for k in range(8 >> n)} for n in range(4)]
    sender.arrives()
    ids = [profile_of(min(group)) for group in groups]
    for n in (3, 2, 1):
        sender.says(f"c{n}-0", "customer", identifiers={"loyalty_id": [f"L{n - 1}"]}, minute=20 + n)
        sender.arrives(sender.sent[-1:])
    assert members(ids[0]) == set().union(*groups)
    merge = ProfileChange.objects.get(kind="merged", profile=ids[1])
    actions.unmerge(STEWARD, merge.pk, "different_people")
    assert members(ids[0]) == groups[0]
    assert members(ids[1]) == set().union(*groups[1:])
    assert queries.find_profile(ids[3]).id == queries.find_profile(ids[2]).id == ids[1]
    is_sound()


def group_of(sender: Sender, number: int, member: int) -> UUID:
    """A record of a person who is known by one loyalty card."""
    return sender.says(f"c{number}-{member}", "customer", identifiers={"loyalty_id": [f"L{number}"]}, minute=number)


def test_a_leaf_profile_that_a_person_took_over_can_be_taken_back(sender: Sender) -> None:
    user = sender.says("u1")
    device = sender.says("device-1", "anonymous")
    sender.arrives()
    alone = profile_of(device)
    sender.says("u1", leaves=[("anonymous", "device-1")], minute=5)
    sender.arrives(sender.sent[2:])
    actions.unmerge(STEWARD, ProfileChange.objects.get(kind="merged").pk, "shared_contact")
    resolve_again()
    assert profile_of(device) == alone != profile_of(user)
    is_sound()


def test_a_leaf_profile_taken_back_is_nobody_else_s(sender: Sender) -> None:
    device = sender.says("device-1", "anonymous")
    first, second = sender.says("u1"), sender.says("u2")
    sender.arrives()
    alone = profile_of(device)
    sender.says("u1", leaves=[("anonymous", "device-1")], minute=5)
    sender.says("u2", leaves=[("anonymous", "device-1")], minute=6)
    sender.arrives(sender.sent[3:])
    assert profile_of(device) == profile_of(first)
    actions.unmerge(STEWARD, ProfileChange.objects.get(kind="merged").pk, "shared_contact")
    resolve_again()
    assert profile_of(device) == alone not in {profile_of(first), profile_of(second)}
    is_sound()


def test_an_expelled_record_leaves_and_the_rest_keeps_the_id(sender: Sender) -> None:
    records = [sender.says(f"c{n}", "customer", email="jane@shop.example", minute=n) for n in range(3)]
    sender.arrives()
    profile = profile_of(records[0])
    alone = actions.expel(STEWARD, records[0], "wrong_data")
    for _ in range(2):
        assert members(alone) == {records[0]}
        assert members(profile) == set(records[1:])
        is_sound()
        resolve_again()


def test_what_only_the_expelled_record_held_together_parts(sender: Sender) -> None:
    left = sender.says("l", "customer", email="jane@shop.example")
    bridge = sender.says("x", "customer", email="jane@shop.example", phone="010-2345-6789")
    right = sender.says("r", "customer", phone="010-2345-6789")
    sender.arrives()
    assert profile_of(left) == profile_of(bridge) == profile_of(right)
    actions.expel(STEWARD, bridge, "wrong_data")
    assert len({profile_of(record) for record in (left, bridge, right)}) == 3


def test_an_expelled_device_goes_to_the_next_who_claimed_it(sender: Sender) -> None:
    a = sender.says("a", leaves=[("anonymous", "device-1")], minute=1)
    device = sender.says("device-1", "anonymous", minute=0)
    b = sender.says("b", leaves=[("anonymous", "device-1")], minute=9)
    sender.arrives()
    assert profile_of(device) == profile_of(a)
    assert actions.expel(STEWARD, device, "shared_contact") == profile_of(b)
    resolve_again()
    assert profile_of(device) == profile_of(b) != profile_of(a)
    assert actions.expel(STEWARD, device, "shared_contact") == profile_of(device)
    assert profile_of(device) not in {profile_of(a), profile_of(b)}


def test_an_expelled_device_does_not_come_back_with_its_next_owner(sender: Sender) -> None:
    """The second claimant turns out to be the person the device was taken from: the third has it then."""
    x = sender.says("x", "customer", email="x@shop.example", leaves=[("device", "d")], minute=1)
    a = sender.says("a", "customer", leaves=[("device", "d")], minute=2)
    b = sender.says("b", "customer", leaves=[("device", "d")], minute=3)
    device = sender.says("d", "device", minute=4)
    sender.arrives()
    assert actions.expel(STEWARD, device, "shared_contact") == profile_of(a)
    sender.says("a", "customer", email="x@shop.example", minute=5)
    sender.arrives(sender.sent[-1:])
    assert profile_of(a) == profile_of(x)
    assert profile_of(device) == profile_of(b)
    is_sound()
    resolve_again()
    assert profile_of(device) == profile_of(b)


def test_the_last_record_is_not_expelled(sender: Sender) -> None:
    only = sender.says("a", "customer", email="jane@shop.example")
    sender.arrives()
    with pytest.raises(Refused) as refused, transaction.atomic():
        actions.expel(STEWARD, only, "wrong_data")
    assert refused.value.code == "alone"


def test_a_split_makes_two_that_hold_together_without_evidence(sender: Sender) -> None:
    """A star: all records share something with the middle one only; split, the points of either side still hold."""
    middle = sender.says("m", "customer", email="m@shop.example", phone="010-2345-6789")
    points = [
        sender.says("e", "customer", email="m@shop.example"),
        sender.says("f", "customer", phone="010-2345-6789"),
        sender.says("g", "customer", identifiers={"loyalty_id": ["L"]}),
    ]
    sender.says("m", "customer", identifiers={"loyalty_id": ["L"]}, minute=3)
    sender.arrives()
    profile = profile_of(middle)
    fresh = actions.split(STEWARD, profile, points[:2], "different_people")
    for _ in range(2):
        assert members(fresh) == set(points[:2])
        assert members(profile) == {middle, points[2]}
        is_sound()
        resolve_again()


def test_a_named_device_goes_with_the_part_and_others_follow_their_owner(sender: Sender) -> None:
    a = sender.says("a", "customer", email="j@shop.example", leaves=[("device", "d1")], minute=1)
    sender.says("a", "customer", leaves=[("device", "d2")], minute=2)
    b = sender.says("b", "customer", email="j@shop.example", leaves=[("device", "d3")], minute=2)
    devices = [sender.says(f"d{n}", "device", minute=3) for n in (1, 2, 3)]
    sender.arrives()
    profile = profile_of(a)
    assert members(profile) == {a, b, *devices}
    fresh = actions.split(STEWARD, profile, [b, devices[0]], "different_people")
    resolve_again()
    assert members(fresh) == {b, devices[0], devices[2]}
    assert members(profile) == {a, devices[1]}


def test_a_split_needs_people_of_the_profile_on_both_sides(sender: Sender) -> None:
    a = sender.says("a", "customer", email="j@shop.example", leaves=[("device", "d1")])
    b = sender.says("b", "customer", email="j@shop.example")
    device = sender.says("d1", "device")
    stranger = sender.says("s", "customer", email="s@shop.example")
    sender.arrives()
    for part, code in (
        ([], "nothing_to_split"), ([device], "nothing_to_split"), ([a, b], "nothing_to_split"),
        ([a, stranger], "not_its_records"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused, transaction.atomic():
            actions.split(STEWARD, profile_of(a), part, "different_people")
        assert refused.value.code == code


def decide(left: UUID, right: UUID, verdict: str) -> None:
    left, right = sorted((left, right))
    case, _ = ReviewCase.objects.get_or_create(left=left, right=right, defaults={"reason": "gray zone"})
    actions.decide_case(STEWARD, case, verdict)


def test_the_newer_decision_wins(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "different_people")
    decide(min(older), min(newer), "same")
    resolve_again()
    assert len({profile_of(record) for record in older | newer}) == 1
    again = ProfileChange.objects.filter(kind="merged").order_by("id").last()
    assert again.reason == "review"
    actions.unmerge(STEWARD, again.pk, "different_people")
    resolve_again()
    assert {frozenset(members(again.profile)), frozenset(members(again.other))} == {frozenset(older), frozenset(newer)}
    assert ReviewCase.objects.get().state == "different"
    is_sound()


def test_pairs_of_sides_are_all_held_apart(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "different_people")
    apart = set(Link.objects.filter(kind="cannot").values_list("left", "right"))
    within = {*combinations(sorted(older), 2), *combinations(sorted(newer), 2)}
    assert apart == set(combinations(sorted(older | newer), 2)) - within


def test_without_cannot_links_the_next_run_would_merge_again(sender: Sender) -> None:
    """The mutation of what keeps an unmerge."""
    older, newer, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "different_people")
    Link.objects.filter(kind="cannot").delete()
    resolve_again()
    assert len({profile_of(record) for record in older | newer}) == 1
