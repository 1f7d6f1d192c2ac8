"""Importing a file in the console: give it, see what each row would become, say what its columns mean, start, and watch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console.labels import label
from cdp.core.admin import ReadOnlyRoom
from cdp.core.columns import Column
from cdp.core.errors import Refused
from cdp.core.types import Actor
from cdp.events.models import Source
from cdp.events.types import QUARANTINE_REASONS, RECORD_KINDS
from cdp.ingestion import uploads, words
from cdp.ingestion.mapping import content_of, mapping_of
from cdp.ingestion.models import Upload
from cdp.ingestion.preview import Told
from identity.types import ATTRIBUTES

ADD = "ingestion.add_upload"
ROWS_SHOWN = 10
LONGEST_MAPPING, MOST_COLUMNS = 100_000, 300
KEEP, SEAL, CLEAR, BY_JSON, LEAVE = "", "=sealed", "=clear", "=json", "=leave"
# What a column of records of people may mean, beside the attributes of a person.
OF_RECORDS = {
    "external_id": pgettext_lazy("meaning of a column", "Customer number"),
    "user_id": pgettext_lazy("meaning of a column", "User id of the shop"),
    "loyalty_id": pgettext_lazy("meaning of a column", "Loyalty card"),
    "updated_at": pgettext_lazy("meaning of a column", "Changed at"),
    "consent_at": pgettext_lazy("meaning of a column", "Agreed at"),
}
# What one of rows that are events may mean, by where a mapping has it.
OF_EVENTS = {
    "time": pgettext_lazy("meaning of a column", "When it happened"),
    "customer": pgettext_lazy("meaning of a column", "Customer number"),
    "receipt": pgettext_lazy("meaning of a column", "Receipt number"),
    "identifiers.email": ATTRIBUTES["email"],
    "identifiers.phone": ATTRIBUTES["phone"],
    "identifiers.user_id": OF_RECORDS["user_id"],
    "identifiers.loyalty_id": OF_RECORDS["loyalty_id"],
    "event": pgettext_lazy("meaning of a column", "Name of the event"),
    "order": pgettext_lazy("meaning of a column", "Order number"),
    "money": pgettext_lazy("meaning of a column", "Amount of money"),
    "currency": pgettext_lazy("meaning of a column", "Currency"),
    "quantity": pgettext_lazy("meaning of a column", "Quantity"),
    "price": pgettext_lazy("meaning of a column", "Price of one"),
    "place": pgettext_lazy("meaning of a column", "Store"),
    "message_id": pgettext_lazy("meaning of a column", "Id of the row"),
}
# What is told of a row.
SAID = {**ATTRIBUTES, **RECORD_KINDS, **OF_RECORDS, "at": _("when"), "revenue": OF_EVENTS["money"]}
TREATED = {SEAL: _("Personal: sealed"), CLEAR: _("In the clear")}


@dataclass(frozen=True)
class Choice:
    """A column with what it may mean, one of it chosen."""

    field: str
    column: str
    options: list[tuple[str, str, bool]]


class UploadForm(forms.ModelForm[Upload]):
    """The file and whose it is."""

    file = forms.FileField(
        label=_("File"), help_text=_(
            "CSV, Excel (.xlsx), NDJSON or Parquet, also packed as .gz or .zip; up to 2.5 MB. Larger files are imported by "
            "`manage.py import_records`, or fetched from a storage."
        ),
    )  # fmt: skip

    class Meta:
        model = Upload
        fields = ("source", "holds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources: Any = self.fields["source"]
        sources.queryset = Source.objects.filter(built_in=False, enabled=True)


# --- controls ---------------------------------------------------------------------------------------------------------


def choices(upload: Upload, draft: uploads.Draft) -> list[Choice]:
    """A control for each column."""
    chosen = _meanings(upload, draft.mapping)
    found = []
    for number, column in enumerate(draft.columns[:MOST_COLUMNS]):
        now = chosen.get(column, KEEP if upload.holds == Upload.Holds.RECORDS else LEAVE)
        options = _options(upload) | ({BY_JSON: _("as the mapping says")} if now == BY_JSON else {})
        found.append(Choice(f"c{number}", column, [(key, str(word), key == now) for key, word in options.items()]))
    return found


def _options(upload: Upload) -> dict[str, Any]:
    if upload.holds == Upload.Holds.EVENTS:
        return {LEAVE: _("Leave it out"), CLEAR: _("Property"), SEAL: _("Property, sealed"), **OF_EVENTS}
    return {KEEP: _("As it is called"), **OF_RECORDS, **ATTRIBUTES, **TREATED}


def _meanings(upload: Upload, said: Mapping[str, Any]) -> dict[str, str]:
    """What each column means, by a mapping as JSON has it."""
    found = dict.fromkeys(said.get("sealed", ()), SEAL)
    if upload.holds == Upload.Holds.RECORDS:
        others = {column: BY_JSON for part in said.get("join", {}).values() for column in part}
        others |= dict.fromkeys(said.get("consents", {}), BY_JSON)
        named = {
            column: name if name in {*OF_RECORDS, *ATTRIBUTES} else BY_JSON
            for column, name in said.get("columns", {}).items()
        }
        return found | dict.fromkeys(said.get("clear", ()), CLEAR) | named | others
    found |= dict.fromkeys(said.get("properties", {}), CLEAR)
    flat = {**said, **{f"identifiers.{kind}": column for kind, column in said.get("identifiers", {}).items()}}
    places = {name: one.get("column") if isinstance(one, dict) else one for name, one in flat.items()}
    columns = {name: column for name, column in places.items() if name in OF_EVENTS or name.startswith("identifiers.")}
    return found | {column: name if name in OF_EVENTS else BY_JSON for name, column in columns.items() if column}


def changed(upload: Upload, draft: uploads.Draft, posted: Mapping[str, str]) -> dict[str, Any]:
    """The mapping that the controls say. Raises `Refused` for a meaning that only one column can have."""
    chosen = {
        column: posted.get(f"c{number}", KEEP) for number, column in enumerate(draft.columns[:MOST_COLUMNS])
    }  # fmt: skip
    meanings = [meaning for meaning in chosen.values() if meaning and meaning[0] != "="]
    if len(set(meanings)) < len(meanings):
        raise Refused("mapping_refused", gettext("Two columns cannot mean the same: choose one of them."))
    spoken = {column for column, meaning in chosen.items() if meaning != BY_JSON}
    event, zone = posted.get("event", "").strip(), posted.get("zone", "").strip()
    of_events = upload.holds == Upload.Holds.EVENTS
    found = (
        _of_events(chosen, spoken, event, draft.mapping) if of_events else _of_records(chosen, spoken, draft.mapping)
    )
    return found | {"zone": zone} if zone else found


def _of_records(chosen: Mapping[str, str], spoken: Collection[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping before with what the controls say of the columns that they speak of."""
    controlled = ("columns", "sealed", "clear", "zone")
    found: dict[str, Any] = {name: value for name, value in before.items() if name not in controlled}
    columns = {column: meaning for column, meaning in chosen.items() if meaning in {*OF_RECORDS, *ATTRIBUTES}}
    columns |= {column: name for column, name in before.get("columns", {}).items() if column not in spoken}
    marked = {"sealed": _marked(chosen, spoken, SEAL, before), "clear": _marked(chosen, spoken, CLEAR, before)}
    return found | marked | {"columns": columns}


