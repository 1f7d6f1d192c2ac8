"""Reads the written folder back as its takers do: by the manifest, the headers and the mappings alone."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, str]
Message = dict[str, Any]


@dataclass(frozen=True)
class Folder:
    path: Path

    def json(self, name: str) -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    def rows(self, name: str, encoding: str = "utf-8") -> list[Row]:
        with (self.path / name).open(encoding=encoding, newline="") as file:
            return list(csv.DictReader(file))

    def messages(self, source: str) -> list[Message]:
        lines = (self.path / "events" / f"{source}.ndjson").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @cached_property
    def manifest(self) -> list[dict[str, Any]]:
        return list(self.json("manifest.json"))

    @cached_property
    def stories(self) -> dict[str, dict[str, Any]]:
        return {story["key"]: story for story in self.json("truth/stories.json")}

    @cached_property
    def owner(self) -> dict[tuple[str, str], str]:
        return {(row["source"], row["external_id"]): row["person"] for row in self.rows("truth/truth.csv")}

    @cached_property
    def online(self) -> dict[str, list[Message]]:
        return {row["source"]: self.messages(row["source"]) for row in self.manifest if row["door"] == "http"}

    def record(self, source: str, external_id: str) -> Row:
        """A row of a customer file under the known column names."""
        mapping = next(row["mapping"] for row in self.manifest if row["file"] == f"records/{source}.csv")
        names = self.json(mapping)["columns"] if mapping else {}
        rows = ({names.get(k, k): v for k, v in row.items()} for row in self.rows(f"records/{source}.csv"))
        return next(row for row in rows if row["external_id"] == external_id)

    def traits(self, source: str, user: str) -> Message:
        """The traits that the identify calls of a user add up to."""
        found: Message = {}
        for message in self.online[source]:
            if message["type"] == "identify" and message["userId"] == user:
                found |= message["traits"]
        return found

    def events(self, name: str) -> list[tuple[datetime, Row]]:
        """The rows of an event file with their time, by its mapping."""
        mapping = self.json(name.replace(".csv", ".mapping.json"))
        zone = ZoneInfo(mapping["zone"])
        return [(datetime.fromisoformat(row[mapping["time"]]).replace(tzinfo=zone), row) for row in self.rows(name)]
