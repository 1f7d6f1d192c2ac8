"""The incident page: whose data a key, a user or an export touched between two moments, for those who read the audit log."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.core.actions import audit
from cdp.core.models import ServiceKey, User
from cdp.core.types import Actor
from identity.incident import Exposure, exposure

PERMISSION = "core.view_auditentry"
SHOWN = 200


class IncidentForm(forms.Form):
    """Who or what, and between which moments."""

    key = forms.ModelChoiceField(ServiceKey.objects.order_by("name"), required=False, label=_("Service key"))
    user = forms.ModelChoiceField(User.objects.order_by("username"), required=False, label=_("User"))
    export = forms.UUIDField(
        required=False, label=_("Export"), help_text=_("The id by which its audit entries name it.")
    )
    since = forms.DateTimeField(label=_("From"))
    until = forms.DateTimeField(label=_("Until"))

    def clean(self) -> dict[str, Any]:
        """Exactly one of a key, a user and an export."""
        cleaned = super().clean() or self.cleaned_data
        if sum(bool(cleaned.get(name)) for name in ("key", "user", "export")) != 1:
            self.add_error(None, _("Choose a service key, a user or an export."))
        return cleaned

    def found(self) -> Exposure:
        """What a valid form asks for."""
        asked = self.cleaned_data
        actor = f"key:{asked['key'].pk}" if asked["key"] else Actor.user(asked["user"]).name if asked["user"] else ""
        return exposure(asked["since"], asked["until"], actor=actor, export=str(asked["export"] or ""))


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The form, and below it what it found; asking is itself written to the audit log."""
    now = timezone.localtime().replace(microsecond=0, tzinfo=None)
    form = IncidentForm(request.POST or None, initial={"since": now - timedelta(days=7), "until": now})
    found = form.found() if form.is_valid() else None
    if found is not None:
        audit(Actor.user(request.user), "incident.viewed", count=len(found.profiles))
    shown = {"title": _("Incident"), "form": form, "found": found, "more": 0, "profiles": []}
    if found is not None:
        shown |= {"profiles": found.profiles[:SHOWN], "more": max(0, len(found.profiles) - SHOWN)}
        shown["actions"] = found.actions.most_common()
    return TemplateResponse(request, "console/incident.html", {**context, **shown})
