"""Strings of the IAB Europe Transparency and Consent Framework, v2.3: read and validated. Pure.

A string is segments of URL-safe base64 joined by dots: the core first, then others that name their type. Since v2.3 the
segment of disclosed vendors is mandatory: without it a "no" cannot be told from "never asked".
Source: IAB Tech Lab, Consent string and vendor list formats v2.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cdp.core.errors import Refused

VERSION = 2
DISCLOSED_VENDORS, ALLOWED_VENDORS, PUBLISHER = 1, 2, 3
PURPOSES = 24
LONGEST = 32_768
# The clocks of browsers are not ours.
AHEAD = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TCString:
    """What a string says: purposes and vendors by their numbers, consented to or told of a legitimate interest."""

    created: datetime
    updated: datetime
    cmp: int
    language: str
    vendor_list: int
    policy: int
    purposes: frozenset[int]
    interests: frozenset[int]
    vendors: frozenset[int]
    disclosed: frozenset[int]


def read(text: str, at: datetime) -> TCString:
    """A v2.3 string as it is valid at `at`.

    Raises `Refused`: `tcf_unreadable`, `tcf_version`, `tcf_no_disclosed_vendors`, `tcf_times` (updated before it was made,
    or in the future).
    """
    if not text or len(text) > LONGEST:
        raise Refused("tcf_unreadable", "This is no string of the Transparency and Consent Framework.")
    core, *others = text.split(".")
    found = _core(_Bits(core))
    disclosed = [_vendors(bits) for bits in map(_Bits, others) if bits.number(3) == DISCLOSED_VENDORS]
    if len(disclosed) != 1:
        raise Refused("tcf_no_disclosed_vendors", "The string names no disclosed vendors, which v2.3 requires.")
    if found.updated < found.created or found.updated > at + AHEAD:
        raise Refused("tcf_times", "The string was updated before it was made, or in the future.")
    return replace(found, disclosed=disclosed[0])


class _Bits:
    """A segment, read from its first bit on; a read beyond its end refuses it."""

    def __init__(self, segment: str) -> None:
        try:
            raw = base64.b64decode(segment + "=" * (-len(segment) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _unreadable() from None
        self._value, self._left = int.from_bytes(raw), len(raw) * 8

    def number(self, width: int) -> int:
        """The next `width` bits as a number."""
        if width > self._left:
            raise _unreadable()
        self._left -= width
        return self._value >> self._left & (1 << width) - 1

    def flags(self, width: int) -> frozenset[int]:
        """Which of the next `width` bits are set, counted from 1."""
        field = f"{self.number(width):0{width}b}" if width else ""
        return frozenset(place for place, bit in enumerate(field, 1) if bit == "1")

    def moment(self) -> datetime:
        """36 bits of tenths of a second."""
        return EPOCH + timedelta(milliseconds=100 * self.number(36))

    def letters(self) -> str:
        """Two letters of six bits, a = 0."""
        places = [self.number(6), self.number(6)]
        if max(places) > 25:
            raise _unreadable()
        return "".join(chr(ord("a") + place) for place in places)


def _core(bits: _Bits) -> TCString:
    if bits.number(6) != VERSION:
        raise Refused("tcf_version", "The string is of another version than 2.")
    created, updated, cmp = bits.moment(), bits.moment(), bits.number(12)
    bits.number(12 + 6)  # version of the platform, and its screen
    language, vendor_list, policy = bits.letters(), bits.number(12), bits.number(6)
    bits.number(1 + 1 + 12)  # service-specific, other texts than the standard's, special features
    purposes, interests = bits.flags(PURPOSES), bits.flags(PURPOSES)
    bits.number(1 + 12)  # how purpose one is treated, and in which country
    vendors = _vendors(bits)
    _vendors(bits)  # those with a legitimate interest
    return TCString(
        created, updated, cmp, language, vendor_list, policy, purposes, interests, vendors, disclosed=frozenset()
    )


def _vendors(bits: _Bits) -> frozenset[int]:
    """A section of vendors: one bit for each, or ranges that ascend."""
    most = bits.number(16)
    if not bits.number(1):
        return bits.flags(most)
    return frozenset(vendor for span in _ranges(bits, most) for vendor in span)


def _ranges(bits: _Bits, most: int) -> Iterator[range]:
    before = 0
    for _ in range(bits.number(12)):
        several, first = bits.number(1), bits.number(16)
        last = bits.number(16) if several else first
        if not before < first <= last <= most:
            raise _unreadable()
        before = last
        yield range(first, last + 1)


def _unreadable() -> Refused:
    return Refused("tcf_unreadable", "This is no string of the Transparency and Consent Framework.")
