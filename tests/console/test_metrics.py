"""`/metrics`: what was counted and what waits, read from the servers; for whoever may, and without anybody's values."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client, override_settings
from prometheus_client.parser import text_string_to_metric_families

from cdp.console import metrics
from cdp.core import heartbeat, stages, touched
from cdp.core.actions import count
from cdp.core.models import Touched
from cdp.core.types import Actor, now
from cdp.events.actions import create_source
from cdp.events.models import Event
from tests.database import owner_parameters
from tests.ingestion.wire import send, track

TOKEN = "t" * 40


@pytest.fixture
def key(db: None) -> str:
    return create_source(Actor.system("test"), "shop", "web")[1]


@pytest.fixture
def quiet_redis() -> Iterator[None]:
    names = (heartbeat.WORKERS, heartbeat.BEAT, heartbeat.DONE, heartbeat.ANSWERS, heartbeat.QUEUE, heartbeat.TAKEN)
    heartbeat.server().delete(*names)
    yield
    heartbeat.server().delete(*names)


def told(**headers: str) -> dict[tuple[str, ...], float]:
    """(name, label values in order of the labels' names …) → number."""
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_what_arrived_is_counted_by_source_and_what_became_of_it(key: str) -> None:
    send(key, track(messageId="m1"), track(messageId="m2"), track(messageId="m3", userId=None))
    send(key, track(messageId="m1"))
    count(None, {"delivery_given_up": 2, "file_unreadable": 1, "suppressed:fold": 3, "suppressed": 4, "new_kind": 5})
    found = told()
    assert found["cdp_received_total", "shop"] == 4
    assert found["cdp_taken_total", "shop"] == 2
    assert found["cdp_repeated_total", "shop"] == 1
    assert found["cdp_quarantined_total", "no_identity", "shop"] == 1
    assert found["cdp_deliveries_total", "given_up", ""] == 2
    assert found["cdp_fetches_failed_total", "", "unreadable"] == 1
    assert found["cdp_refused_total", "suppression", ""] == 7
    assert found["cdp_counted_total", "new_kind", ""] == 5
    assert found["cdp_quarantine_waiting",] == 1


def test_what_waits_is_told_by_stage_and_since_when(key: str) -> None:
    send(key, track(messageId="m1"), track(messageId="m2"))
    Event.objects.update(received_at=now() - timedelta(hours=1))
    touched.touch("profiles", [uuid4()])
    touched.touch(f"{stages.ASIDE}fold", [uuid4(), uuid4()])
    Touched.objects.update(at=now() - timedelta(minutes=10))
    found = told()
    assert found["cdp_stage_waiting", "events"] == 2
    assert found["cdp_stage_lag_seconds", "events"] == pytest.approx(3600, abs=60)
    assert found["cdp_stage_lag_seconds", "profiles"] == pytest.approx(600, abs=60)
    assert found["cdp_stage_waiting", "segments"] == found["cdp_stage_lag_seconds", "segments"] == 0
    assert found["cdp_set_aside",] == 2


@pytest.mark.django_db(transaction=True)
def test_the_transaction_that_holds_the_pipeline_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told()["cdp_blocking_pid",] == 0
    monkeypatch.setattr(metrics, "HOLDS_UP", 0.0)
    place = connection.settings_dict
    facts = {"host": place["HOST"], "user": place["USER"], "dbname": place["NAME"]}
    with psycopg.connect(**facts) as other, psycopg.connect(**facts) as younger:
        other.execute("select pg_current_xact_id()")
        younger.execute("select pg_current_xact_id()")
        found = told()
        assert found["cdp_blocking_pid",] == other.info.backend_pid
        assert found["cdp_blocking_seconds",] >= 0
    with psycopg.connect(**owner_parameters()) as other:
        other.execute("select pg_current_xact_id()")
        found = told()
        assert found["cdp_blocking_pid",] == other.info.backend_pid
        assert ("cdp_blocking_seconds",) not in found, "when another role's began is not told"


@pytest.mark.django_db
def test_workers_beat_tasks_and_refusals_are_read_from_redis(quiet_redis: None) -> None:
    assert told()["cdp_workers",] == 0
    heartbeat.note_worker("celery@a")
    heartbeat.note_worker("celery@b")
    heartbeat.server().zadd(heartbeat.WORKERS, {"celery@gone": (now() - timedelta(minutes=2)).timestamp()})
    heartbeat.note_beat()
    heartbeat.note()
    heartbeat.server().rpush(heartbeat.QUEUE, "task", "task")
    assert Client().post("/v1/track", {}, content_type="application/json").status_code == 401
    assert Client().get("/api/v1/nothing").status_code == 404
    found = told()
    assert found["cdp_workers",] == 2
    assert (found["cdp_tasks", "waiting"], found["cdp_tasks", "taken"]) == (2, 0)
    assert found["cdp_silence_seconds", "beat"] < 60 and found["cdp_silence_seconds", "workers"] < 60
    assert {key: value for key, value in found.items() if key[0] == "cdp_answers_total"} == {
        ("cdp_answers_total", "ingestion", "401"): 1
    }


@pytest.mark.django_db
def test_what_cannot_be_read_is_left_out_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {key[1]: value for key, value in told().items() if key[0] == "cdp_up"} == dict.fromkeys(metrics.PARTS, 1)

    def away(*_: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(metrics.queries, "sessions", away)
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        heartbeat.server.cache_clear()
        found = told()
    heartbeat.server.cache_clear()
    assert [part for part in metrics.PARTS if not found["cdp_up", part]] == ["database", "redis"]
    assert ("cdp_workers",) not in found and ("cdp_set_aside",) in found


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}]
)
def test_without_a_token_only_this_machine_may_read_and_not_through_a_proxy(headers: dict[str, str]) -> None:
    assert Client(REMOTE_ADDR="::1").get("/metrics").status_code == 200
    with override_settings(EMBEDDED=False):
        assert Client(REMOTE_ADDR="::1").get("/metrics").status_code == 404, "a proxy may say nothing of itself"
    for elsewhere in ("10.0.0.7", "203.0.113.9", "", "unix:"):
        assert Client(REMOTE_ADDR=elsewhere).get("/metrics").status_code == 404
    assert Client().get("/metrics", headers=headers).status_code == 404
    with override_settings(BEHIND_PROXY=True):
        assert Client().get("/metrics").status_code == 404


@pytest.mark.django_db
def test_with_a_token_whoever_sends_it_may_read_and_nobody_else() -> None:
    with override_settings(METRICS_TOKEN=TOKEN):
        far = Client(REMOTE_ADDR="10.0.0.7", headers={"X-Forwarded-For": "10.0.0.7"})
        assert far.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        for wrong in ("", TOKEN, f"Bearer {TOKEN}x", "Bearer 토큰"):
            assert Client().get("/metrics", headers={"Authorization": wrong}).status_code == 404


def test_no_label_holds_what_somebody_sent(key: str) -> None:
    hostile = "canary.kim@example.kr"
    send(key, track(messageId=hostile, userId=hostile, event=hostile, properties={hostile: hostile}))
    send(key, {"type": hostile, "messageId": hostile}, track(messageId="m", context={"library": {"name": hostile}}))
    Client().post(f"/v1/{hostile}", {}, content_type="application/json")
    Client().get(f"/api/v1/{hostile}", headers={"X-Request-ID": hostile})
    text = Client().get("/metrics").content.decode()
    assert "canary" not in text
    values = set(re.findall(r'="([^"]*)"', text))
    assert all(re.fullmatch(r"[a-z0-9_:-]*", value) for value in values), values
