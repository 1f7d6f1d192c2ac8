"""Signing in: locks after wrong passwords, and the page of the second factor."""

from typing import Any

import django_otp
import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from cdp.console.refusals import UNKNOWN, note_sign_in
from cdp.core import secondfactor
from cdp.core.models import User
from cdp.core.types import Actor

NEXT = "next"


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: behind our proxy what it says of its own caller, which is the last of the list."""
    told = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    return told.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def locked_out(request: HttpRequest, original: HttpResponseBase | None, credentials: Any = None) -> HttpResponse:
    """The answer to whoever tried too often."""
    note_sign_in(account_of((credentials or {}).get("username")), "user.locked_out")
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "console/locked.html", {"minutes": minutes}, status=429)


def account_of(username: Any) -> Actor:
    """The account that somebody claims to be; its name, which may be a mistyped password, is not kept."""
    found = (
        User.objects.filter(username=username).first() if isinstance(username, str) and "\0" not in username else None
    )
    return Actor.user(found) if found else UNKNOWN


def ask_second_factor(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page that asks a signed-in account for its code, or helps to set the second factor up first."""
    user: Any = request.user
    if request.method == "POST" and "leave" in request.POST:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    if request.method == "POST":
        device = secondfactor.verify(user, request.POST.get("code", "").replace(" ", ""))
        if device is not None:
            request.session.cycle_key()
            django_otp.login(request, device)
            return HttpResponseRedirect(next_of(request))
        messages.error(request, _("This code is not right, or was used already. Wait for the next one."))
    return TemplateResponse(request, "console/second_factor.html", {**context, **_shown(request)})


def _shown(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    shown: dict[str, Any] = {"title": _("Second factor"), "next": next_of(request), "is_nav_sidebar_enabled": False}
    if secondfactor.confirmed(user):
        return shown
    setup = secondfactor.begin(user)
    drawn = segno.make(setup.address, error="m").svg_inline(scale=4)
    return shown | {"secret": setup.secret, "drawn": mark_safe(drawn)}  # noqa: S308 - made of digits and numbers


def next_of(request: HttpRequest) -> str:
    """Where the person was going; nowhere outside this site."""
    asked = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if safe else reverse("admin:index")
