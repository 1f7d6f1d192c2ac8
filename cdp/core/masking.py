"""What is left of a personal value for those who may not see it: enough to recognise, too little to use.

The number of stars says nothing of the length.
"""

from collections.abc import Callable, Mapping

STARS = "***"


def mask(attribute: str, value: str) -> str:
    """`value` of a canonical attribute, masked: 김** · k***@e***.com · 010-****-1234 · 1987-**-**."""
    return _MASKS.get(attribute, _first)(value) if value else ""


def mask_all(personal: Mapping[str, str]) -> dict[str, str]:
    """Every attribute of a golden record, masked."""
    return {attribute: mask(attribute, value) for attribute, value in personal.items()}


def _first(value: str) -> str:
    return value[:1] + STARS


def _name(value: str) -> str:
    if value.isascii():
        return " ".join(_first(part) for part in value.split())
    return value[:1] + "**"


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}{STARS}@{host[:1]}{STARS}.{ending}" if at and dot else STARS


def _phone(value: str) -> str:
    digits = "".join(character for character in value if character.isdigit())
    if value.startswith("+82"):
        digits = "0" + digits[2:]
    return f"{digits[:3]}-****-{digits[-4:]}" if len(digits) >= 9 else STARS


def _birth_date(value: str) -> str:
    return f"{value[:4]}-**-**" if value[:4].isdigit() else STARS


def _word(value: str) -> str:
    return f"{value.split()[0]} {STARS}" if " " in value.strip() else STARS


def _shown(value: str) -> str:
    return value


_MASKS: Mapping[str, Callable[[str], str]] = {
    "full_name": _name, "given_name": _name, "family_name": _name, "email": _email, "phone": _phone,
    "birth_date": _birth_date, "address": _word, "region": _shown, "city": _shown, "country": _shown, "gender": _shown,
}  # fmt: skip
