"""The keys that are kept outside the database: roots, the record-id key, index keys, the suppression key.

A keyring is JSON, from `CDP_KEYRING` or a file: `{"version": 1, "root": {"active": ID, "keys": {ID: BASE64}},
"record_id": BASE64, "index": {"active": ID, "keys": {ID: BASE64}}, "suppression": BASE64}`; every key is 32 random bytes.
A root key may be `{"kms": ARN}` instead: one that stays in AWS KMS (`cdp.core.kms`).
"""

import base64
import binascii
import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.conf import settings

from cdp.core.kms import KmsRoot
from cdp.core.roots import LocalRoot, RootKey

Key = TypeVar("Key")
KEY_BYTES = 32
# A key that is one byte repeated, or text of a sample file, protects nothing.
_MIN_DISTINCT_BYTES = 12
_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)/[\w/-]+")


class KeyringError(Exception):
    """The keyring is missing, short or a sample; the message says which key and what to do."""


@dataclass(frozen=True)
class Ring(Generic[Key]):
    """Many keys read, one writes."""

    active: str
    keys: dict[str, Key]

    @property
    def writing(self) -> Key:
        return self.keys[self.active]


@dataclass(frozen=True)
class Keyring:
    """`index.active` is the index key that is wanted; which one is in use, the database says (`cdp.core.indexing`)."""

    root: Ring[RootKey]
    index: Ring[bytes]
    record_id: bytes
    suppression: bytes


def new_keyring() -> str:
    """A fresh keyring as JSON text, every key drawn from the system's random source."""
    ring = {"active": "1", "keys": {"1": _random_key()}}
    fresh = {"version": 1, "root": ring, "index": {"active": "1", "keys": {"1": _random_key()}}}
    return json.dumps(fresh | {"record_id": _random_key(), "suppression": _random_key()}, indent=1)


def parse(text: str) -> Keyring:
    """Read a keyring; `KeyringError` names the first key that is missing, short or not random."""
    try:
        raw = json.loads(text)
        return Keyring(
            root=_ring(raw["root"], "root", _root),
            index=_ring(raw["index"], "index", _key),
            record_id=_key(raw["record_id"], "record_id"),
            suppression=_key(raw["suppression"], "suppression"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyringError(f"The keyring cannot be read ({type(error).__name__}): {_HOW}") from None


def with_new_key(text: str, ring: str, arn: str = "") -> tuple[str, str]:
    """A keyring (JSON) with one more key, which writes from now on, in its ring `root` or `index`; and the key's id.

    `arn`: a root key of AWS KMS rather than a random one. Raises `KeyringError` as `parse`.
    """
    parse(text)
    raw = json.loads(text)
    numbers = [int(key) for key in raw[ring]["keys"] if key.isdecimal()]
    fresh = str(max(numbers, default=0) + 1)
    raw[ring]["keys"][fresh] = {"kms": arn} if arn else _random_key()
    raw[ring]["active"] = fresh
    added = json.dumps(raw, indent=1)
    parse(added)
    return added, fresh


def load(text: str, file: Path, *, may_generate: bool) -> Keyring:
    """The keyring from `text`, else from `file`; `may_generate` writes a new one where there is none."""
    if text:
        return parse(text)
    if not file.exists():
        if not may_generate:
            raise KeyringError(f"No keyring: {_HOW}")
        _write_once(file, new_keyring())
    return parse(file.read_text())


@lru_cache(maxsize=1)
def keys() -> Keyring:
    """The keyring of this deployment; outside debug a missing or weak one raises `KeyringError`."""
    return load(settings.KEYRING, settings.KEYRING_FILE, may_generate=settings.CDP_DEBUG)


def generated_secret(file: Path) -> str:
    """A random secret kept in `file`, made on first use (readable by its owner only)."""
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(48))
    return file.read_text()


_HOW = (
    "make one with `manage.py make_keyring`, keep it apart from the database, and set CDP_KEYRING or CDP_KEYRING_FILE."
)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _ring(raw: Any, name: str, read: Callable[[Any, str], Key]) -> Ring[Key]:
    keys = {key_id: read(value, f"{name} {key_id}") for key_id, value in raw["keys"].items()}
    if raw["active"] not in keys:
        raise KeyringError(f"The keyring's active {name} key is not among its keys: {_HOW}")
    return Ring(raw["active"], keys)


def _root(value: Any, name: str) -> RootKey:
    if not isinstance(value, dict):
        return LocalRoot(_key(value, name))
    if not _ARN.fullmatch(value["kms"]):
        raise KeyringError(f"The key {name} names no key of AWS KMS: give the ARN of a key or an alias.")
    return KmsRoot(value["kms"])


def _key(value: str, name: str) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < _MIN_DISTINCT_BYTES:
        raise KeyringError(f"The key {name} is not {KEY_BYTES} random bytes in base64: {_HOW}")
    return key


def _write_once(file: Path, text: str) -> None:
    """Write through a temporary name and link it: two processes at once end with the same file, complete."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
