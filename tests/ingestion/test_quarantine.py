"""What waits in quarantine goes through the same doors when it is replayed, once, whatever happens meanwhile."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.errors import Refused, Unavailable
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor
from cdp.events import actions as events
from cdp.events import quarantine, queries
from cdp.events.models import Event, Quarantined, QuarantineRequest, Source
from cdp.events.quarantine import Chosen
from cdp.events.types import Remedy
from cdp.ingestion import actions, replay, sources, tasks
from consent.actions import suppress
from consent.models import ConsentRecord, Purpose
from tests.ingestion.wire import counters, post, reasons, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
TESTER = Actor.system("test")
TILL = {
    "event": {"constant": "Order Completed"}, "time": "at", "customer": {"column": "member"}, "order": "receipt",
    "message_id": "receipt", "money": "sum",
}  # fmt: skip
# Two lines of a receipt that nothing tells apart, and one that was always good.
ROWS = "at,member,receipt,total,sum\n2026-03-04,C1,R1,5000,x\n2026-03-04,C1,R1,5000,x\n2026-03-04,C2,R2,700,700\n"
MENDED = TILL | {"money": "total"}
FACTS = (
    "message_id", "type", "name", "record", "kind", "occurred_at", "received_at", "sent_at", "flags", "order_id", "revenue",
    "currency", "properties",
)  # fmt: skip


def kept() -> list[dict[str, Any]]:
    """Every event, by its message id, without its id and its ciphertext."""
    return sorted(Event.objects.values(*FACTS), key=lambda event: event["message_id"])


def without(events: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name not in names} for event in events]


def imported(folder: Path, mapping: dict[str, Any], rows: str = ROWS, source: str = "shop") -> str:
    (folder / "till.csv").write_text(rows)
    (folder / "mapping.json").write_text(json.dumps(mapping))
    out = StringIO()
    call_command("import_events", folder / "till.csv", source=source, mapping=folder / "mapping.json", stdout=out)
    return out.getvalue()


def said(what: str, **options: Any) -> str:
    out = StringIO()
    call_command("quarantine", what, stdout=out, **options)
    return out.getvalue()


def mended(folder: Path, mapping: dict[str, Any]) -> Path:
    file = folder / "mended.json"
    file.write_text(json.dumps(mapping))
    return file


def replayed(shop: Shop) -> dict[str, int]:
    """What a worker makes of everything that waits."""
    request = replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk))
    tasks.work_task()
    counts, refused = replay.outcome(request)
    assert refused == ""
    return dict(counts)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A fault of ours in the way of every message, until it is undone."""

    def fails(*_args: Any) -> Any:
        raise ValueError

    with monkeypatch.context() as broken:
        broken.setattr(actions, "translate", fails)
        yield broken


# --- mending ------------------------------------------------------------------------------------------------------------


def test_rows_that_a_mended_mapping_fits_come_in_as_if_the_file_had_been_read_by_it(shop: Shop, tmp_path: Path) -> None:
    assert "taken: 1, repeated: 0, quarantined: 2" in imported(tmp_path, TILL)
    [line, why] = said("list").splitlines()
    assert "2  shop  bad_money  till.csv" in line and "cannot be read as money" in why
    keys = DataKey.objects.filter(record__in=list(Quarantined.objects.values_list("pk", flat=True)))
    assert keys.count() == 2
    told = said("replay", source="shop", place="till.csv", mapping=mended(tmp_path, MENDED))
    assert "taken: 2, repeated: 0" in told and "still in quarantine: 0" in told
    assert not Quarantined.objects.exists() and not keys.exists()
    assert [(event["message_id"], event["revenue"]) for event in kept()] == [("R1", 5000), ("R1#2", 5000), ("R2", 700)]
    assert "taken: 0, repeated: 3" in imported(tmp_path, MENDED), "the file itself then changes nothing"


