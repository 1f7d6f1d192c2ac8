"""A profile's history tells every change, and shows the profile as it was at any moment."""

from collections import defaultdict
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from django.db import connection

from cdp.core.types import now
from identity import actions, privacy, queries
from identity.models import Link, Move, ProfileChange, Record, ResolutionRun
from identity.types import HistoryEntry
from tests.identity.test_any_sequence import people, step
from tests.identity.test_profiles import Sender, profile_of
from tests.identity.test_reversible import STEWARD, two_that_merge

pytestmark = pytest.mark.django_db(transaction=True)
WHAT = ["same", "different", "unmerge", "expel", "split", "correct", "arrives", "arrives"]


def clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        return cursor.fetchone()[0]


def present() -> dict[UUID, set[UUID]]:
    found = defaultdict(set)
    for record, profile in Record.objects.filter(profile__isnull=False).values_list("pk", "profile_id"):
        found[profile].add(record)
    return found


def replayed(profile: UUID, told: list[HistoryEntry], at: datetime) -> set[UUID]:
    """What a profile held at a moment, by its history alone."""
    held: set[UUID] = set()
    for entry in told:
        if entry.at <= at:
            held = held | set(entry.records) if entry.joined == profile else held - set(entry.records)
    return held


@pytest.mark.parametrize("seed", range(4))
def test_any_past_is_shown_as_it_was(sender: Sender, seed: int) -> None:
    chance = Random(seed)
    records = people(sender)
    truth = [(clock(), present())]
    for _ in range(14):
        step(sender, records, chance.choice(WHAT), chance)
        truth.append((clock(), present()))
    for profile in set().union(*(held for _, held in truth)):
        told = queries.history(profile)
        for at, held in truth:
            assert queries.members_at(profile, at) == replayed(profile, told, at) == held.get(profile, set())
    assert queries.members_at(profile, truth[0][0] - timedelta(days=1)) == set()


def test_each_change_says_when_by_whom_and_why(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    actions.unmerge(STEWARD, merge.pk, "shared_contact")
    born, joined, parted = queries.history(merge.other)
    assert (born.kind, born.left, born.joined, set(born.records)) == ("created", None, merge.other, older)
    assert (joined.kind, joined.left, joined.joined) == ("merged", merge.profile, merge.other)
    assert (set(joined.records), joined.actor, joined.reason) == (newer, "system:identity", "")
    assert (parted.kind, parted.left, parted.joined) == ("split", merge.other, merge.profile)
    assert (set(parted.records), parted.actor, parted.reason) == (newer, "user:steward", "shared_contact")
    assert born.at < joined.at < parted.at <= now()
    assert [entry.kind for entry in queries.history(merge.profile)] == ["created", "merged", "split"]


def test_a_run_is_named_with_its_model(sender: Sender) -> None:
    left = sender.says("a", "customer", email="a@shop.example")
    right = sender.says("b", "customer", email="b@shop.example")
    sender.arrives()
    run = ResolutionRun.objects.create()
    one, other = sorted((left, right))
    Link.objects.create(left=one, right=other, kind="probable", weight=20)
    actions.recluster([left], run=run.pk)
    merged = queries.history(profile_of(left))[-1]
    assert (merged.kind, merged.run, merged.model) == ("merged", run.pk, "")


def test_who_joins_a_known_person_is_told(sender: Sender) -> None:
    first = sender.says("a", "customer", email="a@shop.example")
    sender.arrives()
    second = sender.says("b", "customer", email="a@shop.example", minute=3)
    sender.arrives(sender.sent[1:])
    born, joined = queries.history(profile_of(first))
    assert (joined.kind, joined.left, joined.joined, joined.records) == ("joined", None, profile_of(first), [second])
    assert queries.members_at(profile_of(first), born.at) == {first}


def test_erased_records_are_not_told(sender: Sender) -> None:
    older, newer, merge = two_that_merge(sender)
    privacy.erase(list(newer))
    assert set(Move.objects.values_list("record", flat=True)) <= older
    assert queries.members_at(merge.profile, merge.at - timedelta(microseconds=1)) == set()
    assert queries.members_at(merge.other, now()) == older
    assert ProfileChange.objects.filter(kind="merged").count() == 1
