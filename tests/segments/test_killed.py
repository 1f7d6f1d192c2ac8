"""A worker killed anywhere in a recompute leaves nothing half done, and the next run ends in the same state."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from cdp.core.models import Touched
from segments import actions
from segments.models import Membership, Run, Segment, Transition
from tests.flow.processes import wait_for
from tests.segments.people import NOW, execute, people, segment

LATER = NOW + timedelta(hours=1)
KILLS = 12


class Killed(BaseException):
    """Stands for a process that ends here: nothing of it catches this."""


@contextmanager
def killed_at(boundary: int) -> Iterator[list[int]]:
    """End before the statement with this number; the list says how many there were."""
    count = [0]

    def step(run: Callable[..., Any], *args: Any) -> Any:
        count[0] += 1
        if count[0] == boundary:
            raise Killed
        return run(*args)

    with connection.execute_wrapper(step):
        yield count


def half_of(number: int) -> tuple[Segment, list[UUID]]:
    """A segment computed once; half of its members should leave now, and as many enter."""
    made, ids = segment(), people(number, orders_count=3)
    actions.recompute(made.pk, NOW)
    execute("update profiles_golden set traits = '{}' where profile_id = any(%s)", [ids[: number // 2]])
    return made, ids[number // 2 :] + people(number // 2, orders_count=4)


def told(made: Segment) -> dict[UUID, int]:
    """What transitions add up to: 1 for each profile inside, anything but 0 and 1 where one was told twice or never."""
    sums: dict[UUID, int] = {}
    for profile, kind in Transition.objects.filter(segment=made).values_list("profile", "kind"):
        sums[profile] = sums.get(profile, 0) + (1 if kind == "entered" else -1)
    return {profile: number for profile, number in sums.items() if number}


def assert_whole(made: Segment) -> None:
    """Members and what was told of them agree, at any moment."""
    members = Membership.objects.filter(segment=made).values_list("profile", flat=True)
    assert told(made) == dict.fromkeys(members, 1)


def assert_same_in_the_end(made: Segment, expected: list[UUID]) -> None:
    assert_whole(made)
    run = actions.recompute(made.pk, LATER)
    assert run.state == "done" and not Run.objects.filter(state="running").exists()
    assert told(made) == dict.fromkeys(expected, 1)
    assert_whole(made)
    assert not Touched.objects.filter(stage__startswith="run").exists()


@pytest.mark.django_db(transaction=True)
def test_ended_before_each_statement_it_ends_the_same() -> None:
    boundary, ended = 0, False
    while not ended:
        boundary += 1
        made, expected = half_of(6)
        with killed_at(boundary) as count:
            try:
                actions.recompute(made.pk, LATER)
                ended = True
            except Killed:
                connection.close()  # what the death of a process does to its locks and transactions
        assert_same_in_the_end(made, expected)
        execute("update segments_segment set key = %s, state = 'archived' where id = %s", [f"old{boundary}", made.pk])
        execute("update identity_profile set state = 'erased'")
    assert count[0] > 20


@pytest.mark.django_db(transaction=True)
def test_killed_by_the_system_at_random_it_ends_the_same() -> None:
    made, inside = half_of(400)
    outside = [one for one in told(made) if one not in inside]
    chance, span = Random(7), 1.5 * _seconds_of_a_run(made)
    before = Transition.objects.count()
    for _ in range(KILLS):
        execute("update profiles_golden set traits = '{\"orders_count\": 3}' where profile_id = any(%s)", [inside])
        execute("update profiles_golden set traits = '{}' where profile_id = any(%s)", [outside])
        worker = _worker(made.pk)
        time.sleep(chance.random() * span)
        worker.kill()
        worker.communicate()
        assert_whole(made)
        inside, outside = outside, inside
        if Transition.objects.count() == before:  # the machine is slower than it was
            span *= 1.5
    assert Transition.objects.count() > before, "some of the runs came through"
    assert_same_in_the_end(made, outside)


def _seconds_of_a_run(made: Segment) -> float:
    """How long a new process, which is slow at first, takes until it came through once."""
    before, worker = Run.objects.filter(state="done").count(), _worker(made.pk)
    begun = time.perf_counter()
    wait_for(lambda: Run.objects.filter(state="done").count() > before, 60)
    spent = time.perf_counter() - begun
    worker.kill()
    worker.communicate()
    return spent


RECOMPUTES = """
import os, django
django.setup()
from datetime import datetime
from uuid import UUID
from django.db import connection
connection.settings_dict["NAME"] = os.environ["DATABASE_NAME"]
from segments import actions
print("ready", flush=True)
while True:
    actions.recompute(UUID(os.environ["SEGMENT"]), datetime.fromisoformat(os.environ["AT"]))
"""


def _worker(segment_id: UUID) -> subprocess.Popen[bytes]:
    """A process of its own that recomputes until it is killed, when it is about to begin."""
    told = {"DATABASE_NAME": connection.settings_dict["NAME"], "SEGMENT": str(segment_id), "AT": LATER.isoformat()}
    worker = subprocess.Popen([sys.executable, "-c", RECOMPUTES], env=os.environ | told, stdout=subprocess.PIPE)
    assert worker.stdout and worker.stdout.readline() == b"ready\n"
    return worker
