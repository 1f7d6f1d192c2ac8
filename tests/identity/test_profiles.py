"""Records get profiles: deterministic links, limits, leaves, ids that persist."""

import random
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from cdp.core import crypto
from cdp.events.models import Source
from identity import actions, folding, queries
from identity.models import BlockedValue, Profile, ProfileChange, Record, ReviewCase
from identity.reading import Reading
from identity.types import Seen

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN = actions.SYSTEM


class Sender:
    """Speaks as one source; keeps what it sent, so that it can be sent again in another order."""

    def __init__(self, source: Source) -> None:
        self.source, self.sent = source, []

    def says(
        self, external_id: str, kind: str = "user", minute: int = 0, *, leaves=(), identifiers=None, **attributes
    ) -> UUID:
        record = crypto.record_id(self.source.id, kind, external_id)
        self.sent.append(
            Seen(
                record=record, kind=kind, source=self.source.id, brand="haru", at=START + timedelta(minutes=minute),
                message_id=f"{external_id}-{len(self.sent)}",
                leaves={leaf_kind: crypto.record_id(self.source.id, leaf_kind, leaf) for leaf_kind, leaf in leaves},
                external_id=external_id, identifiers=identifiers or {}, attributes=attributes, traits={},
            )
        )  # fmt: skip
        return record

    def arrives(self, events=None) -> None:
        with transaction.atomic():
            actions.recluster(folded(self.sent if events is None else events))


def folded(events: Collection[Seen]) -> set[UUID]:
    """Fold events whose data keys are made when they are first seen."""
    return folding.fold_events(events, crypto.data_keys({event.record for event in events}), Reading())


def profile_of(record: UUID) -> UUID | None:
    return Record.objects.get(pk=record).profile_id


def partition() -> set[frozenset[UUID]]:
    groups: dict[UUID | None, set[UUID]] = {}
    for record, profile in Record.objects.values_list("pk", "profile_id"):
        groups.setdefault(profile or record, set()).add(record)
    return {frozenset(members) for members in groups.values()}


def test_a_shared_email_links_records_of_different_sources(sender: Sender) -> None:
    web = sender.says("c1", "customer", email="Jane.Doe@shop.example")
    pos = sender.says("c2", "customer", email="jane.doe@SHOP.example ")
    other = sender.says("c3", "customer", email="john@shop.example")
    sender.arrives()
    assert profile_of(web) == profile_of(pos) != profile_of(other)


def test_two_user_ids_of_one_brand_never_share_a_profile(sender: Sender) -> None:
    first = sender.says("abc123", email="jane@shop.example", minute=1)
    second = sender.says("abc456", email="jane@shop.example", minute=2)
    sender.arrives()
    assert profile_of(first) != profile_of(second)
    assert Profile.objects.filter(state="live").count() == 2


def test_a_shared_device_does_not_merge_two_people_and_history_stays_with_the_first(sender: Sender) -> None:
    a = sender.says("a", leaves=[("anonymous", "device-1")], minute=1)
    device = sender.says("device-1", "anonymous", minute=0)
    b = sender.says("b", leaves=[("anonymous", "device-1")], minute=9)
    sender.arrives()
    assert profile_of(a) != profile_of(b)
    assert profile_of(device) == profile_of(a)


def test_a_shared_group_joins_nobody(sender: Sender) -> None:
    first = sender.says("u1", identifiers={"group_id": ["acme"]})
    second = sender.says("c2", "customer", identifiers={"group_id": ["acme"]})
    sender.arrives()
    assert profile_of(first) != profile_of(second)


def test_an_anonymous_profile_is_taken_over_by_the_person_who_signs_in(sender: Sender) -> None:
    device = sender.says("device-1", "anonymous")
    sender.arrives()
    before = profile_of(device)
    user = sender.says("u1", leaves=[("anonymous", "device-1")], minute=5)
    sender.arrives(sender.sent[1:])
    assert profile_of(user) == profile_of(device) == before


def test_an_anonymous_profile_of_a_known_person_merges_and_redirects(sender: Sender) -> None:
    user = sender.says("u1")
    device = sender.says("device-1", "anonymous")
    sender.arrives()
    old = profile_of(device)
    assert old != profile_of(user)
    sender.says("u1", leaves=[("anonymous", "device-1")], minute=5)
    sender.arrives(sender.sent[2:])
    assert profile_of(device) == profile_of(user) == queries.find_profile(old).id
    merged = ProfileChange.objects.get(kind="merged")
    assert (merged.profile, merged.other, merged.records) == (old, profile_of(user), [str(device)])


def test_redirects_point_straight_at_a_live_profile_after_many_merges(sender: Sender) -> None:
    for n in range(4):
        sender.says(f"c{n}", "customer", identifiers={"loyalty_id": [f"L{n}"]})
    sender.arrives()
    old = set(Profile.objects.values_list("pk", flat=True))
    for n in range(3):
        sender.says(f"c{n}", "customer", identifiers={"loyalty_id": [f"L{n + 1}"]}, minute=n + 1)
        sender.arrives(sender.sent[-1:])
    live = Profile.objects.get(state="live").pk
    assert {queries.find_profile(profile).id for profile in old} == {live}
    assert set(Profile.objects.exclude(pk=live).values_list("redirect", flat=True)) == {live}


