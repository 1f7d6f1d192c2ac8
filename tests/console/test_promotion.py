"""Trying and promoting a linkage model from its page: a worker does it, under the one lock of batch runs."""

from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from cdp.celery import app
from cdp.console import tasks
from cdp.core import wake
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, User
from cdp.core.statements import column
from cdp.core.types import Actor
from cdp.events.models import Source
from identity import registry, requests, resolution, sql, trial
from identity.linkage.model import DEFAULT, with_thresholds
from identity.models import LinkageModel, ModelRequest, Profile, ResolutionRun
from identity.types import Wish
from tests.console.conftest import account
from tests.console.test_linkage import address, signed_in
from tests.identity.test_profiles import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(rows: None) -> Sender:
    """A few people, of whom two share a number and a name."""
    source = Source.objects.create(name="web", channel_id="web", brand="haru", zone="Asia/Seoul", currency="KRW")
    sender = Sender(source)
    for number, name in enumerate(("김철수", "김철수", "박서연")):
        sender.says(f"c{number}", "customer", full_name=name, phone="01023456789", birth_date="1960-03-04")
    sender.arrives()
    return sender


@pytest.fixture
def draft(rows: None) -> LinkageModel:
    return registry.keep(with_thresholds(DEFAULT, link=2.5))


def asks(client: Client, row: LinkageModel, wish: str, **fields: str) -> Any:
    address_of = reverse("admin:identity_linkagemodel_ask", args=[row.pk])
    return client.post(address_of, {"wish": wish, **fields}, follow=True)


def work(row: LinkageModel, client: Client) -> Any:
    return client.get(reverse("admin:identity_linkagemodel_work", args=[row.pk]))


def state(row: LinkageModel) -> str:
    return LinkageModel.objects.values_list("state", flat=True).get(pk=row.pk)


def test_a_model_is_tried_then_promoted_by_who_asked(people: Sender, draft: LinkageModel, root: User) -> None:
    client = signed_in(root)
    page = asks(client, draft, "trial").content.decode()
    assert "Waiting for a worker" in page and 'name="wish"' not in page and work(draft, client).status_code == 200
    tasks.work_task()
    page = client.get(address(draft)).content.decode()
    assert "The trial is over." in page and 'value="promotion"' in page and work(draft, client).status_code == 204
    page = asks(client, draft, "promotion", seen="yes").content.decode()
    assert "Waiting for a worker" in page and state(draft) == "draft"
    tasks.work_task()
    page = client.get(address(draft)).content.decode()
    assert "was promoted and run over all records" in page and state(draft) == "live" and 'name="wish"' not in page
    assert ResolutionRun.objects.get().model_id == draft.pk and ResolutionRun.objects.get().finished_at
    told = (
        AuditEntry.objects.filter(action__startswith="model.").order_by("id").values_list("action", "actor", "target")
    )
    actor = Actor.user(root).name
    assert list(told) == [
        (action, actor, str(draft.pk)) for action in ("model.trial_asked", "model.promotion_asked", "model.promoted")
    ]


def test_without_a_trial_against_the_model_in_use_nothing_is_promoted(
    people: Sender, draft: LinkageModel, root: User
) -> None:
    client = signed_in(root)
    assert 'value="promotion"' not in client.get(address(draft)).content.decode()
    assert "See first what it would change" in asks(client, draft, "promotion", seen="yes").content.decode()
    trial.trial(draft)
    registry.make_live(Actor("user:other"), registry.keep(with_thresholds(DEFAULT, link=5.0)))
    page = client.get(address(draft)).content.decode()
    assert 'value="promotion"' not in page and "against another model" in page
    asks(client, draft, "promotion", seen="yes")
    assert not ModelRequest.objects.exists() and state(draft) == "draft"


def test_a_promotion_that_was_overtaken_is_refused_by_the_worker(
    people: Sender, draft: LinkageModel, root: User
) -> None:
    trial.trial(draft)
    asks(signed_in(root), draft, "promotion", seen="yes")
    registry.make_live(Actor("user:other"), registry.keep(with_thresholds(DEFAULT, link=5.0)))
    tasks.work()
    assert ModelRequest.objects.get().refused == "model_untried" and state(draft) == "draft"
    assert "nobody has tried it against the model in use" in signed_in(root).get(address(draft)).content.decode()
    assert not ResolutionRun.objects.exists()


