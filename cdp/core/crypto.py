"""Sealing values under a record's data key, blind indexes, record ids.

Blob = version (1 byte) ‖ data-key id (16) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag; the associated data binds it to
(version, table, column, record), so that a blob opens only where it was written. Opening anything else raises `NotReadable`.
"""

import hmac
import os
import time
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from django.conf import settings
from django.db import connection, transaction

from cdp.core import indexing, keys_sql, sql
from cdp.core.digests import digester, proof
from cdp.core.errors import NoKey, NotReadable
from cdp.core.keyring import KEY_BYTES, Keyring, keys
from cdp.core.roots import WrongRoot
from cdp.core.statements import by_number, execute, execute_over, fetch, prepared

VERSION = 1
_VERSION = bytes((VERSION,))
_HEADER = 1 + 16 + 12
_decode = msgspec.json.Decoder().decode


class RecordKey(msgspec.Struct, frozen=True, gc=False):
    """A record's data key, unwrapped, in memory only; `id` is the person's name in ledger and audit."""

    id: UUID
    record: UUID
    # Its cipher is made for each blob: kept for thousands of records it costs more than to make it again.
    secret: bytes
    # The same ids as bytes, which every blob needs.
    named: bytes
    bound: bytes

    def __repr__(self) -> str:
        return f"RecordKey({self.id})"


# --- record ids and blind indexes ---------------------------------------------------------------------------------


