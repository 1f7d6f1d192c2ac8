"""The privacy officer's desk: what is due, and each request with the steps it may take, its holds, its erasure."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console.labels import label
from cdp.console.person import ADDRESSES
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import chip
from cdp.core.errors import CdpError, Refused
from cdp.core.models import AuditEntry
from cdp.core.types import UNSTORABLE, Actor
from consent import clocks, erasure, holds, people, requests
from consent.grounds import Door, ExtensionGround, Given, HoldReason, Kind, Proof, RefusalGround
from consent.models import PrivacyRequest
from consent.request_models import Erasure

State = PrivacyRequest.State
CLOSED = (State.DONE, State.REFUSED)
CHANGE, HOLD = "consent.change_privacyrequest", "consent.add_legalhold"
SOON_DAYS = 3
TONES = {State.DONE: "good", State.REFUSED: "", State.APPROVED: "warn"}
STEPS_SHOWN = 50
# What each hook erases, in words.
STORES = {
    "cdp.console.privacy": _("Log of the console"),
    "cdp.ingestion.privacy": _("Quarantine"),
    "cdp.lake.privacy": _("Lake"),
    "segments.privacy": _("Segments and their history"),
    "consent.privacy": _("Consents in effect"),
    "cdp.profiles.privacy": _("Golden record and contact points"),
    "identity.privacy": _("Records, identifiers, links"),
    "cdp.events.privacy": _("Events and data keys"),
}


# How a destination stands that was told of the person.
STANDS = {
    "pending": pgettext_lazy("of a destination", "waits"),
    "failed": pgettext_lazy("of a destination", "given up: send it again, or except it"),
    "confirmed": pgettext_lazy("of a destination", "confirmed"),
    "excepted": pgettext_lazy("of a destination", "excepted"),
}


# Why one was excepted.
GROUNDS = {
    "closed": _("The company exists no more"),
    "deleted": _("It holds no data of ours any more"),
    "told": _("It was told, and has confirmed, in another way"),
}


class OpenFirst(admin.SimpleListFilter):
    """Open requests unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*State.choices, ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        shown = super().choices(changelist)
        yield {**next(shown), "display": _("open")}
        yield from shown

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        if state is None:
            return queryset.exclude(state__in=CLOSED)
        return queryset if state == "all" else queryset.filter(state=state)


def _regimes() -> list[tuple[str, str]]:
    return [(key, key.upper()) for key in clocks.regimes()]


