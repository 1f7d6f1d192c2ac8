"""Which addresses a server may connect to where people say the address: public ones, and networks that settings allow.

Against server-side request forgery (OWASP ASVS 5, 1.3.6). Pure: whoever connects looks a host up once, asks of every address
that it has, and connects to one of those, so that a name which answers differently the next time gains nothing.
"""

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

# IPv6 addresses that stand for an IPv4 address in their last 32 bits (RFC 6052).
TRANSLATED = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


def allowed(text: str, networks: Collection[str]) -> bool:
    """Whether an IP address is public, in all that it may stand for, or in one of these networks."""
    meant = _meant(ip_address(text))
    return all(_public(one) or any(one in ip_network(network) for network in networks) for one in meant)


def _meant(address: Address) -> Iterator[Address]:
    """The address a packet would reach: an IPv4 address may be written into an IPv6 one in four ways."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour:
        yield address.sixtofour
    if address in TRANSLATED:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    yield from address.teredo or ()


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast
