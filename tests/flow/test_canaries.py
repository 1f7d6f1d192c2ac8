"""A personal value that comes in by any door comes out nowhere: not in the database, logs, tasks, Redis or errors."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from cdp import pipeline
from cdp.core import embedded, stages
from cdp.core.models import User
from cdp.core.roles import ship_roles
from cdp.events.models import Event, Quarantined
from identity.models import Profile
from tests.flow import canaries
from tests.flow.canaries import EMAIL, NAME, PHONE, USER, bring, dump, found_in
from tests.flow.doors import Tool, segment
from tests.flow.processes import Worker, ask, contents, own_redis, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
# Django's own record of SQL, which is written only while it is asked for.
_NOT_LOGGED = ("django.db.backends",)


class Log:
    """What a handler of the product's own writes, formatted as it does."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.caplog = caplog

    def text(self) -> str:
        handler = logging.getLogger().handlers
        formatter = next((h.formatter for h in handler if type(h) is logging.StreamHandler and h.formatter), None)
        shown = formatter or logging.Formatter(settings.LOGGING["formatters"]["line"]["format"])
        return "\n".join(shown.format(record) for record in self.caplog.records if record.name not in _NOT_LOGGED)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    caplog.set_level(logging.DEBUG)
    yield Log(caplog)


@pytest.fixture
def resolved() -> None:
    bring()
    segment("all", {"trait": "known", "op": "eq", "value": True})
    pipeline.resolve()
    assert Quarantined.objects.count() == 8
    assert Profile.objects.filter(state="live").exists() and Event.objects.count() == 9


def servers_logs() -> str:
    """What the embedded servers wrote down, if they are in use."""
    logs = [path for path in (embedded.home() / "store", embedded.home()) for path in path.glob("*.log")]
    return "".join(path.read_text(errors="replace") for path in logs)


def test_nothing_is_found_in_the_database_the_logs_redis_or_the_queue(resolved: None, log: Log) -> None:
    from cdp.core import wake

    wake.wake()
    assert found_in(dump()) == []
    assert found_in(contents(settings.REDIS_URL)) == []
    assert found_in(servers_logs()) == []


def test_nothing_is_logged_on_the_way_in(log: Log) -> None:
    bring()
    pipeline.resolve()
    assert found_in(log.text()) == []


def test_reading_over_rest_shows_nothing_unasked(resolved: None, log: Log) -> None:
    tool = Tool()
    profile = tool.post("/profiles/lookup", {"email": EMAIL})["profiles"][0]
    answers = [
        tool.client.get(f"/api/v1/profiles/{profile}"),
        tool.client.get(f"/api/v1/profiles/{profile}/records"),
        tool.client.get(f"/api/v1/profiles/{profile}/consents"),
        tool.client.get("/api/v1/profiles/changes"),
        tool.client.get("/api/v1/segments/all/members", {"purpose": "marketing", "channel": "email"}),
        tool.client.get("/api/v1/segments/all/export", {"purpose": "marketing", "channel": "email"}),
    ]  # fmt: skip
    for answer in answers:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200 and found_in(body) == [], answer.request["PATH_INFO"]
    assert found_in(log.text()) == [] and found_in(dump()) == []


@pytest.mark.parametrize(
    "body", [{"email": [EMAIL]}, {EMAIL: PHONE, "x": "y", "z": NAME}, {"source": NAME, "external_id": USER}]
)
def test_a_refused_look_up_repeats_nothing(body: Any, log: Log) -> None:
    answer = Tool().client.post("/api/v1/profiles/lookup", body, content_type="application/json")
    assert answer.status_code == 400 and found_in(answer.content) == []
    assert found_in(log.text()) == []


@pytest.mark.parametrize("path", ["/api/v1/profiles/{}", "/api/v1/{}", "/v1/{}", "/{}", "/identity/profile/{}/change/"])
def test_a_value_in_an_address_is_not_logged_or_repeated(path: str, log: Log) -> None:
    ship_roles()
    reader, stranger = staff("auditor"), Client(raise_request_exception=False)
    for value in (EMAIL, PHONE, NAME):
        assert stranger.get(path.format(value)).status_code in (302, 401, 404)
        answer = reader.get(path.format(value))
        assert answer.status_code in (302, 401, 404) and found_in(answer.content) == []
    assert found_in(log.text()) == []


