"""The ledger's desk: conflicts to be settled, and one person's consents: what counts now, why, and every line behind it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import finding
from cdp.console import profile as profiles
from cdp.console.labels import label, purpose_name
from cdp.core.actions import disclose
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import link
from cdp.core.errors import CdpError, Refused
from cdp.core.types import Actor, now
from consent import queries, signals
from consent.models import ConsentRecord
from consent.types import CONTACT_CHANNELS, Conflict
from identity import queries as identity

State = ConsentRecord.State
SETTLE = "consent.change_privacyrequest"
CONFLICTS_SHOWN, LINES_SHOWN = 20, 200
# Why a person may not be contacted, as `consent.queries.may_contact` answers; before it stands what it is said of.
REASONS = {
    "not_live": _("the profile is merged or erased"), "no_consent": _("no consent"),
    "no_guardian": _("a child, without a guardian's consent"), "refused": _("refused"), "withdrawn": _("withdrawn"),
    "expired": _("the consent is over"), "no_contact_point": _("no usable contact point"),
}  # fmt: skip
SAID_OF = {"use": _("use of the data"), "night": _("at night")}


class AskForm(forms.Form):
    """Whether a message of a purpose may leave by a contact channel now."""

    purpose = forms.ChoiceField(label=_("Purpose"), choices=lambda: _purposes())
    channel = forms.ChoiceField(label=_("Contact channel"), choices=lambda: _channels())


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyRoom[ConsentRecord]):
    change_list_template = "console/ledger.html"
    list_display = (
        "given_at", link("purpose", _("purpose"), "consent_purpose"),
        link("channel", _("contact channel"), "consent_contactchannel"), "brand", "state", "method", "source",
        "subject",
    )  # fmt: skip
    list_filter = ("state", "purpose", "channel")
    list_select_related = ("source", "purpose", "channel")
    fields = (
        "id", "subject", "purpose", "channel", "brand", "recipient", "country", "basis", "notice_version",
        "notice_language", "state", "given_at", "received_at", "method", "guardian", "source", "expires_at",
        "recorded_by",
    )  # fmt: skip
    ordering = ("-id",)
    id_fields = ("id", "subject")
    search_help_text = _("A whole id: of the line or of its subject.")

    def get_urls(self) -> list[URLPattern]:
        find, settle = (self.admin_site.admin_view(require_POST(view)) for view in (self.find, self.settle))
        of = self.admin_site.admin_view(self.of)
        return [
            path("find/", find, name="consent_consentrecord_find"),
            path("settle/", settle, name="consent_consentrecord_settle"),
            path("of/<uuid:profile>/", of, name="consent_consentrecord_of"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        waiting = signals.conflicts(CONFLICTS_SHOWN + 1)
        told = {
            "find": finding.FindForm(), "conflicts": _worded(waiting[:CONFLICTS_SHOWN]), "more": len(waiting) > CONFLICTS_SHOWN,
            "may_settle": request.user.has_perm(SETTLE),
        }  # fmt: skip
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def find(self, request: HttpRequest) -> HttpResponse:
        """Lead on to the person who holds an identifier; whom it told of is written down."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = finding.look_up(request, "consentrecord.looked_up")
        if len(found) == 1:
            return HttpResponseRedirect(reverse("admin:consent_consentrecord_of", args=found))
        return self._back()

    def of(self, request: HttpRequest, profile: UUID) -> HttpResponse:
        """What counts for one person, and every line of the ledger that concerns them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = identity.find_profile(profile).id
        except Refused as refusal:
            raise Http404 from refusal
        disclose(Actor.user(request.user), "consentrecord.person_viewed", [found])
        shown = {"opts": self.opts, "title": _("Consents of a person"), **_page(request, found)}
        return TemplateResponse(
            request, "console/ledger_person.html", {**self.admin_site.each_context(request), **shown}
        )

    def settle(self, request: HttpRequest) -> HttpResponse:
        """Settle the conflict that a grant is in, after the person was asked."""
        if not request.user.has_perm(SETTLE):
            raise PermissionDenied
        try:
            granted = {"granted": True, "withdrawn": False}[request.POST.get("for", "")]
            signals.settle(Actor.user(request.user), UUID(request.POST.get("line", "")), granted=granted)
        except (KeyError, ValueError):
            messages.error(request, _("Choose what is to be done, and why."))
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Done, and written to the audit log."))
        return self._back()

    def _back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:consent_consentrecord_changelist"))


# --- one person ---------------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, profile: UUID) -> dict[str, Any]:
    lines, names = queries.history(profile), _names()
    ask = AskForm(request.GET if "purpose" in request.GET else None)
    decision = None
    if ask.is_valid():
        decision = queries.may_contact(profile, ask.cleaned_data["purpose"], ask.cleaned_data["channel"], now())
    return {
        "profile": profile, "consents": profiles.consents(queries.effective(profile)), "ask": ask, "decision": decision,
        "reasons": [_reason(reason, names) for reason in decision.reasons] if decision else [],
        "lines": [(names[line.purpose], _channel(line.channel), State(line.state).label, line) for line in lines[:LINES_SHOWN]],
        "more": len(lines) > LINES_SHOWN,
        "conflicts": _worded([row for row in signals.conflicts() if row.profile == profile]),
        "may_settle": request.user.has_perm(SETTLE),
    }  # fmt: skip


def _reason(reason: str, names: dict[str, str]) -> str:
    """A reason in words: what it is said of, unless that is the purpose itself, and why."""
    why = next((known for known in REASONS if reason == known or reason.endswith(f"_{known}")), reason)
    of = reason.removesuffix(why).rstrip("_")
    said_of = SAID_OF.get(of) or names.get(of, of)
    return f"{said_of}: {REASONS[why]}" if of else label(REASONS, why)


def _worded(conflicts: list[Conflict]) -> list[tuple[str, str, Conflict]]:
    """(purpose, contact channel, conflict) in words."""
    names = _names()
    return [(names[row.purpose], _channel(row.channel), row) for row in conflicts]


def _names() -> dict[str, str]:
    return {key: purpose_name(purpose) for key, purpose in queries.purposes().items()}


def _channel(channel: str | None) -> str:
    return label(CONTACT_CHANNELS, channel) if channel else gettext("all contact channels")


def _purposes() -> list[tuple[str, str]]:
    return list(_names().items())


def _channels() -> list[tuple[str, str]]:
    return [(key, label(CONTACT_CHANNELS, key)) for key in queries.contact_channels()]
