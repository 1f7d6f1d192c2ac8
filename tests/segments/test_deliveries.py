"""Deliveries: whom a destination is told of is whom consent allows at that moment; tried until confirmed, none lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as project
from django.db import connection

from cdp import pipeline
from cdp.core import sql, wake
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, Counter, Disclosure
from cdp.core.statements import column
from cdp.core.types import now
from segments import actions, assignment, deliveries, delivery_plan, destinations, tasks, tombstones
from segments.models import Delivery, Destination, Segment, Subscription, Told
from tests.segments.people import ACTOR, NOW, people, retrait, says, segment, told
from tests.segments.receiver import Receiver, receiving, verified

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.DELIVERY_NETWORKS, settings.DELIVERY_PLAIN_HTTP = ["127.0.0.0/8"], True
    with receiving() as server:
        yield server


def destination(receiver: Receiver, **fields: Any) -> tuple[Destination, str]:
    about: dict[str, Any] = {
        "name": f"mailer {uuid4().hex[:6]}", "address": receiver.address, "recipient": "Mailer Inc", "country": "KR",
        "purpose": "marketing", "channel": "email",
    }  # fmt: skip
    return destinations.create(ACTOR, **about | fields)


def filled(number: int = 3, **fields: Any) -> tuple[Segment, list[UUID]]:
    """A computed segment whose members all consent to marketing mail."""
    made, ids = segment(**fields), people(number, orders_count=3)
    actions.recompute(made.pk, NOW)
    says(ids, "granted")
    return made, sorted(ids)


def sending(receiver: Receiver, number: int = 3, **fields: Any) -> tuple[Destination, Segment, list[UUID]]:
    """A segment that is sent to a destination, and all that was due delivered."""
    place, _secret = destination(receiver, **fields)
    made, ids = filled(number)
    destinations.subscribe(ACTOR, place, made)
    send(place)
    return place, made, ids


def send(place: Destination) -> None:
    """What beat and the destination's own task do."""
    delivery_plan.lay_out()
    if place.pk in deliveries.waiting():
        deliveries.send_due(place.pk)


def again(place: Destination) -> None:
    """The same once every wait is over."""
    Delivery.objects.filter(state=State.WAITING).update(next_at=now())
    Destination.objects.update(resume_at=None)
    send(place)


def leaves(*profiles: UUID) -> None:
    for one in profiles:
        retrait(one, orders_count=0)
    actions.refresh_profiles(profiles)


def lines(receiver: Receiver, since: int = 0) -> set[tuple[str, str, str]]:
    return set(receiver.changes[since:])


# --- what is told -----------------------------------------------------------------------------------------------------


def test_members_come_and_go_each_with_the_reason(receiver: Receiver) -> None:
    place, _made, (a, b, c) = sending(receiver)
    assert lines(receiver) == {(str(one), "entered", "rule") for one in (a, b, c)}
    leaves(a)
    says(b, "withdrawn")
    told(b)
    send(place)
    assert lines(receiver, 3) == {(str(a), "left", "rule"), (str(b), "left", "consent")}
    says(b, "granted")
    told(b)
    send(place)
    assert receiver.changes[5:] == [(str(b), "entered", "consent")]
    send(place)
    assert len(receiver.changes) == 6, "what nobody changed is told once"
    body = receiver.said[0]
    assert body["type"] == "segment.changes" and body["data"]["segment"] == "vip"
    assert (body["data"]["purpose"], body["data"]["channel"]) == ("marketing", "email")


def test_messages_are_signed_by_its_secret_and_by_the_one_before(receiver: Receiver) -> None:
    place, old = destination(receiver)
    made, (a, *_rest) = filled()
    destinations.subscribe(ACTOR, place, made)
    send(place)
    assert verified(*receiver.taken[0], old) and old not in str(Destination.objects.values())
    new = destinations.renew_secret(ACTOR, place)
    leaves(a)
    send(place)
    assert verified(*receiver.taken[1], new) and verified(*receiver.taken[1], old)
    destinations.renew_secret(ACTOR, place)
    assert len(destinations.secrets_of(Destination.objects.get(pk=place.pk))) == 2


