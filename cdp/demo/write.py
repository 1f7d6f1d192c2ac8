"""Writes the generated retailer as the files that the doors of the product take."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cdp.demo.chance import SEOUL
from cdp.demo.channels import ONLINE, SOURCES
from cdp.demo.consents import FILE_CHOICES
from cdp.demo.outbox import Outbox, Table
from cdp.demo.records import Record
from cdp.demo.stories import Story

Rows = Iterable[Sequence[object]]
KNOWN = (
    "external_id", "loyalty_id", "full_name", "email", "phone", "birth_date", "gender", "address", "city", "region",
    "postcode", "country", "updated_at",
)  # fmt: skip
TWO_NAMES = ("onsae-pos",)
# The till of one brand exports its members under Korean headers.
KOREAN = {
    "external_id": "회원번호", "loyalty_id": "카드번호", "full_name": "이름", "email": "이메일", "phone": "휴대전화",
    "birth_date": "생년월일", "gender": "성별", "address": "주소", "city": "시군구", "region": "시도",
    "postcode": "우편번호", "country": "국가", "updated_at": "수정일시",
}  # fmt: skip
KOREAN_MAPPING: dict[str, object] = {
    "columns": {written: column for column, written in KOREAN.items()}, "sealed": [], "clear": [],
}  # fmt: skip


def write_all(
    folder: Path,
    records: Sequence[Record],
    outbox: Outbox,
    stories: Sequence[Story],
    answers: dict[str, object],
) -> None:
    """Sources, events, record files, event files, the manifest of them, and the truth in a folder of its own."""
    tables = [*record_tables(records), *outbox.tables.values()]
    write_json(folder / "sources.json", [source.row() for source in SOURCES.values()])
    for source in ONLINE:
        write_stream(folder / "events" / f"{source}.ndjson", outbox.streams[source])
    for table in tables:
        write_table(folder, table)
    write_json(folder / "manifest.json", [stream_row(source) for source in ONLINE] + [table_row(t) for t in tables])
    write_truth(folder / "truth", records, stories, answers)


def write_stream(path: Path, stream: list[tuple[datetime, bytes]]) -> None:
    """One message a line, in the order in which the clients sent them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for _, line in sorted(stream, key=lambda sent: sent[0])))


def write_table(folder: Path, table: Table) -> None:
    write_csv(folder / f"{table.path}.csv", table.header, table.rows, table.encoding)
    if table.mapping is not None:
        write_json(folder / f"{table.path}.mapping.json", table.mapping)


def write_csv(path: Path, header: Sequence[str], rows: Rows, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def stream_row(source: str) -> dict[str, object]:
    return {"door": "http", "source": source, "file": f"events/{source}.ndjson", "mapping": None}


def table_row(table: Table) -> dict[str, object]:
    """The line of the manifest: door `records` (import_records) or `events` (import_events)."""
    folder = table.path.split("/")[0]
    door = "records" if folder in ("records", "extra") else "events"
    mapping = f"{table.path}.mapping.json" if table.mapping is not None else None
    return {"door": door, "source": table.source, "file": f"{table.path}.csv", "mapping": mapping}


def record_tables(records: Sequence[Record]) -> list[Table]:
    """The customer files of every source that has no SDK, each with its consent columns."""
    tables = {source: record_table(source) for source in FILE_CHOICES}
    for record in records:
        if record.source in tables:
            tables[record.source].rows.append(record_row(record))
    return list(tables.values())


def record_table(source: str) -> Table:
    choices = tuple(f"consent:{choice}" for choice in FILE_CHOICES[source])
    known = tuple(KOREAN.values()) if source == "haru-pos" else KNOWN
    if source in TWO_NAMES:
        known = (*known[:2], "family_name", "given_name", *known[3:])
    mapping = KOREAN_MAPPING if source == "haru-pos" else None
    return Table(f"records/{source}", source, (*known, *choices, "consent_at"), mapping)


def record_row(record: Record) -> tuple[object, ...]:
    values = record.values | {"external_id": record.external_id, "updated_at": seoul_text(record.updated)}
    known = [values.get(column, "") for column in KNOWN]
    if record.source in TWO_NAMES:
        known[2:3] = split_name(values["full_name"])
    choices = (record.consents.get(choice, "") for choice in FILE_CHOICES[record.source])
    return (*known, *choices, seoul_text(record.consent_at))


def split_name(written: str) -> list[str]:
    """Family and given name as a clerk would part them: after the first syllable, or at the last space."""
    if written[:1] >= "가":
        return [written[:1], written[1:]]
    given, _, family = written.rpartition(" ")
    return [family, given]


def seoul_text(when: datetime | None) -> str:
    return when.astimezone(SEOUL).isoformat(timespec="seconds") if when else ""


def write_truth(folder: Path, records: Sequence[Record], stories: Sequence[Story], answers: dict[str, object]) -> None:
    """Who is who, what was planted and what an analysis must find; nothing but an evaluation may read it."""
    planted = {id(record): record for story in stories for record in story.records}
    everyone = {id(record): record for record in records} | planted
    rows = ((record.source, record.external_id, record.person.key) for record in everyone.values())
    write_csv(folder / "truth.csv", ("source", "external_id", "person"), rows)
    write_json(folder / "stories.json", [story.row() for story in stories])
    write_json(folder / "answers.json", answers)
