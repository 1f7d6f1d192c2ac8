"""Rotating keys while the system runs: many keys read, one writes; what is old is wrapped again in small steps.

Ciphertexts never change: a root key wraps key-encryption keys, these wrap data keys, and only wrappings are renewed.
"""

import os
from collections.abc import Iterator
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from django.db import transaction

from cdp.core import crypto, sql
from cdp.core.actions import audit
from cdp.core.keyring import KEY_BYTES
from cdp.core.statements import execute, execute_over, fetch
from cdp.core.types import Actor

BATCH = 5_000


@transaction.atomic
def rewrap_keks(actor: Actor) -> int:
    """Wrap every key-encryption key under the keyring's active root key; returns how many changed.

    After it the root keys that are no longer active may leave the keyring. Raises `NotReadable` where one is missing.
    """
    ring = crypto.keys().root
    changed = 0
    for kek, root, wrapped in fetch(sql.KEKS):
        if root != ring.active:
            fresh = crypto.wrap_kek(crypto.open_kek(root, wrapped))
            execute(sql.REWRAP_KEK, [ring.active, fresh, kek, root])
            changed += 1
    audit(actor, "keys.root_rotated", keks=changed)
    return changed


def renew_data_keys(actor: Actor) -> Iterator[int]:
    """Make a new key-encryption key and wrap all data keys under it, a batch a transaction; yields how many are done.

    Killed halfway, it is simply run again: keys under either wrapping stay readable throughout.
    """
    kek, done, last = _new_writing_kek(actor), 0, UUID(int=0)
    while batch := _rewrap_batch(kek, last):
        done, last = done + len(batch), batch[-1]
        yield done


@transaction.atomic
def _new_writing_kek(actor: Actor) -> UUID:
    kek = uuid4()
    execute(sql.RETIRE_WRITING_KEK)
    execute(sql.INSERT_KEK, [kek, crypto.keys().root.active, crypto.wrap_kek(os.urandom(KEY_BYTES))])
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
