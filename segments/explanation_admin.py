"""Staff page: why somebody is in a segment or not."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from cdp.core.errors import CdpError
from cdp.core.types import Actor, local_time
from cdp.events.queries import event_title
from cdp.events.words import field_word
from consent.models import ConsentRecord
from identity import queries as identity
from segments.explanation import explain
from segments.models import Segment
from segments.query.bounds import read_date, read_moment
from segments.query.problems import RuleError
from segments.segment_form import sentences
from segments.types import Explanation, Fact, FactName, Reason

MEASURES: dict[FactName, Any] = {
    "sum": _("sum of %(of)s: %(value)s"), "avg": _("average of %(of)s: %(value)s"),
    "min": _("lowest %(of)s: %(value)s"), "max": _("highest %(of)s: %(value)s"),
    "distinct": _("different values of %(of)s: %(value)s"), "most_frequent": _("most frequent %(of)s: %(value)s"),
}  # fmt: skip
MOMENTS: dict[FactName, Any] = {
    "first_at": _("first %(time)s"), "last_at": _("last %(time)s"), "picked_at": _("that one %(time)s"),
    "entered_at": _("a member since %(time)s"), "left_at": _("left %(time)s"), "since": _("since %(time)s"),
}  # fmt: skip


class AskForm(forms.Form):
    """Which segment, and which profile."""

    segment = forms.ModelChoiceField(Segment.objects.none(), label=_("Segment"))
    profile = forms.UUIDField(label=_("Profile"), widget=forms.TextInput({"size": 36}))

    def __init__(self, segments: QuerySet[Segment], data: Any) -> None:
        super().__init__(data)
        choice = cast("forms.ModelChoiceField[Segment]", self.fields["segment"])
        choice.queryset = segments.exclude(state=Segment.State.ARCHIVED).order_by("name")


def page(request: HttpRequest, segments: QuerySet[Segment]) -> dict[str, Any]:
    """What the page shows: a form, and the explanation once it is asked for; `segments` are those the reader sees."""
    given = {name: request.GET[name] for name in ("segment", "profile") if request.GET.get(name)}
    asked = len(given) == 2
    form = AskForm(segments, request.GET if asked else None)
    form.initial = given
    shown: dict[str, Any] = {"form": form, "title": gettext("Why in it, or not")}
    if not (asked and form.is_valid()):
        return shown
    segment, profile = form.cleaned_data["segment"], form.cleaned_data["profile"]
    return shown | {"segment": segment} | _explained(request, segment, profile)


def _explained(request: HttpRequest, segment: Segment, profile: UUID) -> dict[str, Any]:
    try:
        found = explain(Actor.user(request.user), segment, identity.find_profile(profile).id)
    except (CdpError, RuleError) as error:
        for problem in sentences(error):
            messages.error(request, problem)
        return {}
    return {"found": found, "changed": _changed(found)} | {
        part: [(reason, _facts(reason)) for reason in reasons]
        for part, reasons in (("reasons", found.reasons), ("exclusions", found.exclusions))
    }


def _changed(found: Explanation) -> str:
    """That members and rule do not agree at this moment; "" where they do."""
    if found.holds == found.member:
        return ""
    return gettext("The next recompute takes it in.") if found.holds else gettext("The next recompute takes it out.")


def _facts(reason: Reason) -> list[str]:
    """What decided a clause, in words; of a single event once when it happened."""
    lasts = {(fact.of, fact.value) for fact in reason.facts if fact.name == "last_at"}
    return [_fact(fact) for fact in reason.facts if fact.name != "first_at" or (fact.of, fact.value) not in lasts]


def _fact(fact: Fact) -> str:
    if fact.name in MOMENTS:
        return str(MOMENTS[fact.name]) % {"time": local_time(fact.value)} if fact.value else gettext("no such event")
    if fact.name in MEASURES:
        return str(MEASURES[fact.name]) % {"of": field_word(fact.of), "value": _value(fact.value)}
    match fact.name:
        case "events":
            return gettext("%(event)s: %(times)s") % {"event": event_title(fact.of), "times": _times(fact.value)}
        case "periods":
            return ngettext("in %(count)s of them", "in %(count)s of them", fact.value) % {"count": fact.value}
        case "consent":
            return str(ConsentRecord.State(fact.value).label)
    return _value(fact.value)


def _times(number: int) -> str:
    return gettext("%(number)s×") % {"number": f"{number:,}"} if number else pgettext("of events", "never")


def _value(value: Any) -> str:
    """A clear value: yes and no in words, numbers grouped, moments in the reader's words, lists with commas."""
    if value is None:
        return gettext("no value")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    if isinstance(value, int | float | Decimal):
        return f"{value:,}"
    found = read_moment(value)
    return local_time(found) if found and read_date(value) is None else str(value)
