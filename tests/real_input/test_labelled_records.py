"""Labelled records of strangers through the product's own commands, mapped as any user would, with its defaults."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from cdp.core.types import Actor
from cdp.events.actions import create_source
from identity.models import Record
from tests.real_input.shared import HERE, data_file

Row = dict[str, str]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mapping", ["febrl3", "febrl3_streets"])
def test_febrl3_resolves(mapping: str, tmp_path: Path) -> None:
    """5,000 records of 2,000 people, Australian names and addresses, heavily misspelt; the record's id names them.

    As somebody maps it who joins house number and street, and as somebody who takes the street alone.
    """
    rows = read("febrl3.csv")
    truth = {row["rec_id"]: row["rec_id"].split("-")[1] for row in rows}
    assert b3_f1(mapping, rows, truth, tmp_path) >= 0.99


@pytest.mark.django_db(transaction=True)
def test_fake_1000_resolves(tmp_path: Path) -> None:
    """1,000 records of 251 people, English names, misspelt, many fields missing; numbered from 0."""
    rows = read("fake_1000.csv")
    truth = {row["unique_id"]: row.pop("cluster") for row in rows}
    assert b3_f1("fake_1000", rows, truth, tmp_path) >= 0.95


def read(name: str) -> list[Row]:
    with data_file(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def b3_f1(mapping: str, rows: list[Row], truth: dict[str, str], folder: Path) -> float:
    """Import, resolve, evaluate, each by its command; the truth is written apart and read by the last alone."""
    create_source(Actor.system("test"), "people", "crm")
    records = write(folder / "people.csv", rows)
    people = [{"source": "people", "external_id": record, "person": person} for record, person in truth.items()]
    said = run("import_records", records, source="people", mapping=HERE / f"{mapping}.mapping.json")
    assert f"rows: {len(rows)}, taken: {len(rows)}, repeated: 0, quarantined: 0" in said
    run("resolve_identities")
    assert Record.objects.filter(kind="customer").exclude(profile=None).count() == len(rows)
    found = run("evaluate_linkage", truth=write(folder / "truth.csv", people))
    assert "(0 of them unknown here)" in found
    run("export_assignments", folder / "assignments.csv")
    assert {row["external_id"] for row in csv.DictReader((folder / "assignments.csv").open())} == truth.keys()
    return float(re.search(r"B³ F1\s+(\S+)", found)[1])  # type: ignore[index]


def run(command: str, *arguments: Path, **options: object) -> str:
    out = StringIO()
    call_command(command, *arguments, **options, stdout=out)
    return out.getvalue()


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
