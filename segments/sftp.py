"""Destinations that take files by SFTP: one file a message (the `sftp` extra).

The address is `sftp://account@host:port/folder#SHA256:…`: the folder from where the account begins, and the fingerprint of the
host's key, without which nothing is sent. We log in by a key of ours, whose public half is what the receiver is told. The file
is named by the message's id and holds what a webhook would; it gets its name once it is whole, and a second try replaces the
first.
"""

import hmac
import io
import logging
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from importlib.util import find_spec
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from segments import outbound, webhooks
from segments.files import PREFIX
from segments.outgoing import Message, Outcome

if TYPE_CHECKING:
    import paramiko

PORT = 22
ACCOUNT_AND_HOST = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?"
)
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


# --- the key we log in by -----------------------------------------------------------------------------------------------


def new_secret() -> str:
    """A private key (Ed25519), as OpenSSH writes it."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()


def shown(secret: str) -> str:
    """Its public half, as a line of `authorized_keys`."""
    public = form.load_ssh_private_key(secret.encode(), None).public_key()
    return public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode() + " cdp"


# --- addresses --------------------------------------------------------------------------------------------------------


def check(address: str) -> None:
    """Raise `Refused`: `address_refused` for all but an account, a host, a folder of plain names and a fingerprint,
    `kind_unavailable` where paramiko is not installed. Where the host leads is looked at when it is connected to."""
    if not _installed():
        raise Refused("kind_unavailable", _("This kind of destination needs the extra `sftp`: install it first."))
    if _parts(address) is None:
        raise Refused(
            "address_refused",
            _("Write an address like sftp://account@host/folder#SHA256:…, with the fingerprint of the host's key."),
        )


def _installed() -> bool:
    return find_spec("paramiko") is not None


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        whole = parts.scheme == "sftp" and not parts.query and "?" not in address and parts.port != 0
    except ValueError:
        return None
    fit = ACCOUNT_AND_HOST.fullmatch(parts.netloc) and PREFIX.fullmatch(parts.path)
    return parts if whole and fit and FINGERPRINT.fullmatch(parts.fragment) else None


# --- sending ----------------------------------------------------------------------------------------------------------


def send(address: str, secrets: Sequence[str], message: Message) -> Outcome:
    """Write it once; see `segments.outgoing`."""
    if not _installed():
        return Outcome(False, "not_installed")
    if (parts := _parts(address)) is None:
        return Outcome(False, "address_refused")
    try:
        plain = outbound.connect(parts.hostname or "", parts.port or PORT, settings.DELIVERY_SECONDS)
    except OSError as error:
        return Outcome(False, outbound.word(error))
    with closing(plain), outbound.cut_off(lambda: plain) as late:
        return _sent(plain, parts, secrets, message, late)


def _sent(plain: socket.socket, parts: SplitResult, secrets: Sequence[str], message: Message, late: Event) -> Outcome:
    import paramiko

    from segments.sftp_transport import Transport

    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it quotes what the other side says
    try:
        with closing(Transport(plain)) as transport:
            why = _opened(transport, parts, secrets) or _written(transport, parts.path, message)
            return Outcome(not why, why)
    except (OSError, EOFError, paramiko.SSHException) as error:
        return Outcome(False, "timeout" if late.is_set() or isinstance(error, TimeoutError) else "no_connection")


def _opened(transport: "paramiko.Transport", parts: SplitResult, secrets: Sequence[str]) -> str:
    """Why not: who the host is comes before who we are."""
    from paramiko import AuthenticationException

    transport.start_client()  # its time ends with that of the connection
    if not hmac.compare_digest(transport.get_remote_server_key().fingerprint, parts.fragment):
        return "not_trusted"
    for key in _keys(secrets):
        try:
            transport.auth_publickey(parts.username or "", key)
        except AuthenticationException:
            if not transport.is_active():  # it says so too of a connection that ended before the answer
                raise EOFError from None
            continue
        if transport.is_authenticated():
            return ""
    return "login_refused"


def _keys(secrets: Sequence[str]) -> Iterator["paramiko.Ed25519Key"]:
    """Those of the secrets that are keys: a destination may have been of another kind."""
    from paramiko import Ed25519Key, SSHException

    for secret in secrets:
        with suppress(SSHException):
            yield Ed25519Key.from_private_key(io.StringIO(secret))


def _written(transport: "paramiko.Transport", folder: str, message: Message) -> str:
    """Why not: the file is written under another name, and renamed when it is whole."""
    from paramiko import SFTPClient

    name = f"{folder.strip('/')}/{message.id}.json".lstrip("/")
    with closing(SFTPClient.from_transport(transport)) as files:
        files.get_channel().settimeout(settings.DELIVERY_SECONDS)
        try:
            files.putfo(io.BytesIO(webhooks.body_of(message)), f"{name}.part")
            _rename(files, f"{name}.part", name)
        except OSError as error:
            if isinstance(error, TimeoutError) or not transport.is_active():
                raise
            return "not_written"
    return ""


def _rename(files: "paramiko.SFTPClient", part: str, name: str) -> None:
    """Replace what an earlier try left, in one step where the server knows how."""
    try:
        files.posix_rename(part, name)
    except OSError:
        if name.rpartition("/")[2] in files.listdir(name.rpartition("/")[0] or "."):
            files.remove(name)
        files.rename(part, name)
