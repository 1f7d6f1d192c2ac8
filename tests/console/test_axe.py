"""axe-core finds nothing to complain of: on every page, in English by day and in Korean in the dark; what a language
changes of a page is its words, and what a light changes is its colours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.contrib import admin
from django.db.models import Count
from django.urls import reverse

from identity.models import Profile
from segments.models import ExportJob, Membership
from tests.console.conftest import Open
from tests.console.test_pages import page as address_of
from tests.console.test_pages import shown_models

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
RUN = """async part => (await axe.run(part, {resultTypes: ["violations"]})).violations.map(found =>
    `${found.id}: ${found.nodes.map(node => `${node.target} ${node.any.map(one => one.message)}`).join(" | ")}`)"""
WHOLE, CONTENT = "html", "#content"
NAMED = ("index", "live", "quality", "incident", "processing", "second_factor", "password_change")
LOOKS = [("en-US", "light"), ("ko-KR", "dark")]
pytestmark = pytest.mark.parametrize(("language", "light"), LOOKS)


def pages() -> Iterator[str]:
    """Of every table its list, a row and the form for a new one."""
    for model in shown_models():
        room = admin.site.get_model_admin(model)
        yield address_of(model)
        if room.list_display_links is not None:
            yield from (address_of(model, "change", pk) for pk in model.objects.values_list("pk", flat=True)[:1])
        if type(room).has_add_permission is admin.ModelAdmin.has_add_permission:
            yield address_of(model, "add")


def found(page: Any, address: str, part: str) -> list[str]:
    """What axe says of a page, or of the part that is its own."""
    page.goto(address)
    page.evaluate(AXE)
    return [f"{address} {one}" for one in page.evaluate(RUN, part)]


def test_axe_finds_nothing_on_the_pages_of_their_own(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light)
    addresses = [*(reverse(f"admin:{name}") for name in NAMED), reverse("admin:consent_privacyrequest_receive")]
    assert [one for address in addresses for one in found(page, address, WHOLE)] == []


def test_nor_on_those_of_any_table(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light)
    assert [one for address in pages() for one in found(page, address, CONTENT)] == []


def test_nor_where_a_membership_is_explained(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light)
    member = Membership.objects.values_list("segment", "profile")[0]
    asked = "?segment={}&profile={}".format(*member)
    assert [
        one for query in ("", asked) for one in found(page, reverse("admin:segments_segment_why") + query, WHOLE)
    ] == []
    assert page.locator("[data-holds]").count() > 0


def test_nor_beside_a_profile_s_own_page(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light)
    profile = Profile.objects.annotate(number=Count("records")).order_by("-number")[0]
    left, right = profile.records.order_by("pk").values_list("pk", flat=True)[:2]
    asked = {"events": "", "together": f"?left={left}&right={right}"}
    addresses = [reverse(f"admin:identity_profile_{name}", args=[profile.pk]) + query for name, query in asked.items()]
    assert [one for address in addresses for one in found(page, address, WHOLE)] == []


def test_nor_where_a_file_of_members_is_asked_for_or_made(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light)
    asked = ExportJob.objects.values_list("pk", "segment")[0]
    addresses = [
        reverse(f"admin:segments_exportjob_{name}", args=[pk])
        for name, pk in zip(("change", "ask"), asked, strict=True)
    ]
    assert [one for address in addresses for one in found(page, address, WHOLE)] == []


def test_nor_where_nobody_is_signed_in(open_page: Open, language: str, light: str) -> None:
    page = open_page(locale=language, color_scheme=light, signed_in=False)
    assert [one for address in ("/login/", "/privacy/") for one in found(page, address, WHOLE)] == []