class ReceiveForm(forms.Form):
    """A request that came by letter, by telephone, at the counter."""

    kind = forms.ChoiceField(choices=Kind.choices, label=_("Kind"))
    profile = forms.UUIDField(required=False, label=_("Profile"), help_text=_("The whole id of a profile, or:"))
    by = forms.ChoiceField(choices=[*ADDRESSES.items()], required=False, label=_("Kind of address"))
    address = forms.CharField(required=False, max_length=320, label=_("An address of the person"))
    regime = forms.ChoiceField(choices=_regimes, label=_("Regime"), initial="pipa")
    received_at = forms.DateTimeField(required=False, label=_("Received"), help_text=_("Empty: now."))
    answer_there = forms.BooleanField(required=False, label=_("Answer at this address"))

    def clean_address(self) -> str:
        """Refuses what no database holds."""
        address = str(self.cleaned_data["address"])
        if UNSTORABLE.search(address):
            raise forms.ValidationError(_("Enter an address."))
        return address


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(ReadOnlyRoom[PrivacyRequest]):
    change_list_template = "console/privacy_board.html"
    list_display = ("kind_named", "days_left", "stands", "erasing", "due_on")
    list_filter = (OpenFirst, "kind", "regime", "via")
    list_select_related = ("erasure",)
    ordering = ("due_on", "id")
    id_fields = ("id", "subject")
    search_help_text = _("A whole id: of the request or of its subject.")

    @admin.display(description=_("kind"), ordering="kind")
    def kind_named(self, row: PrivacyRequest) -> str:
        return capfirst(row.get_kind_display())

    @admin.display(description=_("days left"), ordering="due_on")
    def days_left(self, row: PrivacyRequest) -> str | None:
        if row.state in CLOSED:
            return None
        days = (row.due_on - timezone.localdate()).days
        return chip(days, "bad" if days < 0 else "warn" if days <= SOON_DAYS else "")

    @admin.display(description=_("state"), ordering="state")
    def stands(self, row: PrivacyRequest) -> str:
        return chip(row.get_state_display(), TONES.get(State(row.state), ""))

    @admin.display(description=_("erasure"))
    def erasing(self, row: PrivacyRequest) -> str | None:
        found = getattr(row, "erasure", None)
        bad = found is not None and found.state in (Erasure.State.FAILED, Erasure.State.HELD)
        return chip(found.get_state_display(), "bad" if bad else "") if found else None

    def get_urls(self) -> list[URLPattern]:
        step, receive = self.admin_site.admin_view(require_POST(self.step)), self.admin_site.admin_view(self.receive)
        return [
            path("receive/", receive, name="consent_privacyrequest_receive"),
            path("<uuid:pk>/step/", step, name="consent_privacyrequest_step"),
            *super().get_urls(),
        ]

    # --- the board ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"board": _board(), "may_receive": request.user.has_perm("consent.add_privacyrequest")}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Take down a request that came in by other ways."""
        if not request.user.has_perm("consent.add_privacyrequest"):
            raise PermissionDenied
        form = ReceiveForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                opened = _received(Actor.user(request.user), form.cleaned_data)
            except CdpError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("The request is taken down. Its clock runs."))
                return HttpResponseRedirect(reverse("admin:consent_privacyrequest_change", args=[opened.pk]))
        shown = {"form": form, "title": _("Take down a request"), "opts": self.opts}
        return TemplateResponse(
            request, "console/privacy_receive.html", {**self.admin_site.each_context(request), **shown}
        )

    # --- one request --------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        shown = {**self.admin_site.each_context(request), **self._shown(request, found)}
        return TemplateResponse(request, "console/privacy_request.html", shown)

    def _shown(self, request: HttpRequest, found: PrivacyRequest) -> dict[str, Any]:
        me, may = Actor.user(request.user).name, request.user.has_perm(CHANGE)
        erasing = getattr(found, "erasure", None)
        subjects = people.subjects_of(people.records_of(found.subject)) or [found.subject]
        return {
            "opts": self.opts, "original": found, "title": capfirst(found.get_kind_display()),
            "days_left": self.days_left(found), "stands": self.stands(found),
            "profile": people.profile_of(found.subject),
            "steps": AuditEntry.objects.filter(subject=found.subject, target=str(found.pk)).order_by("-at")[:STEPS_SHOWN],
            "may": may, "may_hold": request.user.has_perm(HOLD), "received_by_me": found.received_by == me,
            "offers": OFFERS.get(State(found.state), ()) if may else (),
            "by_itself": found.kind == Kind.ERASURE and found.state == State.APPROVED,
            "proofs": Proof.choices, "extensions": ExtensionGround.choices, "refusals": RefusalGround.choices,
            "given": () if found.reply_to else Given.choices, "hold_reasons": HoldReason.choices,
            "holds": [(hold, hold.release_asked_by == me) for hold in holds.standing(subjects)],
            "notices": found.notices.order_by("id"), "erasure": erasing,
            "destinations": _told(erasure.confirmations(erasing)) if erasing else (),
            "certified": _told(erasing.certificate.get("destinations", ())) if erasing else (),
            "erasure_steps": [(label(STORES, one.hook), one) for one in erasing.steps.order_by("place")] if erasing else (),
        }  # fmt: skip

    def step(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Take the step that the form asks for; what is refused is told, and changes nothing."""
        found = PrivacyRequest.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        what = request.POST.get("what", "")
        if not request.user.has_perm(HOLD if what in HOLDING else CHANGE):
            raise PermissionDenied
        try:
            {**STEPS, **HOLDING}[what](Actor.user(request.user), found, request.POST)
        except (KeyError, ValueError, Erasure.DoesNotExist):
            messages.error(request, _("Choose what is to be done, and why."))
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Done, and written to the audit log."))
        return HttpResponseRedirect(reverse("admin:consent_privacyrequest_change", args=[pk]))


def _told(confirmations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """How destinations stand, in words."""
    return [
        {
            **one, "words": label(STANDS, one["state"]), "why": label(GROUNDS, one["why"]),
            "moment": one["at"] and datetime.fromisoformat(one["at"]),
        }
        for one in confirmations
    ]  # fmt: skip


def _board() -> list[tuple[Any, int, str, str]]:
    """The head row: what, how many, the list's query, whether it presses."""
    today = timezone.localdate()
    waiting = PrivacyRequest.objects.exclude(state__in=CLOSED)
    late, soon = waiting.filter(due_on__lt=today), waiting.filter(due_on__range=(today, today + timedelta(SOON_DAYS)))
    stuck = Erasure.objects.filter(state__in=(Erasure.State.FAILED, Erasure.State.HELD))
    return [
        (_("overdue"), late.count(), "", "urgent"),
        (_("due within three days"), soon.count(), "", "urgent"),
        (_("to be verified"), waiting.filter(state=State.RECEIVED).count(), "?state=received", ""),
        (_("to be approved"), waiting.filter(state=State.VERIFIED).count(), "?state=verified", ""),
        (_("erasures that are stuck"), stuck.count(), "?state=approved", "urgent"),
    ]


def _received(actor: Actor, said: dict[str, Any]) -> PrivacyRequest:
    profile, reply = said["profile"], None
    if profile is None:
        profile = _only(people.holders(said["by"], said["address"]))
    if said["answer_there"] and said["address"]:
        reply = (said["by"], said["address"], get_language() or "en")
    return requests.receive(
        actor, said["kind"], profile, via=Door.CONSOLE, regime=said["regime"], received_at=said["received_at"],
        reply_to=reply,
    )  # fmt: skip


def _only(profiles: list[UUID]) -> UUID:
    if len(profiles) != 1:
        text = _("Several people hold this address: give the profile.") if profiles else _("Nobody holds this address.")
        raise Refused("not_found", str(text))
    return profiles[0]


# --- steps ------------------------------------------------------------------------------------------------------------

# What may be done in which state, in the order of the page.
OFFERS: dict[str, tuple[str, ...]] = {
    State.RECEIVED: ("verify", "extend", "refuse"),
    State.VERIFIED: ("approve", "extend", "refuse"),
    State.APPROVED: ("complete", "extend"),
}
Step = Callable[[Actor, PrivacyRequest, Any], object]


def _verify(actor: Actor, found: PrivacyRequest, said: Any) -> object:
    profile = said.get("profile", "").strip()
    return requests.verify(actor, found.pk, said["proof"], UUID(profile) if profile else None)


STEPS: dict[str, Step] = {
    "verify": _verify,
    "approve": lambda actor, found, said: requests.approve(actor, found.pk),
    "extend": lambda actor, found, said: requests.extend(actor, found.pk, said["ground"], said.get("given", "")),
    "refuse": lambda actor, found, said: requests.refuse(actor, found.pk, said["ground"], said.get("given", "")),
    "complete": lambda actor, found, said: requests.complete(actor, found.pk),
    "retry": lambda actor, found, said: erasure.retry(
        actor, Erasure.objects.values_list("pk", flat=True).get(request=found)
    ),
}
HOLDING: dict[str, Step] = {
    "hold": lambda actor, found, said: holds.set_hold(actor, found.subject, said["reason"], said.get("reference", "")),
    "ask_release": lambda actor, found, said: holds.ask_release(actor, UUID(said["hold"])),
    "release": lambda actor, found, said: holds.release(actor, UUID(said["hold"])),
}
