"""The quality of what arrives: what was not as usual, every source at a glance, and one of them drawn day by day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, pgettext
from django.utils.translation import gettext_lazy as _

from cdp.console.charts import AGAINST, FOR, LINE, NEITHER, Drawn, draw
from cdp.core.types import now
from cdp.events.quality import reading, usual
from cdp.events.queries import event_title
from cdp.events.types import Alert, Measure, QualityDay
from cdp.events.words import field_word

PERMISSION = "events.view_anomaly"
DAYS, ALERT_DAYS, ALERTS_SHOWN, SOURCES_SHOWN = 28, 7, 50, 100
FEWEST_DAYS = 14
WIDTH, HEIGHT, LOW = 460, 220, 56
# From so many on a number on an axis is shortened: 12k.
SHORTENED = 10_000
COUNTED = (Measure.VOLUME, Measure.NEW_FIELD, Measure.NEW_EVENT)
# What may be wrong with an event, in the order of the chart's lines.
FLAWS = (Measure.REPEATED, Measure.QUARANTINED, Measure.MISSING, Measure.INVALID)
TIMES = (Measure.FUTURE, Measure.PAST, Measure.CLOCK, Measure.UNREAD)


@dataclass(frozen=True)
class Told:
    """An alert in words."""

    alert: Alert
    what: str
    about: str
    value: str
    usual: str


@dataclass(frozen=True)
class Row:
    """A source's yesterday, beside what is usual."""

    source: UUID
    name: str
    day: QualityDay
    usual: float | None
    late: float | None
    alerts: int