def staff(role: str) -> Client:
    user = User.objects.create_user("reader", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", ["marketer", "auditor", "administrator"])
def test_pages_show_nothing_to_who_may_not_unmask(role: str, resolved: None, log: Log) -> None:
    ship_roles()
    client, opened = staff(role), 0
    for address in pages():
        answer = client.get(address)
        assert answer.status_code in (200, 403), address
        assert found_in(answer.content) == [], address
        opened += answer.status_code == 200
    assert opened > 10
    assert found_in(log.text()) == []


def pages() -> Iterator[str]:
    """Home, every list, and some rows of every table."""
    yield reverse("admin:index")
    for model, options in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        if options.list_display_links is not None:
            yield from (
                reverse(f"{name}_change", args=[quote(pk)])
                for pk in model._default_manager.values_list("pk", flat=True)[:5]
            )


# --- errors -------------------------------------------------------------------------------------------------------------


def fails(*_args: Any, **_named: Any) -> Any:
    raise ValueError(f"{EMAIL} {NAME} {PHONE}")


def fails_in_sql(*_args: Any, **_named: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("select %s::text::int", [EMAIL])


def fails_in_copy(*_args: Any, **_named: Any) -> str:
    return f"{EMAIL}\t{NAME}\n"


BROKEN: list[tuple[str, Callable[..., Any], str]] = [
    ("identity.queries.profiles_with", fails, "rest"),
    ("identity.queries.profiles_with", fails_in_sql, "rest"),
    ("cdp.ingestion.messages.truncated_ip", fails, "ingestion"),
    ("cdp.events.rows.row", fails, "ingestion"),
    ("cdp.events.rows.row", fails_in_copy, "ingestion"),
    ("cdp.events.actions._copy", fails_in_sql, "ingestion"),
    ("cdp.console.profile.page", fails, "console"),
    ("cdp.console.profile.page", fails_in_sql, "console"),
]


@pytest.mark.parametrize(("place", "fault", "where"), BROKEN)
def test_an_error_in_a_view_tells_nothing(
    place: str, fault: Callable[..., Any], where: str, resolved: None, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship_roles()
    answers = {"rest": look_up, "ingestion": ingest, "console": open_profile}
    monkeypatch.setattr(place, fault)
    answer = answers[where]()
    assert found_in(answer.content) == []
    assert found_in(log.text()) == []
    assert found_in(dump()) == [] and found_in(servers_logs()) == []


def look_up() -> Any:
    return Tool().client.post("/api/v1/profiles/lookup", {"email": EMAIL}, content_type="application/json")


def ingest() -> Any:
    from cdp.events.models import WriteKey

    key = WriteKey.objects.filter(source__name="web").values_list("key", flat=True)[0]
    client = Client(raise_request_exception=False)
    body = {"batch": [message | {"messageId": "again"} for message in canaries.messages()[:1]], "writeKey": key}
    return client.post("/v1/batch", body, content_type="application/json")


def open_profile() -> Any:
    address = reverse("admin:identity_profile_change", args=[Profile.objects.filter(state="live")[0].pk])
    return staff("steward").get(address)


@pytest.mark.parametrize("fault", [fails, fails_in_sql])
def test_an_error_of_a_subject_tells_nothing(
    fault: Callable[..., Any], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring()
    monkeypatch.setattr("identity.folding.fold", fault)
    assert pipeline.advance_task.apply().state == "SUCCESS" and stages.set_aside() > 0
    assert "set a subject aside" in log.text() and found_in(log.text()) == [] and found_in(dump()) == []


@pytest.mark.parametrize("fault", [fails, fails_in_sql])
def test_an_error_in_a_task_tells_nothing(fault: Callable[..., Any], log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    bring()
    monkeypatch.setattr("segments.actions.refresh_due", fault)
    assert pipeline.advance_task.apply().state == "FAILURE"
    assert found_in(log.text()) == [] and found_in(dump()) == []


def test_a_worker_that_fails_tells_nothing(tmp_path: Path) -> None:
    bring()
    log = tmp_path / "worker.log"
    with own_redis(tmp_path) as redis:
        worker = Worker(redis, log, app="tests.flow.broken")
        try:
            ask(redis)
            wait_for(lambda: "ValueError" in log.read_text(), 60)
        finally:
            worker.kill()
        assert found_in(contents(redis)) == []
    assert found_in(log.read_text()) == [] and found_in(dump()) == []
