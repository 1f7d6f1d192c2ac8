"""Topics of Kafka: each message a JSON object, kept as the rows of files are (the `kafka` extra).

How far a topic is read is told to Kafka after the rows are committed, so that whoever dies between is followed by another who
reads some messages again: they are repeats, for an event is named by its place in the topic (or by the column that the mapping
names), and a record by its content. Several consumers of one group share the partitions.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.stages import OUTSIDE
from cdp.core.types import now
from cdp.events import quarantine, queries
from cdp.events.types import KnownSource
from cdp.ingestion import actions, sources
from cdp.ingestion.actions import Outcome
from cdp.ingestion.classify import opaque
from cdp.ingestion.files import Line, json_line
from cdp.ingestion.imports import ROWS_A_COMMIT, Reading, chunks
from cdp.ingestion.mapping import AnyMapping, EventMapping, content_of
from cdp.ingestion.messages import LONGEST_MESSAGE_ID
from cdp.ingestion.records import RecordRows
from cdp.ingestion.rows import EventRows
from cdp.ingestion.shapes import personal_shape

log = logging.getLogger(__name__)
SECONDS_A_LOOK, LONGEST_WAIT = 1.0, 30.0
# Whoever waits for the end of a topic is told after so long that Kafka does not answer.
SECONDS_TO_ANSWER = 15.0
# What a topic may be called (Kafka's own rule), so that its name can stand in quarantine and in logs.
LONGEST_TOPIC = 249
# Without these a message could be taken for kept that is not.
OURS = {"enable.auto.commit": "false", "enable.partition.eof": "true", "allow.auto.create.topics": "false"}
Tell = Callable[[Outcome], None]


class StreamedEvents(EventRows):
    """Events of a topic; what names no id of its own is named by its place there and when it was written, for a topic that is
    made anew counts from nothing again."""

    def __init__(self, mapping: EventMapping, source: KnownSource, at: str, written: Mapping[int, int]) -> None:
        super().__init__(mapping, source, sources.plan(), now())
        self._at, self._written = at, written

    def message_id(self, line: Line) -> str:
        """The message id of a message: however often it is read, the same."""
        given = line.cells.get(self.mapping.message_id) if self.mapping.message_id else None
        if given is None:
            place = f"{self._at}/{line.number}/{self._written[line.number]}"
            return str(crypto.record_id(self.source.id, "stream", place))
        text = str(given)
        return text if len(text) <= LONGEST_MESSAGE_ID and personal_shape(text) is None else opaque(text)


def properties(path: Path | None) -> dict[str, str]:
    """What a file of `name=value` lines says to the client, such as where Kafka is and who signs in."""
    lines = path.read_text().splitlines() if path else []
    said = (line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _equals, value in said}


def connected(said: Mapping[str, str], topic: str, group: str) -> Any:
    """A consumer of a topic. Raises `Refused`: `not_installed`, `properties` for what the client cannot mean."""
    try:
        from confluent_kafka import Consumer, KafkaException
    except ImportError:
        raise Refused(
            "not_installed", _("Kafka's client is not installed: get it with `uv sync --extra kafka`.")
        ) from None
    first = {"auto.offset.reset": "earliest", "group.id": group}
    try:
        consumer = Consumer({**first, **said, **OURS}, logger=log)
    except KafkaException as error:
        raise Refused(
            "properties", _("Kafka's client does not take this: %(why)s") % {"why": error.args[0].str()}
        ) from None
    consumer.subscribe([topic])
    return consumer


def follow(
    consumer: Any, source: str, mapping: AnyMapping, tell: Tell, stop: Event, *, to_the_end: bool = False
) -> Outcome:
    """Keep what comes until `stop` is set or, with `to_the_end`, until all that was there is kept; what became of it.

    The database away is waited for, and so is Kafka, unless an end is waited for. Raises `Refused`: `source_off`, `no_topic`,
    `kafka` for what the client gives up at.
    """
    outcome, ends = Outcome(), _Ends(consumer)
    kept = quarantine.known_mapping(*content_of(mapping))
    with closing(consumer):
        if to_the_end:
            _reach(consumer)
        while not (stop.is_set() or (to_the_end and ends.reached())):
            messages = ends.without_ends(consumer.consume(ROWS_A_COMMIT, timeout=SECONDS_A_LOOK))
            if messages:
                done = _patiently(partial(_keep, messages, source, mapping, kept), stop)
                if done is None:
                    break
                _commit(consumer, messages)
                outcome += done
                tell(outcome)
    return outcome


def _reach(consumer: Any) -> None:
    from confluent_kafka import KafkaException

    try:
        consumer.list_topics(timeout=SECONDS_TO_ANSWER)
    except KafkaException as error:
        why = {"why": error.args[0].name()}
        raise Refused("kafka", _("Kafka does not answer, or refuses who asks: %(why)s") % why) from None


class _Ends:
    """Which partitions of ours are read to their end."""

    def __init__(self, consumer: Any) -> None:
        self._consumer, self._at_end = consumer, set[int]()

    def reached(self) -> bool:
        """Whether all are; not before some are ours."""
        ours = {one.partition for one in self._consumer.assignment()}
        return bool(ours) and ours <= self._at_end

    def without_ends(self, messages: Iterable[Any]) -> list[Any]:
        """The messages among what came; raises `Refused` for what is neither."""
        return [message for message in messages if not self._is_end(message)]

    def _is_end(self, message: Any) -> bool:
        from confluent_kafka import KafkaError

        if (error := message.error()) is None:
            self._at_end.discard(message.partition())
            return False
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add(message.partition())
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Refused("no_topic", _("Kafka has no such topic."))
        elif error.fatal():
            raise Refused("kafka", _("Kafka's client gave up: %(why)s") % {"why": error.name()})
        else:
            log.warning("Kafka: %s", error.name())
        return True


def _patiently(keep: Callable[[], Outcome], stop: Event) -> Outcome | None:
    """Keep messages, however long the database is away; None where it is to stop meanwhile."""
    wait = SECONDS_A_LOOK
    while not stop.is_set():
        try:
            return keep()
        except OUTSIDE as error:
            log.warning("messages wait, trying again in %.0f s: %s", wait, type(error).__name__)
            connection.close()
            stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
    return None


def _keep(messages: Sequence[Any], source: str, mapping: AnyMapping, kept: UUID) -> Outcome:
    """Keep messages, partition by partition, in their order."""
    known, outcome = _source(source), Outcome()
    by_place: dict[str, list[Any]] = {}
    for message in messages:
        by_place.setdefault(f"{message.topic()[:LONGEST_TOPIC]}/{message.partition()}", []).append(message)
    for at, some in by_place.items():
        reading = Reading(at, _rows(mapping, known, at, some), kept)
        lines = (json_line(message.offset(), message.value() or b"null") for message in some)
        for chunk in chunks(lines, ROWS_A_COMMIT):
            outcome += actions.keep(reading.parcel(chunk), known)
    return outcome


def _rows(mapping: AnyMapping, source: KnownSource, at: str, messages: Sequence[Any]) -> EventRows | RecordRows:
    if isinstance(mapping, EventMapping):
        return StreamedEvents(mapping, source, at, {one.offset(): one.timestamp()[1] for one in messages})
    return RecordRows(mapping, source, sources.plan(), now())


def _source(name: str) -> KnownSource:
    source = queries.source_by_name(name)
    if source is None or not source.enabled:
        raise Refused("source_off", _("There is no such source, or it is switched off: nothing of it is taken in."))
    return source


def _commit(consumer: Any, messages: Sequence[Any]) -> None:
    """Tell Kafka how far the topic is kept; where another consumer has the partition by now it reads them again."""
    from confluent_kafka import KafkaException, TopicPartition

    last = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
    places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in last.items()]
    try:
        consumer.commit(offsets=places, asynchronous=False)
    except KafkaException as error:
        log.warning("Kafka did not take how far it is read: %s", error.args[0].name())
