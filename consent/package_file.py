"""An access package as one file: `data.json` for machines, `ko.html` and `en.html` to be read, in a zip. Pure."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from consent.package_words import SECTIONS, WORDS, word

LANGUAGES = ("ko", "en")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border:1px solid #ccc;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#f2f2f2}dt{font-weight:600}dd{margin:0 0 .4rem}"
    "table table{margin:0}"
)


def zipped(package: Mapping[str, Any]) -> bytes:
    """The file of a package (section → what is known); JSON-shaped values, dates and UUIDs."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", msgspec.json.format(msgspec.json.encode(package, enc_hook=str), indent=1))
        for language in LANGUAGES:
            archive.writestr(f"{language}.html", page(package, language))
    return held.getvalue()


def page(package: Mapping[str, Any], language: str) -> str:
    """A package as an HTML page of its own, in one language; whatever people typed is text in it."""
    with translation.override(language):
        sections = [_section(name, package[name]) for name in SECTIONS if name in package]
        others = [_section(name, held) for name, held in package.items() if name not in SECTIONS and name != "format"]
        return format_html(
            '<!DOCTYPE html>\n<html lang="{}">\n<head><meta charset="utf-8"><meta name="robots" content="noindex">'
            "<title>{}</title><style>{}</style></head>\n<body><h1>{}</h1>\n<p>{}</p>\n{}</body>\n</html>\n",
            language,
            _("Your personal data"),
            STYLE,
            _("Your personal data"),
            _("This is everything that we hold about you. The file data.json holds the same for machines."),
            _joined("{}", [*sections, *others]),
        )


def _section(name: str, held: Any) -> SafeString:
    said = _value(held) if held not in (None, "", [], {}) else _("Nothing.")
    return format_html("<section><h2>{}</h2>\n{}</section>\n", word(SECTIONS, name), said)


def _value(held: Any, name: str = "") -> Any:
    """Any value as HTML."""
    if isinstance(held, Mapping):
        return held[translation.get_language()] if held.keys() == set(LANGUAGES) else _facts(held)
    if isinstance(held, list | tuple):
        return _rows(held, name)
    return next((shown(held) for kind, shown in SHOWN if isinstance(held, kind)), WORDS.get(f"{name}={held}", held))


def _facts(held: Mapping[str, Any]) -> SafeString:
    lines = [format_html("<dt>{}</dt><dd>{}</dd>", word(WORDS, name), _value(of, name)) for name, of in _said(held)]
    return format_html("<dl>{}</dl>", _joined("{}", lines))


def _rows(held: Sequence[Any], name: str) -> SafeString:
    if not held or not all(isinstance(row, Mapping) for row in held):
        return _joined("{}<br>", [_value(one, name) for one in held])
    columns = list(dict.fromkeys(column for row in held for column, of in _said(row)))
    head = _joined('<th scope="col">{}</th>', [word(WORDS, column) for column in columns])
    lines = [_joined("<td>{}</td>", [_cell(row.get(column), column) for column in columns]) for row in held]
    return format_html(
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, _joined("<tr>{}</tr>\n", lines)
    )


def _cell(held: Any, column: str) -> Any:
    return "" if held in (None, "", [], {}) else _value(held, column)


def _said(held: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, of) for name, of in held.items() if of not in (None, "", [], {}))


def _joined(form: str, parts: Iterable[Any]) -> SafeString:
    return format_html_join("", form, ((part,) for part in parts))


def _moment(held: datetime) -> str:
    return date_format(timezone.localtime(held), "SHORT_DATETIME_FORMAT")


# In this order: a truth is a number, a moment a date.
SHOWN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (bool, lambda held: _("yes") if held else _("no")),
    (datetime, _moment),
    (date, lambda held: date_format(held, "SHORT_DATE_FORMAT")),
)
