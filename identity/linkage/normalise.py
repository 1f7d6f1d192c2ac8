"""Raw record attributes to the columns that linkage compares, and identifier values to the text that is indexed.

Values that no person has (`null`, `010-0000-0000`, `1900-01-01`, a shop's hotline) become None. Any text is accepted:
what cannot be understood is None, never an exception.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

import phonenumbers

from identity.linkage import names

_words = str.split
# Longest text looked at; longer values are cut, so that hostile input costs no time.
LONGEST: Final = 320
# Raise it when `clean` gives another row for anything, or blocking another key: what was cleaned before is cleaned anew, and
# indexed, by the next run.
VERSION: Final = 5
OLDEST_YEAR: Final = 1900
NULL_LIKE: Final = frozenset(
    _words(
        "-1 0 null none nan nil n/a n.a. undefined unknown true false anonymous guest test - -- . ? x xx xxx "
        "없음 미상 미입력 해당없음 무명 비회원 고객 [objectobject] <na> (null) #n/a nat"
    )
)
COLUMNS: Final = (
    "script", "surname", "given", "name", "name_reversed", "given_jamo", "surname_key", "given_key", "formal",
    "initial", "birth_date", "birth_year", "birth_day", "email", "email_local", "email_letters", "phone",
    "gender",
    "postcode", "district", "street", "house", "address", "city", "region", "country",
)  # fmt: skip

_FILLER: Final = re.compile(r"[\s0\-_./]*|(.)\1{5,}")
_EMAIL: Final = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@([^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")
_PLACEHOLDER_MAILS: Final = frozenset(_words("none.com noemail.com"))
_PLACEHOLDER_LOCALS: Final = frozenset(
    _words("none null noemail no-email noreply no-reply anonymous test unknown na n/a")
)
_KOREAN_MOBILE: Final = re.compile(r"(?a)(?:\+?82-?0?|0)1(0\d{8}|[16789]\d{7,8})")
_EXTENSION: Final = re.compile(r"(?:내선|교환|ext\.?|extension|x|#)\s*[:.]?\s*\d{1,6}\s*(?:번)?\s*$", re.IGNORECASE)
# Korean numbers of companies, of relayed calls and of personal-number services (Numbering plan of the MSIT).
_NOT_PERSONAL: Final = re.compile(r"(?a)(?:\+?82-?)?0?(?:1[568]\d\d\d{4}|(?:0?50\d|0?60|0?80|0?30)\d{6,9})")
_REGIONS: Final = {
    spelling: code
    for code, spellings in {
        "KR": "kr kor korea southkorea republicofkorea 대한민국 한국",
        "US": "us usa unitedstates 미국",
        "GB": "gb uk unitedkingdom",
        "AU": "au aus australia",
        "JP": "jp jpn japan 일본",
        "CN": "cn china 중국",
        "DE": "de germany 독일",
        "FR": "fr france 프랑스",
    }.items()
    for spelling in spellings.split()
}
_GENDERS: Final = {
    **dict.fromkeys(("m", "male", "man", "남", "남자", "남성"), "m"),
    **dict.fromkeys(("f", "female", "woman", "w", "여", "여자", "여성"), "f"),
}
_YEAR_FIRST: Final = re.compile(r"(\d{4})\s*[-./년 ]\s*(\d{1,2})\s*[-./월 ]\s*(\d{1,2})\s*일?(?:[T ].*)?")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})\s*[-./ ]\s*(\d{1,2})\s*[-./ ]\s*(\d{4})")
# Dates that forms and migrations put where the birth date is missing.
_PLACEHOLDER_DATES: Final = frozenset(
    ("1900-01-01", "1901-01-01", "1970-01-01", "1899-12-30", "1999-09-09", "2000-01-01", "1911-11-11")
)
# With a year in which nobody was born, these days are placeholders too.
_FILLED_IN: Final = ("01-01", "12-31")
_ROAD: Final = re.compile(r"([^\W\d_]+(?:\d+(?:번|가))?[\w·]*?(?:로|길|대로)(?:\d+번?[가-힣]?길)?)\s*(\d+(?:-\d+)?)")
_STREET: Final = re.compile(
    r"(\d+[a-z]?)?\W*([^\W\d][^\d]*?\b(?:street|st|road|rd|avenue|ave|place|pl|court|ct|crescent|cres|drive|dr|lane|ln"
    r"|way|close|circuit|cct|terrace|tce|boulevard|blvd|parade|pde|square|sq|highway|hwy|grove|gardens|rise|walk))\b"
)
_LOT: Final = re.compile(r"([가-힣]+\d*(?:동|리|가|읍|면))\s*(?:산\s*)?(\d+(?:-\d+)?)(?:번지)?(?!\d*\s*(?:호|동))")


def clean(attributes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Columns of `COLUMNS` from attributes as a source wrote them: full_name, given_name, family_name, email, phone,
    birth_date, gender, address, city, region, postcode, country; other attributes are ignored. Never raises."""
    row: dict[str, str | None] = dict.fromkeys(COLUMNS)
    get = attributes.get
    row["country"] = country(get("country"))
    row.update(_name_columns(text(get("full_name")), text(get("given_name")), text(get("family_name"))))
    row.update(_birth_columns(_compared_date(get("birth_date"))))
    row.update(_email_columns(get("email")))
    row["phone"] = phone(get("phone"), row["country"] or "KR")
    row["gender"] = _GENDERS.get(text(get("gender")) or "")
    row.update(_address_columns(text(get("address")), text(get("postcode"))))
    row["city"], row["region"] = _squeeze(text(get("city"))), _squeeze(text(get("region")))
    return row


