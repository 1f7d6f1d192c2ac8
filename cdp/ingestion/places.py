"""Writes of places to fetch from: where, by which mapping, how often, and what opens them."""

from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from cdp.events import quarantine
from cdp.ingestion import pulls, queries, storage, tables
from cdp.ingestion.mapping import EventMapping, content_of, mapping_of
from cdp.ingestion.models import Pull, PulledFile


class PullFields(TypedDict, total=False):
    """What is said of a place; `source` by its id, `holds` is "events" or "records", `mapping` JSON, `password` in the
    clear ("": it stays as it is), `no_password` that there is none any more."""

    name: str
    source: UUID
    kind: str
    address: str
    table: str
    watermark: str
    key: str
    holds: str
    mapping: str
    every: int
    enabled: bool
    password: str
    no_password: bool


@transaction.atomic
def create(actor: Actor, **fields: Unpack[PullFields]) -> Pull:
    """A new place, fetched from at once. Raises `Refused` (`address_refused`, `kind_unavailable`, `column_refused`,
    `mapping_refused`) and ValidationError for another field."""
    return _write(actor, Pull(), pulls.Secret(), fields, "created")


@transaction.atomic
def change(actor: Actor, pull: Pull, **fields: Unpack[PullFields]) -> Pull:
    """Change some fields, and fetch from it at once; raises as `create` does, and `password_needed`. Of another table,
    or by another column, everything is read."""
    found = Pull.objects.select_for_update().get(pk=pull.pk)
    secret, before = pulls.opened(found), _meaning(found)
    _check_password(found, fields)
    return _write(actor, found, secret, fields, "changed", before)


@transaction.atomic
def read_again(actor: Actor, files: QuerySet[PulledFile]) -> int:
    """Have those of the files that were put aside read again, each from where it was left; how many. Another version that
    came in the place of one is a file of its own."""
    chosen = files.filter(**queries.PUT_ASIDE).exclude(failed="replaced").select_for_update(of=["self"])
    pulls_of = dict(chosen.values_list("pk", "pull_id"))
    PulledFile.objects.filter(pk__in=pulls_of).update(failed="", finished_at=None, begun=0)
    Pull.objects.filter(pk__in=pulls_of.values()).update(next_at=now())
    for pull in sorted(set(pulls_of.values())):
        audit(actor, "pull.read_again", target=str(pull), count=list(pulls_of.values()).count(pull))
    return len(pulls_of)


def check(kept: UUID, **fields: Unpack[PullFields]) -> None:
    """Raise `Refused` as `change` does of the place that is `kept`, or `create`; nothing is written but the mapping."""
    if found := Pull.objects.filter(pk=kept).first():
        _check_password(found, fields)
    pull = Pull()
    _fill(pull, pulls.Secret(), fields)
    _check(pull)


def _write(
    actor: Actor, pull: Pull, secret: pulls.Secret, fields: PullFields, what: str, before: tuple[str, ...] = ()
) -> Pull:
    _fill(pull, secret, fields)
    _check(pull)
    if _meaning(pull) != before:
        secret.place = tables.Place()
        PulledFile.objects.filter(pull=pull).delete()
    pull.sealed = pulls.sealed(pull, secret)
    pull.next_at, pull.failures, pull.failed = now(), 0, ""
    pull.full_clean()
    pull.save()
    audit(actor, f"pull.{what}", target=str(pull.pk), fields=sorted(fields))
    return pull


def _fill(pull: Pull, secret: pulls.Secret, fields: PullFields) -> None:
    values: dict[str, Any] = dict(fields)
    kept = "" if values.pop("no_password", False) else secret.password
    secret.password = values.pop("password", "") or kept
    holds, mapping = values.pop("holds", None), values.pop("mapping", None)
    if mapping is not None:
        pull.mapping_id = _mapping(str(holds), mapping)
    for name, value in values.items():
        setattr(pull, "source_id" if name == "source" else name, value)


def _mapping(holds: str, text: str) -> UUID:
    try:
        return quarantine.known_mapping(*content_of(mapping_of(holds, text.encode())))
    except ValueError as error:
        raise Refused("mapping_refused", str(error)) from None


def _check_password(kept: Pull, fields: PullFields) -> None:
    """A password goes where it was meant for: whoever may change the address does not get it sent elsewhere."""
    elsewhere = fields.get("address", kept.address) != kept.address
    told = fields.get("password") or fields.get("no_password")
    if elsewhere and pulls.opened(kept).password and not told:
        raise Refused("password_needed", _("The address is another: write the password again."))


def _check(pull: Pull) -> None:
    if pull.kind == Pull.Kind.STORAGE:
        _check_storage(pull)
    else:
        _check_table(pull)


def _check_storage(pull: Pull) -> None:
    if not storage.is_installed():
        raise Refused("kind_unavailable", _("Fetching from a storage needs the extra `aws`: install it first."))
    if not storage.is_address(pull.address):
        raise Refused("address_refused", _("Write an address like s3://bucket/prefix, in plain letters."))


def _check_table(pull: Pull) -> None:
    if not tables.is_address(pull.address):
        raise Refused(
            "address_refused",
            _("Write an address like postgresql://user@host:5432/database, without the password."),
        )
    if not (tables.is_name(pull.table, parts=2) and tables.is_name(pull.watermark) and tables.is_name(pull.key)):
        raise Refused("column_refused", _("Name the table and both columns, in letters, digits and underscores."))
    if pull.mapping_id:
        _check_mapping(pull)


def _check_mapping(pull: Pull) -> None:
    """Rows of a table are read in runs, none of which knows what another counted: only an id of each row tells them apart."""
    mapping = pulls.kept_mapping(pull)
    if isinstance(mapping, EventMapping) and mapping.message_id not in (None, "", pull.key):
        raise Refused(
            "mapping_refused",
            _("Let message_id name the column that is another in each row, or nothing: other ids may come twice."),
        )


def _meaning(pull: Pull) -> tuple[str, ...]:
    return pull.kind, pull.address, pull.table, pull.watermark, pull.key, str(pull.mapping_id)
