"""The page of a person who wants to know, correct or stop what is kept about them: no account, a code instead.

Whatever address is entered, the same page follows, in the same time: whether we know it is only for whoever reads its mail.
"""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from cdp.core.errors import Refused
from cdp.core.types import UNSTORABLE
from consent import challenges, notices
from consent.grounds import Kind

ADDRESSES = {
    "email": pgettext_lazy("kind of address", "E-mail"),
    "phone": pgettext_lazy("kind of address", "Phone"),
}
# What each kind of request means, in the person's words.
MEANS = {
    Kind.ACCESS: _("I want to see what you keep about me."),
    Kind.RECTIFICATION: _("Something about me is wrong."),
    Kind.ERASURE: _("Delete everything about me."),
    Kind.RESTRICTION: _("Keep my data, but stop using it."),
    Kind.PORTABILITY: _("I want to take my data with me."),
    Kind.OBJECTION: _("Stop advertising to me and analysing me."),
    Kind.EXPLANATION: _("Explain a decision that was made automatically."),
}


class AskForm(forms.Form):
    """What somebody asks for, and where they can be reached."""

    kind = forms.ChoiceField(choices=[*MEANS.items()], widget=forms.RadioSelect, label=_("What do you want?"))
    by = forms.ChoiceField(label=_("Address"))
    address = forms.CharField(max_length=challenges.LONGEST_ADDRESS, label=_("Your e-mail address or number"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(kind, ADDRESSES.get(kind, kind)) for kind in notices.kinds()]
        self.fields["by"] = forms.ChoiceField(choices=known, label=_("Kind of address"), initial=known[0][0])

    def clean_address(self) -> str:
        """Refuses what no database holds."""
        address = str(self.cleaned_data["address"])
        if UNSTORABLE.search(address):
            raise forms.ValidationError(_("Enter an address."))
        return address


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Begin: what, and by which address."""
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            begun = challenges.begin(said["kind"], said["by"], said["address"], get_language() or "en")
        except Refused:
            return _page(request, "ask", form=form, tired=True, status=HTTPStatus.TOO_MANY_REQUESTS)
        return HttpResponseRedirect(reverse("person-code", args=[begun]))
    return _page(request, "ask", form=form)


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, challenge: UUID) -> HttpResponse:
    """Prove the address; what is wrong with a code is never said."""
    if request.method != "POST":
        return _page(request, "code")
    opened = challenges.answer(challenge, request.POST.get("code", ""))
    if opened is None:
        return _page(request, "code", wrong=True, status=HTTPStatus.FORBIDDEN)
    return _page(request, "done", opened=opened, kind=capfirst(str(Kind(opened.kind).label)))


def _page(request: HttpRequest, name: str, *, status: int = 200, **shown: Any) -> HttpResponse:
    return render(request, f"console/person_{name}.html", shown, status=status)


person_urlpatterns = [
    path("privacy/", ask, name="person-ask"),
    path("privacy/<uuid:challenge>/", code, name="person-code"),
]
