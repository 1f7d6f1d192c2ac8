"""Files of members that a worker prepares, part by part, and that are fetched once they are ready.

Each part is sealed under the file's own data key. Whoever may not be told of any more when a file is fetched is left out of it
first, so what it says of itself (`count`, `size`, `sha256`) is of what leaves; an erasure of somebody in it destroys it.
"""

import base64
import hashlib
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, cast
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit, disclose
from cdp.core.actions import count as counted
from cdp.core.errors import Refused
from cdp.core.locks import alone
from cdp.core.logs import shape
from cdp.core.models import DataKey
from cdp.core.stages import OUTSIDE
from cdp.core.statements import column, execute, fetch, hexadecimals
from cdp.core.types import Actor, now
from cdp.core.wake import wake
from consent import queries as consent
from segments import delivery_sql, export_sql, exports
from segments.contacts import still_released
from segments.exports import Export
from segments.formats import MEDIA_TYPES, Chunk, Format
from segments.models import ExportJob, ExportPart, Membership, Segment

log = logging.getLogger(__name__)
TABLE, SEALED = "segments_exportpart", "sealed"
# A worker that dies of a file may not be killed by it for ever.
MOST_BEGUN = 3
State, Why = ExportJob.State, ExportJob.Why
OPEN = (State.WAITING, State.RUNNING)
# Of one actor: whoever asks for more fills the disk.
MOST_KEPT = 50
# What a person is told of the files they are in.
TOLD = ("segment", "purpose", "channel", "asked_by", "at", "kept_until")


class Content(msgspec.Struct):
    """What is sealed of a part: its lines, and the contact value that each was made with, if any; compressed, NUL between."""

    lines: bytes
    contacts: bytes

    @classmethod
    def of(cls, lines: list[bytes], contacts: list[str]) -> "Content":
        """What is kept of some lines."""
        return cls(*(zlib.compress(b"\0".join(some), 1) for some in (lines, [one.encode() for one in contacts])))

    def read(self) -> tuple[list[bytes], list[str]]:
        """The lines and contact values again."""
        lines, contacts = (zlib.decompress(one) for one in (self.lines, self.contacts))
        return lines.split(b"\0") if lines else [], contacts.decode().split("\0") if contacts else []


# --- asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask(
    actor: Actor, segment: Segment, purpose: str, channel: str, fmt: Format = "csv", columns: Sequence[str] = (), *,
    personal: bool = False, approval: UUID | None = None, once: bool = False, reason: str = "",
) -> ExportJob:  # fmt: skip
    """Have a file of the members made, as `segments.exports.export` says; raises `Refused` as it does, or `too_many_files` where
    this actor has as many as are kept for one, else spends the approval."""
    if ExportJob.objects.filter(asked_by=actor.name, state__in=(*OPEN, State.DONE)).count() >= MOST_KEPT:
        raise Refused(
            "too_many_files", _("At most %(limit)s files are kept for one: destroy some first.") % {"limit": MOST_KEPT}
        )
    asked = exports.prepared(
        segment, purpose, channel, fmt, columns, actor=actor, personal=personal, approval=approval, once=once
    )
    made = ExportJob.objects.create(
        segment=segment, purpose_id=purpose, channel_id=channel, format=fmt, columns=asked.columns,
        kinds=asked.kinds, once=once, versions=asked.versions, reason=reason, asked_by=actor.name,
    )  # fmt: skip
    _audit(actor, "export_file.asked", made, columns=asked.columns, format=fmt)
    wake(settings.EXPORT_TASK)
    return made


@transaction.atomic
def delete(actor: Actor, job: UUID) -> None:
    """Destroy a file, or have it made no further; doing it again changes nothing."""
    found = ExportJob.objects.select_for_update().get(pk=job)
    if found.state != State.GONE:
        _destroy([job], Why.DELETED)
        _audit(actor, "export_file.deleted", found)


def forget(records: Sequence[UUID]) -> dict[str, int]:
    """Destroy the files in which profiles of these records are, in the transaction that erases; returns table → rows."""
    jobs = column(export_sql.FILES_WITH, {"records": list(records)})
    parts = ExportPart.objects.filter(job__in=jobs).count()
    _destroy(jobs, Why.ERASED)
    return {"segments_exportpart": parts}


def of_records(records: Sequence[UUID]) -> list[dict[str, Any]]:
    """The files that profiles of these records are in now, for the people themselves."""
    return [dict(zip(TOLD, row, strict=True)) for row in fetch(export_sql.TOLD_IN, {"records": list(records)})]


def _destroy(jobs: Sequence[UUID], why: ExportJob.Why) -> None:
    DataKey.objects.filter(record__in=jobs).delete()
    ExportPart.objects.filter(job__in=jobs).delete()
    ExportJob.objects.filter(pk__in=jobs).update(state=State.GONE, why_gone=why)


