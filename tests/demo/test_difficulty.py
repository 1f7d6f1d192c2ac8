"""The generator may not be easy: asserted on its own data, at the size that the quickstart uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from random import Random
from types import ModuleType

import pytest

from cdp.demo import names as generator
from cdp.demo.chance import Weighted
from cdp.demo.difficulty import measure, normalised_phone
from cdp.demo.names import Name
from cdp.demo.people import Person
from cdp.demo.places import draw_address
from cdp.demo.records import Record
from cdp.demo.retailer import difficulty, generate
from identity.linkage import names as linkage
from tests.demo.conftest import NOW


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exact_identifiers_alone_do_not_find_the_people(seed: int) -> None:
    measured = difficulty(generate(5000, seed, now=NOW))
    assert measured["people"] == 5000
    assert 12_000 <= measured["records"] <= 16_000
    assert measured["exact_pair_recall"] <= 0.60
    assert measured["share_sharing_a_contact"] >= 0.20
    assert measured["share_without_birth_date"] >= 0.40


def person(key: str) -> Person:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    name = Name("김", "가나", ("Kim", "Ga Na"), "f")
    homes = [(start, draw_address(Random(1)))]
    return Person(key, name, date(1990, 1, 1), homes, [(start, "01022223333")], [], 1.0, start)


def record(owner: Person, number: int, **values: str) -> Record:
    when = datetime(2025, 1, 1, tzinfo=UTC)
    return Record("haru-pos", f"HM{number}", owner, when, when, values)


def test_measures_of_a_case_counted_by_hand() -> None:
    """A: three records, two joined by one number; B's only record has A's e-mail. One of three pairs is found."""
    a, b = person("A"), person("B")
    records = [
        record(a, 1, phone="010-2222-3333", birth_date="1990-01-01"),
        record(a, 2, phone="+82 10-2222-3333", email="K@example.com"),
        record(a, 3, email="other@example.com"),
        record(b, 4, email="k@example.com"),
    ]
    measured = measure(records)
    assert measured["true_pairs"] == 3
    assert measured["exact_pair_recall"] == pytest.approx(1 / 3)
    assert measured["exact_pair_precision"] == pytest.approx(1 / 3)
    assert measured["share_sharing_a_contact"] == 1.0
    assert measured["share_without_birth_date"] == 0.75


@pytest.mark.parametrize(
    "written", ["010-2345-6789", "+82 10-2345-6789", "1023456789", "010.2345.6789", "０１０２３４５６７８９"]
)
def test_numbers_are_compared_as_numbers(written: str) -> None:
    assert normalised_phone(written) == "01023456789"


def test_placeholders_identify_nobody() -> None:
    assert normalised_phone("010-0000-0000") == normalised_phone("") == ""


# --- what the linkage could have been told ----------------------------------------------------------------------------

# Parts of syllables, classes of sounds and patterns: not one of them is anybody's name.
PARTS = {"ONSETS", "VOWELS", "CODAS", "POPULAR_VOWELS"}
PARTS |= {
    "_INITIALS",
    "_VOWELS",
    "_FINALS",
    "_CLASS_INITIAL",
    "_CLASS_VOWEL",
    "_CLASS_FINAL",
    "_ROMAN_SYLLABLE",
    "_SOUNDS",
}


def tables(module: ModuleType) -> dict[str, set[str]]:
    """Every constant of a module that holds texts: its entries, casefolded."""
    constants = {name: value for name, value in vars(module).items() if name.strip("_").isupper() and name not in PARTS}
    held = {name: {entry.casefold() for entry in entries(value)} for name, value in constants.items()}
    return {name: found for name, found in held.items() if found}


def entries(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.findall(r"[^\s|]+", value)
    elif isinstance(value, Mapping):
        yield from (entry for pair in value.items() for part in pair for entry in entries(part))
    elif isinstance(value, Weighted):
        yield from entries(value.items)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (entry for part in value for entry in entries(part))


def test_no_name_is_in_a_table_of_the_linkage() -> None:
    """Surnames, their spellings, syllables of given names, foreign and adopted names, short forms."""
    ours, theirs = tables(generator), tables(linkage)
    assert {"SURNAMES", "GIVEN", "FOREIGN_GIVEN", "FOREIGN_SURNAMES", "FOREIGN_SHORT", "ADOPTED"} <= ours.keys()
    assert {"COMPOUND_SURNAMES", "SHORT_FORMS", "HONORIFICS", "_SURNAME_SOUNDS"} <= theirs.keys()
    shared = {(a, b): found for a in ours for b in theirs if (found := ours[a] & theirs[b])}
    assert shared == {}


def test_tables_are_read_to_the_last_entry() -> None:
    ours, theirs = tables(generator), tables(linkage)
    assert {"김", "gim", "hahn"} <= ours["SURNAMES"] and {"영", "엽"} <= ours["GIVEN"]
    assert {"thaddeus", "thad"} <= ours["FOREIGN_SHORT"] and "pham" in ours["FOREIGN_SURNAMES"]
    assert {"kim", "ha"} <= theirs["_SURNAME_SOUNDS"] and {"kimberly", "kim"} <= theirs["SHORT_FORMS"]