@dataclass(frozen=True)
class Day:
    """A day of one source: counts, what volume is usual, and the measures that were not."""

    counts: QualityDay
    usual: float | None
    flagged: frozenset[str]
    shares: tuple[tuple[str, float], ...]

    @property
    def on_time(self) -> int:
        return self.counts.measured - self.counts.late

    @property
    def odd(self) -> bool:
        """Whether its volume was not as usual."""
        return Measure.VOLUME in self.flagged


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page; of the source that is asked for, else of the one with most alerts, else of that which sends most."""
    today, names = now().date(), reading.measured_sources()
    alerts = reading.alerts(today - timedelta(days=ALERT_DAYS), ALERTS_SHOWN)
    found = reading.quality(names, today - usual.REACH)
    rows = [_row(source, names[source], days, alerts, today) for source, days in found.items()]
    rows.sort(key=lambda row: (-row.alerts, -row.day.received, row.name))
    chosen = _chosen(request.GET.get("source"), rows)
    days = _days(chosen.source, today) if chosen else []
    shown = {
        "title": _("Data quality"), "alerts": [_told(alert) for alert in alerts], "rows": rows[:SOURCES_SHOWN],
        "more": len(rows) > SOURCES_SHOWN, "chosen": chosen, "days": days[::-1],
        "measures": [measure.label for measure in (*FLAWS, *TIMES)],
        "charts": _charts(tuple(days), get_language() or "") if days else {},
    }  # fmt: skip
    return TemplateResponse(request, "console/quality.html", {**context, **shown})


def _chosen(asked: str | None, rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if str(row.source) == asked), next(iter(rows), None))


def _row(source: UUID, name: str, days: Mapping[date, QualityDay], alerts: Sequence[Alert], today: date) -> Row:
    told = today if min(days) == today else today - timedelta(days=1)
    day = days.get(told) or QualityDay(told)
    late, whole = day.of(Measure.LATE)
    number = sum(alert.source == source for alert in alerts)
    return Row(source, name, day, _usual(days, told), late / whole if whole else None, number)


def _usual(days: Mapping[date, QualityDay], day: date) -> float | None:
    """How many are usual on a day, from the first day on which any came."""
    first = min(days)
    known = {first + timedelta(days=n): 0.0 for n in range((day - first).days)}
    known |= {one.day: float(one.received) for one in days.values()}
    values = usual.before(known, day)
    return usual.of_counts(values).middle if values else None


def _days(source: UUID, today: date) -> list[Day]:
    since = today - timedelta(days=DAYS - 1)
    days = {one.day: one for one in reading.days_of(source, since - usual.REACH, today)}
    flagged: dict[date, set[str]] = {}
    for alert in reading.alerts(since, 10_000, source):
        flagged.setdefault(alert.day, set()).add(alert.measure)
    return [
        Day(one, _usual(days, day), frozenset(flagged.get(day, ())), _shares(one))
        for day, one in days.items() if day >= since
    ]  # fmt: skip


def _shares(day: QualityDay) -> tuple[tuple[str, float], ...]:
    of = ((measure, *day.of(measure)) for measure in (*FLAWS, *TIMES))
    return tuple((measure.value, number / whole if whole else 0.0) for measure, number, whole in of)


def _told(alert: Alert) -> Told:
    def shown(value: float | None) -> str:
        if value is None:
            return ""
        return (
            number_format(value, 0, force_grouping=True)
            if alert.measure in COUNTED
            else f"{number_format(100 * value, 1)} %"
        )

    event, field = event_title(alert.event), field_word(alert.field)
    about = pgettext("a field of an event", "%(field)s of %(event)s") % {"field": field, "event": event}
    value = "" if alert.usual is None else shown(alert.value)
    return Told(alert, str(alert.measure.label), about if field else event, value, shown(alert.usual))


# --- charts -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _charts(days: tuple[Day, ...], language: str) -> dict[str, Drawn]:
    words = {"first": days[0].counts.day.isoformat(), "last": days[-1].counts.day.isoformat()}
    drawn = {
        "volume": (_volume(days), gettext("Events received a day, and how many are usual, from %(first)s to %(last)s")),
        "late": (_late(days), gettext("Share of events that came late, by how much, from %(first)s to %(last)s")),
        "flaws": (_flaws(days), gettext("Shares of events that are not as they should be, from %(first)s to %(last)s")),
    }
    return {name: Drawn(draw(chart, name), alt % words) for name, (chart, alt) in drawn.items()}


def _x(days: Sequence[Day]) -> dict[str, Any]:
    """Every day has its place, also one on which nothing came; of a new source the two weeks before."""
    first, last = days[0].counts.day, days[-1].counts.day
    reach = max((last - first).days, FEWEST_DAYS - 1)
    shown = [f"{last - timedelta(days=back):%m-%d}" for back in range(reach, -1, -1)]
    axis = {"title": None, "values": shown[::-7], "labelAngle": 0}
    return {"field": "day", "type": "ordinal", "scale": {"domain": shown}, "axis": axis}


def _label(day: Day) -> str:
    return f"{day.counts.day:%m-%d}"


def _volume(days: Sequence[Day]) -> dict[str, Any]:
    rows = [{"day": _label(one), "n": one.counts.received, "odd": one.odd, "usual": one.usual} for one in days]
    written = "~s" if max(one.counts.received for one in days) >= SHORTENED else ","
    y = {"field": "n", "type": "quantitative", "axis": {"title": gettext("events received"), "format": written}}
    colour = {"condition": {"test": "datum.odd", "value": AGAINST}, "value": LINE}
    tick = {"type": "tick", "color": "black", "thickness": 2, "bandSize": 12}
    return {
        "data": {"values": rows}, "width": WIDTH, "height": HEIGHT, "encoding": {"x": _x(days)},
        "layer": [
            {"mark": "bar", "encoding": {"y": y, "color": colour}},
            {"mark": tick, "encoding": {"y": {"field": "usual", "type": "quantitative"}}},
        ],
    }  # fmt: skip


def _late(days: Sequence[Day]) -> dict[str, Any]:
    words = {
        "late_hour": gettext("more than an hour"), "late_day": gettext("more than a day"),
        "late_week": gettext("more than a week"),
    }  # fmt: skip
    rows = [
        {"day": _label(one), "how": place, "late": word, "share": getattr(one.counts, kind) / (one.counts.measured or 1)}
        for one in days for place, (kind, word) in enumerate(words.items())
    ]  # fmt: skip
    scale = {"domain": list(words.values()), "range": [FOR, NEITHER, AGAINST]}
    return {
        "data": {"values": rows}, "width": WIDTH, "height": HEIGHT, "mark": "bar",
        "encoding": {
            "x": _x(days),
            "y": _share_axis(gettext("share of events")),
            "color": {"field": "late", "type": "nominal", "scale": scale, "legend": {"title": None, "orient": "top"}},
            "order": {"field": "how", "type": "quantitative"},
        },
    }  # fmt: skip


def _flaws(days: Sequence[Day]) -> dict[str, Any]:
    """A line for each, on a scale of its own: what matters is how each moves."""
    order = [str(measure.label) for measure in FLAWS] + [gettext("wrong times")]
    rows = [{"day": _label(one), "what": what, "share": share} for one in days for what, share in _lines(one)]
    row = {
        "field": "what",
        "type": "nominal",
        "sort": order,
        "header": {"title": None, "labelAngle": 0, "labelAlign": "left"},
    }
    return {
        "data": {"values": rows}, "width": 2 * WIDTH, "height": LOW, "mark": {"type": "line", "point": {"size": 14}},
        "encoding": {"x": _x(days), "y": _share_axis(None), "row": row}, "resolve": {"scale": {"y": "independent"}},
    }  # fmt: skip


def _lines(day: Day) -> list[tuple[str, float]]:
    shares = dict(day.shares)
    told = [(str(measure.label), shares[measure.value]) for measure in FLAWS]
    return [*told, (gettext("wrong times"), sum(shares[measure.value] for measure in TIMES))]


def _share_axis(title: str | None) -> dict[str, Any]:
    axis = {"title": title, "format": ".1~%", "tickCount": 3}
    return {"field": "share", "type": "quantitative", "axis": axis, "scale": {"domainMin": 0, "nice": True}}
