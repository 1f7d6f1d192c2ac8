"""Destinations that take files: one object of S3-compatible storage for each message (the `aws` extra).

The address is `s3://bucket/prefix`. Region, endpoint (`AWS_ENDPOINT_URL_S3`) and credentials come by AWS's own chain. The
object is named by the message's id, so that a second try overwrites the first; it holds what a webhook would, and its
metadata the three headers of Standard Webhooks.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import now
from segments import webhooks
from segments.outgoing import Message, Outcome
from segments.webhooks import new_secret as new_secret
from segments.webhooks import shown as shown

# Names that no address of a host can hide in.
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*/?")


def check(address: str) -> None:
    """Raise `Refused`: `address_refused` for all but a bucket and a prefix of plain names, `kind_unavailable` where boto3
    is not installed."""
    if not _installed():
        raise Refused("kind_unavailable", _("This kind of destination needs the extra `aws`: install it first."))
    if _parts(address) is None:
        raise Refused("address_refused", _("Write an address like s3://bucket/prefix, in plain letters."))


def _installed() -> bool:
    return find_spec("boto3") is not None


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    plain = not (parts.query or parts.fragment or "?" in address or "#" in address)
    fit = parts.scheme == "s3" and plain and BUCKET.fullmatch(parts.netloc) and PREFIX.fullmatch(parts.path)
    return parts if fit else None


def send(address: str, secrets: Sequence[str], message: Message) -> Outcome:
    """Write it once; see `segments.outgoing`."""
    if not _installed():
        return Outcome(False, "not_installed")
    from botocore.exceptions import BotoCoreError, ClientError

    if (parts := _parts(address)) is None:
        return Outcome(False, "address_refused")
    body = webhooks.body_of(message)
    try:
        _storage().put_object(
            Bucket=parts.netloc, Key=f"{parts.path.strip('/')}/{message.id}.json".lstrip("/"), Body=body,
            ContentType="application/json", Metadata=webhooks.headers_of(message, body, secrets, now()),
        )  # fmt: skip
    except ClientError as error:
        return Outcome(False, f"http_{error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0)}")
    except BotoCoreError as error:
        return Outcome(False, type(error).__name__)
    return Outcome(True)


def _storage() -> Any:
    """A client whose calls end in time and are not repeated: deliveries are."""
    import boto3
    from botocore.config import Config

    seconds = settings.DELIVERY_SECONDS
    limits = Config(connect_timeout=seconds / 2, read_timeout=seconds / 2, retries={"total_max_attempts": 1})
    return boto3.client("s3", config=limits)
