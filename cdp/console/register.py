"""The register of processing as a page and as JSON."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from consent.register import in_words, register
from segments import destinations

PERMISSION = "core.view_auditentry"


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Purposes with their data classes, sources, recipients and retention; the same as JSON for `?format=json`."""
    found = register(destinations.recipients())
    if request.GET.get("format") == "json":
        return JsonResponse(asdict(found), json_dumps_params={"ensure_ascii": False, "indent": 2})
    shown = {"title": _("Register of processing"), "activities": [(one, in_words(one)) for one in found.activities]}
    return TemplateResponse(request, "console/register.html", {**context, **shown})
