"""Amounts as minor units of their currency (ISO 4217), exact in decimal."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from cdp.ingestion.errors import Flaw
from cdp.ingestion.vocabulary import words

_EXACT = Context(prec=60)
_LARGEST = 2**63 - 1
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = dict.fromkeys(words(_WHOLE), 0) | dict.fromkeys(words(_THOUSANDTHS), 3) | {"CLF": 4, "UYW": 4}
_CODE = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[-+]?\d{1,30}(\.\d{1,15})?")


def is_currency(code: Any) -> bool:
    """Whether `code` has the form of ISO 4217."""
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


@lru_cache(maxsize=65536, typed=True)
def amount(value: Any) -> Decimal | None:
    """The decimal that a JSON number, or a plain numeric text, writes; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if isinstance(value, str) and not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def product(quantity: Decimal, price: Decimal) -> Decimal:
    """Their product, exact."""
    return _EXACT.multiply(quantity, price)


@lru_cache(maxsize=65536)
def minor_units(number: Decimal, currency: str) -> int:
    """`number` major units as minor units, halves away from zero; `Flaw` when that is no 64-bit number."""
    digits = _DIGITS.get(currency, 2)
    if number.adjusted() > 18:
        raise Flaw("number_range")
    minor = int(number.scaleb(digits, _EXACT).quantize(Decimal(1), ROUND_HALF_UP, _EXACT))
    if abs(minor) > _LARGEST:
        raise Flaw("number_range")
    return minor
