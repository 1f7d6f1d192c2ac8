"""Pages without a browser: who may see what, masked values, queries that do not grow, no write where none belongs."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cdp.console import health
from cdp.core.models import AuditEntry, User
from cdp.events.models import Event
from consent.models import ConsentRecord
from identity.models import Link, Profile, Record, ReviewCase
from segments.models import Membership, Segment
from tests.console import seed
from tests.console.conftest import account

OURS = ("core", "events", "identity", "profiles", "consent", "segments")
PERMISSION_ROWS = {"SegmentUserPermission", "SegmentGroupPermission"}
PERSONAL = ("김민준", "person0@example.com", "55000000", "세종대로 0")
pytestmark = pytest.mark.django_db


def shown_models() -> list[Any]:
    return [model for model in admin.site._registry if model._meta.app_label in (*OURS, "auth")]


@pytest.fixture
def client(world: dict[str, Any], root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(account(role))
    return client


def page(model: Any, kind: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def test_every_table_has_its_page() -> None:
    ours = {model for label in OURS for model in apps.get_app_config(label).get_models()}
    missing = {model.__name__ for model in ours if model not in admin.site._registry} - PERMISSION_ROWS
    assert missing == set()


def test_the_console_s_templates_come_before_django_s(client: Client) -> None:
    # cdp.console must stand before the admin in INSTALLED_APPS, or Django's own templates win.
    assert b"console/console.css" in client.get(reverse("admin:index")).content


@pytest.mark.parametrize("language", ["en", "ko"])
def test_lists_and_pages_open(client: Client, language: str) -> None:
    client.cookies["django_language"] = language
    for model in shown_models():
        for address in addresses(model):
            assert client.get(address).status_code == 200, address


def test_lists_ask_no_query_a_row(client: Client) -> None:
    few = {model: queries(client, page(model)) for model in shown_models()}
    seed.more(20)
    grown = {model: (few[model], now) for model in shown_models() if (now := queries(client, page(model))) > few[model]}
    assert grown == {}


def test_home_asks_no_query_a_row(client: Client) -> None:
    before = queries(client, reverse("admin:index"))
    seed.more(20)
    assert queries(client, reverse("admin:index")) <= before <= 30


def test_a_profile_s_page_asks_no_query_a_row(client: Client) -> None:
    profile = Profile.objects.filter(golden__isnull=False).order_by("pk")[0]
    before = queries(client, page(Profile, "change", profile.pk))
    record = Record.objects.filter(profile=profile).select_related("source")[0]
    for step in range(10):
        seed.event(record, record.source, step)
    assert queries(client, page(Profile, "change", profile.pk)) <= before


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200, address
    return len(captured)


def test_no_page_shows_a_personal_value(client: Client) -> None:
    for model in shown_models():
        for address in addresses(model) if model is not User else ():
            text = client.get(address).content.decode()
            assert not [value for value in PERSONAL if value in text], address


def addresses(model: Any) -> Iterator[str]:
    yield page(model)
    if admin.site.get_model_admin(model).list_display_links is not None:
        yield from (page(model, "change", pk) for pk in model.objects.values_list("pk", flat=True)[:3])


def test_values_are_masked_until_a_reason_is_given_and_the_showing_is_audited(client: Client) -> None:
    record = Record.objects.filter(profile__golden__isnull=False).order_by("pk")[0]
    values = seed.values_of(record)
    address = page(Profile, "change", record.profile_id)
    masked = client.get(address).content.decode()
    assert values["full_name"][0] + "**" in masked and values["full_name"] not in masked
    shown = client.post(address, {"reason": "contact"})
    assert values["full_name"] in shown.content.decode() and "no-store" in shown["Cache-Control"]
    subjects = AuditEntry.objects.filter(action="profile.unmasked").values_list("subject", flat=True)
    assert seed.subject_of(record.pk) in set(subjects)
    assert values["full_name"] not in client.get(address).content.decode()


def test_values_are_not_shown_without_a_reason_or_the_permission(client: Client) -> None:
    record = Record.objects.filter(profile__golden__isnull=False).order_by("pk")[0]
    address, name = page(Profile, "change", record.profile_id), seed.values_of(record)["full_name"]
    assert name not in client.post(address, {"reason": "because"}).content.decode()
    refused = signed_in("marketer").post(address, {"reason": "contact"})
    assert refused.status_code == 403 and name not in refused.content.decode()
    assert not AuditEntry.objects.filter(action="profile.unmasked").exists()


def test_append_only_tables_can_be_neither_added_to_changed_nor_deleted(client: Client) -> None:
    for model in (AuditEntry, ConsentRecord, Event, Membership, Record):
        first = model.objects.first()
        assert first is not None
        for kind, arguments in (("add", ()), ("delete", (first.pk,))):
            assert client.get(page(model, kind, *arguments)).status_code == 403, (model, kind)
        assert client.post(page(model, "change", first.pk), {}).status_code == 403, model


def test_search_takes_whole_ids_and_nothing_else(client: Client) -> None:
    record = Record.objects.order_by("pk")[0]
    found = client.get(page(Record), {"q": str(record.pk)}).context["cl"]
    nothing = client.get(page(Record), {"q": "김민준"}).context["cl"]
    assert [row.pk for row in found.result_list] == [record.pk] and list(nothing.result_list) == []


def test_a_steward_decides_a_case_and_a_marketer_cannot(client: Client) -> None:
    case = ReviewCase.objects.get()
    address = reverse("admin:identity_reviewcase_decide", args=[case.pk])
    assert signed_in("marketer").post(address, {"verdict": "different"}).status_code == 403
    assert client.get(address).status_code == 405
    steward = signed_in("steward")
    assert steward.post(address, {"verdict": "obsolete"}).status_code == 400
    assert not Link.objects.exclude(kind="probable").exists()
    assert steward.post(address, {"verdict": "different"}).status_code == 302
    case.refresh_from_db()
    assert case.state == "different" and Link.objects.filter(kind="cannot").count() == 1


def test_each_role_opens_home_and_sees_its_own_rooms(world: dict[str, Any]) -> None:
    rooms = {
        role: {room["key"] for room in signed_in(role).get(reverse("admin:index")).context["app_list"]}
        for role in ("marketer", "steward", "privacy officer", "auditor", "administrator")
    }
    assert rooms["auditor"] == {"what", "who", "may", "which", "house"}
    assert "which" in rooms["marketer"] and "house" not in rooms["marketer"]


def test_an_auditor_changes_nothing(world: dict[str, Any]) -> None:
    auditor, segment = signed_in("auditor"), Segment.objects.first()
    assert segment is not None
    for name in ("publish", "recompute"):
        assert auditor.post(reverse(f"admin:segments_segment_{name}", args=[segment.pk])).status_code == 403
    assert auditor.get(reverse("admin:segments_segment_add")).status_code == 403
    assert auditor.post(page(Segment, "change", segment.pk), {"name": "x"}).status_code == 403


def test_health_and_readiness(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    request = RequestFactory().get("/")
    assert health.healthz(request).status_code == 200
    assert health.readyz(request).status_code == 200
    monkeypatch.setattr(cache, "get", unreachable)
    assert health.readyz(request).status_code == 503


def unreachable(*_: Any, **__: Any) -> None:
    raise ConnectionError


def test_errors_are_plain_and_translated(client: Client) -> None:
    client.cookies["django_language"] = "ko"
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404 and "없는 페이지입니다" in answer.content.decode()
