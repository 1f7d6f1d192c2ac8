"""Strings of the Transparency and Consent Framework: what a v2.3 string says, and why another is refused."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.core.errors import Refused
from consent import tcf

AT = datetime(2026, 6, 1, tzinfo=UTC)
# Written by others: a v2.3 string, one without the segment, and one whose only other segment is the publisher's.
DISCLOSING = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA"
WITHOUT = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA"
PUBLISHER_ONLY = (
    "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA"
)


def bits(*fields: tuple[int, int]) -> str:
    """A segment of (value, width) fields; written apart from what reads it."""
    text = "".join(format(value, f"0{width}b") for value, width in fields)
    padded = text + "0" * (-len(text) % 8)
    raw = bytes(int(padded[place : place + 8], 2) for place in range(0, len(padded), 8))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def flags(numbers: set[int], width: int) -> tuple[int, int]:
    return sum(1 << (width - number) for number in numbers), width


def vendors(numbers: set[int], ranges: bool) -> list[tuple[int, int]]:
    most = max(numbers, default=0)
    if not ranges:
        return [(most, 16), (0, 1), flags(numbers, most)] if most else [(0, 16), (0, 1)]
    return [(most, 16), (1, 1), (len(numbers), 12), *(f for n in sorted(numbers) for f in ((0, 1), (n, 16)))]


def tenths(at: datetime) -> tuple[int, int]:
    return round(at.timestamp() * 10), 36


def core(purposes: set[int], consented: set[int], ranges: bool, updated: datetime = AT, version: int = 2) -> str:
    head = [(version, 6), tenths(AT - timedelta(days=9)), tenths(updated), (7, 12), (1, 12), (1, 6), (10, 6), (14, 6)]
    middle = [(100, 12), (5, 6), (1, 1), (0, 1), (0, 12), flags(purposes, 24), (0, 24), (0, 1), (4, 6), (4, 6)]
    return bits(*head, *middle, *vendors(consented, ranges), *vendors(set(), ranges), (0, 12))


def disclosed(numbers: set[int], ranges: bool = True) -> str:
    return bits((1, 3), *vendors(numbers, ranges))


FEW = settings(max_examples=40, deadline=None)
numbers = st.sets(st.integers(1, 400), max_size=12)


@FEW
@given(purposes=st.sets(st.integers(1, 24)), consented=numbers, told=numbers, ranges=st.booleans(), other=st.booleans())
def test_what_was_written_is_read(
    purposes: set[int], consented: set[int], told: set[int], ranges: bool, other: bool
) -> None:
    found = tcf.read(".".join((core(purposes, consented, ranges), disclosed(told, other))), AT)
    assert [*map(set, (found.purposes, found.vendors, found.disclosed))] == [purposes, consented, told]
    assert (found.updated, found.language, found.cmp, found.policy) == (AT, "ko", 7, 5)


def test_a_string_of_the_framework_s_own_is_read() -> None:
    found = tcf.read(DISCLOSING, AT)
    assert found.language == "en" and found.disclosed and found.created <= found.updated < AT


@pytest.mark.parametrize("text", [WITHOUT, PUBLISHER_ONLY, f"{DISCLOSING}.{DISCLOSING.partition('.')[2]}"])
def test_rule_11_without_disclosed_vendors_it_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="no disclosed vendors") as refused:
        tcf.read(text, AT)
    assert refused.value.code == "tcf_no_disclosed_vendors"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (core({1}, {2}, True, version=1) + "." + disclosed({2}), "tcf_version"),
        (core({1}, {2}, True, updated=AT + timedelta(days=2)) + "." + disclosed({2}), "tcf_times"),
        (core({1}, {2}, True, updated=AT - timedelta(days=10)) + "." + disclosed({2}), "tcf_times"),
        (
            core({1}, {2}, True) + "." + bits((1, 3), (9, 16), (1, 1), (1, 12), (1, 1), (8, 16), (3, 16)),
            "tcf_unreadable",
        ),
        (core({1}, {2}, True)[:20] + "." + disclosed({2}), "tcf_unreadable"),
        ("", "tcf_unreadable"),
        ("C" * 40_000, "tcf_unreadable"),
        ("한글.한글", "tcf_unreadable"),
    ],
)
def test_what_is_no_valid_string_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        tcf.read(text, AT)
    assert refused.value.code == code


@FEW
@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: "C" + base64.urlsafe_b64encode(raw).decode()))
def test_whatever_arrives_is_read_or_refused(text: str) -> None:
    try:
        tcf.read(text, AT)
    except Refused as refused:
        assert refused.code.startswith("tcf_")
