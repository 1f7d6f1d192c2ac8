"""Audit actions in words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.utils import translation

from cdp.core import deeds

ROOT = Path(__file__).parents[2]
PACKAGES = ("cdp", "identity", "consent", "segments")


def written() -> Iterator[tuple[str, str]]:
    """(what with, what was done) of every action that the code writes down; "" for a part that is worked out."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and called(node) in {
                "audit",
                "_audit",
                "disclose",
                "note_sign_in",
                "look_up",
            }:
                yield from filter(None, map(parts, node.args[:2]))


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def parts(node: ast.expr) -> tuple[str, str] | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
        thing, _dot, done = node.value.partition(".")
        return thing, done
    if not isinstance(node, ast.JoinedStr) or not isinstance(node.values[0], ast.Constant):
        return None
    return str(node.values[0].value).partition(".")[0], ""


def test_every_action_has_its_words() -> None:
    known = {*deeds.THINGS, *(model._meta.model_name for model in apps.get_models())}
    found = set(written())
    assert len(found) > 100
    assert {thing for thing, _done in found} - known == set()
    assert {done for _thing, done in found if done} - deeds.DONE.keys() == set()


@pytest.mark.parametrize(("language", "told"), [("en", "segment: published"), ("ko", "세그먼트: 게시")])
def test_an_action_is_told_in_the_reader_s_words(language: str, told: str) -> None:
    with translation.override(language):
        assert deeds.told("segment.published") == told


def test_a_table_goes_by_its_own_name_and_what_is_unknown_by_itself() -> None:
    with translation.override("en"):
        assert deeds.told("reviewcase.listed") == "review case: seen in a list"
        assert deeds.told("nonsense.happened") == "nonsense: happened"
        assert deeds.told("nonsense") == "nonsense"
