"""Any sequence of what stewards do and sources say: the profiles stay sound, and the next run changes nothing."""

from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.events.models import Source
from identity import actions
from identity.models import ProfileChange, Record
from tests.identity.test_profiles import Sender, profile_of
from tests.identity.test_reversible import STEWARD, corrections, decide, is_sound, members, resolve_again

pytestmark = pytest.mark.django_db


PEOPLE = 6
STEPS = st.lists(
    st.tuples(st.sampled_from(["same", "different", "unmerge", "expel", "split", "arrives", "correct"]), st.randoms()),
    min_size=1, max_size=9,
)  # fmt: skip


def step(sender: Sender, records: list[UUID], what: str, chance) -> None:
    """One thing that may happen; what the product refuses changes nothing."""
    try:
        with transaction.atomic():
            take(sender, records, what, chance)
    except Refused:
        pass


def take(sender: Sender, records: list[UUID], what: str, chance) -> None:
    if what in ("same", "different"):
        decide(*chance.sample(records[:PEOPLE], 2), what)
    elif what == "unmerge":
        merges = list(ProfileChange.objects.filter(kind="merged").order_by("id").values_list("pk", flat=True))
        for change in merges and [chance.choice(merges)]:
            actions.unmerge(STEWARD, change, "different_people")
    elif what == "expel":
        actions.expel(STEWARD, chance.choice(records + corrections()), "wrong_data")
    elif what == "correct":
        value = f"p{chance.randrange(4)}@shop.example"
        actions.correct(STEWARD, chance.choice(records + corrections()), "email", value, "wrong_data")
    elif what == "split":
        profile = profile_of(chance.choice(records))
        present = sorted(members(profile))
        actions.split(STEWARD, profile, chance.sample(present, chance.randint(0, len(present))), "different_people")
    else:
        number = chance.randrange(PEOPLE)
        sender.says(f"c{number}", "customer", minute=len(sender.sent), email=f"p{chance.randrange(4)}@shop.example")
        sender.arrives(sender.sent[-1:])


def people(sender: Sender) -> list[UUID]:
    """Records of people who share e-mail addresses and devices, and the devices."""
    records = [
        sender.says(f"c{n}", "customer", minute=n, email=f"p{n % 3}@shop.example", leaves=[("device", f"d{n % 2}")])
        for n in range(PEOPLE)
    ]
    records += [sender.says(f"d{n}", "device", minute=n) for n in range(2)]
    sender.arrives()
    return records


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_stewards_do_the_profiles_are_sound_and_the_next_run_changes_nothing(source: Source, steps) -> None:
    with transaction.atomic():
        crypto.forget_keys()
        sender = Sender(source)
        records = people(sender)
        for what, chance in steps:
            step(sender, records, what, chance)
            is_sound()
            settled = dict(Record.objects.values_list("pk", "profile_id"))
            resolve_again()
            assert dict(Record.objects.values_list("pk", "profile_id")) == settled
        transaction.set_rollback(True)
    crypto.forget_keys()
