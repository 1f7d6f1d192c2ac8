"""A root key that never leaves AWS KMS (the `aws` extra): key-encryption keys go there to be wrapped and unwrapped.

Region and account are those of the key's ARN; credentials come by AWS's own chain (a role of the machine, variables, a
profile). The encryption context binds what was wrapped to its row, and stands in CloudTrail beside each use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

from cdp.core.errors import NoKey, Unavailable
from cdp.core.roots import WrongRoot

# Not the key that wrapped it, not its context, or not a ciphertext of KMS at all.
_WRONG = {"InvalidCiphertextException", "IncorrectKeyException"}
_SECONDS_TO_CONNECT, _SECONDS_TO_ANSWER, _ATTEMPTS = 3, 5, 3
_TRY_AGAIN = {
    "DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException", "LimitExceededException",
    "ThrottlingException",
}  # fmt: skip


class KmsRoot:
    """The KMS key of this ARN (of a key or an alias)."""

    kind = "AWS KMS"

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def wrap(self, kek: UUID, secret: bytes) -> bytes:
        """Wrap a key-encryption key: one call of KMS."""
        kms = self._kms
        with _told(self._arn):
            found = kms.encrypt(KeyId=self._arn, Plaintext=secret, EncryptionContext=_context(kek))
        return bytes(found["CiphertextBlob"])

    def unwrap(self, kek: UUID, wrapped: bytes) -> bytes:
        """Undo it: one call of KMS. Raises `WrongRoot` for another key's, another row's, or a changed one."""
        kms = self._kms
        with _told(self._arn):
            found = kms.decrypt(KeyId=self._arn, CiphertextBlob=wrapped, EncryptionContext=_context(kek))
        return bytes(found["Plaintext"])

    @cached_property
    def _kms(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise NoKey("The keyring names a key of AWS KMS: install the extra `aws` (boto3).") from None
        patience = Config(
            connect_timeout=_SECONDS_TO_CONNECT,
            read_timeout=_SECONDS_TO_ANSWER,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        )
        return boto3.client("kms", region_name=self._arn.split(":")[3], config=patience)


def _context(kek: UUID) -> dict[str, str]:
    return {"cdp:use": "key-encryption key", "cdp:kek": str(kek)}


@contextmanager
def _told(arn: str) -> Iterator[None]:
    """What KMS refuses, in the product's words."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _WRONG:
            raise WrongRoot from None
        if code in _TRY_AGAIN:
            raise Unavailable(f"AWS KMS cannot serve {arn} now ({code}): try again.") from None
        raise NoKey(
            f"AWS KMS refuses {arn} ({code}): the key must exist, be enabled, and allow kms:Encrypt and kms:Decrypt to "
            "the role of this process."
        ) from None
    except BotoCoreError as error:
        raise Unavailable(f"AWS KMS cannot be reached for {arn} ({type(error).__name__}).") from None