def test_what_still_does_not_fit_keeps_its_place_with_the_new_reason_and_mapping(shop: Shop, tmp_path: Path) -> None:
    imported(tmp_path, TILL)
    told = said("replay", source="shop", reason="bad_money", mapping=mended(tmp_path, MENDED | {"time": "receipt"}))
    assert "taken: 0" in told and "still in quarantine: 2" in told
    assert reasons() == ["bad_time", "bad_time"]
    assert sorted(Quarantined.objects.values_list("place", flat=True)) == ["till.csv:2", "till.csv:3"]
    [group] = queries.quarantine_groups(9)
    assert group.mapping is not None
    assert (group.place, group.number, quarantine.mapping(group.mapping).content["time"]) == (
        "till.csv",
        2,
        "receipt",
    )


@pytest.mark.parametrize(
    ("mapping", "code"),
    [(MENDED | {"message_id": "at"}, "other_ids"), ({"columns": {}}, "bad_mapping"), (MENDED | {"zone": "Moon"}, "bad_mapping")],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused(shop: Shop, tmp_path: Path, mapping: Any, code: str) -> None:
    imported(tmp_path, TILL)
    with pytest.raises(Refused) as refused:
        replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk), json.dumps(mapping).encode())
    assert refused.value.code == code and not QuarantineRequest.objects.exists()


def test_a_row_with_an_unknown_purpose_comes_in_once_the_purpose_is_there(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    file.write_text(json.dumps({"external_id": "C1", "consent:news": "granted", "consent_at": "2026-03-04"}))
    call_command("import_records", file, source="shop", stdout=StringIO())
    assert reasons() == ["bad_consent"]
    Purpose.objects.create(key="news", name_ko="소식", name_en="News", basis="consent")
    assert replayed(shop) == {"taken": 1}
    assert [*ConsentRecord.objects.values_list("purpose_id", "state")] == [("news", "granted")]


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"messageId": st.sampled_from("abcdef"), "userId": st.sampled_from(["u1", "u2"])},
        optional={
            "timestamp": st.sampled_from(["2026-03-04T05:06:07Z", None]),
            "properties": st.dictionaries(st.sampled_from(["revenue", "email", "size"]), st.integers(0, 99)),
        },
    ),
    max_size=5,
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=MESSAGES)
def test_messages_come_in_as_they_would_have_in_the_first_place(shop: Shop, messages: list[Any]) -> None:
    Event.objects.all().delete()
    body: dict[str, Any] = {"batch": [{"type": "track", "event": "e", **message} for message in messages] or [track()]}
    body["sentAt"] = "2026-03-04T05:06:09Z"
    post("/v1/batch", body, shop[1])
    at_once = kept()
    Event.objects.all().delete()
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(actions, "translate", lambda *_: 1 / 0)
        post("/v1/batch", body, shop[1])
    arrived = Quarantined.objects.latest("received_at").received_at
    replayed(shop)
    # Times that are corrected by when the request was sent and received differ by what lay between the two requests.
    assert without(kept(), "received_at", "occurred_at") == without(at_once, "received_at", "occurred_at")
    assert {event["received_at"] for event in kept()} == {arrived}


def test_the_objection_of_a_browser_is_heard_when_its_message_comes_in(shop: Shop, faulty: pytest.MonkeyPatch) -> None:
    post("/v1/track", track(), shop[1], **{"Sec-GPC": "1"})
    assert reasons() == ["unexpected"] and not ConsentRecord.objects.exists()
    faulty.undo()
    assert replayed(shop) == {"taken": 1}
    assert [*ConsentRecord.objects.values_list("purpose_id", "state")] == [("sale_sharing", "withdrawn")]


def test_what_was_not_read_as_it_was_sent_is_not_taken_for_it(shop: Shop) -> None:
    post("/v1/batch", b'{"batch":[{"type":"track","event":"e","userId":"u1","event":"f"}]}', shop[1])
    assert reasons() == ["repeated_key"] and queries.quarantine_groups(9)[0].unreadable
    assert replayed(shop) == {"still": 1}
    assert reasons() == ["repeated_key"] and not Event.objects.exists()


def test_the_place_of_a_message_names_the_part_that_does_not_fit(shop: Shop) -> None:
    send(shop[1], track(properties=7), track(messageId="2", type="kim@x.kr"))
    assert sorted(Quarantined.objects.values_list("place", "reason")) == [
        ("", "unknown_type"),
        ("track.properties", "bad_shape"),
    ]


# --- the doors ----------------------------------------------------------------------------------------------------------