def record_id(source: UUID, kind: str, external_id: str) -> UUID:
    """The lifetime id of (source, kind, external id): UUIDv8 (RFC 9562) of an HMAC-SHA-256 that no one else can compute."""
    message = b"\x1f".join((source.bytes, kind.encode(), unicodedata.normalize("NFC", external_id).encode()))
    digest = bytearray(digester(keys().record_id)(message)[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


def blind_index(namespace: str, normalised: str) -> bytes:
    """A keyed digest (32 bytes) of an already normalised value, comparable within `namespace` only, under the index key
    that is read. For many values, or to write: `indexing.now`."""
    return indexing.now().of(namespace, normalised)


def suppression_digest(kind: str, normalised: str) -> bytes:
    """As `blind_index`, under the suppression key, which is never retired."""
    return digester(keys().suppression)(f"{kind}\x1f{normalised}".encode())


def contact_digest(kind: str, normalised: str) -> bytes:
    """A contact point's name: in the ledger, whose lines nobody can write anew, and beside the records that hold it.

    Under a key derived from the suppression key, for what opts a number out lasts as long as what keeps it out.
    """
    return digester(keys().suppression, b"cdp contact point")(f"{kind}\x1f{normalised}".encode())


# --- sealing --------------------------------------------------------------------------------------------------------


def seal(key: RecordKey, table: str, column: str, value: Any) -> bytes:
    """Encrypt any JSON-shaped `value` for one column of one record."""
    nonce = os.urandom(12)
    text = msgspec.json.encode(value)
    sealed = AESGCM(key.secret).encrypt(nonce, text, _place(table, column) + key.bound)
    return b"".join((_VERSION, key.named, nonce, sealed))


def unseal(key: RecordKey | None, table: str, column: str, blob: bytes | memoryview) -> Any:
    """Decrypt what `seal` wrote; `NotReadable` when it was changed, moved, never sealed, or its key is gone."""
    if type(blob) is not bytes:
        blob = bytes(blob)
    if len(blob) <= _HEADER or blob[0] != VERSION:
        raise NotReadable(f"{table}.{column} holds no sealed value of a known version.")
    if key is None or blob[1:17] != key.named:
        raise NotReadable(f"{table}.{column} is sealed under a key that is unknown or destroyed.")
    try:
        text = AESGCM(key.secret).decrypt(blob[17:_HEADER], blob[_HEADER:], _place(table, column) + key.bound)
    except InvalidTag:
        raise NotReadable(f"{table}.{column} was changed or belongs to another row.") from None
    return _decode(text)


@lru_cache(maxsize=64)
def _place(table: str, column: str) -> bytes:
    """What binds a blob to its column; its record's id follows."""
    return b"\x1f".join((_VERSION, table.encode(), column.encode(), b""))


# --- data keys ------------------------------------------------------------------------------------------------------


def data_keys(records: Iterable[UUID]) -> dict[UUID, RecordKey]:
    """The data keys of `records`, made where missing, in sorted order so that writers at once cannot deadlock.

    Call it in the transaction that writes what the keys seal.
    """
    wanted = by_number(set(records))
    found = existing_data_keys(wanted)
    if len(found) < len(wanted):
        missing = [record for record in wanted if record not in found]
        _insert_data_keys(missing)
        found |= existing_data_keys(missing)
    return found


def existing_data_keys(records: Iterable[UUID]) -> dict[UUID, RecordKey]:
    """The data keys of those `records` that have one; an erased record has none."""
    return unwrapped(prepared(sql.DATA_KEYS, [list(records)]))


def unwrapped(rows: Iterable[tuple[Any, ...]]) -> dict[UUID, RecordKey]:
    """Record → data key, from rows of its columns (id, record, kek_id, wrapped), which are null where there is none."""
    found: dict[UUID, RecordKey] = {}
    wrapped_by, kek = None, b""
    try:
        for id_, record, kek_id, wrapped in rows:
            if record is None or record in found:
                continue
            if kek_id != wrapped_by:
                wrapped_by, kek = kek_id, key_encryption_key(kek_id)
            found[record] = RecordKey(id_, record, aes_key_unwrap(kek, wrapped), id_.bytes, record.bytes)
    except InvalidUnwrap:
        raise NotReadable("A data key was changed, or was wrapped under another key-encryption key.") from None
    return found


def subjects(records: Iterable[UUID]) -> dict[UUID, UUID]:
    """Record → the random id by which ledger and audit name its person (made where missing)."""
    return {record: key.id for record, key in data_keys(records).items()}


def _insert_data_keys(records: list[UUID]) -> None:
    kek_id, kek = _writing_kek()
    rows = [(uuid4(), record, kek_id, aes_key_wrap(kek, os.urandom(KEY_BYTES))) for record in records]
    execute_over(sql.INSERT_DATA_KEYS, rows)


# --- key-encryption keys: unwrapped once, kept for a while ------------------------------------------------------------

_keks: dict[UUID, tuple[float, bytes]] = {}
_writing: tuple[float, UUID] | None = None


def forget_keks() -> None:
    """Drop cached key-encryption keys, as after a rotation."""
    global _writing
    _keks.clear()
    _writing = None


def forget_keys() -> None:
    """Drop every cached key, also the keyring's."""
    forget_keks()
    keys.cache_clear()


def key_encryption_key(kek_id: UUID) -> bytes:
    """A key-encryption key, unwrapped, from memory for a while. `NoKey` when it is unknown."""
    cached = _keks.get(kek_id)
    if cached is None or cached[0] < time.monotonic():
        with connection.cursor() as cursor:
            cursor.execute(sql.KEK, [kek_id])
            row = cursor.fetchone()
        if row is None:
            raise NoKey(
                f"Key-encryption key {kek_id} does not exist, and data keys name it: restore the schema `keys` from its backup."
            )
        cached = _remember(kek_id, open_kek(kek_id, *row))
    return cached[1]


def _writing_kek() -> tuple[UUID, bytes]:
    if _writing is not None and _writing[0] >= time.monotonic():
        return _writing[1], key_encryption_key(_writing[1])
    kek_id = _find_or_make_writing_kek()
    # Not before: other threads must not use one that is yet to be committed, nor we one that was rolled back.
    transaction.on_commit(lambda: _write_with(kek_id))
    return kek_id, key_encryption_key(kek_id)


def _write_with(kek_id: UUID) -> None:
    global _writing
    _writing = (time.monotonic() + settings.KEY_CACHE_SECONDS, kek_id)


def _find_or_make_writing_kek() -> UUID:
    prove(keys(), record=True)
    found = fetch(sql.WRITING_KEK)
    if not found:
        kek_id = uuid4()
        fresh = wrap_kek(kek_id, os.urandom(KEY_BYTES))
        execute(sql.INSERT_KEK, [kek_id, keys().root.active, fresh])
        found = fetch(sql.WRITING_KEK)
    if not found:
        raise NoKey("Another process is making the first key-encryption key: try again.")
    return UUID(str(found[0][0]))


def open_kek(kek_id: UUID, root: str, wrapped: bytes, ring: Keyring | None = None) -> bytes:
    """Unwrap a key-encryption key by the root key that wrapped it, of this keyring or another.

    Raises `NoKey` when the keyring has not that key.
    """
    secret = (ring or keys()).root.keys.get(root)
    if secret is None:
        raise NoKey(f"Root key {root} is not in the keyring: add it, or restore the keyring that this database uses.")
    try:
        return secret.unwrap(kek_id, bytes(wrapped))
    except WrongRoot:
        raise NoKey(f"Root key {root} of the keyring is not the one this database was written with.") from None


def wrap_kek(kek_id: UUID, secret: bytes) -> bytes:
    """Wrap a key-encryption key under the active root key."""
    return keys().root.writing.wrap(kek_id, secret)


def prove(ring: Keyring, *, record: bool = False) -> None:
    """Raise `NotReadable` where a key that lasts for ever is not the one this database was written with.

    `record`: keep the proof of one that was never proved, in the caller's transaction.
    """
    lasting = {"record_id": ring.record_id, "suppression": ring.suppression}
    given = {name: proof(key, name) for name, key in lasting.items()}
    if record:
        execute_over(keys_sql.SAVE_PROOFS, list(given.items()))
    for name, kept in fetch(keys_sql.PROOFS):
        if not hmac.compare_digest(bytes(kept), given.get(name, b"")):
            raise NotReadable(
                f"The key {name} of the keyring is not the one this database was written with: restore its keyring."
            )


def _remember(kek_id: UUID, key: bytes) -> tuple[float, bytes]:
    _keks[kek_id] = (time.monotonic() + settings.KEY_CACHE_SECONDS, key)
    return _keks[kek_id]


def seal_all(
    keys_of: Mapping[UUID, RecordKey], table: str, column: str, values: Mapping[UUID, Any]
) -> dict[UUID, bytes]:
    """Seal one value a record, for set-based writers."""
    return {record: seal(keys_of[record], table, column, value) for record, value in values.items()}
