"""What was asked of a linkage model, and how far it has come, in words."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cdp.console.labels import label
from identity import registry, requests
from identity.models import LinkageModel, ModelRequest
from identity.types import Wish

DOING = {Wish.TRIAL: _("Trying what it would change"), Wish.PROMOTION: _("Promoting")}
DONE = {Wish.TRIAL: _("The trial is over."), Wish.PROMOTION: _("The model was promoted and run over all records.")}
UNDONE = {Wish.TRIAL: _("The trial was not made:"), Wish.PROMOTION: _("The model was not promoted:")}
# Why, by the codes of refusals.
REFUSALS = {
    "model_live": _("the model is in use already."),
    "model_falls": _("its weights fall as similarity rises."),
    "model_untried": _("nobody has tried it against the model in use."),
    "model_unreadable": _("this version of the product cannot read it."),
    "failed": _("it failed, and the log of the worker says why."),
}
# The first words of what long work says of itself.
STEPS = {
    "folding": pgettext_lazy("step", "folding events"),
    "reading": pgettext_lazy("step", "reading records"),
    "indexing": pgettext_lazy("step", "indexing"),
    "training": pgettext_lazy("step", "training"),
    "scoring": pgettext_lazy("step", "scoring pairs"),
    "linking": pgettext_lazy("step", "linking"),
    "clustering": pgettext_lazy("step", "clustering records"),
    "trying": pgettext_lazy("step", "clustering records on trial"),
    "projecting": pgettext_lazy("step", "projecting profiles"),
}
_PART = re.compile(r"([\d,]+) of ([\d,]+)")


@dataclass(frozen=True)
class Standing:
    """How a request stands. `tone` of its chip; `done` of `whole`: how far its step has come, where that is known."""

    words: str
    tone: str
    at: datetime
    working: bool
    step: str = ""
    done: int | None = None
    whole: int | None = None


def standing(row: LinkageModel) -> Standing | None:
    """How what was asked last of a model stands; None where nothing was."""
    request = requests.latest(row.pk)
    return None if request is None else _over(request) if request.finished_at else _under_way(request)


def _under_way(request: ModelRequest) -> Standing:
    if request.started_at is None:
        return Standing(gettext("Waiting for a worker"), "warn", request.asked_at, working=True)
    words, step = str(DOING[Wish(request.kind)]), label(STEPS, request.step.partition(" ")[0])
    part = _PART.search(request.step)
    done, whole = (int(text.replace(",", "")) for text in part.groups()) if part else (None, None)
    return Standing(words, "warn", request.started_at, True, step, done, whole)


def _over(request: ModelRequest) -> Standing:
    wish, at = Wish(request.kind), request.finished_at or request.asked_at
    if not request.refused:
        return Standing(str(DONE[wish]), "good", at, working=False)
    return Standing(f"{UNDONE[wish]} {label(REFUSALS, request.refused)}", "bad", at, working=False)


def offers(row: LinkageModel, may: bool, working: bool) -> dict[str, Any]:
    """Which wishes the page offers to somebody; a model is promoted only after a trial against the one in use."""
    free = may and not working and row.state != LinkageModel.State.LIVE
    tried = row.report.get("trial")
    return {
        "may_try": free,
        "may_promote": free and tried is not None and tried["against"] == registry.live_version(),
        "outdated": free and tried is not None and tried["against"] != registry.live_version(),
    }