def test_whoever_was_suppressed_meanwhile_does_not_come_in_and_leaves_with_the_key(
    shop: Shop, faulty: pytest.MonkeyPatch
) -> None:
    send(
        shop[1],
        track(properties={"email": "kim@shop.kr"}),
        track(messageId="2", event="", traits={"email": "kim@shop.kr"}),
    )
    suppress(TESTER, "email", ["Kim@Shop.kr"], "erasure")
    faulty.undo()
    assert replayed(shop) == {"suppressed": 2}
    assert not Quarantined.objects.exists() and not Event.objects.exists() and not DataKey.objects.exists()
    assert counters()["suppressed"] == 2


def test_a_list_that_cannot_be_read_lets_nothing_through_and_the_request_waits(
    shop: Shop, faulty: pytest.MonkeyPatch
) -> None:
    def away(_names: Any) -> Any:
        raise Unavailable("away")

    send(shop[1], track())
    faulty.undo()
    request = replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk))
    with pytest.MonkeyPatch.context() as broken, pytest.raises(Unavailable):
        broken.setattr(actions, "stopped", away)
        replay.work()
    assert reasons() == ["unexpected"] and not Event.objects.exists()
    replay.work()
    assert replay.outcome(request) == ({"taken": 1}, "")


def test_of_whom_the_source_may_not_collect_nothing_is_kept(shop: Shop, faulty: pytest.MonkeyPatch) -> None:
    send(shop[1], track())
    faulty.undo()
    Source.objects.filter(pk=shop[0].pk).update(required_purpose="personalisation")
    assert replayed(shop) == {"unconsented": 1}
    assert not Quarantined.objects.exists() and not Event.objects.exists()


def test_nothing_of_a_source_that_is_switched_off_comes_in(shop: Shop, faulty: pytest.MonkeyPatch) -> None:
    send(shop[1], track())
    faulty.undo()
    Source.objects.filter(pk=shop[0].pk).update(enabled=False)
    with pytest.raises(CommandError):
        said("replay", source="shop")
    assert Quarantined.objects.count() == 1 and not Event.objects.exists()


def test_what_came_in_meanwhile_is_there_once(shop: Shop, faulty: pytest.MonkeyPatch) -> None:
    send(shop[1], track(), track(messageId="m2"))
    faulty.undo()
    send(shop[1], track())
    assert replayed(shop) == {"taken": 1, "repeated": 1}
    assert [event["message_id"] for event in kept()] == ["m1", "m2"] and not Quarantined.objects.exists()
    assert counters() == {
        "received": 3, "taken": 1, "quarantined:unexpected": 2, "quarantine:taken": 1, "quarantine:repeated": 1,
    }  # fmt: skip


def test_a_row_that_was_changed_where_it_is_kept_holds_up_no_other(shop: Shop, tmp_path: Path) -> None:
    imported(tmp_path, TILL)
    changed = Quarantined.objects.order_by("id")[0]
    sealed = bytes(changed.sealed)
    Quarantined.objects.filter(pk=changed.pk).update(sealed=sealed[:-1] + bytes([sealed[-1] ^ 1]))
    told = said("replay", source="shop", place="till.csv", mapping=mended(tmp_path, MENDED))
    assert "taken: 1, repeated: 0" in told and "still in quarantine: 1" in told
    assert [row.pk for row in Quarantined.objects.all()] == [changed.pk] and reasons() == ["bad_money"]


def test_a_row_that_cannot_be_stored_costs_the_others_nothing(
    shop: Shop, faulty: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop[1], *(track(messageId=f"m{number}") for number in range(7)))
    faulty.undo()
    store = events.store

    def refusing(new: Any) -> Any:
        if any(event.message_id == "m3" for event in new):
            raise DataError
        return store(new)

    monkeypatch.setattr(events, "store", refusing)
    assert replayed(shop) == {"taken": 6, "still": 1}
    assert reasons() == ["unexpected"] and Event.objects.count() == 6


# --- killed, and at once ------------------------------------------------------------------------------------------------


