"""Finding people by what they are known by: exact, through blind indexes; never in an address, always written down."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cdp.console import profile as profiles
from cdp.core.actions import disclose
from cdp.core.types import UNSTORABLE, Actor
from consent.types import IDENTIFIERS
from identity import queries


class FindForm(forms.Form):
    """A person by an identifier of theirs, in any spelling. It is sent in the body, never in an address."""

    kind = forms.ChoiceField(choices=[*IDENTIFIERS.items()], label=_("Kind"))
    value = forms.CharField(max_length=320, label=_("Value"), widget=forms.TextInput({"autocomplete": "off"}))

    def clean_value(self) -> str:
        """Refuses what no database holds."""
        value = str(self.cleaned_data["value"])
        if UNSTORABLE.search(value):
            raise forms.ValidationError(_("This is no identifier."))
        return value


def look_up(request: HttpRequest, action: str) -> list[UUID]:
    """The live profiles that hold what was asked for, written down as `action`; that there is not just one is told."""
    form = FindForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This is no identifier."))
        return []
    kind = form.cleaned_data["kind"]
    found = queries.profiles_with(kind, form.cleaned_data["value"])
    shown = found[: queries.MOST_FOUND]
    disclose(Actor.user(request.user), action, shown, kind=kind, found=len(found))
    if len(found) != 1:
        messages.warning(request, _("Several people hold this.") if found else _("Nobody holds this."))
    return shown


def lead(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Lead to the profile that was looked for, or show all who share the identifier."""
    found = look_up(request, "profile.looked_up")
    if len(found) == 1:
        return HttpResponseRedirect(reverse("admin:identity_profile_change", args=found))
    if not found:
        return HttpResponseRedirect(reverse("admin:identity_profile_changelist"))
    known = profiles.personal(found)
    shown = {"title": _("Several people hold this."), "people": [(pk, known.get(pk, {})) for pk in found]}
    return TemplateResponse(request, "console/found.html", {**context, **shown})
