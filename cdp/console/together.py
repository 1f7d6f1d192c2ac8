"""How a profile's records hang together, as a picture and a table, and why any two of them are one person."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from cdp.console import case
from cdp.console.charts import AGAINST, LINE, NEITHER, Drawn, draw
from cdp.console.labels import label, signed
from cdp.core.errors import CdpError
from cdp.events.types import RECORD_KINDS
from identity import queries
from identity.types import IDENTIFIERS, ExplainedLink, RecordView, Tie

# More than these make no picture: the table tells of all.
DRAWN = 40
EXPLAINED_IDENTIFIERS = {
    **IDENTIFIERS,
    "anonymous": pgettext_lazy("identifier", "Visitor's id"),
    "device": pgettext_lazy("identifier", "Device"),
    "receipt": pgettext_lazy("identifier", "Receipt"),
}
TIES = {
    "must": gettext_lazy("a steward joined them"),
    "cannot": gettext_lazy("a steward holds them apart"),
    "claim": gettext_lazy("what came of it belongs to this person"),
    "probable": gettext_lazy("the model links them"),
}
# Pixels: a row's height, and where records and identifiers stand.
ROW, RECORDS_AT, IDENTIFIERS_AT = 34, 230, 620


class AskedPair(forms.Form):
    """Two records of the profile."""

    left = forms.UUIDField()
    right = forms.UUIDField()


@dataclass(frozen=True)
class Told:
    """One tie in words, and the records it joins; `pair`: the two whose explanation says more."""

    words: str
    records: list[RecordView]
    pair: tuple[UUID, UUID] | None


@dataclass(frozen=True)
class Step:
    """One link of an explanation in words, with what each comparison weighs."""

    left: RecordView
    right: RecordView
    words: str
    weights: list[case.Weight]
    weight: float | None
    model: str
    actor: str
    at: datetime | None


def page(profile: UUID, asked: Any) -> dict[str, Any]:
    """The parts of the page, by the names its template uses."""
    records = queries.all_records(profile)
    found = queries.ties_among([record.id for record in records])
    views = {record.id: record for record in records}
    picture = draw(_graph(records[:DRAWN], found), "ties") if len(records) > 0 else None
    return {
        "records": records,
        "ties": [_told(tie, views) for tie in found],
        "graph": Drawn(picture, gettext("Records at the left, identifiers at the right, and what joins them")) if picture else None,
        "undrawn": max(0, len(records) - DRAWN),
        **_explained(asked, views),
    }  # fmt: skip


def _told(tie: Tie, views: Mapping[UUID, RecordView]) -> Told:
    pair = (tie.records[0], tie.records[1]) if len(tie.records) == 2 and tie.kind != "cannot" else None
    return Told(_words(tie.kind, tie.identifier, tie.weight), [views[record] for record in tie.records], pair)


def _words(kind: str, identifier: str, weight: float | None) -> str:
    if kind == "identifier":
        return identifier_word(identifier)
    bits = f" ({signed(weight)})" if weight is not None and kind == "probable" else ""
    return f"{label(TIES, kind)}{bits}"


def identifier_word(kind: str) -> str:
    """The word for a kind of identifier, its brand behind it."""
    name, _colon, brand = kind.partition(":")
    word = label(EXPLAINED_IDENTIFIERS, name)
    return f"{word} · {brand}" if brand else word


# --- why --------------------------------------------------------------------------------------------------------------


def _explained(asked: Any, views: Mapping[UUID, RecordView]) -> dict[str, Any]:
    """The links from one record to another, where two of the profile are asked for; or why that cannot be told."""
    form = AskedPair(asked)
    ends = (form.cleaned_data["left"], form.cleaned_data["right"]) if form.is_valid() else ()
    if not ends or not views.keys() >= set(ends):
        return {}
    told = {"left": ends[0], "right": ends[1]}
    try:
        links = queries.explain(*ends).links
    except CdpError as error:
        return {**told, "unexplained": str(error)}
    return {**told, "steps": [_step(link, views) for link in links], "same": ends[0] == ends[1]}


def _step(link: ExplainedLink, views: Mapping[UUID, RecordView]) -> Step:
    weights = case.bars(link.waterfall[0].end, link.comparisons) if link.comparisons else []
    words = _words(link.kind, link.identifier, None)
    ends = views[link.left], views[link.right]
    return Step(*ends, words, weights, link.weight, link.model, link.actor, link.at)


# --- the picture ------------------------------------------------------------------------------------------------------


def _graph(records: Sequence[RecordView], found: Collection[Tie]) -> dict[str, Any]:
    """Records in a column, identifiers in another, lines to what each holds, and bows between records that a link joins."""
    places = {record.id: ROW * (at + 0.5) for at, record in enumerate(records)}
    held = [tie for tie in found if tie.kind == "identifier" and not places.keys().isdisjoint(tie.records)][:DRAWN]
    rows = max(len(records), len(held), 1)
    step = ROW * rows / max(len(held), 1)
    heights = [step * (at + 0.5) for at in range(len(held))]
    lines = [
        {"x": RECORDS_AT, "y": places[record], "x2": IDENTIFIERS_AT, "y2": y, "shared": len(tie.records) > 1}
        for tie, y in zip(held, heights, strict=True)
        for record in tie.records
        if record in places
    ]
    linked = _needed(tie for tie in found if tie.kind != "identifier" and places.keys() >= set(tie.records))
    bows = [point for at, tie in enumerate(linked) for point in _bow(at, tie, places)]
    return {
        "width": IDENTIFIERS_AT + 200,
        "height": ROW * rows,
        "layer": [
            _lines(lines), _bows(bows), _signs(linked, places),
            *_column([(RECORDS_AT, places[one.id], _name(one), False) for one in records], "circle", "right", -12),
            *_column(
                [(IDENTIFIERS_AT, y, identifier_word(tie.identifier), len(tie.records) < 2)
                 for tie, y in zip(held, heights, strict=True)], "square", "left", 12),
        ],
        "resolve": {"scale": {"color": "independent", "strokeWidth": "independent"}},
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def _needed(linked: Iterable[Tie]) -> list[Tie]:
    """The strongest links that join all that links join, as a tree of them (Kruskal 1956), and every one that holds apart."""
    kept: list[Tie] = []
    parts: list[set[UUID]] = []
    for tie in linked:
        joined = [part for part in parts if not part.isdisjoint(tie.records)]
        if tie.kind == "cannot":
            kept.append(tie)
        elif not any(part >= set(tie.records) for part in joined):
            kept.append(tie)
            parts = [part for part in parts if part not in joined] + [set(tie.records).union(*joined)]
    return kept


def _name(record: RecordView) -> str:
    return Truncator(f"{record.source} · {label(RECORD_KINDS, record.kind)}").chars(32)


def _bow(at: int, tie: Tie, places: Mapping[UUID, float]) -> list[dict[str, Any]]:
    """The points of a curve from one record to the other, the further the longer the way."""
    start, end = places[tie.records[0]], places[tie.records[1]]
    out = RECORDS_AT + min(40 + 0.4 * abs(end - start), 200)
    corners = [(RECORDS_AT, start), (out, start), (out, end), (RECORDS_AT, end)]
    return [
        {"bow": at, "order": order, "x": x, "y": y, "against": tie.kind == "cannot"}
        for order, (x, y) in enumerate(corners)
    ]


def _place(name: str) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "scale": None, "axis": None}


def _by(field: str, domain: list[bool], looks: list[Any]) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "legend": None, "scale": {"domain": domain, "range": looks}}


def _lines(values: list[dict[str, Any]]) -> dict[str, Any]:
    """What each record holds: strong where others hold it too."""
    colour, width = _by("shared", [True, False], [LINE, NEITHER]), _by("shared", [True, False], [1.8, 0.8])
    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    encoding = {"x": _place("x"), "y": _place("y"), **ends, "color": colour, "strokeWidth": width}
    return {"data": {"values": values}, "mark": {"type": "rule", "opacity": 0.8}, "encoding": encoding}


def _bows(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Links between records: the model's and stewards' as one, those that hold apart in the colour of what is against."""
    colour = _by("against", [False, True], ["#000", AGAINST])
    encoding = {
        "x": _place("x"),
        "y": _place("y"),
        "detail": {"field": "bow"},
        "order": {"field": "order"},
        "color": colour,
    }
    mark = {"type": "line", "interpolate": "basis", "strokeWidth": 1.5, "strokeDash": [5, 3]}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _signs(linked: Collection[Tie], places: Mapping[UUID, float]) -> dict[str, Any]:
    """The match weight beside each bow that has one."""
    values = []
    for tie in linked:
        start, end = places[tie.records[0]], places[tie.records[1]]
        if tie.weight is not None:
            out = min(40 + 0.4 * abs(end - start), 200) * 0.76 + 6
            values.append({"x": RECORDS_AT + out, "y": (start + end) / 2, "text": signed(tie.weight)})
    encoding = {"x": _place("x"), "y": _place("y"), "text": {"field": "text"}}
    return {"data": {"values": values}, "mark": {"type": "text", "align": "left", "fontSize": 12}, "encoding": encoding}


def _column(
    nodes: list[tuple[float, float, str, bool]], shape: str, align: str, gap: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Marks with their names beside them; what stands alone is drawn fainter."""
    values = [{"x": x, "y": y, "text": text, "faint": faint} for x, y, text, faint in nodes]
    place = {"x": _place("x"), "y": _place("y")}
    colour = _by("faint", [False, True], [LINE, NEITHER])
    marks = {"data": {"values": values}, "mark": {"type": "point", "shape": shape, "filled": True, "size": 70, "opacity": 1},
             "encoding": {**place, "color": colour}}  # fmt: skip
    names = {"data": {"values": values}, "mark": {"type": "text", "align": align, "dx": gap, "fontSize": 13},
             "encoding": {**place, "text": {"field": "text"}}}  # fmt: skip
    return marks, names
