"""Root keys: each wraps key-encryption keys, and is bytes of the keyring or a key that never leaves a key service."""

import hashlib
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap


class WrongRoot(Exception):
    """The root key did not wrap what it should unwrap."""


class RootKey(Protocol):
    """What wraps key-encryption keys. A call may leave the machine, so callers keep what they unwrapped for a while."""

    @property
    def kind(self) -> str:
        """Where it is kept, for people to read."""

    def wrap(self, kek: UUID, secret: bytes) -> bytes:
        """Wrap the key-encryption key of this id. Raises `NotReadable` or `Unavailable`."""

    def unwrap(self, kek: UUID, wrapped: bytes) -> bytes:
        """Undo it. Raises `WrongRoot` where another key or, in a key service, another id was used; as `wrap` besides."""


class LocalRoot:
    """A root key of the keyring itself: AES key wrap (RFC 3394)."""

    kind = "keyring"

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"cdp root to kek\x1f" + secret).digest()

    def wrap(self, kek: UUID, secret: bytes) -> bytes:
        """As the protocol says."""
        return aes_key_wrap(self._key, secret)

    def unwrap(self, kek: UUID, wrapped: bytes) -> bytes:
        """As the protocol says."""
        try:
            return aes_key_unwrap(self._key, wrapped)
        except InvalidUnwrap:
            raise WrongRoot from None
