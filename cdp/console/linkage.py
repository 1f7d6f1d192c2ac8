"""Linkage models: how much each likeness weighs, where that comes from, and what a trial says it would change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cdp.console import wishes
from cdp.console.case import COMPARISONS, LEVELS
from cdp.console.charts import AGAINST, FOR, NEITHER, Drawn, draw
from cdp.console.labels import label, signed
from cdp.core.admin import ReadOnlyRoom
from cdp.core.errors import Refused
from cdp.core.types import Actor
from identity import evaluation, registry, requests
from identity.estimation import Estimate
from identity.linkage.model import DEFAULT, Model
from identity.models import LinkageModel
from identity.types import REVIEW_REASONS, Wish

Chart = dict[str, Any]
PROMOTE = "identity.promote_linkagemodel"
# Height of a level's bar, and widths of the charts' panels, in pixels: what fits beside a table.
STEP, WIDE, NARROW = 26, 320, 170
# Points of the curve of unlinkable records that its table tells: one in so many bits.
BITS_A_ROW = 5
# Where the shares of a level come from.
ORIGINS = {
    "trained": pgettext_lazy("origin of a weight", "trained"),
    "default": pgettext_lazy("origin of a weight", "default"),
    "not estimated": pgettext_lazy("origin of a weight", "not estimated"),
}
KINDS = {"merged": _("would merge into"), "split": _("would lose a part"), "moved": _("would lose a part to")}
NUMBERS = {
    "merged": _("profiles would merge into others"),
    "split": _("parts would split off"),
    "moved": _("parts would move to other profiles"),
    "unchanged": _("profiles would stay as they are"),
    "opened": _("review cases would open"),
    "largest_before": _("records in the largest profile, now"),
    "largest_after": _("records in the largest profile, then"),
}

# What stewards' verdicts say of a model, and in which sense.
JUDGED = (
    ("precision", _("Precision"), _("of automatic links, between records of one person")),
    ("recall", _("Recall"), _("of the pairs of one person that were compared, linked")),
    ("missed", _("Missed"), _("of the near misses, between records of one person")),
)


@dataclass(frozen=True)
class Level:
    """One line of a table of levels; `rows`: how many lines its comparison has, on the first of them."""

    comparison: str
    rows: int
    name: str
    m: float
    u: float
    bits: float
    origin: str


# --- tables -----------------------------------------------------------------------------------------------------------


def levels(model: Model) -> list[Level]:
    """Every level of every comparison, in words."""
    return [
        Level(
            comparison=label(COMPARISONS, name),
            rows=0 if place else len(weights),
            name=label(LEVELS, weight.level),
            m=weight.m,
            u=weight.u,
            bits=weight.bits,
            origin=label(ORIGINS, weight.origin),
        )
        for name, weights in ((name, model.weights[name]) for name in DEFAULT.weights)
        for place, weight in enumerate(weights)
    ]


def judged(version: str) -> list[tuple[Any, Any, Estimate | None]]:
    """What stewards' verdicts say of a version: (what it is, in which sense, the estimate); empty before any pair of its
    runs was drawn."""
    return [
        (words, sense, getattr(found, name)) for found in evaluation.judged(version) for name, words, sense in JUDGED
    ]


def trial_of(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a trial found, for its part of the page."""
    tried = report.get("trial")
    if not tried:
        return None
    return {
        "at": datetime.fromisoformat(tried["at"]),
        "against": tried["against"],
        "merged": tried["merged"],
        "split": tried["split"],
        "numbers": [(tried[name], words) for name, words in NUMBERS.items()],
        "examples": [_example(example) for example in tried["examples"]],
        "unlinkable": [point for at, point in enumerate(tried["unlinkable"]) if at % BITS_A_ROW == 0],
        "histogram": [(int(bits), pairs) for bits, pairs in tried["histogram"].items()],
    }


def _example(example: Mapping[str, Any]) -> dict[str, Any]:
    said = [
        f"{label(COMPARISONS, c['comparison'])}: {label(LEVELS, c['level'])} {signed(c['bits'])}"
        for c in example["comparisons"]
        if c["bits"]
    ]
    refused = label(REVIEW_REASONS, example["refused"]) if example["refused"] else ""
    return {**example, "words": KINDS[example["kind"]], "said": said, "refused": refused}


# --- charts -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def model_charts(pk: UUID, language: str) -> dict[str, Drawn]:
    """Splink's charts of a model, which is frozen, in one language."""
    from identity.linkage import charts  # loads Splink, which no other page needs

    model = registry.opened(LinkageModel.objects.get(pk=pk))
    return {
        "weights": Drawn(draw(_weights(charts.match_weights(model)), "weights"), gettext("Match weights by level")),
        "shares": Drawn(draw(_shares(charts.m_u_parameters(model)), "shares"), gettext("Shares m and u by level")),
    }


def trial_charts(report: Mapping[str, Any]) -> dict[str, Drawn]:
    """Splink's charts of what a trial found."""
    from identity.linkage import charts

    tried = report.get("trial")
    if not tried:
        return {}
    pairs = {int(bits): number for bits, number in tried["histogram"].items()}
    drawn = {}
    if pairs:
        chart = _histogram(charts.histogram(pairs))
        drawn["histogram"] = Drawn(draw(chart, "histogram"), gettext("Pairs by match weight"))
    if tried["unlinkable"]:
        chart = _unlinkables(charts.unlinkables([tuple(point) for point in tried["unlinkable"]]))
        drawn["unlinkable"] = Drawn(draw(chart, "unlinkable"), gettext("Unlinkable records by threshold"))
    return drawn