def identifier(kind: str, value: str | None, region: str = "KR") -> str | None:
    """Normalised value of an identifier, for blind indexes; None when it identifies nobody.

    E-mails and phones (national ones of `region`) lose their spelling; every other kind keeps its case: ids are opaque.
    """
    if kind == "email":
        return email(value)
    if kind == "phone":
        return phone(value, region)
    return _opaque(value)


def forget() -> None:
    """Empty the caches, which hold values of people; for long-lived processes after a batch."""
    for cached in (
        text,
        email,
        phone,
        _compared_date,
        _columns_of,
        _street_columns,
        _plain,
        _squeeze,
        country,
        names.parse,
        names.jamo,
        names.sound_key,
    ):
        cached.cache_clear()
    names.compatible.cache_clear()


@lru_cache(maxsize=262144)
def text(value: str | None) -> str | None:
    """NFKC, casefolded, one space between words, without control and format characters; None for null-likes."""
    if not value:
        return None
    value = _plain(value)
    if not value or value in NULL_LIKE or _FILLER.fullmatch(value) or value == "[object object]":
        return None
    return value


@lru_cache(maxsize=262144)
def email(value: str | None) -> str | None:
    """`local@domain`, casefolded NFKC, or None when it has not that form or is a placeholder. Sends no DNS query."""
    if not value or len(value) > 4 * LONGEST:
        return None
    plain = _plain(value.removeprefix("mailto:")).strip("<> ")
    if plain in NULL_LIKE or len(plain) > LONGEST or not _EMAIL.fullmatch(plain):
        return None
    local, _, domain = plain.rpartition("@")
    bad = (
        ".." in local
        or local[0] == "."
        or local[-1] == "."
        or local in _PLACEHOLDER_LOCALS
        or domain in _PLACEHOLDER_MAILS
    )
    return None if bad else plain


@lru_cache(maxsize=262144)
def phone(value: str | None, region: str = "KR") -> str | None:
    """E.164 of a personal number, or None. `region`: ISO 3166 code used for national numbers."""
    if not value or len(value) > 64:
        return None
    raw = _EXTENSION.sub("", unicodedata.normalize("NFKC", value)).strip()
    digits = re.sub(r"[\s().·\-‐-―/]", "", raw)
    if region == "KR" and (found := _KOREAN_MOBILE.fullmatch(digits)):
        return None if _placeholder(found[1]) else f"+821{found[1]}"
    if (region == "KR" or digits.startswith("+82")) and _NOT_PERSONAL.fullmatch(digits):
        return None
    return _parsed_phone(raw, region)


def _parsed_phone(raw: str, region: str) -> str | None:
    if sum(char.isdigit() for char in raw) < 7:
        return None
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    national = str(number.national_number)
    if not phonenumbers.is_possible_number(number) or _placeholder(national[-8:]):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _placeholder(subscriber: str) -> bool:
    """One digit repeated, as people type into compulsory fields."""
    return len(set(subscriber[-7:])) <= 1


def birth_date(value: str | None) -> str | None:
    """ISO date between 1900 and today from YYYYMMDD, Y-M-D, Y.M.D, Korean 년월일, or D/M/Y and M/D/Y when only one
    reading is a date; None for all else and for placeholders."""
    written = _compared_date(value)
    return written if written and _is_date(written) and _plausible_year(written) else None


@lru_cache(maxsize=262144)
def _compared_date(value: str | None) -> str | None:
    """The same with what is no such date only by a slip of the year or of the day: two records of one person still have
    most of it in common."""
    if not value or len(value) > 40:
        return None
    plain = _plain(value).upper()
    if re.fullmatch(r"\d{8}", plain):
        return _date(plain[:4], plain[4:6], plain[6:])
    if found := _YEAR_FIRST.fullmatch(plain):
        return _date(found[1], found[2], found[3])
    if found := _YEAR_LAST.fullmatch(plain):
        readings = {_date(found[3], found[2], found[1]), _date(found[3], found[1], found[2])} - {None}
        dates = {reading for reading in readings if reading and _is_date(reading)} or readings
        return dates.pop() if len(dates) == 1 else None
    return None


