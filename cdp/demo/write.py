"""Writes the generated retailer as the files that the doors of the product take."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from cdp.demo.records import Record

COLUMNS = "external_id loyalty_id full_name email phone birth_date gender address city region postcode country".split()


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_records(folder: Path, records: Sequence[Record]) -> None:
    tables: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        tables[record.source].append(record)
    for source, members in tables.items():
        rows = ([record.external_id, *(record.values.get(column, "") for column in COLUMNS[1:])] for record in members)
        write_table(folder / "records" / f"{source}.csv", COLUMNS, rows)
    truth = ((record.source, record.external_id, record.person.key) for record in records)
    write_table(folder / "truth" / "truth.csv", ("source", "external_id", "person"), truth)
