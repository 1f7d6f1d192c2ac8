"""Connections to addresses that people enter: to public hosts only, at the very address that was looked at.

Against server-side request forgery (OWASP ASVS 5, 1.3.6): a host is resolved once, every address that it has must be
allowed, and the connection goes to one of those, so that a name which answers differently the next time gains nothing.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Timer

from django.conf import settings

from cdp.core import networks

TRIED = 2


class AddressRefused(OSError):
    """The host has an address that is not public, and that `CDP_DELIVERY_NETWORKS` does not allow."""


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """A connection to a host within so many seconds. Raises `AddressRefused`, or another OSError."""
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    if not found or not all(allowed(address) for address in found):
        raise AddressRefused
    failed = OSError()
    for address in found[:TRIED]:
        try:
            return socket.create_connection((address, port), seconds / TRIED)
        except OSError as error:
            failed = error
    raise failed


def word(error: Exception) -> str:
    """What went wrong, in a word: messages may quote what the other side says."""
    if isinstance(error, AddressRefused):
        return "address_refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "not_trusted"
    return "no_such_host" if isinstance(error, socket.gaierror) else "no_connection"


@contextmanager
def cut_off(found: Callable[[], socket.socket | None]) -> Iterator[Event]:
    """Cut a connection off, if there is one by then, when its time is over: a time limit of the socket begins anew with every
    byte that drips in.

    The event is set where that was done.
    """
    late = Event()

    def cut() -> None:
        late.set()
        if (connection := found()) is not None:
            try:
                # Not TLS's own, which would take the connection apart under whoever is reading.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:  # it has ended by itself
                return

    timer = Timer(settings.DELIVERY_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def allowed(text: str) -> bool:
    """Whether an IP address is public, in all that it may stand for, or in a network that the settings allow."""
    return networks.allowed(text, settings.DELIVERY_NETWORKS)
