"""What is compared and how: levels of similarity per comparison, in SQL that DuckDB and Spark both run.

`{jw}` and `{dl}` stand for the dialect's Jaro-Winkler and Damerau-Levenshtein functions; all else is common SQL.
Parameters live in `model`, so that a model trained on one engine scores on the other.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final


@dataclass(frozen=True, slots=True)
class Level:
    """One level: the first whose condition holds decides. `strength` orders evidence: stronger may not weigh less."""

    name: str
    condition: str
    strength: int
    frequency: str | None = None  # column whose term frequency adjusts the weight


@dataclass(frozen=True, slots=True)
class Comparison:
    """Levels from most to least similar; the last is always everything else. `missing`: when nothing can be said."""

    name: str
    missing: str
    levels: tuple[Level, ...]


def _absent(column: str) -> str:
    return f"({column}_l is null or {column}_r is null)"


def _same(column: str) -> str:
    return f"{column}_l = {column}_r"


_BOTH_PARTS: Final = "(surname_l is not null and given_l is not null and surname_r is not null and given_r is not null)"
_CROSSED: Final = "(given_l = surname_r or surname_l = given_r)"
_ONE_LETTER: Final = "least(length(given_l), length(given_r)) = 1"
_NOT_HANGUL: Final = "script_l <> 'h' and script_r <> 'h'"
_LATIN: Final = "script_l = 'l' and script_r = 'l'"
_CROSSED_INITIAL: Final = "(initial_l = substr(surname_r, 1, 1) or initial_r = substr(surname_l, 1, 1))"
_FIRST_LETTER: Final = "(substr(surname_l, 1, 1) = substr(surname_r, 1, 1))"
# A word of one name near any word of the other; absent words are near nothing.
_WORD_NEAR: Final = " or ".join(
    f"coalesce({{jw}}({left}_l, {right}_r) >= 0.88, false)" for left, right in product(("surname", "given"), repeat=2)
)
_GIVEN_NEAR: Final = "{dl}(given_jamo_l, given_jamo_r) <= 1"

NAME: Final = Comparison(
    "name",
    _absent("name"),
    (
        Level("full", f"{_same('name')} and {_BOTH_PARTS}", 9, "name"),
        Level("swapped", f"name_l = name_reversed_r and {_BOTH_PARTS}", 8),
        Level("short form", f"{_same('surname')} and {_same('formal')}", 7),
        Level("part", f"not {_BOTH_PARTS} and ({_same('given')} or {_CROSSED})", 5, "given"),
        Level("part surname", f"not {_BOTH_PARTS} and {_same('surname')}", 3, "surname"),
        Level("part near", f"not {_BOTH_PARTS} and {_NOT_HANGUL} and ({_WORD_NEAR})", 3),
        Level("jamo", f"{_same('surname')} and script_l = 'h' and script_r = 'h' and {_GIVEN_NEAR}", 5),
        Level(
            "near", f"{_NOT_HANGUL} and {{jw}}(surname_l, surname_r) >= 0.85 and {{jw}}(given_l, given_r) >= 0.85", 7
        ),
        Level("sound", f"{_same('surname_key')} and {_same('given_key')}", 6),
        Level("initial", f"{_same('surname')} and {_same('initial')} and {_ONE_LETTER}", 4),
        Level("near swapped", f"{_LATIN} and {_CROSSED_INITIAL} and {{jw}}(name_l, name_reversed_r) >= 0.9", 6),
        Level("given", _same("given"), 3, "given"),
        Level("given near", f"{_LATIN} and {_same('initial')} and {{jw}}(given_l, given_r) >= 0.9", 2),
        Level("shared word", _CROSSED, 2),
        Level("surname", _same("surname"), 1, "surname"),
        Level("surname near", f"{_LATIN} and {_FIRST_LETTER} and {{jw}}(surname_l, surname_r) >= 0.88", 1),
        Level("else", "else", 0),
    ),
)

# Equal pieces that every pair so near must have; they spare most pairs the costly distance.
_DATE_PIECE: Final = "(birth_year_l = birth_year_r or {month} or {day})".format(
    month="substr(birth_date_l, 6, 2) = substr(birth_date_r, 6, 2)",
    day="substr(birth_date_l, 9, 2) = substr(birth_date_r, 9, 2)",
)
_DAY_MONTH_SWAPPED: Final = (
    "birth_year_l = birth_year_r and substr(birth_date_l, 6, 2) = substr(birth_date_r, 9, 2)"
    " and substr(birth_date_l, 9, 2) = substr(birth_date_r, 6, 2)"
)
BIRTH: Final = Comparison(
    "birth_date",
    _absent("birth_date"),
    (
        Level("exact", _same("birth_date"), 4, "birth_date"),
        Level("one slip", f"{_DATE_PIECE} and {{dl}}(birth_date_l, birth_date_r) <= 1 or {_DAY_MONTH_SWAPPED}", 3),
        Level("two slips", f"{_DATE_PIECE} and {{dl}}(birth_date_l, birth_date_r) <= 2", 2),
        Level("year", _same("birth_year"), 1),
        Level("else", "else", 0),
    ),
)

_MAIL_PIECE: Final = (
    "abs(length(email_l) - length(email_r)) <= 2 and (substr(email_l, 1, 2) = substr(email_r, 1, 2)"
    " or substr(email_l, 3, 3) = substr(email_r, 3, 3) or substr(email_l, 4, 3) = substr(email_r, 4, 3))"
)
# Namesakes have addresses that differ in their numbers, and there are more of them than slips in a number.
_NUMBERED_APART: Final = _same("email_letters")
EMAIL: Final = Comparison(
    "email",
    _absent("email"),
    (
        Level("exact", _same("email"), 3, "email"),
        Level(
            "near",
            f"length(email_local_l) > 3 and not {_NUMBERED_APART} and {_MAIL_PIECE} and {{dl}}(email_l, email_r) <= 2",
            2,
        ),
        Level("local", f"{_same('email_local')} and length(email_local_l) > 3", 1),
        Level("else", "else", 0),
    ),
)

_PHONE_PIECE: Final = "(substr(phone_l, 1, 9) = substr(phone_r, 1, 9) or substr(phone_l, -4) = substr(phone_r, -4))"
PHONE: Final = Comparison(
    "phone",
    _absent("phone"),
    (
        Level("exact", _same("phone"), 2, "phone"),
        Level("near", f"{_PHONE_PIECE} and {{dl}}(phone_l, phone_r) <= 1", 1),
        Level("else", "else", 0),
    ),
)

_COMPARABLE: Final = ("street", "postcode", "city")
_CITY_NEAR: Final = (
    "(substr(city_l, 1, 1) = substr(city_r, 1, 1) or substr(city_l, -1) = substr(city_r, -1))"
    " and {jw}(city_l, city_r) >= 0.88"
)
_POSTCODE_NEAR: Final = (
    "(substr(postcode_l, 1, 2) = substr(postcode_r, 1, 2) or substr(postcode_l, -2) = substr(postcode_r, -2))"
    " and {dl}(postcode_l, postcode_r) <= 1"
)
_NEIGHBOURHOOD: Final = (
    f"({_same('postcode')} or {_same('city')} or {_same('district')} or {_CITY_NEAR} or {_POSTCODE_NEAR}"
    f" or {_absent('postcode')} and {_absent('city')})"
)
_STREET_NEAR: Final = "{jw}(street_l, street_r) >= 0.92"
PLACE: Final = Comparison(
    "place",
    " and ".join(_absent(column) for column in _COMPARABLE),
    (
        Level("address", f"{_same('address')} and coalesce({_same('district')}, true)", 5, "address"),
        Level("street", f"{_same('house')} and ({_same('postcode')} or {_STREET_NEAR})", 4),
        # Without a house number a street says less than a home, with another one it may say that they are neighbours.
        Level("road", f"{_absent('house')} and {_STREET_NEAR} and {_NEIGHBOURHOOD}", 4),
        Level("street name", f"{_STREET_NEAR} and {_NEIGHBOURHOOD}", 3),
        Level("postcode", _same("postcode"), 3, "postcode"),
        Level("city", _same("city"), 2, "city"),
        Level("near", f"{_CITY_NEAR} or {_POSTCODE_NEAR}", 1),
        Level("district", _same("district"), 1),
        Level("else", "else", 0),
    ),
)

GENDER: Final = Comparison("gender", _absent("gender"), (Level("same", _same("gender"), 1), Level("else", "else", 0)))

COMPARISONS: Final = (NAME, BIRTH, EMAIL, PHONE, PLACE, GENDER)
# One of these must be alike in some way: people of one home or gender are not one person for that alone.
PERSONAL: Final = ("name", "birth_date", "email", "phone")
FREQUENCY_COLUMNS: Final = tuple(
    sorted({level.frequency for comparison in COMPARISONS for level in comparison.levels if level.frequency})
)
