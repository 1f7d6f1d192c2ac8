"""Pages without a browser: who may see what, masked values, queries that do not grow, no write where none belongs."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.cache import cache
from django.db import connection
from django.db.models import Count
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cdp.console import health
from cdp.console.site import QUESTIONS
from cdp.core.models import AuditEntry, User
from cdp.events import queries as event_queries
from cdp.events.models import Event
from consent.models import ConsentRecord, PrivacyRequest
from identity.models import Link, Profile, Record, ReviewCase
from segments.models import Membership, Segment
from tests.console import seed
from tests.console.conftest import account

OURS = ("core", "events", "ingestion", "identity", "profiles", "consent", "lake", "segments")
# Nothing for people to read.
WITHOUT_PAGE = {
    "SegmentUserPermission",
    "SourceUserPermission",
    "DestinationUserPermission",
    "ExportRequestUserPermission",
    "ExportPart",
    "BlockingKey",
    "Minor",
    "ListEntry",
    "FieldCount",
}
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
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=[*map(quote, args)])


def test_every_table_has_its_page() -> None:
    ours = {model for label in OURS for model in apps.get_app_config(label).get_models()}
    missing = {model.__name__ for model in ours if model not in admin.site._registry} - WITHOUT_PAGE
    assert missing == set()


def test_the_console_s_templates_come_before_django_s(client: Client) -> None:
    # cdp.console must stand before the admin in INSTALLED_APPS, or Django's own templates win.
    assert b"console/console.css" in client.get(reverse("admin:index")).content


def test_lists_and_pages_open_and_show_no_personal_value(client: Client) -> None:
    for model in shown_models():
        for address in addresses(model):
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert not [value for value in PERSONAL if value in answer.content.decode()], address


def test_lists_open_in_korean(client: Client) -> None:
    client.cookies["django_language"] = "ko"
    for model in shown_models():
        answer = client.get(page(model))
        assert answer.status_code == 200 and 'lang="ko"' in answer.content.decode(), model


def test_review_cases_are_listed_in_words(client: Client) -> None:
    ReviewCase.objects.update(reason="given names", weight=46.25178)
    record = Record.objects.get(pk=ReviewCase.objects.get().left)
    shown = client.get(page(ReviewCase)).content.decode()
    assert "Different given names" in shown and "46.3" in shown and "46.25" not in shown
    assert f">{str(record.pk)[:8]}</a>" in shown and f">{record.pk}<" not in shown
    client.cookies["django_language"] = "ko"
    assert "이름이 서로 다름" in client.get(page(ReviewCase)).content.decode()


def test_privacy_requests_are_named_and_counted_down(client: Client) -> None:
    request = PrivacyRequest.objects.get(kind="erasure", state="received")
    client.cookies["django_language"] = "ko"
    for address in (page(PrivacyRequest), page(PrivacyRequest, "change", request.pk)):
        shown = client.get(address).content.decode()
        assert '<span class="chip warn">1</span>' in shown and "삭제" in shown and ">erasure" not in shown


def test_properties_may_be_called_items(client: Client) -> None:
    event = Event.objects.filter(record__isnull=False)[0]
    Event.objects.filter(record=event.record).update(properties={"items": 3})
    shown = client.get(page(Profile, "change", Record.objects.get(pk=event.record).profile_id))
    assert shown.status_code == 200 and 'title="items">Number of items</span>: 3' in shown.content.decode()


def test_a_rule_s_problems_and_its_sentence_are_in_the_reader_s_language(client: Client) -> None:
    client.cookies["django_language"] = "ko"
    segment = Segment.objects.get(key="birthday")
    address = page(Segment, "change", segment.pk)
    assert "다음에 해당하는 프로필" in client.get(address).content.decode()
    rule = {"all": [{"trait": "birth_month", "op": "eq", "value": "x"}, {"trait": "nobody", "op": "exists"}]}
    written = {"name": "x", "key": "x", "purpose": "marketing", "zone": "Asia/Seoul", "refresh_minutes": 60}
    answer = client.post(address, {**written, "rule": json.dumps(rule), "_preview": ""}).content.decode()
    assert "이 값은 문자열 유형입니다" in answer and "특성은 없습니다" in answer and "This must be" not in answer
    assert "다음에 해당하는 프로필" not in answer


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
    """How many a page asks, titles of events read once: else it depends on how long ago they were, or on a tick within."""
    event_queries._event_words.cache_clear()
    with mock.patch.object(event_queries, "FRESH_SECONDS", 1e9), CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200, address
    return len(captured)


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


def two_together() -> tuple[Profile, list[Record]]:
    """A seeded profile of several records, about which no claim or link was made up."""
    profile = Profile.objects.annotate(number=Count("records")).filter(number__gt=1, state="live").order_by("-pk")[0]
    return profile, list(Record.objects.filter(profile=profile).order_by("pk"))


def test_a_steward_puts_a_profile_right_and_others_cannot(client: Client) -> None:
    profile, records = two_together()
    address = reverse("admin:identity_profile_steward", args=[profile.pk])
    asked = {"what": "expel", "record": str(records[0].pk), "reason": "different_people"}
    for role in ("marketer", "auditor", "privacy officer"):
        other = signed_in(role)
        assert other.post(address, asked).status_code == 403
        assert address not in other.get(page(Profile, "change", profile.pk)).content.decode()
    assert client.get(address).status_code == 405
    steward = signed_in("steward")
    assert address in steward.get(page(Profile, "change", profile.pk)).content.decode()
    assert not Link.objects.filter(kind="cannot").exists()
    told = steward.post(address, asked, follow=True).context["messages"]
    assert [str(message) for message in told] == ["Done. Everything else follows in a moment."]
    records[0].refresh_from_db()
    assert records[0].profile_id != profile.pk
    assert AuditEntry.objects.get(action="profile.record_expelled").details == {"reason": "different_people"}
    assert "These are different people" in steward.get(page(Profile, "change", profile.pk)).content.decode()


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"what": "explode"}, {"what": "expel", "reason": "different_people"},
        {"what": "split", "record": "x", "reason": "different_people"}, {"what": "unmerge", "reason": "wrong_data"},
        {"what": "correct", "attribute": "email", "value": "no mail", "reason": "wrong_data"},
        {"what": "correct", "attribute": "full_name", "value": "새 이름"},
    ],
)  # fmt: skip
def test_what_a_steward_asks_without_sense_or_reason_changes_nothing(client: Client, asked: dict[str, str]) -> None:
    profile, _ = two_together()
    before = dict(Record.objects.values_list("pk", "profile_id"))
    address = reverse("admin:identity_profile_steward", args=[profile.pk])
    answer = client.post(address, asked, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert dict(Record.objects.values_list("pk", "profile_id")) == before
    assert "no mail" not in answer.content.decode()


def test_a_steward_corrects_a_value(client: Client) -> None:
    profile, records = two_together()
    address = reverse("admin:identity_profile_steward", args=[profile.pk])
    asked = {"what": "correct", "attribute": "birth_date", "value": "1991-02-03", "reason": "person_asked"}
    assert signed_in("steward").post(address, asked).status_code == 302
    made = Record.objects.get(source__built_in=True)
    assert seed.values_of(made) == {"birth_date": "1991-02-03"}
    link = Link.objects.get(kind="must")
    assert {link.left, link.right} - {made.pk} < {record.pk for record in records}


def test_each_role_opens_home_and_sees_its_own_rooms(world: dict[str, Any]) -> None:
    rooms = {
        role: {room["key"] for room in signed_in(role).get(reverse("admin:index")).context["app_list"]}
        for role in ("marketer", "steward", "privacy officer", "auditor", "administrator")
    }
    assert rooms["auditor"] == {"what", "who", "may", "which", "house"}
    assert "which" in rooms["marketer"] and "house" not in rooms["marketer"]


@pytest.mark.parametrize(
    ("role", "first"),
    [("marketer", "which"), ("steward", "who"), ("privacy officer", "may"), ("administrator", "what")],
)
def test_the_room_of_somebody_s_own_work_comes_first(world: dict[str, Any], role: str, first: str) -> None:
    rooms = signed_in(role).get(reverse("admin:index")).context["app_list"]
    others = [room["key"] for room in rooms[1:]]
    assert rooms[0]["key"] == first
    assert others == [key for key, *_ in QUESTIONS if key in others]


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
