"""Destinations that take webhooks, signed as Standard Webhooks 1.0.0 has it (HMAC-SHA256, `v1`).

Confirmed is what is answered with 2xx; redirects are not followed. Nothing of an answer but its status is kept.
"""

import base64
import hashlib
import hmac
import http.client
import os
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event
from urllib.parse import SplitResult, urlsplit

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import now
from segments import outbound
from segments.outgoing import Message, Outcome

PREFIX = "whsec_"
SECRET_BYTES = 32
PORTS = {"https": 443, "http": 80}


# --- what is signed ---------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """256 random bits, serialised as the standard says."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def shown(secret: str) -> str:
    """The secret itself: its receiver checks signatures by it."""
    return secret


def body_of(message: Message) -> bytes:
    """The body: {"type", "timestamp", "data"}."""
    return msgspec.json.encode({"type": message.type, "timestamp": message.at, "data": message.data})


def headers_of(message: Message, body: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The three headers of a try at `at`, with a signature by each secret that is valid now."""
    moment = str(int(at.timestamp()))
    signed = b".".join((message.id.encode(), moment.encode(), body))
    signatures = " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)
    return {"webhook-id": message.id, "webhook-timestamp": moment, "webhook-signature": signatures}


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# --- addresses --------------------------------------------------------------------------------------------------------


def check(address: str) -> None:
    """Raise `Refused`, `address_refused`, for all but https to a host, without an account or a fragment; plain http only
    where `CDP_DELIVERY_PLAIN_HTTP` says so. Where the host leads is looked at when it is connected to."""
    try:
        parts = urlsplit(address)
        fit = parts.scheme in _schemes() and parts.hostname and parts.username is None and not parts.fragment
        fit = fit and parts.port != 0 and address.isascii() and address.isprintable() and not set(address) & set(" \\")
    except ValueError:
        fit = False
    if not fit:
        raise Refused("address_refused", _("Write an address like https://host/path, without an account or a #."))


def _schemes() -> tuple[str, ...]:
    return ("https", "http") if settings.DELIVERY_PLAIN_HTTP else ("https",)


# --- sending ----------------------------------------------------------------------------------------------------------


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = outbound.connect(self.host, self.port, settings.DELIVERY_SECONDS)


class _Secure(http.client.HTTPSConnection):
    def connect(self) -> None:
        plain, context = outbound.connect(self.host, self.port, settings.DELIVERY_SECONDS), ssl.create_default_context()
        # Shaking hands once the socket can be cut off: the other side may take its time for that too.
        self.sock = context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def send(address: str, secrets: Sequence[str], message: Message) -> Outcome:
    """POST it once; see `segments.outgoing`."""
    try:
        check(address)
    except Refused:
        return Outcome(False, "address_refused")
    body = body_of(message)
    headers = {"content-type": "application/json", "user-agent": "cdp", **headers_of(message, body, secrets, now())}
    connection = _connection(urlsplit(address))
    try:
        with outbound.cut_off(lambda: connection.sock) as late:
            return _posted(connection, urlsplit(address), body, headers, late)
    finally:
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    made = _Secure if parts.scheme == "https" else _Plain
    return made(parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=settings.DELIVERY_SECONDS)


def _posted(
    connection: http.client.HTTPConnection, parts: SplitResult, body: bytes, headers: dict[str, str], late: Event
) -> Outcome:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, headers)
        return _answered(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = outbound.word(error)
        return Outcome(False, "timeout" if late.is_set() and why != "address_refused" else why)


def _answered(response: http.client.HTTPResponse) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        return Outcome(True)
    asked = response.headers.get("retry-after", "")
    wait = (
        timedelta(seconds=min(int(asked), 86_400)) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
    )
    return Outcome(False, f"http_{status}", wait, gone=status == 410)