def _of_events(
    chosen: Mapping[str, str], spoken: Collection[str], event: str, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The same of rows that are events; of a meaning that only a mapping has, a constant or a kind, nothing is lost."""
    stale = {name for name in OF_EVENTS if _column_of(before.get(name)) in spoken} | {"zone"}
    found = {name: value for name, value in before.items() if name not in stale}
    said = before.get("properties", {})
    properties = {column: said.get(column, column) for column in _with(chosen, CLEAR)}
    found["properties"] = properties | {column: name for column, name in said.items() if column not in spoken}
    found["sealed"] = _marked(chosen, spoken, SEAL, before)
    others = {kind: column for kind, column in before.get("identifiers", {}).items() if column not in spoken}
    found["identifiers"] = others
    for column, meaning in chosen.items():
        part, dot, kind = meaning.partition(".")
        if dot:
            found[part][kind] = column
        elif meaning == "customer":
            found[meaning] = {**before.get(meaning, {}), "column": column}
        elif meaning in ("event", "currency"):
            found[meaning] = {"column": column}
        elif meaning in OF_EVENTS:
            found[meaning] = column
    return found if "event" in chosen.values() else {**found, "event": {"constant": event}}


def _column_of(value: Any) -> Any:
    """The column that a value of a mapping names, where it is one column."""
    found = value.get("column") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def _marked(chosen: Mapping[str, str], spoken: Collection[str], mark: str, before: Mapping[str, Any]) -> list[str]:
    listed = "sealed" if mark == SEAL else "clear"
    return [*_with(chosen, mark), *(column for column in before.get(listed, ()) if column not in spoken)]


def _with(chosen: Mapping[str, str], meaning: str) -> list[str]:
    return [column for column, its in chosen.items() if its == meaning]


# --- pages ------------------------------------------------------------------------------------------------------------


@admin.display(description=_("state"))
def _state(row: Upload) -> str:
    """How far it is, in words."""
    if row.failed:
        return words.failure(row.failed)
    if row.finished_at:
        return gettext("Over")
    return gettext("A worker is at it") if row.started_at else gettext("Not started")


@admin.display(description=_("rows"))
def _rows(row: Upload) -> str:
    """What became of its rows."""
    return words.counted(row.counts)


STATE: Column = _state
ROWS: Column = _rows


@admin.register(Upload)
class UploadAdmin(ReadOnlyRoom[Upload]):
    first_step = _("Give a file, and see what its rows would become before anything is kept.")
    form = UploadForm
    list_display = ("name", STATE, "source", "holds", ROWS, "created_at")
    list_filter = ("source", "holds")
    list_select_related = ("source",)
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    def get_fields(self, request: HttpRequest, obj: Upload | None = None) -> Any:
        return ("source", "holds", "file")

    def get_readonly_fields(self, request: HttpRequest, obj: Upload | None = None) -> Any:
        return ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/say/", view(require_POST(self.say)), name="ingestion_upload_say"),
            path("<uuid:pk>/work/", view(self.work), name="ingestion_upload_work"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Upload, form: Any, change: bool) -> None:
        """Nothing is saved of the form itself: see `add_view`."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Keep the file and lead to its page; what cannot be read is told beside the form."""
        if request.method != "POST" or not self.has_add_permission(request):
            only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
            return super().add_view(request, form_url, {**only_save, **(extra_context or {})})
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return super().add_view(request, form_url, extra_context)
        said, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            row = uploads.create(Actor.user(request.user), said["source"].pk, said["holds"], file.name, file.read())
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:ingestion_upload_add"))
        return _to(row.pk)

    def say(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Say what columns mean, start, or throw the file away."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        row, actor = self._found(request, str(pk)), Actor.user(request.user)
        try:
            if request.POST.get("what") == "discard":
                uploads.discard(actor, row.pk)
                messages.success(request, _("The file was destroyed."))
                return HttpResponseRedirect(reverse("admin:ingestion_upload_changelist"))
            uploads.remap(row.pk, _said(row, request))
            if request.POST.get("what") == "start":
                uploads.start(actor, row.pk)
        except Refused as refusal:
            messages.error(request, str(refusal))
        return _to(pk)

    def work(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How far it is, as a part of the page; 204 once it is over."""
        row = self._found(request, str(pk))
        if row.finished_at is not None:
            return HttpResponse(status=204)
        return TemplateResponse(request, "console/upload_work.html", {"upload": row, "counts": _rows(row)})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self._found(request, object_id)
        shown = {
            **self.admin_site.each_context(request), "opts": self.opts, "upload": row, "original": row,
            "title": row.name, "state": _state(row), "counts": _rows(row), "may": self.has_add_permission(request),
            **({} if row.started_at else _preview(row, request)),
        }  # fmt: skip
        return TemplateResponse(request, "console/upload.html", shown)

    def _found(self, request: HttpRequest, object_id: str) -> Upload:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row


def _to(pk: UUID) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:ingestion_upload_change", args=[pk]))


def _said(row: Upload, request: HttpRequest) -> dict[str, Any]:
    """The mapping that the controls say, or the JSON beside them."""
    draft = uploads.draft_of(row) if row.started_at is None else uploads.Draft([], {})
    if request.POST.get("what") != "json":
        return changed(row, draft, request.POST.dict())
    text = request.POST.get("mapping", "")[:LONGEST_MAPPING]
    try:
        return content_of(mapping_of(row.holds, text.encode()))[1]
    except ValueError as error:
        raise Refused("mapping_refused", str(error)) from None


def _preview(row: Upload, request: HttpRequest) -> dict[str, Any]:
    """The controls, and what the rows would become by them; why not, where they say nothing that can be meant."""
    draft, first = uploads.draft_of(row), _number(request.GET.get("from"))
    event = draft.mapping.get("event", {})
    shown: dict[str, Any] = {
        "choices": choices(row, draft), "zone": draft.mapping.get("zone") or "",
        "event": event.get("constant", "") if isinstance(event, dict) else "",
        "mapping": msgspec.json.format(msgspec.json.encode(draft.mapping), indent=2).decode(),
    }  # fmt: skip
    try:
        told = uploads.told(row, uploads.mapping(row, draft), first, ROWS_SHOWN)
    except Refused as refusal:
        return {**shown, "refused": str(refusal)}
    last = first + ROWS_SHOWN if len(told) == ROWS_SHOWN else None
    return {
        **shown,
        "rows": [_in_words(one) for one in told],
        "next": last,
        "before": max(first - ROWS_SHOWN, 0) if first else None,
    }


def _in_words(row: Told) -> dict[str, Any]:
    return {
        "number": row.number, "said": [(label(SAID, name), value) for name, value in row.said],
        "refused": label(QUARANTINE_REASONS, row.refused) if row.refused else "",
    }  # fmt: skip


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 8 else 0
