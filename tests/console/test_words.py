"""Every string of ours is there in Korean, finished."""

from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.db.models import Model
from django.utils.translation import gettext, override

from identity import casework
from identity.review import BRIDGE, DRAWN, WORTH_A_LOOK
from identity.types import REVIEW_REASONS
from segments.query.problems import EXPECTED, MESSAGES

LOCALE = Path(__file__).parents[2] / "cdp" / "locale"


def live(path: Path) -> list[polib.POEntry]:
    return [entry for entry in polib.pofile(path) if not entry.obsolete]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    folder = LOCALE / language / "LC_MESSAGES"
    written = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in live(folder / "django.po") if entry.msgstr}
    compiled = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in polib.mofile(folder / "django.mo")}
    assert {key: text for key, text in written.items() if compiled.get(key) != text} == {}


def test_every_string_is_in_korean() -> None:
    catalogue = live(LOCALE / "ko" / "LC_MESSAGES" / "django.po")
    said = {entry.msgid: (entry.msgstr, *entry.msgstr_plural.values()) for entry in catalogue if not entry.fuzzy}
    unfinished = [entry.msgid for entry in catalogue if not any(said.get(entry.msgid, ()))]
    assert unfinished == []


def test_korean_is_chosen() -> None:
    with override("ko"):
        assert gettext("Customer data platform") == "고객 데이터 플랫폼"


def test_no_name_of_a_table_has_an_english_plural_in_korean() -> None:
    with override("ko"):
        names = [str(model._meta.verbose_name_plural) for model in apps.get_models() if ours(model)]
    assert names and [name for name in names if name[-1] in "sS" or name.isascii()] == []


def ours(model: type[Model]) -> bool:
    return model.__module__.split(".")[0] in ("cdp", "identity", "consent", "segments")


def test_what_can_be_wrong_with_a_rule_is_in_korean() -> None:
    with override("ko"):
        assert [text for text in (*MESSAGES.values(), *EXPECTED) if gettext(text) == text] == []


def test_every_reason_for_a_review_case_has_words() -> None:
    assert REVIEW_REASONS.keys() == {*WORTH_A_LOOK, BRIDGE, *DRAWN.values(), casework.DRAWN}
