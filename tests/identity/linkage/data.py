"""Labelled records as any user would map them: the columns that an import knows, and the truth apart."""

import csv
from pathlib import Path
from random import Random

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def _rows(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the public data set {name} in {SHARED}")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def fake_1000():
    """1,000 records of 251 people, English names, misspelt."""
    columns = {
        "given_name": "first_name",
        "family_name": "surname",
        "birth_date": "dob",
        "city": "city",
        "email": "email",
    }
    rows = _rows("fake_1000.csv")
    records = [(row["unique_id"], {name: row[column] for name, column in columns.items()}) for row in rows]
    return records, {row["unique_id"]: row["cluster"] for row in rows}


def febrl3(address=("street_number", "address_1", "address_2")):
    """5,000 records of 2,000 people, Australian names and addresses, heavily misspelt; `address`: columns it is of."""
    rows = _rows("febrl3.csv")
    records = [(row["rec_id"], _febrl(row, address)) for row in rows]
    return records, {row["rec_id"]: row["rec_id"].split("-")[1] for row in rows}


def febrl3_streets():
    """The same with streets without house numbers."""
    return febrl3(("address_1",))


def _febrl(row, address):
    return {
        "given_name": row["given_name"],
        "family_name": row["surname"],
        "birth_date": row["date_of_birth"],
        "address": " ".join(row[column] for column in address),
        "city": row["suburb"],
        "postcode": row["postcode"],
        "region": row["state"],
        "country": "AU",
    }


def customers(people, seed):
    """The generated retailer's records and truth."""
    from datetime import UTC, datetime

    from cdp.demo.retailer import generate

    retailer = generate(people, seed, now=datetime(2025, 6, 1, tzinfo=UTC))
    keyed = [(f"{number:06}", record) for number, record in enumerate(retailer.records)]
    return [(key, record.values) for key, record in keyed], {key: record.person.key for key, record in keyed}


def families(number, seed):
    """Two people each, of one surname, phone and home: two or three records a person, names misspelt in a third of them,
    birth dates in some."""
    random, records, truth = Random(seed), [], {}
    for family in range(number):
        home = {"phone": f"0104{family:07}", "address": f"{family % 90 + 1} {_word(random)} Street", "country": "AU"}
        surname = _word(random)
        for member in range(2):
            given, birth = (
                _word(random),
                f"{1940 + random.randrange(60)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}",
            )
            for copy in range(random.choice((2, 3))):
                key = f"{random.getrandbits(32):08x}-{copy}"
                names = {"given_name": _slip(random, given), "family_name": _slip(random, surname)}
                born = {"birth_date": birth} if random.random() < 0.4 else {}
                records.append((key, home | names | born))
                truth[key] = f"{family}-{member}"
    return records, truth


def _word(random):
    return "".join(random.choice("bdfgklmnprst") + random.choice("aeiou") for _ in range(3))


def _slip(random, name):
    """The name, with a letter too few every sixth time."""
    at = random.randrange(len(name))
    return name if random.random() < 5 / 6 else name[:at] + name[at + 1 :]
