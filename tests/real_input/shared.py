"""Public data sets kept beside the project folder; tests that need one are skipped where it is not there."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
HERE = Path(__file__).resolve().parent


def data_file(name: str) -> Path:
    """The path of a shared file, or a skip that says what is missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"Needs the public data set {name} in {FOLDER}: put it there and run the test again.")
    return path
