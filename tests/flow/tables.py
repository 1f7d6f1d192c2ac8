"""A digest of every table, less ids drawn at random and the times at which things were written.

Rows are called by what they are about: a profile by its records, a data key by its record, an event by its source and
message id. What is sealed is compared by its length, records by what is in them.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from identity import queries as identity
from tests.flow.outcome import digest, rows

# Nothing of the product's: Django's own, and the permissions it derives.
_NOT_OURS = re.compile(r"django_|auth_|.*permission|core_user")
# Where work stands; it must be empty or is a place in this very database.
_STATE = {"core_watermark", "core_sequence"}
# Times that events gave, which belong to what is compared.
_TIMES_OF_EVENTS = {
    "events_event": {"occurred_at", "sent_at"}, "identity_record": {"first_seen", "last_seen"},
    "identity_identifier": {"first_seen", "last_seen"}, "identity_claim": {"at"},
    "profiles_contactpoint": {"valid_from", "valid_to"}, "consent_effective": {"since", "expires_at"},
}  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COLUMNS = """
select table_schema || '.' || table_name, table_name, column_name, data_type from information_schema.columns
where table_schema in ('public', 'keys') order by 1, ordinal_position
"""
# A run that a death cut short stays, and is counted, as a failed one; the one after it counts.
_CONDITIONS = {"segments_run": "state = 'done'", "core_counter": "kind <> 'run_failed'"}
_NAMES = """
select r.profile_id, 'profile ' || md5(string_agg(r.id::text, ',' order by r.id)) from identity_record r
where r.profile_id is not null group by 1
union all select id, 'key of ' || record from keys.core_datakey
union all select id, 'source ' || name from events_source
union all select id, 'segment ' || key from segments_segment
union all select id, 'record ' || id from identity_record
union all select e.id, 'event ' || e.message_id from events_event e
"""


def canonical() -> dict[str, str]:
    """Table → digest of its rows as a multiset."""
    names = {str(id_): name for id_, name in rows(_NAMES)}
    tables: dict[str, list[tuple[str, str]]] = {}
    for qualified, table, column, kind in rows(_COLUMNS):
        if not _NOT_OURS.match(table) and table not in _STATE:
            tables.setdefault(qualified, []).extend(_kept(table, column, kind))
    digests = {table: _digest(table, columns, names) for table, columns in tables.items()}
    return digests | {"what records say": digest(sorted(_records())), "numbers": digest(_numbers())}


def _kept(table: str, column: str, kind: str) -> Iterable[tuple[str, str]]:
    if kind.startswith("timestamp") and column not in _TIMES_OF_EVENTS.get(table, ()):
        return
    drawn = column == "id" or (table, column) == (
        "events_fieldcount",
        "field_id",
    )  # by a sequence, which a death leaves gaps in
    if (drawn and kind != "uuid") or column in ("hash", "wrapped", "txid"):
        return
    yield column, kind


def _digest(table: str, columns: list[tuple[str, str]], names: dict[str, str]) -> str:
    read = ", ".join(_expression(column, kind) for column, kind in columns)
    condition = _CONDITIONS.get(table.partition(".")[2], "true")
    found = rows(f"select {read} from {table} where {condition}")
    return digest(sorted(Counter(_named(repr(row), names) for row in found).items()))


def _expression(column: str, kind: str) -> str:
    if kind == "bytea" and column in ("sealed", "attributes", "cleaned", "parameters", "proof"):
        return f'length("{column}")'
    return f'"{column}"::text'


def _named(text: str, names: dict[str, str]) -> str:
    """Ids in words; one that nothing is called by is left out."""
    return _UUID.sub(lambda found: names.get(found.group(), "·"), text)


def _records() -> Iterable[str]:
    ids = [row[0] for row in rows("select id from identity_record")]
    for record in identity.open_records(ids):
        part = record.folded
        yield repr((record.id, part.external_id, sorted(part.values.items()), sorted(part.identifiers.items())))


def _numbers() -> list[tuple[Any, ...]]:
    """Each stream is numbered from one without a gap, everything in it once."""
    found = rows(
        "select stream, count(*), min(seq), max(seq), count(distinct row) from core_sequence group by 1 order by 1"
    )
    assert all(count == last == apart and first == 1 for _, count, first, last, apart in found)
    return found
