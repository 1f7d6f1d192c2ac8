"""Minor units of money: the currencies of ISO 4217 whose exponent is not 2. Pure."""

from decimal import Context, Decimal

EXACT = Context(prec=60)
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3) | {"CLF": 4, "UYW": 4}


def exponent(currency: str) -> int:
    """How many decimal places the currency's minor unit has."""
    return _EXPONENTS.get(currency, 2)


def minor_units(major: Decimal, currency: str) -> Decimal:
    """An amount in major units (12.50 USD) as minor units (1250); exact, fractions of a minor unit are kept."""
    return Decimal(format(major.scaleb(exponent(currency), EXACT), "f"))


def major_units(minor: int, currency: str) -> Decimal:
    """An amount in minor units (1250 of USD) as major units (12.50), exact."""
    return Decimal(minor).scaleb(-exponent(currency), EXACT)
