"""Staff pages: uploaded lists. What is pasted is digested in memory and never shown again."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cdp.core.admin import Room
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from segments import lists, models

KINDS = (("email", _("e-mail addresses")), ("phone", _("phone numbers")), ("profile", _("ids of profiles")))


class ListForm(forms.ModelForm[models.UploadedList]):
    """A list, and values that are put on it."""

    kind = forms.ChoiceField(label=_("The values are"), choices=KINDS)
    values = forms.CharField(
        label=_("Put on the list"), required=False, widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_("One on each line. Addresses and numbers are kept as keyed digests only, and never shown again."),
    )  # fmt: skip

    class Meta:
        model = models.UploadedList
        fields = ("key", "name", "purpose", "came_from", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Lines without the empty ones; ids of profiles as such."""
        cleaned = super().clean() or self.cleaned_data
        lines = [line.strip() for line in cleaned.get("values", "").splitlines() if line.strip()]
        try:
            cleaned["values"] = [UUID(line) for line in lines] if cleaned.get("kind") == "profile" else lines
        except ValueError:
            self.add_error("values", ValidationError(_("One of the lines is not the id of a profile.")))
        return cleaned


@admin.register(models.UploadedList)
class UploadedListAdmin(Room[models.UploadedList]):
    """Made and added to by those who may add lists; forgotten by those who may delete them, unless a rule names it."""

    first_step = _("Upload a list of addresses or numbers; segments can then ask who is on it.")
    form = ListForm
    list_display = ("key", "name", "purpose", "came_from", "expires_at", "entries_kept", "made_by", "made_at")
    list_select_related = ("purpose",)
    search_fields = ("key", "name")
    readonly_fields = ("entries_kept", "made_by", "made_at")
    fieldsets = (
        (None, {"fields": ("name", "key", "purpose", "came_from", "expires_at")}),
        (_("Who is on it"), {"fields": ("entries_kept", "kind", "values")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.UploadedList]:
        return super().get_queryset(request).annotate(number=Count("entries"))

    @admin.display(description=_("entries"))
    def entries_kept(self, listed: Any) -> int:
        return int(getattr(listed, "number", 0))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("key", "name", "purpose", "came_from", "expires_at") if obj else ()
        return (*self.readonly_fields, *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and request.user.has_perm("segments.delete_uploadedlist") and not lists.users([obj.key])

    def save_model(self, request: HttpRequest, obj: models.UploadedList, form: Any, change: bool) -> None:
        actor, given = Actor.user(request.user), form.cleaned_data
        if not change:
            about = {name: given[name] for name in ("key", "name", "came_from", "expires_at")}
            obj.pk = lists.create(actor, purpose=given["purpose"].pk, **about).pk
        try:
            if given["values"]:
                self._add(request, obj, given["kind"], given["values"])
        except CdpError as error:
            messages.error(request, str(error))

    def _add(self, request: HttpRequest, obj: models.UploadedList, kind: str, values: list[Any]) -> None:
        actor, by_id = Actor.user(request.user), kind == "profile"
        added = lists.add_profiles(actor, obj, values) if by_id else lists.add_contacts(actor, obj, kind, values)
        told = {"listed": added.listed, "unreadable": added.unreadable, "suppressed": added.suppressed}
        messages.info(
            request, _("On the list: %(listed)s. Not readable: %(unreadable)s. Suppressed: %(suppressed)s.") % told
        )

    def delete_model(self, request: HttpRequest, obj: models.UploadedList) -> None:
        lists.remove(Actor.user(request.user), obj)
