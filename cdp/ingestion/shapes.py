"""What a value looks like: e-mail addresses, phone numbers, payment cards, resident registration numbers."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

LONGEST_CLEAR = 64
MOST_WORDS = 3

# As long as RFC 5321 lets its parts be: without limits a long text without an @ would be read once from each character.
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\/]{1,64}@(?:[^\s@<>()\[\],;:\"\\/.]{1,63}\.){1,12}[^\W\d_]{2,63}")
_GAP = r"[-.\s‐-―]?"
_PHONE = re.compile(
    rf"(?<!\d)(?:"
    rf"(?:\+?82{_GAP}\(?0?\)?|0)1[016789]{_GAP}\d{{3,4}}{_GAP}\d{{4}}"  # Korean mobile
    rf"|0\d{{1,2}}\)?[-.\s‐-―]\d{{3,4}}{_GAP}\d{{4}}"  # Korean landline
    rf"|\+[1-9]\d{{0,2}}(?:{_GAP}\(?\d{{1,4}}\)?){{2,5}}"  # international
    rf"|\(?[2-9]\d\d\)?[-.\s]\d{{3}}[-.]\d{{4}}"  # North American
    rf")(?!\d)"
)
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_CARD_RANGES = re.compile(
    r"4\d{15}|4\d{12}|4\d{18}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|35\d{14}|3[068]\d{12}|6[0245]\d{14}|9\d{15}"
)
_RESIDENT = re.compile(r"(?<!\d)(\d{6})[-\s.·‐-―~]{0,3}([1-8]\d{6})(?!\d)")
_RESIDENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_CENTURIES = {"1": 1900, "2": 1900, "5": 1900, "6": 1900, "3": 2000, "4": 2000, "7": 2000, "8": 2000}
# With every digit written 0; a number has lost its leading zeros.
_MAYBE_RESIDENT_TEXT = re.compile(rb"000000[-\s.~]{0,3}0000000")
_MAYBE_RESIDENT_NUMBER = re.compile(rb"[:,\s\[]0{10,12}[,\s\]}]")
_DIGIT_TO_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def may_hold_resident_number(text: bytes) -> bool:
    """Whether JSON `text`, ASCII and without escapes, has digits enough in a row; cheap, and never wrongly no."""
    plain = text.translate(_DIGIT_TO_ZERO)
    if b"0000000" not in plain:
        return False
    if _MAYBE_RESIDENT_TEXT.search(plain) is not None:
        return True
    return b"0000000000" in plain and _MAYBE_RESIDENT_NUMBER.search(plain) is not None


@lru_cache(maxsize=65536)
def is_clear_text(text: str) -> bool:
    """Whether an undeclared string may stay in the clear: short, of few words, and not shaped like a personal value."""
    return len(text) <= LONGEST_CLEAR and len(text.split()) <= MOST_WORDS and personal_shape(text) is None


@lru_cache(maxsize=65536)
def _short_shape(text: str) -> str | None:
    return _shape(text)


def personal_shape(text: str) -> str | None:
    """ "email", "phone" or "card" when `text` holds one anywhere, in whatever width of characters; else None."""
    return _short_shape(text) if len(text) <= LONGEST_CLEAR else _shape(text)


def _shape(text: str) -> str | None:
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if "@" in text and _EMAIL.search(text):
        return "email"
    if _PHONE.search(text):
        return "phone"
    return "card" if any(map(is_card_number, _CARD.findall(text))) else None


def contact_shapes(text: str) -> Iterator[tuple[str, str]]:
    """("email" or "phone", text) of everything in `text` that is shaped so, in whatever width of characters."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    for kind, shape in (("email", _EMAIL), ("phone", _PHONE)):
        yield from ((kind, found[0]) for found in shape.finditer(text))


def is_random_id(text: str) -> bool:
    """Whether `text` is a UUID, which no personal value looks like."""
    return len(text) == 36 and _UUID.fullmatch(text) is not None


def is_card_number(text: str) -> bool:
    """Whether the digits of `text` are a payment card's: a range in use and the Luhn check digit (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()]
    if not _CARD_RANGES.fullmatch("".join(map(str, digits))):
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def holds_resident_number(text: str) -> bool:
    """Whether `text` holds a Korean resident or foreigner registration number: a real date and a right check digit."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return any(_is_resident_number(birth, rest) for birth, rest in _RESIDENT.findall(text))


def _is_resident_number(birth: str, rest: str) -> bool:
    try:
        date(_CENTURIES[rest[0]] + int(birth[:2]), int(birth[2:4]), int(birth[4:]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT_WEIGHTS, birth + rest[:6], strict=True))
    return (((11 if rest[0] < "5" else 13) - total % 11) % 10) == int(rest[6])
