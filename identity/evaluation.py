"""How good the profiles are against a known truth."""

import csv
from collections.abc import Hashable
from pathlib import Path

from identity import queries
from identity.linkage.evaluate import Quality, evaluate


def evaluate_truth(file: Path) -> tuple[Quality, int]:
    """Quality against a CSV of source, external_id, person; and how many of its records are unknown here.

    Unknown records count as profiles of their own, so that missing ones cost recall. KeyError for a missing column,
    ValueError for a file that is no text or names no record: nothing to measure would look like a perfect result.
    """
    with file.open(encoding="utf-8-sig", newline="") as handle:
        truth: dict[Hashable, Hashable] = {
            (row["source"], row["external_id"]): row["person"] for row in csv.DictReader(handle)
        }
    if not truth or None in truth.values():
        raise ValueError("no record, or a line without its person")
    found: dict[Hashable, Hashable] = {
        (source, external_id): profile
        for profile, source, external_id in queries.assignments()
        if (source, external_id) in truth
    }
    missing = [record for record in truth if record not in found]
    if not found:
        raise ValueError("none of its records is known here: write source and external_id as they were imported")
    found.update((record, record) for record in missing)
    return evaluate(found, truth), len(missing)
