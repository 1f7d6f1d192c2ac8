"""Staff page of the suppression list: what it stopped, adding values and files of values, taking one off."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_POST

from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from consent import suppression, value_files
from consent.models import Suppression
from consent.types import IDENTIFIERS, Lifting, SuppressionReason, TakenValues

ADD, LIFT = "consent.add_suppression", "consent.delete_suppression"
DAYS = 30
DOORS = {
    suppression.AT_THE_DOOR: pgettext_lazy("where something was stopped", "as it came in"),
    suppression.AT_THE_FOLD: pgettext_lazy("where something was stopped", "before it became a record"),
    suppression.AT_CORRECTION: pgettext_lazy("where something was stopped", "as a correction"),
    suppression.AT_EXPORT: pgettext_lazy("where something was stopped", "as a contact value that would have left"),
}

LIFTED = {
    Lifting.ASKED: (messages.SUCCESS, _("Noted. Another officer enters the value too, and it is off the list.")),
    Lifting.LIFTED: (messages.SUCCESS, _("The value is off the list: whoever bears it may come back.")),
    Lifting.NOT_LISTED: (messages.WARNING, _("The value is not on the list.")),
}


class ValuesForm(forms.Form):
    """Values of one kind, entered or as a file; only digests of them are kept."""

    kind = forms.ChoiceField(choices=[*IDENTIFIERS.items()], label=_("Kind"))
    brand = forms.SlugField(required=False, max_length=40, label=_("Brand"), help_text=_("Empty: all brands."))
    values = forms.CharField(
        required=False, label=_("Values"), help_text=_("One a line, in any spelling."),
        widget=forms.Textarea({"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    file = forms.FileField(
        required=False, label=_("or a file"),
        help_text=_("One a line, or the first column of a CSV; up to 2.5 MB, larger ones by `manage.py suppress`."),
    )  # fmt: skip
    reason = forms.ChoiceField(choices=SuppressionReason.choices, label=_("Reason"))

    def clean(self) -> dict[str, Any]:
        """Refuse a form without any value."""
        said = super().clean() or {}
        if not said.get("values") and not said.get("file"):
            raise forms.ValidationError(_("Enter values, or choose a file of at most 2.5 MB."))
        return said

    @property
    def kind_named(self) -> str:
        """The kind as the list knows it: of one brand, where ids are a brand's own."""
        kind, brand = self.cleaned_data["kind"], self.cleaned_data["brand"]
        return kind if not brand or kind in suppression.CONTACTS else f"{kind}:{brand}"

    def lines(self) -> Iterator[tuple[int, str]]:
        """(line number, value) of all that was entered."""
        given = self.cleaned_data["file"] or self.cleaned_data["values"].encode().splitlines()
        return value_files.read(given)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyRoom[Suppression]):
    change_list_template = "console/suppression.html"
    list_display = ("kind", "reason_named", "created_at", "lift_asked_by", "lift_asked_at")
    list_filter = ("kind", ("lift_asked_at", admin.EmptyFieldListFilter))
    # A row's key is the digest itself, which has no place in an address.
    list_display_links = None
    ordering = ("-created_at",)

    @admin.display(description=_("reason"), ordering="reason")
    def reason_named(self, row: Suppression) -> str:
        return str(dict(SuppressionReason.choices).get(row.reason, row.reason))

    def get_urls(self) -> list[URLPattern]:
        enter, lift = (self.admin_site.admin_view(require_POST(view)) for view in (self.enter, self.lift))
        return [
            path("enter/", enter, name="consent_suppression_enter"),
            path("lift/", lift, name="consent_suppression_lift"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {
            "days": DAYS, "form": ValuesForm(), "may_add": request.user.has_perm(ADD),
            "may_lift": request.user.has_perm(LIFT),
            "stopped": [(row.source, DOORS.get(row.door, row.door), row.number) for row in suppression.stopped_lately(DAYS)],
        }  # fmt: skip
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def enter(self, request: HttpRequest) -> HttpResponse:
        """Put values on the list."""
        self._need(request, ADD)
        form = ValuesForm(request.POST, request.FILES)
        if not form.is_valid():
            messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        else:
            self._add(request, form)
        return self._back()

    def _add(self, request: HttpRequest, form: ValuesForm) -> None:
        actor, reason = Actor.user(request.user), form.cleaned_data["reason"]
        try:
            self._tell(request, suppression.add_values(actor, form.kind_named, form.lines(), reason))
        except CdpError as error:
            messages.error(request, str(error))

    def lift(self, request: HttpRequest) -> HttpResponse:
        """Ask that one value be taken off the list, or take it off, where another person asked for it."""
        self._need(request, LIFT)
        form = ValuesForm(request.POST)
        try:
            if not form.is_valid():
                messages.error(request, _("Enter the value, its kind and why."))
            else:
                value, reason = form.cleaned_data["values"].strip(), form.cleaned_data["reason"]
                done = suppression.lift(Actor.user(request.user), form.kind_named, value, reason)
                messages.add_message(request, *LIFTED[done])
        except CdpError as error:
            messages.error(request, str(error))
        return self._back()

    def _need(self, request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied

    def _tell(self, request: HttpRequest, taken: TakenValues) -> None:
        said = _("%(read)d values read, %(added)d new on the list.") % {"read": taken.read, "added": taken.added}
        messages.success(request, said)
        if taken.unusable:
            lines = ", ".join(map(str, taken.unusable_lines))
            wrong = _("%(number)d lines hold no value of this kind and are not on the list, first at: %(lines)s")
            messages.warning(request, wrong % {"number": taken.unusable, "lines": lines})

    def _back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:consent_suppression_changelist"))
