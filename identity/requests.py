"""What staff ask to be done with linkage models. It takes minutes: a worker does it, one request after the other."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from identity import registry
from identity.models import LinkageModel, ModelRequest
from identity.types import Wish

LONGEST_STEP = 100


@transaction.atomic
def ask(actor: Actor, model: UUID, wish: Wish) -> ModelRequest:
    """Note that a model is to be tried or promoted, and wake a worker.

    Raises `Refused`: `asked_already` while something else is asked of it; `model_unreadable`; of a promotion all that
    `registry.check` refuses now, and it is asked again when its turn comes.
    """
    row = LinkageModel.objects.select_for_update().get(pk=model)
    if row.requests.filter(finished_at=None).exists():
        raise Refused("asked_already", _("Something is being done with this model: wait until it is over."))
    if wish == Wish.PROMOTION:
        registry.check(row)
    registry.opened(row)
    request = ModelRequest.objects.create(model=row, kind=wish, actor=actor.name)
    audit(actor, f"model.{wish.value}_asked", target=str(row.pk), version=row.version)
    wake(settings.LINKAGE_TASK)
    return request


def latest(model: UUID) -> ModelRequest | None:
    """What was asked last of a model."""
    return ModelRequest.objects.filter(model=model).order_by("-asked_at", "-id").first()


def waiting() -> ModelRequest | None:
    """What was asked first and is not over: nobody has begun it, or whoever had was killed."""
    return ModelRequest.objects.select_related("model").filter(finished_at=None).order_by("asked_at", "id").first()


def begin(request: ModelRequest) -> None:
    """A worker takes it."""
    _change(request, started_at=now(), step="")


def say(request: ModelRequest, step: str) -> None:
    """How far it has come, in the words of progress."""
    _change(request, step=step[:LONGEST_STEP])


def finish(request: ModelRequest, refused: str = "") -> None:
    """It is over; `refused`: why it was not done."""
    _change(request, finished_at=now(), step="", refused=refused)


def _change(request: ModelRequest, **fields: object) -> None:
    ModelRequest.objects.filter(pk=request.pk).update(**fields)
