"""What is asked to be done with quarantine: replayed, or dropped. Many rows take minutes: a worker does it, batch by batch."""

from collections import Counter
from collections.abc import Mapping as Counts
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import NotReadable, Refused
from cdp.core.statements import execute, fetch
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from cdp.events import sql
from cdp.events.models import Mapping, QuarantineRequest
from cdp.events.types import Remedy, Waiting


class Chosen(msgspec.Struct, frozen=True):
    """Which of a source's rows are meant: of one reason ("": every one), at one place (None: every one)."""

    source: UUID
    reason: str = ""
    place: str | None = None


# --- asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask(actor: Actor, remedy: Remedy, chosen: Chosen, mapping: UUID | None = None) -> QuarantineRequest:
    """Note what is to be done with what waits at this moment, and wake a worker.

    `mapping` is read by in the place of the rows' own. Raises `Refused`, `asked_already`, while the same is being done.
    """
    whole = {"source_id": chosen.source, "reason": chosen.reason, "place": chosen.place}
    if QuarantineRequest.objects.filter(**whole, finished_at=None).exists():
        raise Refused("asked_already", _("This is being done already: wait until it is over."))
    request = QuarantineRequest.objects.create(remedy=remedy, mapping_id=mapping, actor=actor.name, **whole)
    of = {"request": str(request.pk), "reason": chosen.reason, "mapping": str(mapping or "")}
    audit(actor, f"quarantine.{remedy.value}_asked", target=str(chosen.source), of=of)
    wake(settings.QUARANTINE_TASK)
    return request


def latest(most: int) -> list[QuarantineRequest]:
    """What was asked last, newest first."""
    return list(QuarantineRequest.objects.select_related("source").order_by("-asked_at", "-id")[:most])


def found(request: UUID) -> QuarantineRequest:
    """A request as it stands."""
    return QuarantineRequest.objects.get(pk=request)


def waiting() -> UUID | None:
    """The request that was asked first and is not over: nobody has begun it, or whoever had was killed."""
    unfinished = QuarantineRequest.objects.filter(finished_at=None)
    return unfinished.order_by("asked_at", "id").values_list("pk", flat=True).first()


# --- doing it ---------------------------------------------------------------------------------------------------------


def locked(request: UUID) -> QuarantineRequest:
    """A request, which nobody else works on until the caller's transaction is over."""
    return QuarantineRequest.objects.select_for_update().get(pk=request)


def locked_rows(request: QuarantineRequest, most: int) -> list[Waiting]:
    """The next rows of a request, opened, and locked until the caller's transaction is over: of those that waited when it
    was asked, in order of their ids. Whatever has no key any more, or was changed, is unreadable."""
    which = {"source": request.source_id, "reason": request.reason, "place": request.place}
    span = {"after": request.after, "until": request.pk, "most": most}
    rows = fetch(sql.LOCK_QUARANTINED, {**which, **span})
    keys = crypto.existing_data_keys([row[0] for row in rows])
    return [_opened(row, keys) for row in rows]


def _opened(row: tuple[Any, ...], keys: Counts[UUID, crypto.RecordKey]) -> Waiting:
    id_, digest, reason, place, sealed, received_at, unreadable, *rest = row
    try:
        content = crypto.unseal(keys.get(id_), "events_quarantined", "sealed", sealed)
    except NotReadable:
        content, unreadable = None, True
    return Waiting(id_, bytes(digest), reason, place, content, received_at, unreadable, *rest)


def refused_again(rows: Sequence[tuple[UUID, str, str, UUID | None]]) -> None:
    """These stay: (id, reason, place, mapping) as they were read this time."""
    if rows:
        execute(sql.REFUSED_AGAIN, [list(column) for column in zip(*rows, strict=True)])


def advance(request: QuarantineRequest, after: UUID, counts: Counts[str, int]) -> None:
    """One more batch is done, as far as the row `after`."""
    request.after = after
    request.counts = dict(Counter(request.counts) + Counter(counts))
    request.save(update_fields=["after", "counts"])


@transaction.atomic
def finish(request: QuarantineRequest, refused: str = "") -> None:
    """It is over; `refused`: why it was not done."""
    request.finished_at, request.refused = now(), refused
    request.save(update_fields=["finished_at", "refused"])
    actor, done = Actor(request.actor), f"quarantine.{request.remedy}_over"
    audit(actor, done, target=str(request.source_id), request=str(request.pk), counts=request.counts, refused=refused)


# --- mappings ---------------------------------------------------------------------------------------------------------


def known_mapping(kind: str, content: Counts[str, Any]) -> UUID:
    """The id of a mapping, which is kept once however often it is used."""
    return Mapping.objects.get_or_create(kind=kind, content=content)[0].pk


def mappings_of(chosen: Chosen) -> list[Mapping]:
    """The mappings by which the chosen rows were read; none of messages."""
    found = fetch(sql.MAPPINGS_OF, {"source": chosen.source, "reason": chosen.reason, "place": chosen.place})
    return list(Mapping.objects.filter(pk__in=[row[0] for row in found]).order_by("pk"))


def mapping(id_: UUID) -> Mapping:
    """A mapping by its id."""
    return Mapping.objects.get(pk=id_)
