"""Keyed digests: HMAC-SHA-256 (RFC 2104), which nobody without the key can compute or enumerate."""

import hashlib
import hmac
from functools import lru_cache

_BLOCK = 64
_INNER, _OUTER = 0x36, 0x5C


class Digester:
    """HMAC-SHA-256 of many messages under one key of at most 64 bytes: 32 bytes each.

    Copies the two hashes that the padded key has gone into already, which takes half the time of copying an `hmac`.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ _INNER for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ _OUTER for byte in padded))

    def __call__(self, message: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=256)
def digester(key: bytes, use: bytes = b"") -> Digester:
    """Digests under `key` itself, or under the key that is derived from it for one use."""
    return Digester(hmac.digest(key, use, "sha256") if use else key)


def proof(key: bytes, name: str) -> bytes:
    """What only the holder of a key can say about its name (32 bytes): it can be kept in the open."""
    return hmac.digest(key, b"cdp proof of a key\x1f" + name.encode(), "sha256")
