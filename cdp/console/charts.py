"""Charts as SVG, drawn on the server from Vega-Lite dictionaries: no script, no style attribute, Hangul kept as text.

Colours are the tokens of the stylesheet, so that one drawing serves light and dark.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import vl_convert
from django.utils.safestring import SafeString, mark_safe

VEGA_LITE: Final = "5.21"
# For a match, against it, and neither: told apart by everyone, on light and on dark.
FOR, AGAINST, NEITHER, LINE = "#1b8a96", "#d0672a", "#98a2ad", "#2f8f9b"
# Marks are read as one picture, whose alternative text is ours; what each says stands in the table beside it.
CONFIG: Final = {
    "aria": False,
    "background": None,
    "font": "inherit",
    "bar": {"color": LINE},
    "line": {"color": LINE},
    "axis": {"labelFontSize": 13, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 0},
    "header": {"labelFontSize": 13, "labelFontWeight": "bold"},
    "title": {"fontSize": 12},
    "legend": {"labelFontSize": 12, "titleFontSize": 12},
}
# What Vega and the charts draw with → our tokens.
TOKENS: Final = {
    "#000": "currentColor", "black": "currentColor", "#ddd": "var(--line)", "#aaa": "var(--line-strong)",
    "#888": "var(--line-strong)", "white": "none", "red": AGAINST, "green": FOR, "gray": "var(--line-strong)",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A chart and what it shows, in words."""

    svg: SafeString
    alt: str


def draw(chart: dict[str, Any], name: str) -> SafeString:
    """The SVG of a Vega-Lite dictionary, for standing in a page; `name` keeps its ids apart from other charts'."""
    told = {part: chart.get("config", {}).get(part, {}) for part in CONFIG}
    merged = {part: {**told[part], **ours} if isinstance(ours, dict) else ours for part, ours in CONFIG.items()}
    spec = {**chart, "config": {**chart.get("config", {}), **merged}}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    return mark_safe(_themed(svg, name))  # noqa: S308 - drawn by us from numbers and words, which Vega escapes


def _themed(svg: str, name: str) -> str:
    plain = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg)
    ours = re.sub(r'(fill|stroke)="([^"]*)"', lambda found: f'{found[1]}="{TOKENS.get(found[2], found[2])}"', plain)
    return re.sub(r'(id="|url\(#)', rf"\g<1>{name}-", ours)