def _audit(actor: Actor, action: str, job: ExportJob, **details: Any) -> None:
    audit(actor, action, target=str(job.pk), purpose=job.purpose_id, channel=job.channel_id, **details)


# --- making -----------------------------------------------------------------------------------------------------------


def work() -> None:
    """Destroy what is kept too long, and make what was asked for, one file after another; harmless at any time and twice
    at once."""
    _end()
    for pk in ExportJob.objects.filter(state__in=OPEN).order_by("pk").values_list("pk", flat=True):
        with alone(TABLE, pk) as held:
            job = ExportJob.objects.filter(pk=pk, state__in=OPEN).select_related("segment", "channel").first()
            if held and job is not None:
                _make(job)


@transaction.atomic
def _end() -> None:
    over = ExportJob.objects.select_for_update().filter(ends_at__lte=now()).exclude(state=State.GONE)
    _destroy(list(over.values_list("pk", flat=True)), Why.ENDED)


def _make(job: ExportJob) -> None:
    """Make it from its beginning. That it was begun is written first: who is killed by it cannot say so."""
    if job.begun >= MOST_BEGUN:
        return _fail(job, "killed")
    _begin(job)
    try:
        made = _write(job)
    except OUTSIDE:
        raise
    except Refused as refusal:
        return _fail(job, refusal.code)
    except Exception as error:
        log.error("making an export file failed: %s", shape(error))
        return _fail(job, type(error).__name__[:60])
    finally:
        ExportJob.objects.filter(pk=job.pk).update(begun=0)
    return _done(job, made) if made else None


@transaction.atomic
def _begin(job: ExportJob) -> None:
    """What another worker left is made anew."""
    ExportPart.objects.filter(job=job).delete()
    ExportJob.objects.filter(pk=job.pk, state__in=OPEN).update(state=State.RUNNING, begun=job.begun + 1, percent=0)


@dataclass
class Made:
    """What a file is as far as it is written."""

    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    count: int = 0

    def add(self, content: bytes) -> None:
        """The next of its bytes."""
        self.digest.update(content)
        self.size += len(content)

    def told(self) -> dict[str, Any]:
        """As the table has it."""
        return {"count": self.count, "size": self.size, "sha256": self.digest.hexdigest()}


