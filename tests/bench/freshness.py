"""How soon what was answered 200 is told: from ingest over HTTP to the changes feed over REST, at a steady rate of events, with
a real web process, worker and beat; and how far the lake lags meanwhile, also at a rate at which ingest itself is busy.

Known people view products and new ones come. One event in fifty is a probe: it is the first of its name for a person who was
a member for having none, so that it takes this person out of the segment.
"""

import argparse
import base64
import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import uuid4

from tests.bench.ingest import _event, _free_port

PROBE = "Bench Probe"
A_PROBE_IN, A_NEW_IN = 50, 10
REQUESTS_A_SECOND, SENDERS = 10, 2
PROFILES = """
select e.message_id, r.profile_id::text from events_event e join identity_record r on r.id = e.record
where e.name = %s and e.message_id = any(%s)
"""
MAIL = "purpose=marketing&channel=email"
FEED_EVERY = 0.25
SETTLE_SECONDS = 300.0


def main(argv: Sequence[str]) -> dict[str, Any]:
    """Seconds from the answer to the feed (p50, p95, most), and the lag of the lake, at each rate."""
    parser = argparse.ArgumentParser(prog="freshness", description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--lake-rate", type=int, default=5_000, help="events a second while only the lake is watched")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--lake-seconds", type=int, default=30)
    parser.add_argument("--segments", type=int, default=20, help="live segments, the one that is watched included")
    asked = parser.parse_args(argv)
    port = _free_port()
    write, read = _prepared()
    crowd = _Crowd(port, write, asked.rate * asked.seconds // A_PROBE_IN)
    with _running(port):
        crowd.arrive()
        feed = _Feed(port, read, _segments(asked.segments))
        fresh = _watched(crowd, feed, asked.rate, asked.seconds) | _delays(crowd, feed)
        lake = _watched(crowd, _Feed(port, read, ""), asked.lake_rate, asked.lake_seconds)
    told = {"segments": asked.segments, "people": len(crowd.people)}
    return {**told, "fresh": fresh, "lake": lake}


def _prepared() -> tuple[str, str]:
    """A migrated database with a source; its write key, and a key that reads members."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    from cdp.core import startup

    startup.prepare()
    import django

    django.setup()
    from django.core.management import call_command

    from cdp.core.actions import create_service_key
    from cdp.core.types import Actor
    from cdp.events.actions import create_source

    call_command("migrate", verbosity=0)
    bench, name = Actor.system("bench"), f"bench-{uuid4().hex[:8]}"
    _source, write = create_source(bench, name, "web", currency="KRW")
    return write, create_service_key(bench, name, ["members:read"])[1]


@contextmanager
def _running(port: int) -> Iterator[None]:
    """A web process of two workers, and a worker of two processes with its beat."""
    from cdp.demo.processes import Processes

    with Processes(port) as running, NamedTemporaryFile("w", suffix=".json") as stories:
        stories.write("[]")
        stories.flush()
        running.start_web(Path(stories.name))
        running.start_workers(concurrency=2)
        running.wait_for_web()
        yield


class _Crowd:
    """People of this run and what they send; for each probe when its 200 came."""

    def __init__(self, port: int, key: str, probes: int) -> None:
        self.port = port
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
            "Content-Type": "application/json",
        }
        self.run = uuid4().hex[:8]
        self.people = [f"{self.run}-{number}" for number in range(max(2_000, probes))]
        self.unprobed = list(self.people)
        self.sent = 0
        self.answered: dict[str, float] = {}

    def arrive(self) -> None:
        """Everybody once, before anything is measured; returns when the pipeline has nothing left."""
        for at in range(0, len(self.people), 100):
            self._send([self._of(person, number) for number, person in enumerate(self.people[at : at + 100], at)])
        _settled()

    def batch(self, events: int) -> None:
        """One request."""
        self._send([self._next() for _ in range(events)])

    def _next(self) -> dict[str, Any]:
        self.sent += 1
        if self.sent % A_PROBE_IN == 0 and self.unprobed:
            return self._of(self.unprobed.pop(), self.sent) | {"event": PROBE}
        if self.sent % A_NEW_IN == 0:
            return self._of(f"{self.run}-new-{self.sent}", self.sent)
        return self._of(self.people[self.sent * 7919 % len(self.people)], self.sent)

    def _of(self, person: str, number: int) -> dict[str, Any]:
        return _event(number) | {"userId": person, "anonymousId": f"a-{person}"}

    def _send(self, events: list[dict[str, Any]]) -> None:
        body = json.dumps({"batch": events, "sentAt": datetime.now(UTC).isoformat()}).encode()
        _asked(self.port, "POST", "/v1/batch", body, self.headers)
        answered = time.monotonic()
        self.answered |= {event["messageId"]: answered for event in events if event["event"] == PROBE}


class _Feed:
    """A reader of a segment's changes: for each profile when it was first told."""

    def __init__(self, port: int, key: str, segment: str) -> None:
        self.port, self.segment = port, segment
        self.headers = {"Authorization": f"Bearer {key}"}
        self.since = 0
        self.seen: dict[str, float] = {}

    def read(self) -> None:
        """All that is new, if there is a segment to watch."""
        more = bool(self.segment)
        while more:
            path = f"/api/v1/segments/{self.segment}/changes?{MAIL}&limit=1000&since={self.since}"
            page = json.loads(_asked(self.port, "GET", path, b"", self.headers))
            told = time.monotonic()
            for row in page["results"]:
                self.seen.setdefault(row["profile_id"], told)
            self.since, more = page["next_since"], page["has_more"]


def _asked(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise RuntimeError(f"{path} answered {response.status}")
    return answer


def _segments(number: int) -> str:
    """Live segments of several kinds, computed; the key of the one that a probe leaves."""
    from cdp.core.types import Actor
    from segments import actions

    bench, run = Actor.system("bench"), uuid4().hex[:8]
    rules: list[Any] = [{"not": {"event": PROBE}}]
    while len(rules) < number:
        viewed = {"event": "Product Viewed", "count": {"op": "gte", "value": len(rules)}, "within": {"days": 30}}
        rules.append(viewed if len(rules) % 2 else {"any": [viewed, {"trait": "country", "op": "eq", "value": "KR"}]})
    for count, rule in enumerate(rules):
        made = actions.create_segment(
            bench, key=f"b{run}-{count}", name=f"bench {count}", purpose="marketing", rule=rule
        )
        actions.publish(bench, made)
        actions.recompute(made.pk)
    return f"b{run}-0"


def _watched(crowd: _Crowd, feed: _Feed, rate: int, seconds: int) -> dict[str, Any]:
    """Send at this rate for so long, reading the feed and the lake's lag."""
    from cdp.lake import queries as lake

    feed.read()
    feed.seen.clear()
    before, begun, lags = crowd.sent, time.monotonic(), list[float]()
    senders = [threading.Thread(target=_pace, args=(crowd, rate, seconds, begun, first)) for first in range(SENDERS)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        time.sleep(FEED_EVERY)
        feed.read()
        if lag := lake.state().lag:
            lags.append(lag.total_seconds())
    reached = (crowd.sent - before) / (time.monotonic() - begun)
    return {"asked_per_s": rate, "sent_per_s": round(reached), "seconds": seconds, "lake_lag_s": _spread(lags)}


def _pace(crowd: _Crowd, rate: int, seconds: int, begun: float, first: int) -> None:
    """Every other request of the schedule; one that comes late is sent at once."""
    for number in range(first, seconds * REQUESTS_A_SECOND, SENDERS):
        time.sleep(max(0.0, begun + number / REQUESTS_A_SECOND - time.monotonic()))
        if time.monotonic() > begun + seconds:
            return
        crowd.batch(rate // REQUESTS_A_SECOND)


def _delays(crowd: _Crowd, feed: _Feed) -> dict[str, Any]:
    """Seconds from each probe's answer until it was told. Raises AssertionError where one is not told in minutes."""
    ends = time.monotonic() + SETTLE_SECONDS
    while missing := [sent for sent, profile in _profiles(crowd).items() if profile not in feed.seen]:
        if time.monotonic() > ends:
            raise AssertionError(f"{len(missing)} of {len(crowd.answered)} probes were never told")
        time.sleep(FEED_EVERY)
        feed.read()
    told = [feed.seen[str(profile)] - crowd.answered[sent] for sent, profile in _profiles(crowd).items()]
    return {"probes": len(told), "delay_s": _spread(told)}


def _profiles(crowd: _Crowd) -> dict[str, str | None]:
    """The profile of each probe, None before it has one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(PROFILES, [PROBE, list(crowd.answered)])
        return dict.fromkeys(crowd.answered) | dict(cursor.fetchall())


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p95 = statistics.quantiles([*seconds, *seconds], n=100)[94]
    return {"p50": round(statistics.median(seconds), 2), "p95": round(p95, 2), "most": round(max(seconds), 2)}


def _settled() -> None:
    """The pipeline has nothing left: no event after its mark, nothing touched."""
    from django.db import connection

    from cdp.core.models import Touched
    from cdp.events import queries as events

    for _ in range(int(SETTLE_SECONDS)):
        time.sleep(1)
        # Events first: what is folded after this look is touched, and found by the next.
        if events.oldest_waiting("identity") is None and not Touched.objects.exists():
            connection.close()
            return
    raise RuntimeError("The pipeline does not come to rest.")
