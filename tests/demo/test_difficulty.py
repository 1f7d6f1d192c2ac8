"""The generator may not be easy: asserted on its own data, at the size that the quickstart uses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random

import pytest

from cdp.demo.difficulty import measure, normalised_phone
from cdp.demo.names import FOREIGN_SHORT, Name
from cdp.demo.people import Person
from cdp.demo.places import draw_address
from cdp.demo.records import Record
from cdp.demo.retailer import difficulty, generate
from identity.linkage.names import SHORT_FORMS
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


def test_nicknames_are_not_those_that_the_linkage_knows() -> None:
    ours = {name.casefold() for pair in FOREIGN_SHORT.items() for name in pair}
    theirs = set(SHORT_FORMS) | {formal for formals in SHORT_FORMS.values() for formal in formals}
    assert not ours & theirs
