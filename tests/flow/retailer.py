"""The generated customers, brought in through ingestion without the network in between."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from cdp.demo import doors
from cdp.demo.retailer import generate
from cdp.events import queries
from cdp.events.models import Source
from cdp.ingestion import actions, canonical, sources
from cdp.ingestion.messages import Arrival

# The data end and arrive here; not at the clock, so that a seed always means the same events.
ENDS = datetime(2026, 6, 1, tzinfo=UTC)
_IDS = UUID("0d5a2c0e-3d0c-4a4b-8f7e-5f1a2b3c4d5e")
_MESSAGES_A_REQUEST = 1_000


def written(people: int, seed: int, folder: Path) -> Path:
    """The files of these customers; `truth/truth.csv` beside them says who is who."""
    generate(people, seed, now=ENDS).write(folder)
    return folder


def open_sources(folder: Path) -> None:
    """The sources of the files, each with the same id in every run."""
    for row in json.loads((folder / "sources.json").read_text()):
        channel = row.pop("channel")
        Source.objects.create(id=uuid5(_IDS, row["name"]), channel_id=channel, **row)
    sources.forget()


def load(folder: Path, only: Collection[str] = ()) -> None:
    """Everything in the order of the manifest, or `only` messages of these types and the files of customers."""
    open_sources(folder)
    for row in manifest(folder):
        if not only or row["door"] != "events":
            bring(folder, row, only)


def bring(folder: Path, row: dict[str, Any], only: Collection[str] = ()) -> None:
    """One file of the manifest, through its door."""
    file = folder / row["file"]
    if row["door"] == "http":
        _send(row["source"], file, only)
    else:
        doors.import_file(row["door"], row["source"], file, folder / row["mapping"] if row["mapping"] else None)


def manifest(folder: Path) -> list[dict[str, Any]]:
    """The files that pass the doors, in order."""
    rows = json.loads((folder / "manifest.json").read_text())
    return [row for row in rows if row["door"] in ("http", "records", "events")]


def _send(name: str, file: Path, only: Collection[str]) -> None:
    source = queries.source_by_name(name)
    assert source is not None
    for messages in _chunks(file, only):
        arrival = Arrival(source, ENDS, ENDS.isoformat(), sources.plan())
        outcome = actions.take(messages, arrival)
        assert outcome.quarantined == 0, outcome.reasons


def _chunks(file: Path, only: Collection[str]) -> Iterator[list[canonical.Message]]:
    with file.open("rb") as lines:
        messages = (canonical.message(line) for line in lines)
        wanted = (message for message in messages if not only or message.content["type"] in only)
        while chunk := list(islice(wanted, _MESSAGES_A_REQUEST)):
            yield chunk
