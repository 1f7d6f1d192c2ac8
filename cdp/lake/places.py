"""Where the lake's files are."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings


def folder() -> Path:
    """The folder of the lake, made where it is missing."""
    found = Path(settings.LAKE_DIR)
    found.mkdir(parents=True, exist_ok=True, mode=0o750)
    return found


def path(file: UUID) -> Path:
    """Where a file is or will be."""
    return folder() / f"{file}.parquet"


def fresh(file: UUID) -> Path:
    """Where a file is while it is written."""
    return folder() / f".{file}.parquet"


def keep(file: UUID) -> int:
    """Put a file that was written whole in its place, so that it outlasts a crash; returns its bytes."""
    with fresh(file).open("rb") as opened:
        os.fsync(opened.fileno())
    fresh(file).rename(path(file))
    _sync_folder()
    return path(file).stat().st_size


def write_text(name: str, text: str) -> None:
    """Replace a small file whole."""
    written = folder() / f".{name}"
    written.write_text(text, encoding="utf-8")
    written.rename(folder() / name)


def remove(files: Iterable[UUID]) -> None:
    """Delete files; one that is gone already is no error."""
    for file in files:
        path(file).unlink(missing_ok=True)
        fresh(file).unlink(missing_ok=True)


def older_than(seconds: float) -> set[UUID]:
    """The files that were not written in the last `seconds`, in their place or not, whether the lake knows them or not."""
    limit = time.time() - seconds
    old = [found for found in folder().glob("*.parquet") if found.stat().st_mtime < limit]
    return {UUID(found.stem.lstrip(".")) for found in old}


def _sync_folder() -> None:
    opened = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
