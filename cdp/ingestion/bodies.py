"""The body of a request: its bytes, unpacked and bounded, and the messages in it."""

import base64
import gzip
import zlib
from io import BytesIO
from typing import Any

import msgspec
from django.http import HttpRequest, UnreadablePostError

from cdp.ingestion import canonical
from cdp.ingestion.canonical import Message
from cdp.ingestion.errors import Refusal

LARGEST_BODY = 10 * 2**20
MOST_EVENTS = 2500
_GZIP = b"\x1f\x8b"
_TOO_LARGE = Refusal(413, "too_large", "The body is larger than 10 MB.")


class Body(msgspec.Struct, frozen=True):
    """The messages of a request, when it was sent by its own word, and the write key it names."""

    messages: list[Message]
    sent_at: Any
    write_key: str | None


def read(request: HttpRequest, kind: str | None) -> Body:
    """The request's body, a batch (`kind` None) or one message of that type; `Refusal` when it is neither."""
    text = _unpacked(_raw(request), request.headers.get("Content-Encoding", ""))
    return _single(text, kind) if kind else _batch(text)


def key_of(request: HttpRequest) -> str | None:
    """The write key of the Authorization header (Basic, key as user) or of the query, or None."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except ValueError:
            raise Refusal(401, "unknown_key", "The Authorization header cannot be read.") from None
    return request.GET.get("writeKey")


def _raw(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise _TOO_LARGE
    try:
        return request.body
    except UnreadablePostError:
        raise Refusal(400, "incomplete", "The body ended early.") from None


def _unpacked(raw: bytes, encoding: str) -> bytes:
    """Gunzip by what the bytes are; a small body that unpacks to a huge one is refused before it is unpacked."""
    if not raw.startswith(_GZIP):
        if encoding.lower() == "gzip":
            raise Refusal(400, "bad_gzip", "The body is not gzip.")
        return raw
    try:
        with gzip.GzipFile(fileobj=BytesIO(raw)) as unpacker:
            text = unpacker.read(LARGEST_BODY + 1)
    except EOFError:
        raise Refusal(400, "bad_gzip", "The gzip data is incomplete.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise Refusal(400, "bad_gzip", "The gzip data is damaged.") from None
    if len(text) > LARGEST_BODY:
        raise _TOO_LARGE
    return text


def _batch(text: bytes) -> Body:
    try:
        outer = canonical.parse_object(text)
    except ValueError:
        raise Refusal(400, "invalid_json", "The body is no JSON object with unique keys.") from None
    items = outer.get("batch")
    if not isinstance(items, list) or not items:
        raise Refusal(400, "empty_batch", "The batch is empty or missing.")
    if len(items) > MOST_EVENTS:
        raise Refusal(413, "too_large", f"A batch holds at most {MOST_EVENTS} events.")
    messages = [canonical.message(item) for item in items]
    return Body(messages, outer.get("sentAt"), _text(outer.get("writeKey")) or _first_key(messages))


def _single(text: bytes, kind: str | None) -> Body:
    message = canonical.single(text)
    if message.flaw == "bad_json" or not isinstance(message.content, dict | str):
        raise Refusal(400, "invalid_json", "The body is no JSON object.")
    if isinstance(message.content, dict):
        message.content["type"] = kind
    elif message.flaw is None:
        raise Refusal(400, "invalid_json", "The body is no JSON object.")
    return Body([message], None, _first_key([message]))


def _first_key(messages: list[Message]) -> str | None:
    """The write key that the messages themselves carry; all of one request carry the same."""
    keys = {_text(message.content.get("writeKey")) for message in messages if isinstance(message.content, dict)}
    return keys.pop() if len(keys) == 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
