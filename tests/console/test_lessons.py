"""Lessons on Home: each step leads to a page that opens, and is ticked once the account has done it."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.test import Client
from django.utils import timezone

from cdp.console import lessons
from cdp.core.actions import audit
from cdp.core.models import User
from cdp.core.types import Actor
from cdp.events.actions import create_source
from consent.models import PrivacyRequest
from identity import actions as identity
from identity.models import ReviewCase
from segments import actions, export_jobs
from tests.console.conftest import account
from tests.ingestion.wire import send, track

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
STEP = re.compile(r'<li( aria-current="step")?><a href="([^"]+)">([^<]+)</a>( <span class="chip good">)?')


@pytest.fixture(autouse=True)
def beside_quickstart(settings: Any, tmp_path: Any) -> None:
    settings.DEMO_STORIES = str(tmp_path / "stories.json")


def signed_in(role: str | None) -> tuple[Client, User]:
    user, client = account(role), Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client, user


def steps(client: Client) -> list[tuple[str, bool, bool]]:
    """Of the lessons on Home, (address, comes next, done); each address opens."""
    cards = re.findall(r'<section class="card lesson".*?</section>', client.get("/").content.decode(), re.DOTALL)
    found = [(address, bool(nxt), bool(done)) for card in cards for nxt, address, _words, done in STEP.findall(card)]
    assert all(client.get(address).status_code == 200 for address, *_ in found)
    return found


def ticks(client: Client) -> list[bool]:
    found = steps(client)
    first = next((place for place, (*_said, done) in enumerate(found) if not done), None)
    assert [place for place, (_address, nxt, _done) in enumerate(found) if nxt] == ([] if first is None else [first])
    return [done for *_said, done in found]


def test_a_marketer_s_lesson_ends_in_a_file() -> None:
    client, user = signed_in("marketer")
    actor = Actor.user(user)
    assert ticks(client) == [False] * 4
    rule = {"trait": "orders_count", "op": "gte", "value": 0}
    made = actions.create_segment(actor, key="mine", name="Mine", purpose="marketing", rule=rule)
    assert ticks(client) == [True, False, False, False]
    actions.publish(actor, made)
    actions.recompute(made.pk, timezone.now())
    job = export_jobs.ask(actor, made, "marketing", "email", "csv", ["profile_id"])
    assert ticks(client) == [True, True, True, False] and str(job.pk) in steps(client)[3][0]
    export_jobs.work()
    b"".join(export_jobs.fetched(actor, job.pk)[1])
    assert ticks(client) == [True] * 4 and "you have finished this lesson" in client.get("/").content.decode()


def test_a_steward_s_ends_in_a_merge_taken_back() -> None:
    client, user = signed_in("steward")
    case = ReviewCase.objects.filter(state="open")[0]
    identity.judge_case(Actor.user(user), case.pk, "not_sure")
    assert ticks(client) == [True, False]
    audit(Actor.user(user), "profile.unmerged", target=str(uuid4()))
    assert ticks(client) == [True, True]


def test_an_officer_s_ends_in_an_answer() -> None:
    client, user = signed_in("privacy officer")
    request = PrivacyRequest.objects.all()[0]
    assert ticks(client) == [False] * 3
    for done, action in enumerate(("opened", "verified", "refused"), 1):
        audit(Actor.user(user), f"privacy_request.{action}", target=str(request.pk))
        assert ticks(client) == [place < done for place in range(3)]


def test_an_administrator_s_ends_in_the_first_event() -> None:
    client, user = signed_in("administrator")
    assert ticks(client) == [False, False]
    _source, key = create_source(Actor.user(user), "new shop", "web")
    assert ticks(client) == [True, False]
    send(key, track())
    assert ticks(client) == [True, True]


def test_what_others_did_ticks_nothing() -> None:
    client, _user = signed_in("steward")
    audit(Actor("user:another"), "review.decided", target="x")
    assert ticks(client) == [False, False]


@pytest.mark.parametrize("role", [None, "auditor"])
def test_whoever_does_everything_or_only_looks_has_none(role: str | None) -> None:
    assert steps(signed_in(role)[0]) == []


def test_there_is_none_where_the_data_is_not_generated(settings: Any) -> None:
    settings.DEMO_STORIES = ""
    assert steps(signed_in("marketer")[0]) == []


def test_they_are_told_in_korean() -> None:
    page = signed_in("marketer")[0].get("/", headers={"accept-language": "ko"}).content.decode()
    assert "딱 맞는 사람들에게 편지 보내기" in page


def test_every_action_that_ends_a_step_is_one_of_ours() -> None:
    """A renamed action would leave a step open for ever."""
    code = "".join(
        path.read_text()
        for package in ("cdp", "consent", "identity", "segments")
        for path in (project.BASE_DIR / Path(package)).rglob("*.py")
        if path.name != "lessons.py"
    )
    named = {action for lesson in lessons.LESSONS for step in lesson.steps for action in step.actions}
    stepped = {f"privacy_request.{step}" for step in ("verified", "refused", "done")}
    assert [one for one in named - stepped - {"source.first_event"} if f'"{one}"' not in code] == []
    assert all(f'"{one.partition(".")[2]}"' in code for one in stepped)