def test_killed_before_a_batch_is_committed_it_does_that_batch_again_and_no_other(
    shop: Shop, faulty: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing after it is run."""

    send(shop[1], *(track(messageId=f"m{number}") for number in range(7)))
    faulty.undo()
    monkeypatch.setattr(replay, "ROWS_A_COMMIT", 2)
    request = replay.ask(TESTER, Remedy.REPLAY, Chosen(shop[0].pk))
    advance, done = quarantine.advance, list[Any]()

    def dying(*args: Any) -> None:
        advance(*args)
        done.append(args)
        if len(done) in (2, 4):
            raise Killed

    monkeypatch.setattr(quarantine, "advance", dying)
    for left in (5, 3):
        with pytest.raises(Killed):
            replay.work()
        assert (Event.objects.count(), Quarantined.objects.count()) == (7 - left, left)
    replay.work()
    assert replay.outcome(request) == ({"taken": 7}, "") and len(kept()) == 7
    assert AuditEntry.objects.filter(action="quarantine.replay_over").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_an_arrival_at_once_end_in_one_state(faulty: pytest.MonkeyPatch) -> None:
    source, key = events.create_source(TESTER, "shop", "web")
    messages = [track(messageId=f"m{number}") for number in range(40)]
    send(key, *messages)
    faulty.undo()
    replay.ask(TESTER, Remedy.REPLAY, Chosen(source.pk))
    works = [replay.work, replay.work, lambda: send(key, *messages)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(in_its_own_connection, works))
    assert [event["message_id"] for event in kept()] == sorted(message["messageId"] for message in messages)
    assert not Quarantined.objects.exists()
    seen = counters()
    assert seen.get("taken", 0) + seen.get("quarantine:taken", 0) == 40
    assert seen.get("repeated", 0) + seen.get("quarantine:repeated", 0) == 40


@pytest.mark.django_db(transaction=True)
def test_a_batch_on_its_way_is_nobody_else_s_to_change_or_destroy(faulty: pytest.MonkeyPatch) -> None:
    source, key = events.create_source(TESTER, "shop", "web")
    send(key, track())
    faulty.undo()
    replay.ask(TESTER, Remedy.REPLAY, Chosen(source.pk))
    admit, free = actions.admit, list[Any]()

    def look() -> None:
        for table in (Quarantined, QuarantineRequest):
            with transaction.atomic():
                free.append(len(table.objects.select_for_update(skip_locked=True)))

    def looking(parcel: actions.Parcel) -> Any:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(in_its_own_connection, look).result()
        return admit(parcel)

    faulty.setattr(actions, "admit", looking)
    replay.work()
    assert free == [0, 0] and [event["message_id"] for event in kept()] == ["m1"]


def in_its_own_connection(work: Any) -> None:
    try:
        work()
    finally:
        connections.close_all()


# --- asking -------------------------------------------------------------------------------------------------------------


def test_what_is_dropped_goes_with_its_key_and_only_what_was_named(shop: Shop) -> None:
    send(shop[1], track(properties=7), track(messageId="2", event=""))
    assert "dropped: 1" in said("drop", source="shop", reason="bad_shape")
    assert reasons() == ["no_event_name"] and DataKey.objects.count() == 1
    assert counters()["quarantine:dropped"] == 1
    asked = AuditEntry.objects.get(action="quarantine.drop_over")
    assert (asked.actor, asked.target, asked.details["counts"]) == (
        "system:quarantine",
        str(shop[0].pk),
        {"dropped": 1},
    )
    with pytest.raises(CommandError):
        said("drop", source="shop")


def test_what_comes_after_a_request_waits_for_the_next(shop: Shop) -> None:
    send(shop[1], track(properties=7))
    request = replay.ask(TESTER, Remedy.DROP, Chosen(shop[0].pk, "bad_shape"))
    with pytest.raises(Refused):
        replay.ask(TESTER, Remedy.DROP, Chosen(shop[0].pk, "bad_shape"))
    send(shop[1], track(messageId="2", properties=7))
    replay.work()
    assert replay.outcome(request) == ({"dropped": 1}, "") and Quarantined.objects.count() == 1


def test_the_plan_of_the_moment_counts(shop: Shop, faulty: pytest.MonkeyPatch) -> None:
    send(shop[1], track(properties={"memo": "vip"}))
    faulty.undo()
    sources.plan()
    shop[0].plannedfield_set.create(path="memo", treatment="clear")
    replayed(shop)
    assert kept()[0]["properties"] == {"memo": "vip"}