def test_a_wish_needs_the_permission_a_known_word_and_the_tick(draft: LinkageModel, root: User) -> None:
    client = signed_in(root)
    assert asks(client, draft, "promotion").status_code == 400
    assert asks(client, draft, "delete", seen="yes").status_code == 400
    assert client.get(reverse("admin:identity_linkagemodel_ask", args=[draft.pk])).status_code == 405
    assert asks(client, LinkageModel(pk=UUID(int=7)), "trial").status_code == 404
    for role, status in (("auditor", 403), ("administrator", 403), ("marketer", 403), ("steward", 200)):
        asking = signed_in(account(role))
        assert asks(asking, draft, "trial").status_code == status
        assert work(draft, asking).status_code == (403 if role == "marketer" else 204 if status == 403 else 200)
    assert ModelRequest.objects.get().actor == Actor.user(User.objects.get(username="steward")).name
    assert Permission.objects.filter(codename="promote_linkagemodel").count() == 1


def test_one_thing_at_a_time_is_asked_of_a_model(draft: LinkageModel, root: User) -> None:
    client = signed_in(root)
    asks(client, draft, "trial")
    assert "wait until it is over" in asks(client, draft, "trial").content.decode()
    assert ModelRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_beside_another_run_a_wish_waits(rows: None) -> None:
    row = registry.keep(with_thresholds(DEFAULT, link=2.5))
    requests.ask(Actor("user:1"), row.pk, Wish.TRIAL)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(sql.BEGIN_RUN)
        tasks.work()
        assert ModelRequest.objects.get().started_at is None
        cursor.execute(sql.END_RUN)
    other.close()
    tasks.work()
    assert ModelRequest.objects.get().finished_at and not ModelRequest.objects.get().refused
    assert column(sql.RUN_ALIVE) == [False]


def test_what_a_killed_worker_left_is_done_again(people: Sender, draft: LinkageModel, monkeypatch: Any) -> None:
    trial.trial(draft)
    requests.ask(Actor("user:1"), draft.pk, Wish.PROMOTION)
    monkeypatch.setattr(resolution, "_recluster_all", killed)
    with pytest.raises(SystemExit):
        tasks.work()
    monkeypatch.undo()
    assert state(draft) == "live" and ModelRequest.objects.get().finished_at is None
    tasks.work()
    assert ModelRequest.objects.get().refused == "" and ModelRequest.objects.get().finished_at
    assert AuditEntry.objects.filter(action="model.promoted").count() == 1
    assert Profile.objects.filter(state="live").count() == 2


def killed(*_: Any, **__: Any) -> None:
    raise SystemExit


def test_work_that_fails_says_so_and_leaves_the_next_to_be_done(
    people: Sender, draft: LinkageModel, root: User, monkeypatch: Any
) -> None:
    other = registry.keep(with_thresholds(DEFAULT, link=3.5))
    for row in (draft, other):
        requests.ask(Actor("user:1"), row.pk, Wish.TRIAL)
    monkeypatch.setattr(trial, "trial", broken)
    with pytest.raises(ZeroDivisionError):
        tasks.work()
    monkeypatch.undo()
    assert "it failed, and the log" in signed_in(root).get(address(draft)).content.decode()
    tasks.work()
    assert other.requests.get().refused == "" and other.requests.get().finished_at


def broken(*_: Any) -> None:
    raise ZeroDivisionError


def test_progress_is_told_in_the_reader_s_words(draft: LinkageModel, root: User) -> None:
    client = signed_in(root)
    request = requests.ask(Actor("user:1"), draft.pk, Wish.TRIAL)
    requests.begin(request)
    requests.say(request, "trying 4,000 of 12,345")
    part = work(draft, client).content.decode()
    assert 'max="12345" value="4000"' in part and "4,000 of 12,345" in part and "Trying what it would change" in part
    requests.say(request, "scoring")
    part = work(draft, client).content.decode()
    assert "scoring pairs" in part and "<progress" not in part


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_once_it_is_committed(rows: None, monkeypatch: Any) -> None:
    sent: list[str] = []
    monkeypatch.setattr(wake, "_send_once", sent.append)
    row = registry.keep(with_thresholds(DEFAULT, link=2.5))
    with transaction.atomic():
        requests.ask(Actor("user:1"), row.pk, Wish.TRIAL)
        assert sent == []
    assert sent == [settings.LINKAGE_TASK]
    with pytest.raises(Refused, match="wait until it is over"):
        requests.ask(Actor("user:1"), row.pk, Wish.TRIAL)


def test_a_worker_knows_the_task_and_beat_sends_it() -> None:
    app.loader.import_default_modules()
    assert settings.LINKAGE_TASK in app.tasks
    assert settings.LINKAGE_TASK in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
