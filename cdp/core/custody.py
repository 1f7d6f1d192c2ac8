"""Which key is in whose hands: what is wrapped and indexed by which, whether a keyring opens it, and when a key may go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from django.conf import settings
from django.db import transaction

from cdp.core import crypto, keys_sql, reindex, sql
from cdp.core.actions import audit
from cdp.core.digests import proof
from cdp.core.errors import CdpError, Refused
from cdp.core.keyring import Keyring, keys
from cdp.core.models import DataKey, IndexKey, KeyEncryptionKey
from cdp.core.statements import column, fetch
from cdp.core.types import Actor, now

TRIED_OF_EACH = 1_000
BATCH = 10_000


@dataclass(frozen=True)
class RootStatus:
    """A root key: of the keyring, or only named by what it wrapped (`kind` "missing")."""

    id: str
    kind: str
    active: bool
    keks: int


@dataclass(frozen=True)
class KekStatus:
    """A key-encryption key and how many data keys it wraps."""

    id: UUID
    root: str
    made_at: datetime
    writes: bool
    data_keys: int


@dataclass(frozen=True)
class IndexStatus:
    """An index key, what the database does with it ("" for nothing yet), and how many rows are indexed by it."""

    id: str
    state: str
    rows: int


@dataclass(frozen=True)
class Status:
    roots: list[RootStatus]
    keks: list[KekStatus]
    index: list[IndexStatus]


# --- status -----------------------------------------------------------------------------------------------------------


def status() -> Status:
    """Every key there is and what uses it. Counts all data keys and indexed rows, which takes its time."""
    keks = _keks()
    return Status(_roots(keks), keks, _index_keys())


def _keks() -> list[KekStatus]:
    counted = dict(fetch(keys_sql.DATA_KEYS_BY_KEK))
    rows = KeyEncryptionKey.objects.order_by("created_at")
    return [KekStatus(row.pk, row.root, row.created_at, row.writes, counted.get(row.pk, 0)) for row in rows]


def _roots(keks: list[KekStatus]) -> list[RootStatus]:
    ring = keys().root
    used = [kek.root for kek in keks]
    kinds = {root: key.kind for root, key in ring.keys.items()} | dict.fromkeys({*used} - {*ring.keys}, "missing")
    return [RootStatus(root, kind, root == ring.active, used.count(root)) for root, kind in sorted(kinds.items())]


def _index_keys() -> list[IndexStatus]:
    rows = {row.key: row for row in IndexKey.objects.all()}
    names = sorted({*rows, *keys().index.keys})
    return [
        IndexStatus(name, rows[name].state, reindex.rows(rows[name].generation))
        if name in rows
        else IndexStatus(name, "", 0)
        for name in names
    ]


# --- whether a keyring opens what is stored ---------------------------------------------------------------------------


def prove() -> None:
    """Raise `NotReadable` where this deployment's keyring is not the one this database was written with, as far as one
    look can tell. A database without tables has nothing to prove."""
    if column(keys_sql.HAS_PROOFS) == [True]:
        crypto.prove(keys())
        for kek in column(sql.WRITING_KEK):
            crypto.key_encryption_key(kek)


def problems(ring: Keyring, *, every: bool = False) -> Iterator[str]:
    """What a keyring, this deployment's or a backup of it, cannot open: a sentence each; none when it opens everything.

    Tries each key-encryption key, `TRIED_OF_EACH` of its data keys (`every`: all there are), index keys and lasting keys.
    """
    try:
        crypto.prove(ring)
    except CdpError as error:
        yield str(error)
    yield from _unproven_index_keys(ring)
    opened: dict[UUID, bytes] = {}
    for kek, root, wrapped in fetch(sql.KEKS):
        try:
            opened[kek] = crypto.open_kek(kek, root, wrapped, ring)
        except CdpError as error:
            yield f"Key-encryption key {kek}: {error}"
    for id_, kek, wrapped in _tried(every):
        if kek in opened and not _unwraps(opened[kek], wrapped):
            yield f"Data key {id_} was changed, or was wrapped under another key than {kek}."


def _unproven_index_keys(ring: Keyring) -> Iterator[str]:
    for row in IndexKey.objects.all():
        secret = ring.index.keys.get(row.key)
        if secret is None:
            yield f"Index key {row.key} is not in the keyring."
        elif bytes(row.proof) != proof(secret, f"index {row.key}"):
            yield f"Index key {row.key} of the keyring is not the one this database was indexed with."


def _tried(every: bool) -> Iterator[tuple[UUID, UUID, bytes]]:
    if not every:
        yield from ((id_, kek, wrapped) for id_, _, kek, wrapped in fetch(keys_sql.SAMPLE_DATA_KEYS, [TRIED_OF_EACH]))
        return
    last = UUID(int=0)
    while rows := fetch(keys_sql.DATA_KEYS_AFTER, [last, BATCH]):
        last = rows[-1][0]
        yield from ((id_, kek, wrapped) for id_, _, kek, wrapped in rows)


def _unwraps(kek: bytes, wrapped: bytes) -> bool:
    try:
        aes_key_unwrap(kek, bytes(wrapped))
    except InvalidUnwrap:
        return False
    return True


# --- when a key may go ------------------------------------------------------------------------------------------------


@transaction.atomic
def retire_root(actor: Actor, root: str) -> None:
    """Agree that a root key leaves the keyring. Raises `Refused`, `key_in_use`, while it wraps anything or is active."""
    if root == keys().root.active:
        raise Refused("key_in_use", f"Root key {root} is the active one: make another active first (`keys add root`).")
    using = [str(kek) for kek, wrapped_by, _ in fetch(sql.KEKS) if wrapped_by == root]
    if using:
        raise Refused("key_in_use", f"Root key {root} wraps {_counted(using)}: run `keys rotate --root` first.")
    audit(actor, "keys.root_retired", target=root)


@transaction.atomic
def retire_kek(actor: Actor, kek: UUID) -> None:
    """Delete a key-encryption key that wraps nothing. Raises `Refused`: `not_found`; `key_in_use` while it writes, wraps
    anything, or may still be written with by a process that remembers it."""
    row = KeyEncryptionKey.objects.select_for_update().filter(pk=kek).first()
    if row is None:
        raise Refused("not_found", f"There is no key-encryption key {kek}: see `keys status`.")
    if row.writes:
        raise Refused("key_in_use", f"Key-encryption key {kek} is the one that writes: run `keys rotate` first.")
    writing = KeyEncryptionKey.objects.get(writes=True)
    if (left := _until_forgotten(writing.created_at)) > timedelta(0):
        seconds = int(left.total_seconds()) + 1
        raise Refused("key_in_use", f"Processes may still write with key-encryption key {kek}: wait {seconds} s.")
    if column(keys_sql.KEK_IN_USE, [kek]) == [True]:
        count = DataKey.objects.filter(kek=kek).count()
        raise Refused("key_in_use", f"Key-encryption key {kek} wraps {count:,} data keys: run `keys rotate` again.")
    row.delete()
    audit(actor, "keys.kek_retired", target=str(kek))


@transaction.atomic
def retire_index_key(actor: Actor, key: str) -> None:
    """Agree that an index key leaves the keyring. Raises `Refused`, `key_in_use`, while anything is indexed by it."""
    row = IndexKey.objects.filter(key=key).first()
    if row is not None:
        raise Refused("key_in_use", f"Index key {key} is {row.get_state_display()}: run `keys rotate --index` first.")
    if key == keys().index.active:
        raise Refused("key_in_use", f"Index key {key} is the active one: make another active first (`keys add index`).")
    audit(actor, "keys.index_retired", target=key)


def _until_forgotten(made_at: datetime) -> timedelta:
    """How long a process may remember that another key was the one that writes."""
    return made_at + timedelta(seconds=settings.KEY_CACHE_SECONDS) - now()


def _counted(keks: Iterable[str]) -> str:
    keks = list(keks)
    return f"{len(keks)} key-encryption key{'s' if len(keks) != 1 else ''}"
