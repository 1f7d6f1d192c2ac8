"""Staff pages: where rows are fetched from, and what became of each file."""

from typing import Any

import msgspec
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.admin import ReadOnlyRoom, Room
from cdp.core.columns import Column
from cdp.core.errors import Refused
from cdp.core.types import Actor
from cdp.ingestion import models, places, words

_HOLDS = (("records", _("records of people")), ("events", _("events")))
_OWN = ("name", "source", "kind", "address", "table", "watermark", "key", "every", "enabled")
# To which field of the form a refusal belongs.
_FIELDS = {
    "address_refused": "address", "kind_unavailable": "kind", "column_refused": "table", "mapping_refused": "mapping_text",
    "password_needed": "password",
}  # fmt: skip


class PullForm(forms.ModelForm[models.Pull]):
    """A place as a person writes it; a password is written, and never shown."""

    holds = forms.ChoiceField(label=pgettext_lazy("what a file holds", "Holds"), choices=_HOLDS)
    mapping_text = forms.CharField(
        label=_("Mapping"), widget=forms.Textarea(attrs={"rows": 10, "class": "vLargeTextField code"}),
        help_text=_("As import_records --preview and import_events --preview write it."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password of the database"), required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Kept sealed; left empty, it stays as it is. A storage is opened by the environment of the worker."),
    )  # fmt: skip

    no_password = forms.BooleanField(label=_("It asks for no password any more"), required=False)

    class Meta:
        model = models.Pull
        fields = _OWN
        help_texts = {
            "address": _("s3://bucket/prefix, or postgresql://user@host:5432/database without the password."),
            "watermark": _("When a row was last changed, or a number that only grows."),
            "every": _("After everything was fetched."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            kept = self.instance.mapping
            self.initial.update(holds=kept.kind, mapping_text=_written(kept.content))

    def clean(self) -> dict[str, Any]:
        """Whether it is a place as it stands here."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                places.check(self.instance.pk, **self.said(cleaned))
            except Refused as refusal:
                self.add_error(_FIELDS[refusal.code], str(refusal))
        return cleaned

    def said(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """What the actions take."""
        own = {name: cleaned[name] for name in _OWN}
        mapping = {"holds": cleaned["holds"], "mapping": cleaned["mapping_text"], "password": cleaned["password"]}
        mapping["no_password"] = cleaned["no_password"]
        return {**own, "source": cleaned["source"].pk, **mapping}


def _written(content: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


@admin.display(description=_("failed"), ordering="failed")
def _why(row: models.Pull | models.PulledFile) -> str:
    """Why it failed, in words."""
    return words.failure(row.failed)


@admin.display(description=_("rows"))
def _rows(row: models.Pull | models.PulledFile) -> str:
    """What became of its rows."""
    return words.counted(row.counts)


WHY: Column = _why
ROWS: Column = _rows


@admin.register(models.Pull)
class PullAdmin(Room[models.Pull]):
    """Written by administrators; it is fetched from as soon as it is written."""

    first_step = _("To have rows fetched again and again, add a place: a storage, or a table of another database.")
    form = PullForm
    list_display = ("name", WHY, "source", "kind", "complete_at", "next_at")
    list_filter = ("kind", "enabled", ("failed", admin.EmptyFieldListFilter))
    list_select_related = ("source",)
    search_fields = ("name",)
    readonly_fields = ("complete_at", "next_at", "failures", WHY, ROWS)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "enabled"),
                    "source",
                    "kind",
                    "address",
                    "password",
                    "no_password",
                    ("table", "watermark", "key"),
                )
            },
        ),
        (_("Reading"), {"fields": ("holds", "mapping_text", "every")}),
        (_("State"), {"fields": (("complete_at", "next_at"), ("failures", WHY), ROWS)}),
    )

    def save_model(self, request: HttpRequest, obj: models.Pull, form: Any, change: bool) -> None:
        actor, said = Actor.user(request.user), form.said(form.cleaned_data)
        if change:
            places.change(actor, models.Pull.objects.get(pk=obj.pk), **said)
        else:
            obj.pk = places.create(actor, **said).pk


@admin.register(models.PulledFile)
class PulledFileAdmin(ReadOnlyRoom[models.PulledFile]):
    list_display = ("path", WHY, "pull", "changed_at", "lines", "finished_at")
    list_filter = ("pull", ("failed", admin.EmptyFieldListFilter), ("finished_at", admin.EmptyFieldListFilter))
    list_select_related = ("pull",)
    fields = ("path", "pull", "version", "changed_at", "found_at", "lines", ROWS, "finished_at", WHY)
    ordering = ("-id",)
    actions = ("read_again",)

    @admin.action(description=_("Read the chosen files that were put aside again"), permissions=["read_again"])
    def read_again(self, request: HttpRequest, files: QuerySet[models.PulledFile]) -> None:
        """Each from where it was left, by the next worker."""
        number = places.read_again(Actor.user(request.user), files)
        self.message_user(request, _("Files that are read again: %(number)d.") % {"number": number})

    def has_read_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ingestion.change_pull")
