"""Reads of identity."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

from cdp.core import crypto
from cdp.core.statements import column, fetch, fetch_binary
from identity import sql
from identity.linkage import model as linkage
from identity.models import LinkageModel, Profile, Record
from identity.types import Folded, OpenRecord

TABLE, COLUMN = "identity_record", "attributes"
MODEL_TABLE, MODEL_COLUMN = "identity_linkagemodel", "parameters"


def current_profile(profile: UUID) -> UUID | None:
    """The live profile that `profile` is or was merged into; None when there is none or it was erased."""
    row = Profile.objects.filter(pk=profile).values_list("state", "redirect").first()
    if row is None or row[0] == Profile.State.ERASED:
        return None
    return profile if row[0] == Profile.State.LIVE else row[1]


def records_of(profile: UUID) -> list[UUID]:
    """The ids of a profile's records, leaves included."""
    return list(Record.objects.filter(profile=profile).order_by("id").values_list("id", flat=True))


def open_records(records: Iterable[UUID]) -> list[OpenRecord]:
    """Records with their blobs decrypted in memory; those without a blob or whose key is destroyed come back empty."""
    wanted = list(records)
    keys = crypto.existing_data_keys(wanted)
    return [_open(row, keys) for row in fetch_binary(sql.RECORDS, [wanted])]


def open_in_batches(records: list[UUID], size: int = 10_000) -> Iterator[OpenRecord]:
    """As `open_records`, a batch at a time, so that no statement runs long."""
    for start in range(0, len(records), size):
        yield from open_records(records[start : start + size])


def person_records() -> list[UUID]:
    """All records that stand for a person (not leaves)."""
    return column(sql.PERSON_RECORDS)


def component(seeds: Iterable[UUID]) -> set[UUID]:
    """All person records connected with `seeds` in the raw graph of evidence: identifiers, links, present profiles."""
    seen = set(seeds)
    frontier = list(seen)
    while frontier:
        frontier = [record for record in neighbours(frontier) if record not in seen]
        seen.update(frontier)
    return seen


def neighbours(records: list[UUID]) -> list[UUID]:
    """The direct neighbours of `records` in the raw graph of evidence."""
    return column(sql.NEIGHBOURS, {"records": records})


def assignments() -> Iterator[tuple[UUID, str, str]]:
    """(profile, source name, external id) of every record, the external id decrypted in memory."""
    rows = fetch(sql.ASSIGNMENTS)
    for start in range(0, len(rows), 10_000):
        batch = rows[start : start + 10_000]
        opened = {record.id: record.folded.external_id for record in open_records(row[2] for row in batch)}
        yield from ((profile, source, opened[record]) for profile, source, record in batch)


def live_model() -> tuple[UUID | None, linkage.Model]:
    """The model in use and its id; the packaged one, without an id, before any was trained."""
    live = LinkageModel.objects.filter(state=LinkageModel.State.LIVE).values_list("pk", flat=True).first()
    return live, _model(live) if live else linkage.DEFAULT


@lru_cache(maxsize=4)
def _model(model: UUID) -> linkage.Model:
    key = crypto.existing_data_keys([model]).get(model)
    sealed = LinkageModel.objects.values_list("parameters", flat=True).get(pk=model)
    return linkage.Model.from_json(crypto.unseal(key, MODEL_TABLE, MODEL_COLUMN, sealed))


def _open(row: tuple[Any, ...], keys: dict[UUID, crypto.RecordKey]) -> OpenRecord:
    id_, source, kind, leaf, profile, version, blob, traits, first_seen, last_seen = row
    key = keys.get(id_)
    sealed = crypto.unseal(key, TABLE, COLUMN, blob) if blob is not None and key is not None else {}
    folded = Folded(**sealed, traits=traits)
    return OpenRecord(id_, source, kind, leaf, profile, version, first_seen, last_seen, folded)
