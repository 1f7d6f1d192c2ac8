"""The privacy hooks of all packages together: what is exported, and that nothing readable is left."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction

from cdp import pipeline
from cdp.core import crypto
from cdp.core.models import DataKey
from cdp.core.privacy import hooks
from cdp.core.types import Actor
from cdp.events.actions import store
from cdp.events.models import Event, Source
from cdp.events.types import NewEvent
from consent.models import ConsentRecord
from identity import actions as identity
from identity.models import Profile, ProfileChange, Record, ReviewCase
from tests.consent.erased import somebody

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person() -> UUID:
    source = Source.objects.create(name="web", channel_id="web", zone="Asia/Seoul", currency="KRW")
    record = crypto.record_id(source.id, "user", "u1")
    event = NewEvent(
        source=source.id, message_id=str(uuid4()), type="identify", name="Identify", record=record, kind="user",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC), properties={"plan": "gold"},
        sealed={"external_id": "u1", "attributes": {"email": "erase.me@shop.example", "phone": "010-2345-6789"}},
    )  # fmt: skip
    with transaction.atomic():
        store([event])
    pipeline.advance()
    return record


def test_an_export_has_what_every_package_holds(person: UUID) -> None:
    parts = {name: hook.export([person]) for name, hook in hooks().items()}
    assert parts["cdp.events.privacy"]["events"][0]["personal"]["attributes"]["email"] == "erase.me@shop.example"
    assert parts["identity.privacy"]["records"][0]["values"]["phone"][0][0] == "010-2345-6789"
    assert parts["cdp.profiles.privacy"]["personal"] == [{"email": "erase.me@shop.example", "phone": "010-2345-6789"}]


def test_encryption_rule_2_merging_and_unmerging_encrypts_nothing_anew() -> None:
    one, other = somebody(), somebody("u2", "else@shop.example", "010-9999-8888")
    case = ReviewCase.objects.create(left=min(one, other), right=max(one, other), reason="given names")
    before = ciphertexts()
    assert all(before)
    for verdict in ("same", "different"):
        with transaction.atomic():
            identity.decide_case(Actor("user:steward"), ReviewCase.objects.get(pk=case.pk), verdict)
        pipeline.advance()
        assert ciphertexts() == before
    assert len(set(Record.objects.values_list("profile", flat=True))) == 2


def ciphertexts() -> list[list[bytes]]:
    """All that is sealed of people and events, and the keys to it."""
    sealed = ((Event, "sealed"), (Record, "attributes"), (ConsentRecord, "proof"), (DataKey, "wrapped"))
    return [
        [bytes(blob or b"") for blob in of.objects.order_by("pk").values_list(name, flat=True)] for of, name in sealed
    ]


def test_an_erasure_leaves_no_row_that_names_the_record(person: UUID) -> None:
    profile = Record.objects.get(pk=person).profile_id
    for hook in hooks().values():
        hook.erase([person])
    pipeline.advance()
    for hook in hooks().values():
        assert sum(hook.erase([person]).values()) == 0
    assert crypto.existing_data_keys([person]) == {}
    assert Profile.objects.get(pk=profile).state == "erased"
    assert ProfileChange.objects.filter(profile=profile, kind="erased").count() == 1
    assert holding(str(person)) == set()


def holding(text: str) -> set[str]:
    """Tables of which a row, written as text, contains `text`."""
    found = set()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            cursor.execute(f'select exists (select from "{table}" t where t::text like %s)', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found
