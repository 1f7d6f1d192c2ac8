"""The latest events as they come in: what SDKs send is seen a moment later. Clear properties only, and nobody is named."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from cdp.events import queries

PERMISSION = "events.view_event"
SHOWN = 50


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page; to `after`, the id of the latest event that is shown, only the rows, or 204 where none came since."""
    source = _uuid(request.GET.get("source"))
    events = queries.latest(SHOWN, source)
    if "after" not in request.GET:
        name = queries.source_names().get(source, "") if source else ""
        shown = {"title": _("Live events"), "events": events, "source": source, "source_name": name}
        return TemplateResponse(request, "console/tail.html", {**context, **shown})
    if not events or str(events[0].id) == request.GET["after"]:
        return HttpResponse(status=204)
    return render(request, "console/tail_rows.html", {"events": events})


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
