"""Topics of Kafka, spoken to by the real client; the broker is the one that librdkafka brings for tests."""

import json
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from threading import Event as Signal
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from django.core.management import CommandError, call_command
from django.db import OperationalError

from cdp.core.errors import Refused
from cdp.events.models import Event, Quarantined, Source
from cdp.ingestion import actions, streams
from cdp.ingestion.actions import Outcome
from cdp.ingestion.mapping import AnyMapping, mapping_of
from tests.flow.processes import free_port
from tests.ingestion.wire import counters, sealed

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
MAPPING = {
    "event": {"constant": "Order Completed"}, "time": "at", "customer": {"kind": "customer", "column": "no"},
    "properties": {"sku": "sku"}, "zone": "Asia/Seoul",
}  # fmt: skip


@pytest.fixture(scope="module")
def broker() -> Iterator[Producer]:
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": ""})
    yield producer
    producer.flush(5)


@pytest.fixture
def topic(broker: Producer) -> str:
    return f"orders-{uuid4()}"


def servers(broker: Producer) -> str:
    return ",".join(f"{one.host}:{one.port}" for one in broker.list_topics(timeout=10).brokers.values())


def send(broker: Producer, topic: str, *messages: Any) -> None:
    for message in messages:
        value = message if isinstance(message, bytes | None) else json.dumps(message).encode()
        broker.produce(topic, value=value, partition=0)
    assert broker.flush(10) == 0


def order(no: str = "C1", sku: str = "A1") -> dict[str, str]:
    return {"no": no, "at": "2026-05-01 10:00", "sku": sku}


def mapping(**more: Any) -> AnyMapping:
    return mapping_of("events", json.dumps(MAPPING | more).encode())


