"""The console as Chromium shows it: no CSP violation, no error, nothing cut off, in both languages and in the dark."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from cdp.core.models import User
from cdp.events.models import Event, Source
from identity import requests
from identity.models import Profile, Record, ReviewCase
from segments.models import Segment
from tests.console import seed
from tests.console.conftest import PASSWORD, session_of
from tests.console.test_linkage import address as address_of
from tests.console.test_linkage import kept

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Panels (not lists) whose table is wider than they are.
CUT_OFF = """[...document.querySelectorAll(".card .scroll")].filter(panel => panel.scrollWidth > panel.clientWidth + 1)
    .map(panel => panel.closest("section").id || panel.closest("section").getAttribute("aria-labelledby"))"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LOUD = ("error", "warning")
# What the builder shows as controls, and what it must leave alone.
RULES = [
    {"any": [{"trait": "birth_month", "op": "between", "value": [3, 5]}, {"trait": "city", "op": "in", "value": ["서울", "a"]}]},
    {"not": {"any": [{"trait": "last_order_at", "op": "gte", "value": {"days_ago": 30}}, {"not": {"segment": "birthday"}}]}},
    {"event": "Order Completed", "sum": {"property": "revenue", "op": "gt", "value": 5}, "currency": "KRW",
     "where": [{"property": "register", "op": "exists"}, {"property": "total", "op": "lte", "value": 9.5}]},
    {"event": "X", "last": {"between": {"to": {"days_ago": 60}}}}, {"event": "X", "within": {"days": 3, "calendar": True}},
    {"sequence": [{"event": "A"}, {"event": "B"}], "within": {"days": 3}}, {"segment": "birthday", "ever": True},
    {"not": {"trait": "known", "op": "eq", "value": True}}, {"not": {"all": [{"segment": "x"}]}}, {"not": {"not": {"segment": "x"}}},
    {"consent": {"purpose": "marketing", "channel": "email", "brand": "haru"}}, {"trait": "x", "op": "birthday_within",
     "value": {"next_days": 7}}, {"trait": "x"}, {"trait": "orders_count", "op": "between", "value": [-(2**53) - 1, 10**30]},
    {"event": "X", "count": {"op": "gt", "value": 2**64 + 1}, "within": {"days": 2**60 + 1}},
    {"event": "X", "count": {"op": "exists"}}, {}, 7, None,
]  # fmt: skip
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Whatever the browser's console complained of in this module."""
    return []


