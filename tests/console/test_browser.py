"""The console as Chromium shows it: no CSP violation, no error, no overflow; a segment written and published."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from cdp.core.models import User
from identity.models import Profile, ReviewCase
from segments.models import Segment
from tests.console.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
Open = Callable[..., Any]


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def visit(browser: Any, live_server: LiveServer, complaints: list[str]) -> Iterator[Open]:
    """Opens a fresh browser at an address; whatever its console complains of is collected."""
    contexts = []

    def opened(address: str, *, language: str = "en-US", scheme: str = "light", width: int = 1280) -> Any:
        context = browser.new_context(
            base_url=live_server.url, locale=language, color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in LOUD else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


LOUD = ("error", "warning")


def submit(page: Any, button: str) -> None:
    """Press a button and wait for the page it leads to."""
    with page.expect_navigation():
        page.click(button)


def sign_in(visit: Open, **options: Any) -> Any:
    page = visit("/login/?next=/", **options)
    page.fill("#id_username", "root")
    page.fill("#id_password", PASSWORD)
    submit(page, "#login-form [type=submit]")
    return page


@pytest.mark.parametrize(("language", "heading"), [("en-US", "The state of the whole"), ("ko-KR", "전체 현황")])
def test_signing_in_and_out_in_both_languages(
    visit: Open, world: dict[str, Any], root: User, complaints: list[str], language: str, heading: str
) -> None:
    page = sign_in(visit, language=language)
    assert page.inner_text("h1") == heading
    submit(page, "#logout-form button")
    assert page.query_selector("#user-tools .who") is None
    assert complaints == []


def test_the_language_is_switched_by_a_button(visit: Open, world: dict[str, Any], root: User) -> None:
    page = sign_in(visit)
    submit(page, "button[name=language][value=ko]")
    assert page.inner_text("h1") == "전체 현황" and page.get_attribute("html", "lang") == "ko"


def test_every_list_opens_without_a_complaint(
    visit: Open, world: dict[str, Any], root: User, complaints: list[str]
) -> None:
    page = sign_in(visit)
    for model in admin.site._registry:
        page.goto(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        assert page.query_selector("#changelist") is not None, model
        assert page.evaluate(OVERFLOW) <= 0, model
    assert complaints == []


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_key_pages_fit_every_width(
    visit: Open, world: dict[str, Any], root: User, complaints: list[str], width: int
) -> None:
    page = sign_in(visit, width=width, language="ko-KR")
    for address in key_pages():
        page.goto(address)
        assert page.evaluate(OVERFLOW) <= 0, address
    assert complaints == []


def key_pages() -> list[str]:
    profile = Profile.objects.filter(golden__isnull=False).order_by("pk")[0]
    return [
        reverse("admin:index"),
        reverse("admin:identity_profile_changelist"),
        reverse("admin:identity_profile_change", args=[profile.pk]),
        reverse("admin:identity_reviewcase_change", args=[ReviewCase.objects.all()[0].pk]),
        reverse("admin:segments_segment_add"),
        reverse("admin:segments_segment_change", args=[Segment.objects.all()[0].pk]),
        reverse("admin:events_source_add"),
    ]


def test_dark_follows_the_system_and_the_button(visit: Open, world: dict[str, Any], root: User) -> None:
    light, dark = sign_in(visit), sign_in(visit, scheme="dark")
    assert light.evaluate(BACKGROUND) != dark.evaluate(BACKGROUND)
    before = dark.evaluate(BACKGROUND)
    dark.click(".theme-toggle")
    assert dark.evaluate(BACKGROUND) != before


def test_a_segment_is_written_previewed_saved_and_published(
    visit: Open, world: dict[str, Any], root: User, complaints: list[str]
) -> None:
    page = sign_in(visit)
    page.goto(reverse("admin:segments_segment_add"))
    page.fill("#id_key", "women")
    page.fill("#id_name", "Women")
    page.fill("#id_rule", '{"trait": "genderr", "op": "eq", "value": "F"}')
    submit(page, "input[name=_preview]")
    assert "/trait" in page.inner_text(".field-rule .errorlist")
    page.fill("#id_rule", '{"trait": "gender", "op": "eq", "value": "F"}')
    submit(page, "input[name=_preview]")
    assert page.inner_text(".preview .numbers strong >> nth=0") == str(Profile.objects.filter(state="live").count())
    assert not Segment.objects.filter(key="women").exists()
    submit(page, "input[name=_continue]")
    submit(page, ".object-tools button.main")
    segment = Segment.objects.get(key="women")
    assert segment.state == "published" and segment.due_at is not None and complaints == []


def test_hostile_names_stay_text(visit: Open, world: dict[str, Any], root: User, complaints: list[str]) -> None:
    hostile = "<script>alert(1)</script>{{7*7}}\u202e" + "가" * 40
    segment = world["segments"][0]
    Segment.objects.filter(pk=segment.pk).update(name=hostile)
    page = sign_in(visit, width=360)
    for address in (reverse("admin:index"), reverse("admin:segments_segment_change", args=[segment.pk])):
        page.goto(address)
        assert "<script>alert(1)</script>{{7*7}}" in page.inner_text("#content")
        assert page.evaluate(OVERFLOW) <= 0, address
    assert complaints == []