def test_who_may_not_be_told_of_is_withheld_and_counted(receiver: Receiver) -> None:
    place, _ = destination(receiver)
    made, (a, b, c) = filled()
    says(b, "withdrawn")
    destinations.subscribe(ACTOR, place, made)
    send(place)
    assert lines(receiver) == {(str(a), "entered", "rule"), (str(c), "entered", "rule")}
    assert Delivery.objects.get().withheld == 1 and Counter.objects.get(kind="delivery_withheld").count == 1
    leaves(b)
    send(place)
    assert not [line for line in receiver.changes if line[0] == str(b)], "nothing is told of whom it never knew"


def test_consent_is_asked_when_the_message_is_sent_not_when_it_is_laid_out(receiver: Receiver) -> None:
    place, _ = destination(receiver)
    made, (a, b, _c) = filled()
    destinations.subscribe(ACTOR, place, made)
    delivery_plan.lay_out()
    says(a, "withdrawn")
    receiver.answers = [500]
    deliveries.send_due(place.pk)
    assert str(a) not in str(receiver.said)
    says(b, "withdrawn")
    again(place)
    assert (str(b), "left", "consent") in receiver.changes, "it may know them from the message that seemed to fail"
    assert (str(b), "entered", "rule") not in receiver.changes[2:]
    assert set(Told.objects.filter(inside=True).values_list("profile", flat=True)).isdisjoint((a, b))


def test_a_holdout_is_sent_nowhere(receiver: Receiver) -> None:
    place, _ = destination(receiver)
    made, ids = filled(40, split={"holdout": 50, "a": 50})
    destinations.subscribe(ACTOR, place, made)
    send(place)
    held = assignment.held_out(made, ids)
    assert held and {line[0] for line in receiver.changes} == {str(one) for one in set(ids) - held}
    assert Delivery.objects.get().withheld == 0
    assert {line["variant"] for body in receiver.said for line in body["data"]["changes"]} == {"a"}


def test_the_audit_names_whom_each_message_told_of(receiver: Receiver) -> None:
    place, _made, ids = sending(receiver)
    row = AuditEntry.objects.get(action="destination.told")
    assert (row.target, row.purpose, row.details["count"]) == (str(place.pk), "marketing", 3)
    assert Disclosure.objects.get(pk=row.details["disclosure"]).profiles == ids
    assert Delivery.objects.get().profiles == [], "a confirmed delivery forgets whom it was about"


def test_many_are_told_in_messages_of_a_hundred(receiver: Receiver) -> None:
    _place, _made, ids = sending(receiver, number=230)
    assert [len(body["data"]["changes"]) for body in receiver.said] == [100, 100, 30]
    assert {line[0] for line in receiver.changes} == {str(one) for one in ids}
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 3


# --- to recipients ----------------------------------------------------------------------------------------------------

GIVEN: dict[str, Any] = {"role": "recipient", "recipient": "Partner Ltd", "country": "JP"}
NAMED: dict[str, Any] = {"recipient": "Partner Ltd", "country": "JP"}


def test_a_recipient_gets_only_who_consented_to_it_by_name_and_country(receiver: Receiver) -> None:
    place, _made, (a, b, c) = sending(receiver, **GIVEN)
    assert receiver.taken == [] and Delivery.objects.get().withheld == 3, "a consent to our own use gives nobody away"
    pipeline.STAGES["consent"]()
    send(place)
    assert receiver.taken == []
    says(a, "granted", **NAMED)
    says(b, "granted", recipient="Partner Ltd", country="US")
    says(c, "granted", recipient="Other Ltd", country="JP")
    pipeline.STAGES["consent"]()
    send(place)
    assert receiver.changes == [(str(a), "entered", "consent")]
    says(a, "withdrawn", **NAMED)
    pipeline.STAGES["consent"]()
    send(place)
    assert receiver.changes[1:] == [(str(a), "left", "consent")]