def consumed(broker: Producer, topic: str, said: AnyMapping | None = None, source: str = "shop") -> Outcome:
    """By a new consumer of the same group, to the end; one that went away is not waited for."""
    about = {"bootstrap.servers": servers(broker), "session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
    consumer = streams.connected(about, topic, f"cdp-{topic}")
    return streams.follow(consumer, source, said or mapping(), lambda _outcome: None, Signal(), to_the_end=True)


def test_messages_become_events_once_and_a_restart_goes_on(shop: Shop, broker: Producer, topic: str) -> None:
    send(broker, topic, order("C1"), order("C1"), order("C2", "B2"))
    assert consumed(broker, topic).taken == 3, "two that say the same are two messages"
    assert {sealed(event)["external_id"] for event in Event.objects.all()} == {"C1", "C2"}
    assert {event.properties["sku"] for event in Event.objects.all()} == {"A1", "B2"}
    send(broker, topic, order("C3"))
    again = consumed(broker, topic)
    assert (again.received, again.taken) == (1, 1) and Event.objects.count() == 4


def test_what_was_kept_and_not_told_to_kafka_is_a_repeat(
    shop: Shop, broker: Producer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker, topic, order("C1"), order("C2"))
    with monkeypatch.context() as broken:
        broken.setattr(streams, "_commit", lambda *_about: None)
        assert consumed(broker, topic).taken == 2
    again = consumed(broker, topic)
    assert (again.received, again.repeated, Event.objects.count()) == (2, 2, 2)


def test_what_does_not_fit_waits_in_quarantine_with_its_place(shop: Shop, broker: Producer, topic: str) -> None:
    send(broker, topic, b"{no json", order("C1"), [1, 2], None, order("C2") | {"at": "yesterday"})
    outcome = consumed(broker, topic)
    assert (outcome.taken, outcome.quarantined) == (1, 4)
    assert outcome.reasons == {"bad_json": 1, "not_an_object": 2, "bad_time": 1}
    places = set(Quarantined.objects.values_list("place", flat=True))
    assert places == {f"{topic}/0:{offset}" for offset in (0, 2, 3, 4)}


def test_a_column_names_the_message(shop: Shop, broker: Producer, topic: str) -> None:
    said = mapping(message_id="id")
    send(broker, topic, order() | {"id": "m-1"}, order() | {"id": "m-1"}, order() | {"id": "m-2"})
    outcome = consumed(broker, topic, said)
    assert (outcome.taken, outcome.repeated) == (2, 1)
    assert set(Event.objects.values_list("message_id", flat=True)) == {"m-1", "m-2"}


def test_records_of_people_are_read_by_their_own_mapping(shop: Shop, broker: Producer, topic: str) -> None:
    send(broker, topic, {"회원번호": "C1", "이름": "김민준"}, {"회원번호": "C1", "이름": "김민준"})
    said = mapping_of("records", json.dumps({"columns": {"회원번호": "external_id", "이름": "full_name"}}).encode())
    outcome = consumed(broker, topic, said)
    assert (outcome.taken, outcome.repeated) == (1, 1)
    assert sealed(Event.objects.get())["attributes"] == {"full_name": "김민준"}


def test_the_database_away_is_waited_for(
    shop: Shop, broker: Producer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker, topic, order())
    real, tries = actions.keep, []

    def keep(*about: Any) -> Outcome:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError
        return real(*about)

    monkeypatch.setattr(streams.actions, "keep", keep)
    monkeypatch.setattr(streams, "SECONDS_A_LOOK", 0.05)
    monkeypatch.setattr(streams.connection, "close", lambda: None)
    assert consumed(broker, topic).taken == 1 and len(tries) == 3


def test_whoever_is_ended_while_the_database_is_away_keeps_nothing_back(
    shop: Shop, broker: Producer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker, topic, order())
    stop = Signal()

    def away(*_about: Any) -> Outcome:
        stop.set()
        raise OperationalError

    about = {"bootstrap.servers": servers(broker), "session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
    with monkeypatch.context() as broken:
        broken.setattr(streams.actions, "keep", away)
        broken.setattr(streams.connection, "close", lambda: None)
        consumer = streams.connected(about, topic, f"cdp-{topic}")
        streams.follow(consumer, "shop", mapping(), lambda _outcome: None, stop)
    assert consumed(broker, topic).taken == 1


def test_a_topic_that_is_made_anew_repeats_nothing(shop: Shop) -> None:
    from cdp.events import queries
    from cdp.ingestion.files import json_line
    from cdp.ingestion.mapping import EventMapping

    known, said = queries.source_by_name("shop"), mapping()
    assert known is not None and isinstance(said, EventMapping)
    line = json_line(7, json.dumps(order()).encode())
    ids = [streams.StreamedEvents(said, known, "orders/0", {7: written}).message_id(line) for written in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_a_source_that_is_switched_off_takes_nothing_and_nothing_is_lost(
    shop: Shop, broker: Producer, topic: str
) -> None:
    send(broker, topic, order())
    Source.objects.update(enabled=False)
    with pytest.raises(Refused, match="switched off"):
        consumed(broker, topic)
    Source.objects.update(enabled=True)
    assert consumed(broker, topic).taken == 1


def test_what_kafka_does_not_take_is_told_and_read_again(
    shop: Shop, broker: Producer, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        def commit(self, **_about: Any) -> None:
            raise KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))

    class Message:
        def topic(self) -> str:
            return topic

        def partition(self) -> int:
            return 0

        offset = partition

    streams._commit(Refusing(), [Message()])
    assert "REBALANCE_IN_PROGRESS" in caplog.text


# --- the command ------------------------------------------------------------------------------------------------------


def command(folder: Path, topic: str, *more: str, **about: Any) -> str:
    (folder / "mapping.json").write_text(json.dumps(about.pop("mapping", MAPPING)))
    out = StringIO()
    asked = ("--source", "shop", "--topic", topic, "--mapping", str(folder / "mapping.json"), *more)
    call_command("consume_kafka", *asked, stdout=out, **about)
    return out.getvalue()


def test_the_command_reads_to_the_end_and_counts(shop: Shop, broker: Producer, topic: str, tmp_path: Path) -> None:
    send(broker, topic, order("C1"), order("C2"), b"?")
    file = tmp_path / "kafka.properties"
    file.write_text(f"# where\nbootstrap.servers = {servers(broker)}\n\nclient.id=cdp\n")
    before = signal.getsignal(signal.SIGTERM)
    said = command(tmp_path, topic, "--properties", str(file), "--to-the-end")
    assert signal.getsignal(signal.SIGTERM) is before
    assert "rows: 3, taken: 2" in said and "bad_json: 1" in said
    assert counters()["taken"] == 2


def test_what_is_wrong_is_said(shop: Shop, broker: Producer, topic: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such topic"):
        command(tmp_path, topic, "--servers", servers(broker), "--to-the-end")
    file = tmp_path / "kafka.properties"
    file.write_text("bootstrap.srevers=127.0.0.1:9092\n")
    with pytest.raises(CommandError, match="does not take this"):
        command(tmp_path, topic, "--properties", str(file))
    with pytest.raises(CommandError, match="mapping"):
        command(tmp_path, topic, mapping={"colour": "red"})
    with pytest.raises(CommandError, match="No such file"):
        command(tmp_path, topic, "--properties", str(tmp_path / "none"))


def test_whoever_waits_for_the_end_is_told_that_kafka_does_not_answer(
    shop: Shop, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SECONDS_TO_ANSWER", 1.0)
    consumer = streams.connected({"bootstrap.servers": f"127.0.0.1:{free_port()}"}, topic, "cdp")
    with pytest.raises(Refused) as refused:
        streams.follow(consumer, "shop", mapping(), lambda _outcome: None, Signal(), to_the_end=True)
    assert refused.value.code == "kafka"
