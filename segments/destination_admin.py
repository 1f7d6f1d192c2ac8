"""Staff pages: where members are sent, and what became of each delivery."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core import counts
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import link
from cdp.core.errors import CdpError, Refused
from cdp.core.objects import ObjectRoom, OpenedRoom, may
from cdp.core.types import Actor
from segments import approval, deliveries, destinations, models
from segments.outgoing import kind_of

CHANGE, USE = "segments.change_destination", "segments.use_destination"
EXPORT, EXCEPT = "segments.export_segment", "segments.except_delivery"
SEES_PEOPLE = "identity.view_profile"
SUBSCRIPTION = link("subscription_id", _("segment sent"), "segments_subscription")


class DestinationForm(forms.ModelForm[models.Destination]):
    """A destination as a person writes it; where its address leads is looked at when something is sent."""

    kind = forms.ChoiceField(label=_("Kind"), choices=lambda: [(one, one) for one in settings.DESTINATION_KINDS])

    class Meta:
        model = models.Destination
        fields = (
            "name", "kind", "address", "role", "recipient", "country", "purpose", "channel", "brand", "enabled",
        )  # fmt: skip
        help_texts = {
            "role": _(
                "A processor works for us; a recipient is given data for its own ends, by consent to it by name."
            ),
            "recipient": _("As consents name it."),
            "country": _("Two capital letters, like KR."),
        }

    def clean(self) -> dict[str, Any]:
        """Whether the address is one of its kind, and the country one."""
        cleaned = super().clean() or self.cleaned_data
        try:
            if cleaned.keys() >= {"kind", "address"}:
                kind_of(cleaned["kind"]).check(cleaned["address"])
        except Refused as refusal:
            self.add_error("address", str(refusal))
        if not destinations.COUNTRY.fullmatch(cleaned.get("country", "")):
            self.add_error("country", _("Write the country in two capital letters, like KR."))
        return cleaned

    def said(self) -> dict[str, Any]:
        """What was changed, as the actions take it."""
        keys = {"purpose", "channel"}
        return {
            name: self.cleaned_data[name].pk if name in keys else self.cleaned_data[name]
            for name in (self.Meta.fields if self.instance._state.adding else self.changed_data)
        }


class AskForm(forms.Form):
    """What contact values are needed for."""

    reason = forms.CharField(max_length=200)


class ApprovedForm(forms.Form):
    """By which approval a segment is sent with contact values; without one they stay here."""

    approval = forms.UUIDField(required=False)


@admin.register(models.DestinationGroupPermission)
class DestinationGroupPermissionAdmin(OpenedRoom[models.DestinationGroupPermission]):
    """Destinations that are opened to groups."""


@admin.register(models.Destination)
class DestinationAdmin(ObjectRoom[models.Destination]):
    """Written by administrators; segments are sent there by whoever may export them and use the destination."""

    first_step = _("Add the address that segments are sent to, then choose which ones.")
    form = DestinationForm
    change_form_template = "console/destination.html"
    list_display = ("name", "kind", "role", "recipient", "country", "purpose", "channel", "enabled", "resume_at")
    list_filter = ("role", "enabled", "purpose")
    list_select_related = ("purpose", "channel")
    search_fields = ("name", "recipient")
    fields = (("name", "enabled"), "kind", "address", "role", ("recipient", "country"), ("purpose", "channel"), "brand")
    ordering = ("name",)

    def get_urls(self) -> list[URLPattern]:
        steps = (("segment", self.segment), ("ask", self.ask), ("secret", self.secret), ("replay", self.replay))
        return [
            path(
                f"<uuid:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"segments_destination_{name}",
            )
            for name, view in steps
        ] + super().get_urls()

    def save_model(self, request: HttpRequest, obj: models.Destination, form: Any, change: bool) -> None:
        actor = Actor.user(request.user)
        if change:
            destinations.change(actor, models.Destination.objects.get(pk=obj.pk), **form.said())
        else:
            made, obj.secret = destinations.create(actor, **form.said())  # type: ignore[attr-defined]
            obj.pk = made.pk

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._secret_shown(request, obj, obj.secret)

    def _secret_shown(self, request: HttpRequest, found: models.Destination, secret: str) -> HttpResponse:
        """The page that shows a secret, this once: it is in no message, for those are kept in a cookie."""
        shown = {"title": found.name, "opts": self.opts, "original": found, "secret": secret}
        context = {**self.admin_site.each_context(request), **shown}
        return TemplateResponse(request, "console/destination_secret.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = self.get_object(request, object_id) if object_id else None
        shown = _state_of(request, found) if found else {}
        try:
            return super().changeform_view(request, object_id, form_url, {**shown, **(extra_context or {})})
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)

    # --- steps --------------------------------------------------------------------------------------------------------

    def segment(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send a segment there, or send it no more."""
        found, segment = _usable(request, pk, USE), _exportable(request)
        return _done(request, found, lambda: _sent(request, found, segment))

    def ask(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask another person whether a segment may be sent there with contact values."""
        found, segment = _usable(request, pk, USE), _exportable(request)
        form = AskForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Say what the contact values are needed for, in at most 200 characters."))
            return HttpResponseRedirect(reverse("admin:segments_destination_change", args=[pk]))
        about = (segment, found.channel_id, form.cleaned_data["reason"], found)
        return _done(request, found, lambda: approval.ask(Actor.user(request.user), *about))

    def secret(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Give it a new secret."""
        found = get_object_or_404(models.Destination, pk=pk)
        if not may(request.user, CHANGE, found):
            raise PermissionDenied
        return self._secret_shown(request, found, destinations.renew_secret(Actor.user(request.user), found))

    def replay(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have all that was given up tried again."""
        found = _usable(request, pk, USE, CHANGE)
        return _done(request, found, lambda: deliveries.replay_all(Actor.user(request.user), found))


def _usable(request: HttpRequest, pk: UUID, *permissions: str) -> models.Destination:
    found = models.Destination.objects.filter(pk=pk).first()
    if not any(may(request.user, permission, found) for permission in permissions):
        raise PermissionDenied
    return get_object_or_404(models.Destination, pk=pk)


def _exportable(request: HttpRequest) -> models.Segment:
    segment = get_object_or_404(models.Segment, key=request.POST.get("segment", "").replace("\0", ""))
    if not may(request.user, EXPORT, segment):
        raise PermissionDenied
    return segment


def _sent(request: HttpRequest, found: models.Destination, segment: models.Segment) -> None:
    """Sent no more, sent, or sent with contact values by what somebody approved."""
    actor, form = Actor.user(request.user), ApprovedForm(request.POST)
    if request.POST.get("word") == "end":
        destinations.unsubscribe(actor, found, segment)
    elif not form.is_valid():
        raise Refused("not_approved", str(_("There is no such approval.")))
    else:
        destinations.subscribe(actor, found, segment, form.cleaned_data["approval"])


def _done(request: HttpRequest, found: models.Destination, act: Callable[[], Any]) -> HttpResponse:
    try:
        act()
    except CdpError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Done, and written to the audit log."))
    return HttpResponseRedirect(reverse("admin:segments_destination_change", args=[found.pk]))


def _state_of(request: HttpRequest, found: models.Destination) -> dict[str, Any]:
    """What is sent there, what became of it, and what the person who looks may do about it."""
    counted = dict(found.deliveries.order_by().values_list("state").annotate(Count("pk")))
    withheld = found.deliveries.aggregate(number=Sum("withheld"))["number"] or 0
    may_use = may(request.user, USE, found)
    sent = found.subscriptions.filter(ended_at=None).select_related("segment").order_by("segment__name")
    fit = models.Segment.objects.filter(state=models.Segment.State.PUBLISHED, purpose=found.purpose_id)
    others = fit.exclude(pk__in=sent.values("segment")).order_by("name")
    outdated = destinations.outdated(found)
    may_ask = may_use and found.channel.point
    return {
        "sent": sent,
        "outdated": outdated,
        "to_ask": [
            one
            for one in fit.exclude(pk__in=sent.exclude(segment__in=outdated).values("segment")).order_by("name")
            if may(request.user, EXPORT, one)
        ]
        if may_ask
        else [],
        "asked": approval.open_requests(Actor.user(request.user), found) if may_ask else [],
        "states": [(label, counted.get(state, 0)) for state, label in models.Delivery.State.choices],
        "dead": counted.get(models.Delivery.State.DEAD, 0),
        "withheld": counts.told(withheld, request.user.has_perm(SEES_PEOPLE)),
        "others": [one for one in others if may(request.user, EXPORT, one)] if may_use else [],
        "may_use": may_use,
        "may_replay": may_use or may(request.user, CHANGE, found),
        "may_renew": may(request.user, CHANGE, found),
    }


@admin.register(models.Subscription)
class SubscriptionAdmin(ReadOnlyRoom[models.Subscription]):
    first_step = _("A destination's page says which segments it is sent.")
    list_display = ("destination", "segment", "contacts", "begun_at", "ended_at", "since")
    list_filter = ("destination", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("destination", "segment")
    fields = (*list_display, "id")
    ordering = ("destination__name", "segment__name")


@admin.register(models.Told)
class ToldAdmin(ReadOnlyRoom[models.Told]):
    """Whom destinations know of."""

    list_display = (link("profile", _("profile"), "identity_profile"), SUBSCRIPTION, "inside", "since")
    list_filter = ("inside",)
    fields = list_display
    ordering = ("-id",)
    id_fields = ("profile", "subscription_id")
    search_help_text = _("A whole id: of the profile or of what is sent.")


@admin.register(models.Delivery)
class DeliveryAdmin(ReadOnlyRoom[models.Delivery]):
    """What was sent; one that was given up is sent again, a tombstone excepted."""

    first_step = _("Add a destination and choose its segments; each delivery is told of here.")
    change_form_template = "console/delivery.html"
    list_display = (
        "created_at", "destination", "kind", "state", "entered", "left", "withheld", "tries", "failed", "closed_at",
    )  # fmt: skip
    list_filter = ("state", "kind", "destination")
    list_select_related = ("destination",)
    fields = ("id", *list_display, SUBSCRIPTION, "next_at", "excepted_for")
    ordering = ("-id",)
    id_fields = ("id", "destination_id")
    # Counts of people, for those who may see people.
    numbers = ("entered", "left", "withheld")
    search_help_text = _("A whole id: of the delivery or of its destination.")

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._told(request, self.list_display)

    def get_fields(self, request: HttpRequest, obj: models.Delivery | None = None) -> Any:
        return self._told(request, self.fields)

    def _told(self, request: HttpRequest, columns: Sequence[Any]) -> list[Any]:
        hidden = () if request.user.has_perm(SEES_PEOPLE) else self.numbers
        return [column for column in columns if column not in hidden]

    def get_urls(self) -> list[URLPattern]:
        steps = (("replay", self.replay), ("except", self.except_it))
        return [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(require_POST(view)), name=f"segments_delivery_{name}")
            for name, view in steps
        ] + super().get_urls()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown = {
            "may_replay": _may_replay(request, None), "may_except": request.user.has_perm(EXCEPT),
            "grounds": models.Delivery.Ground.choices,
        }  # fmt: skip
        return super().changeform_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def replay(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send it again, from the first try on."""
        found = models.Delivery.objects.select_related("destination").filter(pk=pk).first()
        if not _may_replay(request, found.destination if found else None):
            raise PermissionDenied
        return self._done(request, pk, lambda: deliveries.replay(Actor.user(request.user), pk))

    def except_it(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have an erasure wait for it no more."""
        if not request.user.has_perm(EXCEPT):
            raise PermissionDenied
        ground = request.POST.get("ground", "")
        return self._done(request, pk, lambda: deliveries.excuse(Actor.user(request.user), pk, ground))

    def _done(self, request: HttpRequest, pk: UUID, act: Callable[[], Any]) -> HttpResponse:
        found = get_object_or_404(models.Delivery, pk=pk)
        _done(request, found.destination, act)
        return HttpResponseRedirect(reverse("admin:segments_delivery_change", args=[pk]))


def _may_replay(request: HttpRequest, destination: models.Destination | None) -> bool:
    return any(may(request.user, permission, destination) for permission in (USE, CHANGE, EXCEPT))