@pytest.fixture(scope="module")
def open_page(browser: Any, house: LiveServer, complaints: list[str]) -> Iterator[Open]:
    """A page of a fresh browser context, nobody signed in or the superuser."""
    contexts = []

    def opened(*, signed_in: bool = True, **options: Any) -> Any:
        context = browser.new_context(base_url=house.url, viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        if signed_in:
            session = session_of(User.objects.get(username="root"))
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": house.url}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in LOUD else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def english(open_page: Open) -> Any:
    return open_page(locale="en-US")


@pytest.fixture(scope="module")
def korean(open_page: Open) -> Any:
    return open_page(locale="ko-KR", color_scheme="dark")


@pytest.fixture(autouse=True)
def _nothing_to_complain_of(complaints: list[str]) -> Iterator[None]:
    complaints.clear()
    yield
    assert complaints == []


def submit(page: Any, button: str) -> None:
    """Press a button, by keyboard, for a count that arrives may move it, and wait for the page it leads to."""
    with page.expect_navigation():
        page.press(button, "Enter")


def test_signing_in_switching_the_language_and_signing_out(open_page: Open) -> None:
    page = open_page(signed_in=False, locale="ko-KR")
    page.goto("/login/?next=/")
    page.fill("#id_username", "root")
    page.fill("#id_password", PASSWORD)
    submit(page, "#login-form [type=submit]")
    assert page.inner_text("h1") == "전체 현황" and page.get_attribute("html", "lang") == "ko"
    submit(page, "button[name=language][value=en]")
    assert page.inner_text("h1") == "The state of the whole"
    submit(page, "#logout-form button")
    assert page.query_selector("#user-tools .who") is None


def test_every_list_opens_and_fits(english: Any) -> None:
    english.set_viewport_size({"width": 1280, "height": 800})
    for model in admin.site._registry:
        english.goto(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        assert english.query_selector("#changelist") is not None, model
        assert english.evaluate(OVERFLOW) <= 0, model


@pytest.mark.parametrize("language", ["english", "korean"])
def test_nothing_is_cut_off_at_any_width(request: pytest.FixtureRequest, language: str) -> None:
    page = request.getfixturevalue(language)
    for address in key_pages():
        page.goto(address)
        for width in (360, 768, 1024, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(OVERFLOW) <= 0, (address, width)
            assert page.evaluate(CUT_OFF) == [], (address, width)


def test_no_column_of_the_people_is_cut_off(english: Any) -> None:
    english.set_viewport_size({"width": 1280, "height": 800})
    english.goto(reverse("admin:identity_profile_changelist"))
    assert (
        english.evaluate(
            "document.querySelector('.results').scrollWidth - document.querySelector('.results').clientWidth"
        )
        <= 0
    )
    shown = english.locator("td.field-short_id span").first
    assert shown.get_attribute("title").endswith(shown.inner_text().removeprefix("…"))


def key_pages() -> list[str]:
    profile = Profile.objects.filter(golden__isnull=False).order_by("pk")[0]
    return [
        reverse("admin:index"),
        reverse("admin:identity_profile_changelist"),
        reverse("admin:identity_profile_change", args=[profile.pk]),
        reverse("admin:identity_reviewcase_changelist"),
        reverse("admin:identity_reviewcase_change", args=[ReviewCase.objects.all()[0].pk]),
        reverse("admin:segments_segment_add"),
        reverse("admin:segments_segment_change", args=[Segment.objects.all()[0].pk]),
        reverse("admin:events_source_add"),
        reverse("admin:live"),
        address_of(kept()),
    ]


def test_dark_follows_the_system_and_the_button(english: Any, korean: Any) -> None:
    light, dark = english, korean
    light.goto("/")
    dark.goto("/")
    before = dark.evaluate(BACKGROUND)
    assert light.evaluate(BACKGROUND) != before
    dark.click(".theme-toggle")
    assert dark.evaluate(BACKGROUND) != before


def test_a_segment_is_written_previewed_saved_and_published(english: Any) -> None:
    page = english
    page.goto(reverse("admin:segments_segment_add"))
    page.fill("#id_key", "women")
    page.fill("#id_name", "Women")
    page.click(".as-json summary")
    page.fill("#id_rule", '{"trait": "genderr", "op": "eq", "value": "F"}')
    submit(page, "input[name=_preview]")
    assert "no trait “genderr”" in page.inner_text(".builder .errorlist")
    assert page.inner_text(".field-in_words .readonly") == "–"
    page.click(".as-json summary")
    page.fill("#id_rule", '{"trait": "gender", "op": "eq", "value": "F"}')
    submit(page, "input[name=_preview]")
    assert page.inner_text(".preview .numbers strong >> nth=0") == str(Profile.objects.filter(state="live").count())
    assert page.inner_text(".field-in_words .readonly") == "Profiles where Gender is “F”."
    assert not Segment.objects.filter(key="women").exists()
    submit(page, "input[name=_continue]")
    submit(page, ".object-tools button.main")
    segment = Segment.objects.get(key="women")
    assert segment.state == "published" and segment.due_at is not None
    assert page.query_selector("section.reach") is not None
    segment.delete()


def test_a_rule_is_built_without_writing_json_and_counted_as_it_is_built(english: Any) -> None:
    page = english
    page.goto(reverse("admin:segments_segment_add"))
    page.wait_for_selector(".preview")
    page.select_option(".builder [data-path='/all/0'] select >> nth=0", "gender")
    page.select_option(".builder .adder select", "event")
    page.focus(".builder .adder button")
    page.keyboard.press("Enter")
    page.fill(".builder [data-path='/all/1'] input >> nth=0", "Order Completed")
    page.select_option(".builder [data-path='/all/1'] select >> nth=0", "no")
    gender = {"trait": "gender", "op": "eq", "value": ""}
    order = {"event": "Order Completed", "within": {"days": 30}}
    assert json.loads(page.input_value("#id_rule")) == {"all": [gender, {"not": order}]}
    page.fill(".builder [data-path='/all/0'] input", "F")
    page.wait_for_selector(".field-in_words .readonly:has-text('“F”')")
    page.select_option(".builder [data-path='/all/0'] select >> nth=1", "in")
    page.wait_for_selector(".builder [data-path='/all/0'] .errorlist")
    page.click(".builder [data-path='/all/0'] .remove")
    assert json.loads(page.input_value("#id_rule")) == {"all": [{"not": order}]}
    page.wait_for_selector(".builder .errorlist", state="detached")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_written_elsewhere_leaves_the_builder_as_it_came(english: Any, rule: dict[str, Any]) -> None:
    english.goto(reverse("admin:segments_segment_add"))
    english.click(".as-json summary")
    english.fill("#id_rule", json.dumps({"all": [rule]}))
    for kind in ("any", "all"):
        english.select_option(".builder .head select >> nth=0", kind)
    assert json.loads(english.input_value("#id_rule")) == {"all": [rule]}


CLAUSES = [{"trait": "gender", "op": "eq", "value": "F"}, {"any": [{"trait": "birth_month", "op": "eq", "value": 11}]}]


def builder(page: Any, rule: dict[str, Any]) -> None:
    """A new segment's page with this rule in the builder."""
    page.goto(reverse("admin:segments_segment_add"))
    page.click(".as-json summary")
    page.fill("#id_rule", json.dumps(rule))
    page.click(".as-json summary")


def rule_of(page: Any) -> Any:
    return json.loads(page.input_value("#id_rule"))


def test_each_clause_says_how_many_it_leaves_and_a_few_members_are_shown_masked(english: Any) -> None:
    builder(english, {"all": [*CLAUSES, {"trait": "region", "op": "ne", "value": "서울"}]})
    english.wait_for_selector(".drop-off tr[data-clause='/all/2']")
    people = str(Profile.objects.filter(state="live").count())
    assert english.inner_text(".builder [data-path='/all/1/any/0'] > .left") == people
    assert english.inner_text(".builder [data-path='/all/2'] > .left") == "0"
    english.click(".builder [data-path='/all/2'] .remove")
    english.wait_for_selector(".sample tbody tr")
    names = english.locator(".sample tbody th").all_inner_texts()
    assert names and all(name.endswith("**") for name in names)


def test_events_and_fields_are_named_and_written_in_the_reader_s_language(korean: Any) -> None:
    builder(korean, {"event": "Order Completed", "where": [{"property": "quantity", "op": "gte", "value": 1}]})
    event, field = (korean.locator(f".builder [data-path='/all/0'] input[list] >> nth={at}") for at in (0, 1))
    assert [(one.input_value(), one.get_attribute("title")) for one in (event, field)] == [
        ("구매 완료", "Order Completed"), ("수량", "quantity"),
    ]  # fmt: skip
    korean.wait_for_selector(".drop-off th:has-text('수량이 1 이상임'):has-text('“구매 완료”')")
    event.fill("장바구니 담기")
    field.fill("가격")
    assert rule_of(korean)["all"][0]["event"] == "Product Added"
    assert rule_of(korean)["all"][0]["where"][0]["property"] == "price"


def test_events_appear_as_they_come_in_until_somebody_pauses(open_page: Open) -> None:
    page, record, source = open_page(locale="en-US"), Record.objects.all()[0], Source.objects.filter(built_in=False)[0]
    page.clock.install()
    page.goto(reverse("admin:live"))
    before = page.locator("#tail tr").count()
    made = [seed.event(record, source, 0)]
    page.clock.run_for(2_000)
    page.wait_for_selector(f"#tail tr.new[data-id='{made[0].pk}']")
    page.click("#pause")
    assert page.inner_text("#arrived") == "Paused." and page.get_attribute("#pause", "aria-pressed") == "true"
    made.append(seed.event(record, source, 0))
    page.clock.run_for(10_000)
    assert page.locator("#tail tr").count() == before + 1
    page.click("#pause")
    page.clock.run_for(2_000)
    page.wait_for_selector(f"#tail tr.new[data-id='{made[1].pk}'] + tr[data-id='{made[0].pk}']")
    assert "Order Completed" in page.inner_text("#tail tr >> nth=0")
    Event.objects.filter(pk__in=[one.pk for one in made]).delete()


def test_parts_of_a_rule_are_moved_by_key(english: Any) -> None:
    gender, group = CLAUSES
    builder(english, {"all": CLAUSES})
    english.focus(".builder [data-path='/all/0'] .handle")
    english.keyboard.press("ArrowDown")
    assert rule_of(english) == {"all": [group, gender]}
    assert english.inner_text(".field-rule [role=status]").startswith("Moved: now 2 of 2.")
    english.keyboard.press("ArrowRight")
    assert rule_of(english) == {"all": [{"any": [*group["any"], gender]}]}
    english.keyboard.press("ArrowUp")
    english.keyboard.press("ArrowLeft")
    assert rule_of(english) == {"all": [group, gender]}


@pytest.mark.parametrize(
    ("dragged", "onto", "expected"),
    [
        ("/all/0", "/all/1/any/0", {"all": [{"any": [CLAUSES[0], *CLAUSES[1]["any"]]}]}),
        ("/all/1/any/0", "/all/0", {"all": [CLAUSES[1]["any"][0], CLAUSES[0], {"any": []}]}),
        ("/all/1", "/all/0", {"all": CLAUSES[::-1]}),
        ("/all/1", "/all/1/any/0", {"all": CLAUSES}),
    ],
)
def test_parts_of_a_rule_are_dragged(english: Any, dragged: str, onto: str, expected: dict[str, Any]) -> None:
    english.set_viewport_size({"width": 1280, "height": 1400})
    builder(english, {"all": CLAUSES})
    english.locator(".builder").scroll_into_view_if_needed()
    handle = english.locator(f".builder [data-path='{dragged}'] .handle").first.bounding_box()
    place = english.locator(f".builder [data-path='{onto}']").bounding_box()
    english.mouse.move(handle["x"] + 4, handle["y"] + 4)
    english.mouse.down()
    english.mouse.move(place["x"] + 90, place["y"] + 4, steps=3)
    english.mouse.up()
    assert rule_of(english) == expected and english.query_selector(".drop-here, .held") is None


def test_a_promotion_is_asked_for_by_keyboard_and_followed_to_its_end(english: Any) -> None:
    row = kept()
    english.set_viewport_size({"width": 1280, "height": 800})
    english.goto(address_of(row))
    english.focus("input[name=seen]")
    english.keyboard.press("Space")
    english.keyboard.press("Tab")
    with english.expect_navigation():
        english.keyboard.press("Enter")
    assert "Waiting for a worker" in english.inner_text("#work") and english.query_selector(".wish") is None
    request = row.requests.get()
    requests.begin(request)
    requests.say(request, "clustering 4,000 of 12,000")
    english.wait_for_selector("#work progress")
    assert "clustering records 4,000 of 12,000" in english.inner_text("#work")
    assert english.evaluate(OVERFLOW) <= 0 and english.evaluate(CUT_OFF) == []
    with english.expect_navigation():
        requests.finish(request)
    assert "was promoted and run over all records" in english.inner_text("#work")


def test_hostile_names_stay_text(english: Any) -> None:
    hostile = "<script>alert(1)</script>{{7*7}}\u202e" + "가" * 40
    segment = Segment.objects.all()[0]
    Segment.objects.filter(pk=segment.pk).update(name=hostile)
    english.set_viewport_size({"width": 360, "height": 800})
    for address in (reverse("admin:index"), reverse("admin:segments_segment_change", args=[segment.pk])):
        english.goto(address)
        assert "<script>alert(1)</script>{{7*7}}" in english.inner_text("#content")
        assert english.evaluate(OVERFLOW) <= 0 and english.evaluate(CUT_OFF) == [], address
    Segment.objects.filter(pk=segment.pk).update(name=segment.name)