def _weights(chart: Chart) -> Chart:
    _in_words(chart)
    scale = {"range": [AGAINST, NEITHER, FOR], "interpolate": "lab", "domain": [-10, 0, 10], "clamp": True}
    prior, weights = chart["vconcat"]
    for part in (prior, weights):
        part["encoding"]["color"] |= {"legend": None, "scale": scale}
        part["width"] = WIDE
        part.pop("params", None)  # nothing to zoom in a picture
    weights["height"]["step"] = STEP
    weights["encoding"]["y"]["axis"] = {"title": None}
    prior["encoding"]["y"]["axis"]["title"] = gettext("Prior")
    weights["encoding"]["x"]["axis"]["title"] = gettext("Match weight in bits, log2(m / u)")
    return chart


def _shares(chart: Chart) -> Chart:
    _in_words(chart)
    words = (gettext("Among matches: m"), gettext("Among non-matches: u"))
    for part, title, colour in zip(chart["hconcat"], words, (FOR, AGAINST), strict=True):
        part["title"]["text"] = title
        part["encoding"]["x"]["axis"]["title"] = gettext("share of pairs")
        part["encoding"]["color"] = {"value": colour}
        part["width"], part["height"]["step"] = NARROW, STEP
    part["encoding"]["y"]["axis"]["labels"] = False  # as on the left
    return chart


def _in_words(chart: Chart) -> None:
    chart.pop("title", None)  # the page has it
    for row in chart["data"]["values"]:
        if row["label_for_charts"]:
            row["label_for_charts"] = label(LEVELS, row["label_for_charts"])
            row["comparison_name"] = label(COMPARISONS, row["comparison_name"])


def _histogram(chart: Chart) -> Chart:
    for left_out in ("title", "params"):
        chart.pop(left_out, None)
    chart["encoding"]["x"]["axis"]["title"] = gettext("Match weight in bits")
    chart["encoding"]["y"]["axis"]["title"] = gettext("pairs")
    return chart


def _unlinkables(chart: Chart) -> Chart:
    for left_out in ("title", "params"):
        chart.pop(left_out, None)
    chart["layer"] = chart["layer"][:1]  # the others follow a mouse
    chart["width"], chart["height"] = 500, 250
    axes = chart["layer"][0]["encoding"]
    axes["x"]["axis"]["title"] = gettext("Threshold in bits")
    axes["y"]["axis"]["title"] = gettext("share of records")
    return chart


# --- pages ------------------------------------------------------------------------------------------------------------


@admin.register(LinkageModel)
class LinkageModelAdmin(ReadOnlyRoom[LinkageModel]):
    list_display = ("version", "state", "created_at", "population", "would_change")
    list_filter = ("state",)
    ordering = ("-created_at",)

    @admin.display(description=_("records"))
    def population(self, row: LinkageModel) -> Any:
        return row.report.get("population")

    @admin.display(description=_("trial"))
    def would_change(self, row: LinkageModel) -> str | None:
        tried = row.report.get("trial")
        if not tried:
            return None
        return gettext("%(merged)s merge, %(split)s split") % {
            name: number_format(tried[name], force_grouping=True) for name in ("merged", "split")
        }

    def get_urls(self) -> list[URLPattern]:
        ask, work = self.admin_site.admin_view(require_POST(self.ask)), self.admin_site.admin_view(self.work)
        return [
            path("<uuid:pk>/ask/", ask, name="identity_linkagemodel_ask"),
            path("<uuid:pk>/work/", work, name="identity_linkagemodel_work"),
            *super().get_urls(),
        ]

    def ask(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have a worker try a model, or promote it, which asks for a tick beside what it would change."""
        row, wish = self._found(request, str(pk)), request.POST.get("wish")
        if not request.user.has_perm(PROMOTE):
            raise PermissionDenied
        if wish not in Wish.values or (wish == Wish.PROMOTION and not request.POST.get("seen")):
            return HttpResponseBadRequest()
        try:
            requests.ask(Actor.user(request.user), row.pk, Wish(wish))
        except Refused as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:identity_linkagemodel_change", args=[pk]))

    def work(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """How what was asked stands, as a part of the page; 204 once it is over."""
        standing = wishes.standing(self._found(request, str(pk)))
        if standing is None or not standing.working:
            return HttpResponse(status=204)
        return TemplateResponse(request, "console/linkage_work.html", {"standing": standing})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self._found(request, object_id)
        standing = wishes.standing(row)
        working = standing is not None and standing.working
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": _("Linkage model"),
            "sees": {name: request.user.has_perm(f"identity.view_{name}") for name in ("profile", "record")},
            "standing": standing,
            **wishes.offers(row, request.user.has_perm(PROMOTE), working),
            **_shown(row),
        }
        return TemplateResponse(request, "console/linkage_model.html", shown)

    def _found(self, request: HttpRequest, object_id: str) -> LinkageModel:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row


def _shown(row: LinkageModel) -> dict[str, Any]:
    try:
        model = registry.opened(row)
    except Refused as error:
        return {"unreadable": str(error)}
    return {
        "model": model,
        "report": row.report,
        "one_in": round(1 / model.prior),
        "frequent": _sum(model.frequencies.values()),
        "stop_keys": [(rule, len(keys)) for rule, keys in model.stop_keys.items() if keys],
        "levels": levels(model),
        "trial": trial_of(row.report),
        "judged": judged(row.version),
        "charts": model_charts(row.pk, get_language() or "") | trial_charts(row.report),
    }


def _sum(parts: Iterable[Any]) -> int:
    return sum(len(part) for part in parts)
