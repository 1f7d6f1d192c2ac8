"""Files of S3-compatible storage (the `aws` extra): which there are, and one as a handle that is read piece by piece.

The address is `s3://bucket/prefix`. Region, endpoint (`AWS_ENDPOINT_URL_S3`) and credentials come by AWS's own chain.
"""

import io
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import urlsplit

from cdp.ingestion.errors import Away, Gone

SECONDS = 20.0
PIECE = 8 * 2**20
_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.)[\w!.*'()=+-]+)*/?", re.ASCII)
# The version that was found is there no more.
_GONE = (404, 412)


class Found(NamedTuple):
    """One file: its path, the tag of its content, when it was last written."""

    path: str
    version: str
    changed_at: datetime


def is_installed() -> bool:
    """Whether there is a client for storages."""
    return find_spec("boto3") is not None


def is_address(address: str) -> bool:
    """Whether this names a bucket and a prefix."""
    return _ADDRESS.fullmatch(address) is not None


def listed(address: str) -> Iterator[list[Found]]:
    """Every file with something in it that an address names, or that is in the folder of that name, page by page; `Away` when
    the storage cannot be asked."""
    bucket, prefix = _parts(address)
    with _told():
        client = _client()
        if prefix and not prefix.endswith("/"):
            # What is called exactly so comes before whatever begins so.
            first = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents", ())
            yield [_found(one) for one in first if one["Key"] == prefix and one["Size"]]
            prefix += "/"
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield [_found(one) for one in page.get("Contents", ()) if one["Size"] and not one["Key"].endswith("/")]


def within(address: str) -> tuple[str, str]:
    """What an address names, as the path of one file and as the beginning of the paths in a folder."""
    _bucket, prefix = _parts(address)
    return prefix, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _found(one: dict[str, Any]) -> Found:
    return Found(one["Key"], one["ETag"].strip('"'), one["LastModified"])


def opened(address: str, path: str, version: str) -> BinaryIO:
    """One version of a file, to be read and sought; what is read later raises `Gone` once another has taken its place, and
    `Away` when the storage cannot be asked."""
    raw = _Ranges(_parts(address)[0], path, version)
    return cast(BinaryIO, io.BufferedReader(cast(Any, raw), PIECE))


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.netloc, parts.path.lstrip("/")


class _Ranges(io.RawIOBase):
    """An object read by ranges of its bytes, all of one version."""

    def __init__(self, bucket: str, path: str, version: str) -> None:
        self._which = {"Bucket": bucket, "Key": path, "IfMatch": f'"{version}"'}
        self._client, self._at = _client(), 0
        with _told(_GONE):
            self._size = int(self._client.head_object(**self._which)["ContentLength"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: Any) -> int:
        last = min(self._at + len(into), self._size) - 1
        if last < self._at:
            return 0
        with _told(_GONE):
            content = self._client.get_object(**self._which, Range=f"bytes={self._at}-{last}")["Body"].read()
        into[: len(content)] = content
        self._at += len(content)
        return len(content)


def _client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(connect_timeout=SECONDS, read_timeout=SECONDS))


@contextmanager
def _told(gone: Collection[int] = ()) -> Iterator[None]:
    """Faults of a storage by what they mean here, `Gone` for these statuses; their texts name paths, and are not told."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise (Gone() if status in gone else Away(f"http_{status}")) from None
    except (BotoCoreError, HTTPError, OSError) as error:
        raise Away(type(error).__name__) from None
