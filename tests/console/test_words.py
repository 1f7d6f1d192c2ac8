"""Every string of ours is there in Korean, finished."""

from pathlib import Path

import polib
import pytest
from django.utils.translation import gettext, override

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
    unfinished = [entry.msgid for entry in catalogue if not entry.msgstr or entry.fuzzy]
    assert unfinished == []


def test_korean_is_chosen() -> None:
    with override("ko"):
        assert gettext("Customer data platform") == "고객 데이터 플랫폼"