def test_a_consent_that_runs_out_is_noticed_by_time_alone(receiver: Receiver) -> None:
    place, _made, (a, *_rest) = sending(receiver)
    says(a, "granted", expires_at=now() - timedelta(seconds=1))
    assert delivery_plan.look_again() == 1
    send(place)
    assert receiver.changes[3:] == [(str(a), "left", "consent")]
    assert delivery_plan.look_again() == 0


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_failed_delivery_comes_again_under_the_same_id(receiver: Receiver) -> None:
    receiver.answers = [503, 500]
    place, _made, ids = sending(receiver)
    waits = Delivery.objects.get()
    assert (waits.state, waits.failed, waits.tries) == (State.WAITING, "http_503", 1)
    send(place)
    assert len(receiver.taken) == 1, "not before its time"
    again(place)
    again(place)
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1 and len(receiver.taken) == 3
    assert {line[0] for line in receiver.changes[6:]} == {str(one) for one in ids}
    done = Delivery.objects.get()
    assert (done.state, done.failed, done.entered, done.tries) == (State.CONFIRMED, "", 3, 3)


def test_a_worker_that_dies_after_sending_leaves_a_delivery_that_comes_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = destination(receiver)
    made, ids = filled()
    destinations.subscribe(ACTOR, place, made)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(deliveries, "_confirmed", killed)
        send(place)
    assert len(receiver.changes) == 3 and Delivery.objects.get().failed == deliveries.INTERRUPTED
    leaves(ids[0])
    again(place)
    assert (str(ids[0]), "left", "rule") in receiver.changes and Told.objects.filter(inside=True).count() == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) <= 2


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_waits_grow_and_end_in_a_dead_letter_that_can_be_sent_again(receiver: Receiver) -> None:
    place, _ = destination(receiver)
    made, _ids = filled()
    destinations.subscribe(ACTOR, place, made)
    receiver.answers = [500] * 10
    delivery_plan.lay_out()
    waits = []
    for _ in range(project.DELIVERY_TRIES):
        again(place)
        waits.append(Delivery.objects.get().next_at - now())
    assert waits[0] > timedelta(seconds=20) and waits[3] > timedelta(minutes=20) and max(waits) <= timedelta(days=1)
    assert sum(waits, timedelta()) > timedelta(days=2)
    dead = Delivery.objects.get()
    assert (dead.state, dead.failed, len(receiver.taken)) == (State.DEAD, "http_500", 10)
    again(place)
    assert len(receiver.taken) == 10, "a dead letter is not sent"
    assert deliveries.replay_all(ACTOR, place) == 1
    again(place)
    assert len(receiver.taken) == 11 and Delivery.objects.get().state == State.CONFIRMED
    with pytest.raises(Refused) as caught:
        deliveries.replay(ACTOR, dead.pk)
    assert caught.value.code == "not_dead"
    assert {"delivery.given_up", "delivery.replayed"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_jitter_keeps_apart_what_failed_together() -> None:
    assert len({deliveries._wait(3) for _ in range(20)}) > 10


def test_one_that_fails_is_left_alone_and_delays_no_other(receiver: Receiver) -> None:
    with receiving() as healthy:
        slow, _ = destination(receiver)
        other, _ = destination(healthy)
        made, ids = filled(250)
        for place in (slow, other):
            destinations.subscribe(ACTOR, place, made)
        receiver.answers = [500] * 9
        delivery_plan.lay_out()
        assert set(deliveries.waiting()) == {slow.pk, other.pk}
        deliveries.send_due(slow.pk)
        assert len(receiver.taken) == 1, "it ends at the first failure"
        assert deliveries.waiting() == [other.pk]
        assert not deliveries.send_due(slow.pk) and len(receiver.taken) == 1, "nor a task that was sent before"
        deliveries.send_due(other.pk)
        assert {line[0] for line in healthy.changes} == {str(one) for one in ids}
        paused = Destination.objects.get(pk=slow.pk)
        assert paused.failures == 1 and paused.resume_at and paused.resume_at > now()
        Destination.objects.update(resume_at=None)
        deliveries.send_due(slow.pk)
        assert Destination.objects.get(pk=slow.pk).failures == 2


def test_one_sender_a_destination_at_a_time(receiver: Receiver) -> None:
    place, _made, ids = sending(receiver)
    leaves(ids[0])
    delivery_plan.lay_out()
    another, lock = connection.copy(), {"what": deliveries.LOCK, "of": str(place.pk)}
    try:
        with another.cursor() as cursor:
            cursor.execute(sql.TRY_LOCK, lock)
        assert not deliveries.send_due(place.pk) and len(receiver.taken) == 1
        with another.cursor() as cursor:
            cursor.execute(sql.UNLOCK, lock)
    finally:
        another.close()
    deliveries.send_due(place.pk)
    assert len(receiver.taken) == 2


LOCKS = """
select mode from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted
    and classid = (hashtext('segments_told')::bigint & 4294967295)::oid order by mode
"""


def test_nobody_is_erased_between_choosing_whom_to_tell_of_and_noting_it(receiver: Receiver) -> None:
    place, _ = destination(receiver)
    made, ids = filled()
    destinations.subscribe(ACTOR, place, made)
    delivery_plan.lay_out()
    assert column(LOCKS) == []
    deliveries._say(Delivery.objects.get().pk)
    assert column(LOCKS) == ["ShareLock"], "destinations are told side by side"
    tombstones.leave(ids, [])
    assert column(LOCKS) == ["ExclusiveLock", "ShareLock"], "and nobody is erased meanwhile"


def test_who_is_gone_is_sent_nothing_more(receiver: Receiver) -> None:
    receiver.answers = [410]
    place, _made, _ids = sending(receiver)
    assert not Destination.objects.get(pk=place.pk).enabled
    again(place)
    assert len(receiver.taken) == 1 and AuditEntry.objects.filter(action="destination.gone").exists()


def test_no_task_carries_anything_but_the_destination(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(wake, "wake", lambda *told: sent.append(told))
    place, _made, (a, *_rest) = sending(receiver)
    leaves(a)
    tasks.work_task()
    assert sent == [("deliveries.send", str(place.pk))]
    tasks.send_task(str(place.pk))
    assert receiver.changes[3:] == [(str(a), "left", "rule")] and len(sent) == 1


# --- what is sent where -----------------------------------------------------------------------------------------------


def test_whoever_was_told_of_has_left_when_a_segment_is_sent_no_more(receiver: Receiver) -> None:
    place, made, ids = sending(receiver)
    destinations.unsubscribe(ACTOR, place, made)
    destinations.unsubscribe(ACTOR, place, made)
    send(place)
    assert lines(receiver, 3) == {(str(one), "left", "ended") for one in ids}
    destinations.subscribe(ACTOR, place, made)
    send(place)
    assert lines(receiver, 6) == {(str(one), "entered", "rule") for one in ids}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"purpose": "service"}, "purpose_mismatch"), ({"brand": "haru"}, "brand_mismatch"),
        ({"publish": False}, "segment_not_published"),
    ],
)  # fmt: skip
def test_a_segment_must_fit_its_destination(receiver: Receiver, fields: dict[str, Any], code: str) -> None:
    place, _ = destination(receiver, brand="onsae")
    with pytest.raises(Refused) as caught:
        destinations.subscribe(ACTOR, place, segment(**fields))
    assert caught.value.code == code and not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "pigeon"}, "kind_unknown"), ({"address": "file:///etc/passwd"}, "address_refused"),
        ({"country": "Korea"}, "country_unknown"),
    ],
)  # fmt: skip
def test_a_destination_must_be_one(receiver: Receiver, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        destination(receiver, **fields)
    assert caught.value.code == code and not Destination.objects.exists()


def test_what_was_consented_to_does_not_change_under_those_who_did(receiver: Receiver) -> None:
    place, made, _ids = sending(receiver, **GIVEN)
    with pytest.raises(Refused) as caught:
        destinations.change(ACTOR, place, recipient="Other Ltd")
    assert caught.value.code == "destination_in_use"
    assert destinations.change(ACTOR, place, name="renamed").name == "renamed"
    destinations.unsubscribe(ACTOR, place, made)
    assert destinations.change(ACTOR, place, recipient="Other Ltd").recipient == "Other Ltd"


def test_one_not_enabled_waits_and_catches_up(receiver: Receiver) -> None:
    place, _made, (a, *_rest) = sending(receiver)
    destinations.change(ACTOR, place, enabled=False)
    leaves(a)
    send(place)
    assert len(receiver.taken) == 1
    destinations.change(ACTOR, place, enabled=True)
    send(place)
    assert receiver.changes[3:] == [(str(a), "left", "rule")]