def _date(year: str, month: str, day: str) -> str | None:
    """YYYY-MM-DD of a date, or of what is one but for its year or but for its day."""
    iso = f"{int(year):04}-{int(month):02}-{int(day):02}"
    if iso in _PLACEHOLDER_DATES or not 1 <= int(month) <= 12:
        return None
    slipped = iso[5:] not in _FILLED_IN and len(set(iso[:4])) > 1 and _is_date(f"2000{iso[4:]}")
    return iso if slipped or _plausible_year(iso) else None


def _is_date(iso: str) -> bool:
    try:
        return date.fromisoformat(iso) <= datetime.now(UTC).date()
    except ValueError:
        return False


def _plausible_year(iso: str) -> bool:
    return OLDEST_YEAR <= int(iso[:4]) <= datetime.now(UTC).year


@lru_cache(maxsize=4096)
def country(value: str | None) -> str | None:
    """ISO 3166 alpha-2 of a code or of a usual name; None when not known."""
    plain = re.sub(r"[\s.]", "", text(value) or "")
    if plain in _REGIONS:
        return _REGIONS[plain]
    upper = plain.upper()
    return upper if upper in phonenumbers.SUPPORTED_REGIONS else None


def _name_columns(full: str | None, given: str | None, family: str | None) -> dict[str, str | None]:
    parsed = names.parse(full, given, family)
    return dict(_columns_of(parsed)) if parsed else {}


@lru_cache(maxsize=65536)
def _columns_of(parsed: names.Name) -> tuple[tuple[str, str | None], ...]:
    surname, given = parsed.surname, parsed.given
    columns = {
        "script": parsed.script, "surname": surname, "given": given, "name": parsed.full,
        "name_reversed": f"{given or ''} {surname or ''}".strip(),
        "given_jamo": names.jamo(given) if given else None,
        "surname_key": names.surname_key(surname) or None if surname else None,
        "given_key": names.sound_key(given) or None if given else None,
        "formal": min(names.short_forms(given)) if given else None, "initial": given[0] if given else None,
    }  # fmt: skip
    return tuple(columns.items())


def _birth_columns(iso: str | None) -> dict[str, str | None]:
    return {"birth_date": iso, "birth_year": iso[:4], "birth_day": iso[5:]} if iso else {}


def _email_columns(value: str | None) -> dict[str, str | None]:
    address = email(value)
    if not address:
        return {}
    local = address.partition("@")[0].partition("+")[0]
    return {"email": address, "email_local": local or None, "email_letters": re.sub(r"\d", "", address)}


def _address_columns(address: str | None, postcode: str | None) -> dict[str, str | None]:
    code = re.sub(r"[\s-]", "", postcode or "")[:10] or None
    columns: dict[str, str | None] = {"postcode": code, "district": code[:3] if code and len(code) >= 4 else None}
    return columns | _street_columns(address) if address else columns


@lru_cache(maxsize=131072)
def _street_columns(address: str) -> dict[str, str | None]:
    """Street (or lot district), house number and a key of both; the rest of the line is floor, building and city."""
    found = _ROAD.search(address) or _LOT.search(address)
    if found:
        street, house = found[1], found[2]
    elif western := _STREET.search(address):
        street, house = re.sub(r"\W+", "", western[2]), western[1] or ""
    else:
        number = re.search(r"\d+(?:-\d+)?", address)
        house = number.group() if number else ""
        street = re.sub(r"[\W\d_]+", "", address.replace(house, "", 1))[:60]
    key = f"{street} {house}" if street and house else None
    return {"street": street or None, "house": house or None, "address": key}


@lru_cache(maxsize=65536)
def _plain(value: str) -> str:
    value = unicodedata.normalize("NFKC", value[: 4 * LONGEST]).casefold()
    if not value.isprintable():
        value = "".join(" " if char.isspace() else char for char in value if char.isprintable() or char.isspace())
    return " ".join(value.split())[:LONGEST]


@lru_cache(maxsize=65536)
def _squeeze(value: str | None) -> str | None:
    return re.sub(r"[\W_]+", "", value) or None if value else None


def _opaque(value: str | None) -> str | None:
    if not value or text(value) is None:
        return None
    kept = unicodedata.normalize("NFC", value).strip()
    return kept if 0 < len(kept) <= LONGEST and kept.isprintable() else None
