"""Long work that the console asks for."""

from collections.abc import Callable
from functools import partial

from celery import shared_task
from django.conf import settings

from cdp import pipeline
from cdp.console import recounted
from cdp.core import wake
from cdp.core.errors import Refused
from cdp.core.types import Actor
from identity import registry, requests
from identity.models import LinkageModel, ModelRequest
from identity.types import Wish

Report = Callable[[str], None]


@shared_task(name=settings.RECOUNT_TASK)
def recount_task(name: str) -> None:
    """Count again what the first page shows; asked for by whoever saw that it is old, and harmless at any time."""
    wake.answered(settings.RECOUNT_TASK, name)
    recounted.renew(name)


@shared_task(name=settings.LINKAGE_TASK)
def work_task() -> None:
    """Wake-up without state: sent on commit and by beat, harmless at any time and twice at once."""
    wake.answered(settings.LINKAGE_TASK)
    work()


def work() -> None:
    """Do what was asked with linkage models, first things first; beside another run nothing, which is tried again later.

    Killed at any moment, it does the same request again.
    """
    if requests.waiting() is None:
        return
    from identity import resolution  # loads Splink, which no other task needs

    try:
        with resolution.alone():
            while (request := requests.waiting()) is not None:
                _do(request)
    except Refused as refusal:
        if refusal.code != "running":
            raise


def _do(request: ModelRequest) -> None:
    requests.begin(request)
    try:
        DO[Wish(request.kind)](request, partial(requests.say, request))
    except Refused as refusal:
        requests.finish(request, refusal.code)
    except Exception:
        requests.finish(request, "failed")
        raise
    else:
        requests.finish(request)


def _try(request: ModelRequest, report: Report) -> None:
    from identity import trial

    trial.trial(request.model, report)


def _promote(request: ModelRequest, report: Report) -> None:
    """Put the model to use, if that was not done before this was interrupted, and run it over all records."""
    live = request.model.state == LinkageModel.State.LIVE
    promote = partial(registry.promote, Actor(request.actor), request.model_id)
    pipeline.resolve(report, retrain=False, promote=None if live else promote)


DO: dict[Wish, Callable[[ModelRequest, Report], None]] = {Wish.TRIAL: _try, Wish.PROMOTION: _promote}
