"""Staff pages: computed traits, written, published and archived."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.core import counts
from cdp.core.admin import Room
from cdp.core.columns import titled
from cdp.core.errors import CdpError
from cdp.core.types import Actor
from cdp.events.queries import event_title
from segments import models, traits
from segments.query.problems import Problem, RuleError
from segments.segment_form import Indented, RuleField, sentence
from segments.traits import FIXED, TraitFields

# Beside which field a problem stands, by the first part of its place.
FIELDS = {"event": "event", "property": "path", "value_type": "value_type", "condition": "condition"}


class TraitForm(forms.ModelForm[models.ComputedTrait]):
    """A definition as a person writes it; what cannot be computed stands beside its field."""

    condition = RuleField(
        label=_("only events that"), required=False, encoder=Indented,
        widget=forms.Textarea(attrs={"rows": 6, "class": "rule", "spellcheck": "false"}),
        help_text=_('As JSON, in the words of rules: where, within, between, at, currency. Such as {"within": {"days": 90}}.'),
    )  # fmt: skip

    class Meta:
        model = models.ComputedTrait
        fields = tuple(TraitFields.__annotations__)

    def clean(self) -> dict[str, Any]:
        """Ask the definition itself whether it can be computed."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.keys() >= set(self.fields):
            cleaned["condition"] = cleaned["condition"] or {}
            written = {name: cleaned.get(name, getattr(self.instance, name)) for name in TraitFields.__annotations__}
            try:
                traits.check(models.ComputedTrait(**written))
            except RuleError as error:
                for problem in error.problems:
                    self.add_error(*_beside(problem))
            except CdpError as error:
                self.add_error("zone", str(error))
        return cleaned


def _beside(problem: Problem) -> tuple[str, ValidationError]:
    """The field of a problem, and what is said of it there."""
    first, _slash, rest = problem.path.removeprefix("/").partition("/")
    below = f"/{rest}" if rest else ""
    told = Problem(below, problem.code, problem.message, problem.params)
    return FIELDS[first], ValidationError(sentence(told))


@admin.register(models.ComputedTrait)
class ComputedTraitAdmin(Room[models.ComputedTrait]):
    """Written by those who may change them; published and archived by those who may also publish."""

    first_step = _(
        "Say what to compute from people's events, such as their favourite category; rules read it once it is published."
    )
    form = TraitForm
    change_form_template = "console/computed_trait.html"
    list_display = (
        "key",
        "label_en",
        "label_ko",
        "kind",
        "event_named",
        "state",
        "known",
        "computed_at",
        "took",
        "error",
    )
    list_filter = ("state", "kind")
    search_fields = ("key", "label_en", "label_ko")
    prepopulated_fields = {"key": ("label_en",)}
    readonly_fields = ("named", "computed_at", "took", "known", "error")
    fieldsets = (
        (None, {"fields": (("label_ko", "label_en"), "key", "named")}),
        (_("What is computed"), {"fields": (("kind", "value_type"), ("event", "path"), "condition")}),
        (_("What it may be used for"), {"fields": ("data_class", ("zone", "refresh_minutes"))}),
        (_("Last recompute"), {"fields": (("computed_at", "took"), ("known", "error"))}),
    )

    @admin.display(description=models.ComputedTrait._meta.get_field("event").verbose_name, ordering="event")
    def event_named(self, trait: models.ComputedTrait) -> str:
        return titled(event_title(trait.event), trait.event)

    @admin.display(description=_("in rules"))
    def named(self, trait: models.ComputedTrait) -> str:
        """How rules name it."""
        return ", ".join(traits.names(trait)) if trait.kind else self.get_empty_value_display()

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.ComputedTrait]:
        return super().get_queryset(request).annotate(seen=Value(request.user.has_perm("identity.view_profile")))

    @admin.display(description=_("profiles with a value"), ordering="profiles")
    def known(self, trait: Any) -> int | str:
        told = counts.told(trait.profiles, getattr(trait, "seen", False))
        return self.get_empty_value_display() if told is None else told

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, *(FIXED if self._fixed(obj) else ()))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given = {"zone": settings.TIME_ZONE, "condition": {"within": {"days": 90}}}
        return {**given, **super().get_changeform_initial_data(request)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _fixed(self, trait: models.ComputedTrait | None) -> bool:
        return trait is not None and trait.state != traits.State.DRAFT

    def save_model(self, request: HttpRequest, obj: models.ComputedTrait, form: Any, change: bool) -> None:
        actor, given = Actor.user(request.user), {name: form.cleaned_data[name] for name in form.fields}
        if not change:
            obj.pk = traits.create(actor, **given).pk
            return
        stored = models.ComputedTrait.objects.get(pk=obj.pk)
        traits.change(actor, stored, **{name: given[name] for name in form.changed_data})

    def get_urls(self) -> list[URLPattern]:
        return [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(require_POST(view)), name=f"segments_trait_{name}")
            for name, view in (("publish", self.publish), ("archive", self.archive))
        ] + super().get_urls()

    def publish(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Let rules name it; the worker computes it."""
        return self._do(request, pk, traits.publish, _("Published. The worker is computing its values."))

    def archive(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Compute it no longer; the worker takes its values away."""
        return self._do(request, pk, traits.archive, _("Archived. The worker takes its values away."))

    def _do(self, request: HttpRequest, pk: UUID, act: Callable[..., Any], done: Any) -> HttpResponse:
        if not self._may_publish(request):
            raise PermissionDenied
        trait = get_object_or_404(models.ComputedTrait, pk=pk)
        try:
            act(Actor.user(request.user), trait)
        except RuleError:
            messages.error(request, gettext("It cannot be computed as it is: save it again to see why."))
        except CdpError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("admin:segments_computedtrait_change", args=[pk]))

    def _may_publish(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and request.user.has_perm("segments.publish_computedtrait")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        shown = {"may_publish": self._may_publish(request)}
        try:
            return super().changeform_view(request, object_id, form_url, shown)
        except CdpError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())
