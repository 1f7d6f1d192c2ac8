"""The event store: every event once, its personal part readable with its record's key alone."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto
from cdp.core.errors import NotReadable
from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.actions import create_source, quarantine, store
from cdp.events.models import Event, Quarantined
from cdp.events.types import NewEvent, Refusal, Stored

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@pytest.fixture
def source() -> UUID:
    return create_source(Actor.system("test"), "shop", "web")[0].id


def event(source: UUID, message_id: str = "m1", **more: object) -> NewEvent:
    facts = {"type": "track", "name": "Product Viewed", "record": uuid4(), "kind": "user", "occurred_at": NOON} | more
    return NewEvent(source=source, message_id=message_id, **facts)


def test_an_event_is_kept_as_given(source: UUID) -> None:
    leaf = uuid4()
    texts = {column: column[0] for column in ("session", "place", "campaign", "account", "order_id")}
    money = {"brand": "haru", "currency": "KRW", "revenue": -5}
    times = {"sent_at": NOON, "received_at": NOON, "flags": ("clock",)}
    parts = {"leaves": {"anonymous": leaf}, "properties": {"sku": "A-1"}, "sealed": {"external_id": "u1"}}
    given_event = event(source, **texts, **money, **times, **parts)
    assert store([given_event]) == Stored(1, 0)
    kept = Event.objects.get()
    assert kept.leaves == {"anonymous": str(leaf)} and kept.properties == {"sku": "A-1"} and kept.flags == ["clock"]
    for column in ("message_id", "type", "name", "record", "kind", "occurred_at", *texts, *money, "received_at"):
        assert getattr(kept, column) == getattr(given_event, column)
    assert kept.id.version == 7 and kept.txid > 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXT,
    extra=st.dictionaries(TEXT, TEXT | st.integers(-(10**30), 10**30) | st.booleans() | st.none(), max_size=4),
)
def test_any_text_comes_back_unchanged(source: UUID, text: str, extra: dict[str, object]) -> None:
    message_id = str(uuid4())
    store(
        [event(source, message_id, name=text, session=text, order_id=text, properties=extra, sealed={"traits": extra})]
    )
    kept = Event.objects.get(message_id=message_id)
    assert (kept.name, kept.session, kept.order_id, kept.properties) == (text, text, text, extra)
    key = crypto.existing_data_keys([kept.record])[kept.record]
    assert crypto.unseal(key, "events_event", "sealed", kept.sealed) == {"traits": extra}


def test_the_personal_part_opens_with_its_own_key_only(source: UUID) -> None:
    mine, other = uuid4(), uuid4()
    store([event(source, "m1", record=mine, sealed={"external_id": "kim"}), event(source, "m2", record=other)])
    keys = crypto.existing_data_keys([mine, other])
    blob = Event.objects.get(message_id="m1").sealed
    assert b"kim" not in bytes(blob)
    assert crypto.unseal(keys[mine], "events_event", "sealed", blob) == {"external_id": "kim"}
    with pytest.raises(NotReadable):
        crypto.unseal(keys[other], "events_event", "sealed", blob)


def test_repeats_are_counted_exactly_and_cost_the_batch_nothing(source: UUID) -> None:
    first = [event(source, f"m{number}") for number in range(5)]
    assert store([*first, first[0]]) == Stored(5, 1)
    assert store(first) == Stored(0, 5)
    assert store([first[2], event(source, "new"), first[3], event(source, "new")]) == Stored(1, 3)
    assert store([event(source, "a"), first[0]]) == Stored(1, 1)
    assert Event.objects.count() == 7


def test_one_message_id_of_two_sources_is_two_events(source: UUID) -> None:
    other = create_source(Actor.system("test"), "till", "pos")[0].id
    assert store([event(source, "m"), event(other, "m")]) == Stored(2, 0)


def test_the_first_of_two_in_a_batch_is_kept(source: UUID) -> None:
    store([event(source, "m", name="first"), event(source, "m", name="second")])
    assert Event.objects.get().name == "first"


def test_nothing_given_is_nothing_done(source: UUID) -> None:
    assert store([]) == Stored(0, 0)
    assert not quarantine([])


def test_a_caller_that_fails_keeps_nothing(source: UUID) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        store([event(source)])
        raise RuntimeError
    assert not Event.objects.exists()


def test_quarantine_is_sealed_and_kept_once(source: UUID) -> None:
    refusal = Refusal(source, b"d" * 32, "no_identity", {"email": "kim@x.kr"}, NOON, "line 3", (b"i" * 32, b"i" * 32))
    assert quarantine([refusal, refusal]) == {"no_identity": 1}
    assert not quarantine([refusal])
    kept = Quarantined.objects.get()
    assert (kept.reason, kept.place, kept.received_at) == ("no_identity", "line 3", NOON)
    assert [bytes(digest) for digest in kept.identifiers] == [b"i" * 32]
    assert b"kim" not in bytes(kept.sealed)
    key = crypto.existing_data_keys([kept.id])[kept.id]
    assert crypto.unseal(key, "events_quarantined", "sealed", kept.sealed) == {"email": "kim@x.kr"}


def test_a_repeat_leaves_no_data_key_of_its_own(source: UUID) -> None:
    refusal = Refusal(source, b"d" * 32, "no_identity", {}, NOON)
    quarantine([refusal])
    quarantine([refusal])
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from keys.core_datakey")
        assert cursor.fetchone() == (1,)


def test_a_write_key_names_its_source_until_it_is_switched_off() -> None:
    source, key = create_source(Actor.system("test"), "shop", "web", brand="haru", zone="Asia/Tokyo", currency="JPY")
    known = queries.source_by_write_key(key)
    assert known and (known.id, known.brand, known.zone, known.currency, known.enabled) == (
        source.id,
        "haru",
        "Asia/Tokyo",
        "JPY",
        True,
    )
    source.write_keys.update(enabled=False)
    assert queries.source_by_write_key(key) is None
    assert queries.source_by_write_key("wk_unknown") is None