def _write(job: ExportJob) -> Made | None:
    """Seal its parts one by one; None where it was deleted meanwhile."""
    asked, made = _asked(job), Made()
    writer, expected = asked.writer(), Membership.objects.filter(segment=job.segment).count()
    made.add(writer.begin())
    chunks = asked.chunks()
    for number in count():
        with transaction.atomic():
            execute(delivery_sql.TELLING)
            at, chunk = now(), next(chunks, None)
            if chunk is None:
                break
            made.count += len(chunk.lines)
            made.add(writer.part(chunk.lines))
            if not _kept(job, number, at, chunk, min(99, 100 * made.count // max(expected, 1))):
                return None
    made.add(writer.end())
    return made


def _asked(job: ExportJob) -> Export:
    told_of: set[bytes] | None = set() if job.once else None
    known = job.kinds or exports.kinds_of(job.columns)
    kinds = {name: (known[name][0], known[name][1]) for name in job.columns}
    about = (job.segment, job.channel_id, job.channel.point, cast(Format, job.format))
    return Export(*about, job.columns, kinds, job.versions, told_of)


def _kept(job: ExportJob, number: int, at: datetime, chunk: Chunk, percent: int) -> bool:
    """Keep a part, unless the file was deleted."""
    if not ExportJob.objects.filter(pk=job.pk, state=State.RUNNING).update(percent=percent):
        return False
    key = crypto.data_keys([job.pk])[job.pk]
    sealed = crypto.seal(key, TABLE, SEALED, Content.of(chunk.lines, chunk.contacts))
    members = [UUID(one) for one in hexadecimals(chunk.members)]
    ExportPart.objects.create(job=job, number=number, at=at, members=members, sealed=sealed)
    return True


@transaction.atomic
def _done(job: ExportJob, made: Made) -> None:
    at = now()
    ready = {"state": State.DONE, "percent": 100, "made_at": at, "checked_at": at, "ends_at": at + settings.EXPORT_KEPT}
    if ExportJob.objects.filter(pk=job.pk, state=State.RUNNING).update(**ready, **made.told()):
        _audit(Actor(job.asked_by), "export_file.made", job, count=made.count)


@transaction.atomic
def _fail(job: ExportJob, failed: str) -> None:
    _destroy([job.pk], Why.DELETED)
    ExportJob.objects.filter(pk=job.pk).update(state=State.FAILED, why_gone="", failed=failed)
    _audit(Actor(job.asked_by), "export_file.failed", job, failed=failed)


# --- fetching ---------------------------------------------------------------------------------------------------------


def fetched(actor: Actor, job: UUID) -> tuple[ExportJob, Iterator[bytes]]:
    """A file that is ready, without whoever may not be told of any more, and its content, in parts. It is what its row says:
    where somebody takes back consent while it is sent, it breaks off before the part they are in.

    Raises `Refused`: `export_not_ready`, `export_failed`, `export_gone`.
    """
    found = _left_out(job)
    _audit(actor, "export_file.fetched", found, count=found.count, sha256=found.sha256)
    return found, _content(actor, found)


@transaction.atomic
def _left_out(pk: UUID) -> ExportJob:
    """Leave out of a file whoever may not be told of by now."""
    job = ExportJob.objects.select_for_update(of=("self",)).select_related("segment", "channel").get(pk=pk)
    _check_ready(job)
    changed = sum(_revised(job, part) for part in job.parts.order_by("number").iterator(chunk_size=1))
    job.checked_at, job.left_out = now(), job.left_out + changed
    if changed:
        made = _counted(job)
        job.count, job.size, job.sha256 = made.count, made.size, made.digest.hexdigest()
    job.save(update_fields=["checked_at", "left_out", "count", "size", "sha256"])
    return job


def _check_ready(job: ExportJob) -> None:
    if job.state in OPEN:
        raise Refused("export_not_ready", _("The file is not ready yet: ask again in a moment."))
    if job.state == State.FAILED:
        raise Refused("export_failed", _("The file could not be made. Ask for another."))
    if job.state == State.GONE or job.ends_at is None or job.ends_at <= now():
        raise Refused("export_gone", _("The file is no longer kept. Ask for another."))


def _revised(job: ExportJob, part: ExportPart) -> int:
    """Leave out of a part whoever may not be told of; returns how many."""
    content = _opened(job, part)
    lines, contacts = content.read()
    may = _may_be_told(job, part.members, contacts)
    if len(may) == len(part.members):
        return 0
    kept = [at for at, member in enumerate(part.members) if member in may]
    left = len(part.members) - len(kept)
    content = Content.of([lines[at] for at in kept], [contacts[at] for at in kept] if contacts else [])
    part.at, part.members = now(), [part.members[at] for at in kept]
    part.sealed = crypto.seal(crypto.data_keys([job.pk])[job.pk], TABLE, SEALED, content)
    part.save(update_fields=["at", "members", "sealed"])
    return left


def _may_be_told(job: ExportJob, members: Sequence[UUID], contacts: Sequence[str]) -> set[UUID]:
    """Whom consent allows, and whose contact value may still leave."""
    may = consent.allowed(members, job.purpose_id, job.channel_id, now(), job.segment.brand)
    values = {member: value for member, value in zip(members, contacts, strict=bool(contacts)) if value}
    return may - (values.keys() - still_released(values, job.channel.point))


def _opened(job: ExportJob, part: ExportPart) -> Content:
    key = crypto.existing_data_keys([job.pk]).get(job.pk)
    return msgspec.convert(crypto.unseal(key, TABLE, SEALED, part.sealed), Content)


def _counted(job: ExportJob) -> Made:
    """What a file of its parts is."""
    made, writer = Made(), _asked(job).writer()
    made.add(writer.begin())
    for part in job.parts.order_by("number").iterator(chunk_size=1):
        made.count += len(part.members)
        made.add(writer.part(_opened(job, part).read()[0]))
    made.add(writer.end())
    return made


def headers(job: ExportJob) -> dict[str, str]:
    """What is told with the content: its kind, name and length, and its SHA-256 as RFC 9530 writes it."""
    digest = base64.b64encode(bytes.fromhex(job.sha256)).decode()
    return {
        "Content-Type": MEDIA_TYPES[cast(Format, job.format)], "Content-Length": str(job.size),
        "Content-Disposition": f'attachment; filename="{job.segment.key}.{job.format}"',
        "ETag": f'"{job.sha256}"', "Repr-Digest": f"sha-256=:{digest}:",
    }  # fmt: skip


def _content(actor: Actor, job: ExportJob) -> Iterator[bytes]:
    complete, writer = False, _asked(job).writer()
    try:
        if first := writer.begin():
            yield first
        for number in job.parts.order_by("number").values_list("number", flat=True):
            yield writer.part(_telling(actor, job, number))
        if last := writer.end():
            yield last
        complete = True
    finally:
        counted(None, {"export_complete" if complete else "export_broken_off": 1})


def _telling(actor: Actor, job: ExportJob, number: int) -> list[bytes]:
    """The lines of a part, once the log knows whom they tell of. Raises `Refused` where they may not all be told any more."""
    part = job.parts.filter(number=number).first()
    if part is None:
        raise Refused("export_gone", _("The file is no longer kept. Ask for another."))
    lines, contacts = _opened(job, part).read()
    if len(_may_be_told(job, part.members, contacts)) != len(part.members):
        raise Refused("export_changed", _("Somebody took back consent meanwhile: fetch the file again."))
    disclose(
        actor, "export_file.part", part.members, target=str(job.pk), purpose=job.purpose_id, export=str(job.pk)
    )  # fmt: skip
    return lines
