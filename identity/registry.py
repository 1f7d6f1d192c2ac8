"""The versions of the linkage model as they are kept: drafts, the one in use, and those that were.

What decides is sealed. `LinkageModel.report` tells in the clear what was learnt and what a trial found.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import NotReadable, Refused
from cdp.core.types import Actor, now, uuid7
from identity import queries
from identity.linkage.model import DEFAULT, Model, falling, with_thresholds
from identity.models import LinkageModel

State = LinkageModel.State
LIVE = "live"


def keep(model: Model, **told: Any) -> LinkageModel:
    """Keep a model as a draft, what was `told` of its training in its report; a version that is kept already stays."""
    known = LinkageModel.objects.filter(version=model.version).order_by("-created_at").first()
    if known is not None:
        return known
    pk = uuid7()
    key = crypto.data_keys([pk])[pk]
    sealed = crypto.seal(key, queries.MODEL_TABLE, queries.MODEL_COLUMN, model.to_json())
    return LinkageModel.objects.create(
        pk=pk, version=model.version, parameters=sealed, report=described(model) | told, state=State.DRAFT
    )


def described(model: Model) -> dict[str, Any]:
    """What can be said of a model in the clear: every level with its origin, the prior, thresholds, and how much of the
    data it holds frozen."""
    levels = {
        name: [{"level": w.level, "bits": round(w.bits, 2), "m": w.m, "u": w.u, "origin": w.origin} for w in weights]
        for name, weights in model.weights.items()
    }
    return {
        "levels": levels,
        "prior": model.prior,
        "trained": model.weights != DEFAULT.weights,
        "thresholds": {"link": model.link, "review": model.review},
        "population": model.population,
        "frequencies": _sizes(model.frequencies),
        "stop_keys": _sizes(model.stop_keys),
    }


def _sizes(parts: Mapping[str, Collection[Any]]) -> dict[str, int]:
    return {name: len(part) for name, part in parts.items() if part}


def redrawn(row: LinkageModel, **thresholds: float | None) -> LinkageModel:
    """A draft of the same model with another `link` or `review` threshold (bits). Raises ValueError as
    `with_thresholds`, `Refused` as `opened`."""
    model = with_thresholds(opened(row), **thresholds)
    return keep(model, recall=row.report.get("recall"), made_from=row.version)


def find(name: str) -> LinkageModel:
    """The version of that name, or `live` for the one in use; the beginning of a version's name is enough.

    Raises `Refused`: `model_unknown`, or `model_ambiguous` where several begin so.
    """
    if name == LIVE:
        found = list(LinkageModel.objects.filter(state=State.LIVE))
    else:
        found = list(LinkageModel.objects.filter(version__startswith=name).order_by("-created_at")) if name else []
    if not found:
        raise Refused("model_unknown", _("There is no model %(name)s: see `manage.py linkage show`.") % {"name": name})
    if len({row.version for row in found}) > 1:
        raise Refused("model_ambiguous", _("Several models begin so: %(names)s.") % {"names": _named(found)})
    return found[0]


def _named(rows: list[LinkageModel]) -> str:
    return ", ".join(sorted({row.version for row in rows}))


def opened(row: LinkageModel) -> Model:
    """The model of a row. Raises `Refused`, `model_unreadable`, for one of another format or whose key is gone."""
    try:
        return queries.stored_model(row.pk)
    except (ValueError, KeyError, TypeError, NotReadable):
        raise Refused(
            "model_unreadable",
            _("The model %(version)s cannot be read by this version of the product: train a new one.")
            % {"version": row.version},
        ) from None


def is_learnt() -> bool:
    """Whether the model in use was trained on data; with too few records it is the packaged one."""
    live = LinkageModel.objects.filter(state=State.LIVE).first()
    return live is not None and bool(live.report.get("trained"))


def live_thresholds() -> dict[str, float]:
    """The thresholds in use, `link` and `review`; empty before any model."""
    live = LinkageModel.objects.filter(state=State.LIVE).first()
    return dict(live.report.get("thresholds", {})) if live else {}


def live_version() -> str:
    """The version in use; empty before any."""
    return LinkageModel.objects.filter(state=State.LIVE).values_list("version", flat=True).first() or ""


# --- trials and promotion ---------------------------------------------------------------------------------------------


def keep_trial(row: LinkageModel, found: Mapping[str, Any]) -> None:
    """Note what a trial found, when, and which model the profiles were of."""
    row.report |= {"trial": {**found, "at": now().isoformat(), "against": live_version()}}
    row.save(update_fields=["report"])


def check(row: LinkageModel, *, without_trial: bool = False) -> None:
    """Whether a model may go live.

    Raises `Refused`: `model_live`; `model_unreadable`; `model_falls` where a weaker likeness outweighs a stronger one;
    `model_untried` unless its trial was made against the profiles of the model in use.
    """
    if row.state == State.LIVE:
        raise Refused("model_live", _("The model is in use already: resolve_identities applies it."))
    if fallen := falling(opened(row)):
        named = ", ".join(sorted(fallen))
        raise Refused("model_falls", _("Its weights fall as similarity rises (%(names)s).") % {"names": named})
    tried = row.report.get("trial")
    if not without_trial and (tried is None or tried["against"] != live_version()):
        raise Refused(
            "model_untried",
            _("See first what it would change: `manage.py linkage compare live %(version)s`.")
            % {"version": row.version},
        )


@transaction.atomic
def promote(actor: Actor, model: UUID, *, without_trial: bool = False) -> None:
    """Put a model to use in place of the one that is. What follows is for a batch run. Raises `Refused` as `check`."""
    row = LinkageModel.objects.select_for_update().get(pk=model)
    check(row, without_trial=without_trial)
    make_live(actor, row)


@transaction.atomic
def make_live(actor: Actor, row: LinkageModel) -> None:
    """The same without asking."""
    before = live_version()
    LinkageModel.objects.filter(state=State.LIVE).exclude(pk=row.pk).update(state=State.RETIRED)
    if row.state != State.LIVE:
        row.state = State.LIVE
        row.report |= {"promoted_at": now().isoformat(), "promoted_by": actor.name}
        row.save(update_fields=["state", "report"])
        audit(actor, "model.promoted", target=str(row.pk), version=row.version, before=before)


def forget(records: Collection[UUID]) -> None:
    """Drop the examples of trials that name erased records."""
    gone = {str(record) for record in records}
    for row in LinkageModel.objects.filter(report__has_key="trial"):
        examples = row.report["trial"]["examples"]
        kept = [example for example in examples if gone.isdisjoint((example["left"], example["right"]))]
        if len(kept) < len(examples):
            row.report["trial"]["examples"] = kept
            row.save(update_fields=["report"])
