"""A profile's events: a picture by channel, a filter, and pages back to the first."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.charts import LINE, Drawn, draw
from cdp.console.labels import label
from cdp.events import queries
from cdp.events.types import CHANNELS

SHOWN, DRAWN = 50, 2_000
# Below this, days say too little on the axis.
SHORT = timedelta(days=3)


class AskedEvents(forms.Form):
    """Which of somebody's events are asked for; `before`: those older than this one."""

    channel = forms.ChoiceField(label=_("Channel"), required=False)
    event = forms.ChoiceField(label=_("Event"), required=False)
    before = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, kinds: Iterable[tuple[str, str]]) -> None:
        super().__init__(data)
        names = dict.fromkeys(name for name, _channel in kinds)
        channels = dict.fromkeys(channel for _name, channel in kinds)
        self.fields["channel"].choices = [("", _("every channel")), *((key, label(CHANNELS, key)) for key in channels)]  # type: ignore[attr-defined]
        self.fields["event"].choices = [("", _("every event")), *((name, queries.event_title(name)) for name in names)]  # type: ignore[attr-defined]


def page(records: Collection[UUID], asked: Any) -> dict[str, Any]:
    """The parts of the page, by the names its template uses; what cannot be read of the filter is left out."""
    form = AskedEvents(asked, queries.kinds_of(records))
    form.is_valid()
    told = form.cleaned_data
    which = {"channel": told.get("channel") or "", "name": told.get("event") or ""}
    events, more = queries.page_of(records, SHOWN, before=told.get("before"), **which)
    moments = queries.moments_of(records, DRAWN, **which)
    return {
        "form": form,
        "events": [(event, label(CHANNELS, event.channel)) for event in events],
        "older": events[-1].id if more else None,
        "later": bool(told.get("before")),
        "asked": {"channel": which["channel"], "event": which["name"]},
        "lanes": Drawn(draw(_lanes(moments), "lanes"), gettext("When events came, by channel")) if moments else None,
        "drawn": len(moments) if len(moments) == DRAWN else 0,
    }  # fmt: skip


def _lanes(moments: Collection[tuple[datetime, str]]) -> dict[str, Any]:
    """A lane for each channel, a tick for each event, in the reader's time zone."""
    times = [localtime(at) for at, _channel in moments]
    values = [
        {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "channel": label(CHANNELS, channel)}
        for at, (_moment, channel) in zip(times, moments, strict=True)
    ]
    shown = "%m-%d %H:%M" if max(times) - min(times) < SHORT else "%Y-%m-%d"
    time = {"title": None, "format": shown, "tickCount": 5, "grid": True, "labelFlush": True, "labelOverlap": True}
    lane = {"title": None, "ticks": False, "domain": False, "labelPadding": 10}
    return {
        "width": 860,
        "height": {"step": 34},
        "data": {"values": values},
        "mark": {"type": "tick", "color": LINE, "opacity": 0.75, "thickness": 2, "size": 18},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "axis": time},
            "y": {"field": "channel", "type": "nominal", "axis": lane},
        },
        "config": {"view": {"stroke": None}},
    }
