"""The form of a segment: JSON as a person writes it, refused with words at the place that is wrong."""

import json
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cdp.core.errors import CdpError
from consent.models import Purpose
from segments import assignment, exclusions, models, queries
from segments.query import catalog as rules
from segments.query.ast import Node
from segments.query.describe import describe
from segments.query.parse import parse
from segments.query.problems import EXPECTED, Problem, RuleError

PREVIEW = "_preview"
# The types that a problem may name.
TYPES = {
    "number": pgettext_lazy("type of a value", "number"),
    "string": pgettext_lazy("type of a value", "text"),
    "boolean": pgettext_lazy("type of a value", "true or false"),
    "date": pgettext_lazy("type of a value", "date"),
    "moment": pgettext_lazy("type of a value", "moment"),
}


class Indented(json.JSONEncoder):
    """JSON as people read it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


class RuleField(forms.JSONField):
    """JSON as a person writes it, shown again as it was written; whatever cannot be read or stored is a mistake."""

    def to_python(self, value: Any) -> Any:
        try:
            if isinstance(value, str):
                value.encode()
            read = super().to_python(value)
            json.dumps(read, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ValidationError(self.error_messages["invalid"], "invalid") from None
        return read

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else data and InvalidJSONInput(data)


class SplitField(RuleField):
    """Parts in percent; an empty field where there are none."""

    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(value) if value else ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial or None, data)


class SegmentForm(forms.ModelForm[models.Segment]):
    """A segment as a person writes it; a rule that is refused says at which place."""

    rule = RuleField(
        label=_("Rule"),
        encoder=Indented,
        widget=forms.Textarea(attrs={"rows": 12, "class": "rule", "spellcheck": "false"}),
        help_text=_("As JSON, built from all, any, not, trait, event, segment and consent. Examples stand below."),
    )

    exclusions = forms.MultipleChoiceField(
        label=_("Leaves out"), required=False, help_text=_("Segments whose members are never in this one.")
    )

    split = SplitField(
        label=_("Split"), required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "rule", "spellcheck": "false"}),
        help_text=_('As JSON, such as {"holdout": 10, "a": 45, "b": 45}. Drawn once for each member; see the guide.'),
    )  # fmt: skip

    class Meta:
        model = models.Segment
        fields = (
            "name", "key", "description", "owner", "purpose", "brand", "zone", "refresh_minutes", "rule", "exclusions",
            "excluded_everywhere", "split",
        )  # fmt: skip
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "exclusions" in self.fields:
            others = models.Segment.objects.exclude(pk=self.instance.pk).exclude(state=models.Segment.State.ARCHIVED)
            self.fields["exclusions"].choices = others.values_list("key", "name")  # type: ignore[attr-defined]
        if "purpose" in self.fields:
            self.fields["purpose"].label_from_instance = purpose_name  # type: ignore[attr-defined]

    def clean_zone(self) -> str:
        """A time zone of the IANA database."""
        zone: str = self.cleaned_data["zone"]
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValidationError(_("There is no such time zone. Write it like Asia/Seoul.")) from None
        return zone

    def clean_split(self) -> dict[str, int]:
        """Parts in percent, or none."""
        split: dict[str, int] = self.cleaned_data["split"] or {}
        try:
            assignment.check(split)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return split

    def clean_refresh_minutes(self) -> int:
        """At least one minute."""
        minutes: int = self.cleaned_data["refresh_minutes"]
        if minutes < 1:
            raise ValidationError(_("At least one minute."))
        return minutes

    def clean(self) -> dict[str, Any]:
        """Ask the rule language, and the catalog of this purpose and zone, whether the rule may stand."""
        cleaned = super().clean() or self.cleaned_data
        shown: Any = self.instance
        # The sentence above the rule is of what stands on the page, not of what is stored.
        shown.told = ""
        if cleaned.keys() >= {"rule", "purpose", "zone"}:
            try:
                node = parse(cleaned["rule"])
                catalog = queries.catalog(cleaned["purpose"].pk, cleaned["zone"], node)
                rules.require(node, catalog)
                shown.told = told(exclusions.without(node, cleaned.get("exclusions", ())), catalog)
            except RuleError as error:
                self.add_error("rule", ValidationError([sentence(problem) for problem in error.problems]))
        return cleaned

    def is_valid(self) -> bool:
        # A preview shows the same page again and saves nothing.
        return super().is_valid() and PREVIEW not in self.data


def purpose_name(purpose: Purpose) -> str:
    return purpose.name_ko if (get_language() or "").startswith("ko") else purpose.name_en


def sentences(error: CdpError | RuleError) -> list[str]:
    """What was refused and why, in the reader's language: of a rule each problem, with its place."""
    return [sentence(problem) for problem in error.problems] if isinstance(error, RuleError) else [str(error)]


def sentence(problem: Problem) -> str:
    """A problem in the reader's language, with its place in the rule."""
    text = gettext(problem.message) % {name: _word(value) for name, value in problem.params.items()}
    return f"{problem.path}: {text}" if problem.path else text


def _word(value: str) -> str:
    if value in EXPECTED:
        return gettext(value)
    return str(TYPES.get(value, value))


def told(rule: Node, catalog: rules.Catalog) -> str:
    """The sentence that describes a rule in the reader's language."""
    return describe(rule, get_language() or "en", catalog)