def test_a_receipt_nobody_claims_is_nobodys_and_a_later_claim_links_it(sender: Sender) -> None:
    receipt = sender.says("r1", "receipt")
    sender.arrives()
    assert profile_of(receipt) is None
    member = sender.says("m1", "customer", leaves=[("receipt", "r1")], minute=5)
    sender.arrives(sender.sent[1:])
    assert profile_of(receipt) == profile_of(member)


def test_a_receipt_with_a_phone_goes_to_its_one_holder_and_to_neither_of_two(sender: Sender) -> None:
    receipt = sender.says("r1", "receipt", identifiers={"phone": ["010-2345-6789"]})
    father = sender.says("m1", "customer", phone="01023456789", full_name="김철수", birth_date="1960-03-04")
    sender.arrives()
    assert profile_of(receipt) == profile_of(father)
    son = sender.says("m2", "customer", phone="01023456789", full_name="김지훈", birth_date="1992-05-06")
    sender.arrives(sender.sent[2:])
    assert profile_of(father) != profile_of(son)
    assert profile_of(receipt) is None


def test_a_household_phone_is_refused_and_opens_a_case(sender: Sender) -> None:
    sender.says("m1", "customer", phone="01023456789", full_name="김철수", birth_date="1960-03-04")
    sender.says("m2", "customer", phone="01023456789", full_name="김지훈", birth_date="1992-05-06")
    sender.arrives()
    assert ReviewCase.objects.filter(state="open").count() == 1


@pytest.mark.parametrize(("days", "reason"), [(200, "recycled number"), (30, "given names")])
def test_a_number_that_comes_back_under_another_name_is_a_case(sender: Sender, days: int, reason: str) -> None:
    sender.says("m1", "customer", phone="01023456789", full_name="김철수")
    sender.says("m2", "customer", days * 1440, phone="01023456789", full_name="박서연")
    sender.arrives()
    assert Profile.objects.filter(state="live").count() == 2
    assert ReviewCase.objects.get().reason == reason


def test_a_value_shared_by_too_many_is_blocked_and_those_it_joined_part(sender: Sender) -> None:
    phone = "010-7777-8888"
    records = [sender.says(f"c{n}", "customer", phone=phone) for n in range(3)]
    sender.arrives()
    assert len({profile_of(record) for record in records}) == 1
    more = [sender.says(f"d{n}", "customer", phone=phone) for n in range(folding.MOST_HOLDERS)]
    sender.arrives(sender.sent[3:])
    assert BlockedValue.objects.get().kind == "phone"
    assert len({profile_of(record) for record in records + more}) == len(records + more)


def test_a_stewards_verdict_outranks_everything_and_survives_the_next_run(sender: Sender) -> None:
    left = sender.says("m1", "customer", phone="01023456789", full_name="김철수", birth_date="1960-03-04")
    right = sender.says("m2", "customer", phone="01023456789", full_name="김지훈", birth_date="1992-05-06")
    sender.arrives()
    case = ReviewCase.objects.get()
    actions.decide_case(ADMIN, case, "same")
    actions.recluster([left])
    assert profile_of(left) == profile_of(right)
    actions.decide_case(ADMIN, case, "different")
    actions.recluster([left, right])
    assert profile_of(left) != profile_of(right)


def crowd(sender: Sender) -> None:
    """People who share phones, e-mails, devices and receipts in every way."""
    for n in range(12):
        sender.says(
            f"m{n}", "customer", minute=n, email=f"p{n % 5}@shop.example", phone=f"0102345678{n % 4}",
            full_name=["김철수", "김지훈", "박서연"][n % 3], leaves=[("receipt", f"r{n % 6}")],
        )  # fmt: skip
        sender.says(f"u{n % 3}", minute=n, email=f"p{n % 5}@shop.example", leaves=[("anonymous", f"d{n % 4}")])
        sender.says(f"d{n % 4}", "anonymous", minute=n)
        sender.says(f"r{n % 6}", "receipt", minute=n, identifiers={"phone": [f"0102345678{n % 4}"]})


@pytest.mark.parametrize("seed", range(6))
def test_forwards_backwards_and_shuffled_in_any_batches_give_one_partition(sender: Sender, seed: int) -> None:
    crowd(sender)
    with transaction.atomic():
        sender.arrives()
        expected = partition()
        transaction.set_rollback(True)
    crypto.forget_keys()
    shuffler = random.Random(seed)
    events = sender.sent[::-1] if seed == 0 else shuffler.sample(sender.sent, len(sender.sent))
    while events:
        size = shuffler.randint(1, 9)
        sender.arrives(events[:size])
        events = events[size:]
    assert partition() == expected


def test_identifiers_of_a_brand_as_long_as_a_source_may_have_stop_nothing(sender: Sender) -> None:
    """Kinds that are unique within a brand are indexed with its name."""
    longest = "b" * Source._meta.get_field("brand").max_length
    record = sender.says("u1", identifiers={"loyalty_id": ["L1"]})
    sender.arrives([replace(seen, brand=longest) for seen in sender.sent])
    assert queries.profiles_with("loyalty_id", "L1", longest) == [profile_of(record)]
