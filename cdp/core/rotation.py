"""Rotating keys while the system runs: many keys read, one writes; what is old is wrapped again in small steps.

Ciphertexts never change: a root key wraps key-encryption keys, these wrap data keys, and only wrappings are renewed.
Blind indexes have a key of their own kind, see `cdp.core.reindex`.
"""

import os
from collections.abc import Iterator
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from django.db import transaction

from cdp.core import crypto, sql
from cdp.core.actions import audit
from cdp.core.keyring import KEY_BYTES, keys
from cdp.core.statements import execute, execute_over, fetch
from cdp.core.types import Actor

BATCH = 5_000


@transaction.atomic
def rewrap_keks(actor: Actor) -> int:
    """Wrap every key-encryption key under the keyring's active root key; returns how many changed.

    After it the root keys that are no longer active may be retired. Raises `NotReadable` where one is missing.
    """
    ring = keys().root
    changed = 0
    for kek, root, wrapped in fetch(sql.KEKS):
        if root != ring.active:
            fresh = crypto.wrap_kek(kek, crypto.open_kek(kek, root, wrapped))
            execute(sql.REWRAP_KEK, [ring.active, fresh, kek, root])
            changed += 1
    audit(actor, "keys.root_rotated", target=ring.active, keks=changed)
    return changed


def renew_data_keys(actor: Actor) -> Iterator[int]:
    """Make a new key-encryption key and wrap all data keys under it, a batch a transaction; yields how many are done.

    Killed halfway, it is simply run again: keys under either wrapping stay readable throughout. Processes that know the
    key before it may write with that for `KEY_CACHE_SECONDS` more; what they wrote by the end of a pass the next one takes.
    """
    kek, done, before = _new_writing_kek(actor), 0, -1
    while done > before:
        before = done
        for batch in _pass(kek):
            done += len(batch)
            yield done


def _pass(kek: UUID) -> Iterator[list[UUID]]:
    last = UUID(int=0)
    while batch := _rewrap_batch(kek, last):
        last = batch[-1]
        yield batch


@transaction.atomic
def _new_writing_kek(actor: Actor) -> UUID:
    kek = uuid4()
    execute(sql.RETIRE_WRITING_KEK)
    execute(sql.INSERT_KEK, [kek, keys().root.active, crypto.wrap_kek(kek, os.urandom(KEY_BYTES))])
    audit(actor, "keys.kek_renewed", target=str(kek))
    transaction.on_commit(crypto.forget_keks)
    return kek


@transaction.atomic
def _rewrap_batch(kek: UUID, after: UUID) -> list[UUID]:
    rows = fetch(sql.STALE_DATA_KEYS, [after, kek, BATCH])
    new = crypto.key_encryption_key(kek)
    fresh = [
        (id_, aes_key_wrap(new, aes_key_unwrap(crypto.key_encryption_key(old), bytes(wrapped))), kek)
        for id_, _, old, wrapped in rows
    ]
    execute_over(sql.REWRAP_DATA_KEYS, fresh)
    return [row[0] for row in rows]
