"""Minor units of money: ISO 4217, the currencies whose exponent is not 2."""

from decimal import Context, Decimal

DEFAULT_EXPONENT = 2
EXACT = Context(prec=60)
WHOLE = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
)  # fmt: skip
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
TEN_THOUSANDTHS = ("CLF", "UYW")
EXPONENTS = dict.fromkeys(WHOLE, 0) | dict.fromkeys(THOUSANDTHS, 3) | dict.fromkeys(TEN_THOUSANDTHS, 4)


def minor_units(major: Decimal, currency: str) -> Decimal:
    """An amount in major units (12.50 USD) as minor units (1250); exact, fractions of a minor unit are kept."""
    return Decimal(format(major.scaleb(EXPONENTS.get(currency, DEFAULT_EXPONENT), EXACT), "f"))
