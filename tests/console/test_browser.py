"""The console as Chromium shows it: no CSP violation, no error, nothing cut off, in both languages and in the dark."""

from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from cdp.events.models import Event, Source
from cdp.ingestion.models import Upload
from identity import requests
from identity.models import Profile, Record, ReviewCase
from segments.models import Segment
from tests.console import seed
from tests.console.conftest import PASSWORD, Open
from tests.console.test_linkage import address as address_of
from tests.console.test_linkage import kept

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Panels (not lists) whose table is wider than they are.
CUT_OFF = """[...document.querySelectorAll(".card .scroll")].filter(panel => panel.scrollWidth > panel.clientWidth + 1)
    .map(panel => panel.closest("section").id || panel.closest("section").getAttribute("aria-labelledby"))"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
pytestmark = pytest.mark.usefixtures("quiet")


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


@pytest.mark.parametrize("language", ["english", "korean"])
@pytest.mark.parametrize(
    "table", ["consent_privacyrequest", "identity_profile", "identity_reviewcase", "segments_segment"]
)
def test_no_column_of_what_people_work_with_is_cut_off(
    request: pytest.FixtureRequest, language: str, table: str
) -> None:
    page = request.getfixturevalue(language)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(reverse(f"admin:{table}_changelist"))
    wider = "document.querySelector('.results').scrollWidth - document.querySelector('.results').clientWidth"
    assert page.evaluate(wider) <= 0


def test_an_id_is_shown_by_its_end_and_told_in_full(english: Any) -> None:
    english.goto(reverse("admin:identity_profile_changelist"))
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
        reverse("admin:segments_segment_why"),
        reverse("admin:events_source_add"),
        reverse("admin:live"),
        reverse("admin:quality"),
        reverse("admin:ingestion_upload_change", args=[Upload.objects.all()[0].pk]),
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
    page.wait_for_selector("section.reach td.number")
    segment.delete()


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


def test_what_was_asked_for_before_a_pause_is_shown_after_it(open_page: Open) -> None:
    page, record, source = open_page(locale="en-US"), Record.objects.all()[0], Source.objects.filter(built_in=False)[0]
    asked: list[Any] = []
    page.clock.install()
    page.goto(reverse("admin:live"))
    before = page.locator("#tail tr").count()
    page.route("**/*after=*", lambda route: asked.append(route))
    page.clock.run_for(2_000)
    while not asked:
        page.wait_for_timeout(20)
    page.click("#pause")
    made = seed.event(record, source, 0)
    with page.expect_response("**/*after=*") as answered:
        asked.pop().continue_()
    assert str(made.pk) in answered.value.text()
    page.clock.run_for(2_000)
    assert page.inner_text("#arrived") == "Paused." and page.locator("#tail tr").count() == before
    page.unroute("**/*after=*")
    page.click("#pause")
    page.clock.run_for(2_000)
    page.wait_for_selector(f"#tail tr.new[data-id='{made.pk}']")
    Event.objects.filter(pk=made.pk).delete()


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


def test_a_letter_alone_presses_its_button_unless_somebody_writes_holds_it_or_turned_that_off(english: Any) -> None:
    address = reverse("admin:identity_reviewcase_change", args=[ReviewCase.objects.filter(state="open")[0].pk])
    english.goto(address)
    english.evaluate("""document.addEventListener("submit", event => {
        event.preventDefault();
        document.title += " " + event.submitter.value;
    })""")
    before, field = english.title(), english.locator("#content select").first
    field.focus()
    english.keyboard.press("d")
    english.locator("h1").click()
    english.keyboard.press("Control+d")
    english.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'd', repeat: true, bubbles: true}))"
    )
    assert english.title() == before
    english.keyboard.press("d")
    english.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅜ', code: 'KeyN', bubbles: true}))"
    )
    assert english.title() == f"{before} different not_sure"
    english.uncheck("#letters-alone")
    english.keyboard.press("d")
    assert english.title() == f"{before} different not_sure"
    english.reload()
    assert not english.is_checked("#letters-alone") and english.is_visible("#access-keys")
    english.check("#letters-alone")


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
