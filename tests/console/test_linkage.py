"""The page of a linkage model: Splink's charts drawn on the server, a table beside each, and what a trial found."""

import re
from typing import Any, get_args

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from cdp.console import charts, linkage
from cdp.console.case import LEVELS
from cdp.console.linkage import ORIGINS
from cdp.core.models import User
from identity import registry
from identity.linkage import comparisons
from identity.linkage.model import DEFAULT, Origin, with_thresholds
from identity.models import LinkageModel, Profile, Record
from tests.console.conftest import account

pytestmark = pytest.mark.django_db


def kept() -> LinkageModel:
    """A draft with what a trial found, as trials tell it."""
    row = registry.keep(with_thresholds(DEFAULT, link=2.5), recall=0.64, made_from="0123456789abcdef")
    records = [str(pk) for pk in Record.objects.order_by("pk").values_list("pk", flat=True)[:2]]
    profiles = [str(pk) for pk in Profile.objects.order_by("pk").values_list("pk", flat=True)[:2]]
    told = [
        {"comparison": "name", "level": "jamo", "bits": 4.23},
        {"comparison": "phone", "level": "else", "bits": -2.0},
    ]
    common = {"left": records[0], "right": records[1], "weight": 3.25, "comparisons": told}
    examples = [
        {"kind": "merged", "profile": profiles[0], "other": profiles[1], "before": None, "refused": "", **common},
        {"kind": "split", "profile": profiles[0], "other": None, "before": 4.5, "refused": "given names", **common},
    ]
    found = {
        "merged": 1234, "split": 5, "moved": 0, "created": 0, "unchanged": 98765, "opened": 17, "profiles": 100_000,
        "largest_before": 9, "largest_after": 11, "links": 5, "pairs": 50, "records": 200_000, "version": row.version,
        "histogram": {str(bits): 40 + bits for bits in range(-1, 30)}, "examples": examples,
        "unlinkable": [[bits + 0.5, round((bits + 8) / 60, 4)] for bits in range(-8, 40)],
    }  # fmt: skip
    registry.keep_trial(row, found)
    return row


def address(row: LinkageModel) -> str:
    return reverse("admin:identity_linkagemodel_change", args=[row.pk])


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_page_tells_levels_prior_and_thresholds(world: dict[str, Any], root: User) -> None:
    page = signed_in(root).get(address(kept())).content.decode()
    assert "2.5 bits" in page and "one pair in 10,000" in page and "find 64% of the matches" in page
    assert "1,234" in page and "98,765" in page and "a jamo apart +4.2" in page
    assert "Different given names" in page and "linkage promote" in page
    assert page.count('class="part"') == 2 * len(comparisons.COMPARISONS)
    assert page.count('class="marks"') == 4


def test_every_origin_has_words_and_every_level_its_own_beside_the_others() -> None:
    assert ORIGINS.keys() == set(get_args(Origin))
    for language in ("en", "ko"):
        with override(language):
            for item in comparisons.COMPARISONS:
                assert len({str(LEVELS[level.name]) for level in item.levels}) == len(item.levels)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_charts_are_splink_s_safe_to_inline_and_in_the_reader_s_language(rows: None, language: str) -> None:
    row = kept_without_trial()
    with override(language):
        drawn = linkage.model_charts(row.pk, language)
        words = {str(LEVELS[level.name]) for item in comparisons.COMPARISONS for level in item.levels}
    for chart in drawn.values():
        assert "<script" not in chart.svg and "style=" not in chart.svg and "http:" not in chart.svg[200:]
        texts = set(re.findall(r"<text[^>]*>([^<]+)<", chart.svg))
        assert words <= texts and not texts & {"jamo", "birth_date", "label_for_charts"}
        assert "#000" not in chart.svg and "currentColor" in chart.svg and 'aria-label="' not in chart.svg
    bars = len(re.findall(r'<path d="[^"]+" fill="rgb', drawn["weights"].svg))
    levels = sum(len(weights) for weights in DEFAULT.weights.values())
    assert bars >= levels


def kept_without_trial() -> LinkageModel:
    return registry.keep(with_thresholds(DEFAULT, link=3.5))


def test_ids_within_charts_do_not_meet(rows: None) -> None:
    drawn = linkage.model_charts(kept_without_trial().pk, "en")
    found = [name for chart in drawn.values() for name in re.findall(r' id="([^"]+)"', chart.svg)]
    assert len(found) == len(set(found)) > 0
    assert all(f'id="{name}"' in drawn["weights"].svg for name in re.findall(r"url\(#([^)]+)\)", drawn["weights"].svg))


def test_a_chart_loads_nothing_from_elsewhere() -> None:
    spec = {
        "data": {"url": "http://127.0.0.1:9/x.json"},
        "mark": "bar",
        "encoding": {"x": {"field": "a", "type": "nominal"}},
    }
    svg = ""
    with pytest.raises(ValueError, match=r"(?i)url|allowed"):
        svg = charts.draw(spec, "x")
    assert svg == ""


def test_a_model_that_cannot_be_read_says_so(world: dict[str, Any], root: User) -> None:
    row = LinkageModel.objects.get(version="2026-11-01")
    page = signed_in(root).get(address(row)).content.decode()
    assert "cannot be read by this version" in page


@pytest.mark.parametrize(
    ("role", "status"), [("steward", 200), ("auditor", 200), ("administrator", 200), ("marketer", 403)]
)
def test_only_who_may_see_models_sees_them(world: dict[str, Any], role: str, status: int) -> None:
    row = kept()
    answer = signed_in(account(role)).get(address(row))
    assert answer.status_code == status
    if status == 200:
        profile = reverse("admin:identity_profile_change", args=[row.report["trial"]["examples"][0]["profile"]])
        assert (profile in answer.content.decode()) == (role != "administrator")


def test_the_list_tells_what_trials_found(world: dict[str, Any], root: User) -> None:
    kept()
    page = signed_in(root).get(reverse("admin:identity_linkagemodel_changelist")).content.decode()
    assert "1,234 merge, 5 split" in page
