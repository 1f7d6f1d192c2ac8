"""What a batch run under the live model would link, for the records that have just changed.

Each person's record stands in a table under the digests of its blocking keys. Of a changed record only those who share a
usable key with it are looked up, opened and compared, by the model as Python functions; its stored links are replaced.
A key that comes to have more holders than its rule allows, or no longer has, changes pairs of which neither record
changed: its holders are linked again, as far as that may change a link. So a batch run with the same model afterwards
finds nothing to change.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final
from uuid import UUID

from django.db import transaction
from psycopg.types.json import Jsonb

from cdp.core.indexing import Generation
from cdp.core.statements import by_number, copy_over, execute_over, prepared
from cdp.core.touched import touch
from identity import cleaning, online_sql, queries, review, sql
from identity.linkage import compiled
from identity.linkage.blocking import RULES
from identity.linkage.model import Model, digest
from identity.reading import Reading, locked
from identity.types import Cleaned, Edge, Row

# The last bits of a key name its rule.
_RULE_BITS: Final = 6
# More keys than this are copied, which costs a statement more but less for each.
MANY_KEYS: Final = 1_000
_CAPS: Final = [rule.cap for rule in RULES]

Pair = tuple[UUID, UUID]
Key = tuple[UUID, int]  # a record, and a key of it


# --- blocking keys ----------------------------------------------------------------------------------------------------


def save_keys(rows: Mapping[UUID, Row], reading: Reading) -> set[UUID]:
    """Keep the blocking keys of these records, and no other of theirs; where links are kept, returns the other records
    whose links that changes."""
    if not rows:
        return set()
    gone, come = _differences(rows, reading)
    _write(gone, come)
    return _changed_by(gone, come, reading) if reading.links_wanted else set()


@transaction.atomic
def keep_all_keys(records: Collection[UUID]) -> list[Cleaned]:
    """The same for records whose keys are of an earlier version or another index; all their links are still to be found.
    Returns the persons among them."""
    reading = locked()
    persons = reading.cleaned(records)
    cleaning.keep([record for record in persons if record.stale])
    _write(*_differences({record.id: record.row for record in persons}, reading))
    return persons


def drop_keys(records: Iterable[UUID]) -> int:
    """Delete the blocking keys of these records, whose other holders are linked again; returns how many there were."""
    stored = set(prepared(online_sql.KEYS_OF, [by_number(records)]))
    _write(stored, set())
    reading = Reading()
    if reading.links_wanted:
        touch("links", _changed_by(stored, set(), reading))
    return len(stored)


def _differences(rows: Mapping[UUID, Row], reading: Reading) -> tuple[set[Key], set[Key]]:
    """The keys that these records no longer have, and those that they have now."""
    fresh = {(record, key) for record, row in rows.items() for key in _keys(row, reading.index.written)}
    known = reading.stored(rows)
    stored = set(prepared(online_sql.KEYS_OF, [known])) if known else set[Key]()
    return stored - fresh, fresh - stored


def _keys(row: Row, generations: Iterable[Generation]) -> set[int]:
    found = compiled.keys(row)
    return {_key(generation, rule, text) for generation in generations for rule, text in found}


def _key(generation: Generation, rule: int, text: str) -> int:
    """A keyed digest of 58 bits, and the rule."""
    number = int.from_bytes(generation.of("blocking", text)[:8], signed=True)
    return number >> _RULE_BITS << _RULE_BITS | rule


def _write(gone: set[Key], come: set[Key]) -> None:
    execute_over(online_sql.DROP_KEYS, gone)
    rows = sorted(come, key=itemgetter(1))
    if len(rows) > MANY_KEYS:
        copy_over(online_sql.COPY_KEYS, ("uuid", "int8"), rows)
    else:
        execute_over(online_sql.SAVE_KEYS, rows)


def _changed_by(gone: set[Key], come: set[Key], reading: Reading) -> set[UUID]:
    """The records whose links the keys change that became too common by this, or are so no longer."""
    more, fewer = Counter(key for _, key in come), Counter(key for _, key in gone)
    rows = [(key, _cap(key), more[key] - fewer[key]) for key in sorted(more.keys() | fewer.keys())]
    crossed = prepared(online_sql.HOLDERS_ACROSS, _columns(rows)) if rows else []
    if reading.run_under_way:  # which may be about to link any of them
        return {record for record, _, _ in crossed}
    usable_again = {record for record, _, too_common in crossed if not too_common}
    return usable_again | _parted([(record, key) for record, key, too_common in crossed if too_common], reading)


def _parted(held: list[Key], reading: Reading) -> set[UUID]:
    """Of the holders of keys that became too common, those with a link for which no other key speaks."""
    keys: dict[UUID, set[int]] = {}
    for record, key in held:
        keys.setdefault(record, set()).add(key)
    links = prepared(online_sql.LINKS_FROM, [by_number(keys)]) if keys else []
    pairs = [(left, right) for left, right in links if right in keys and not keys[left].isdisjoint(keys[right])]
    model_id, _ = reading.live
    if not pairs or model_id is None:
        return set()
    return _without_a_key(_shared_keys(pairs, _live(model_id), reading))


def _without_a_key(shared: Mapping[Pair, Collection[int]]) -> set[UUID]:
    """The ends of the pairs none of whose keys is usable; of each pair the most certain is asked for first."""
    parted: set[UUID] = set()
    waiting = {pair: iter(sorted(keys, key=_rule)) for pair, keys in shared.items()}
    while waiting:
        asked = {pair: next(keys, None) for pair, keys in waiting.items()}
        parted |= {record for pair, key in asked.items() if key is None for record in pair}
        usable = _usable({key for key in asked.values() if key is not None})
        waiting = {pair: waiting[pair] for pair, key in asked.items() if key is not None and key not in usable}
    return parted


def _shared_keys(pairs: Collection[Pair], live: "_Live", reading: Reading) -> dict[Pair, set[int]]:
    """The keys that the ends of each pair have in common, those aside that the model froze."""
    rows = _rows({record for pair in pairs for record in pair}, reading)
    texts = {record: set(compiled.keys(row)) for record, row in rows.items()}
    none: set[tuple[int, str]] = set()
    return {
        pair: {
            _key(reading.index.read, rule, text)
            for rule, text in texts.get(pair[0], none) & texts.get(pair[1], none)
            if live.usable(rule, text)
        }
        for pair in pairs
    }


def _usable(keys: Collection[int]) -> set[int]:
    """Those of these keys that several records hold, and few enough."""
    rows = prepared(online_sql.HOLDERS_OF_KEYS, [list(keys), [_cap(key) for key in keys]]) if keys else []
    return {row[0] for row in rows}


def _cap(key: int) -> int:
    return _CAPS[_rule(key)]


def _rule(key: int) -> int:
    return key & (1 << _RULE_BITS) - 1


def _columns(rows: Iterable[tuple[int, ...]]) -> list[list[int]]:
    return [list(values) for values in zip(*rows, strict=True)]


def shared_by(records: Collection[UUID]) -> dict[UUID, set[Hashable]]:
    """What each of these records may share with another so that the two are compared or linked: its identifiers, and its
    blocking keys as far as few enough hold them."""
    keys = prepared(online_sql.KEYS_OF, [by_number(records)])
    usable = _usable({key for _, key in keys})
    shared: dict[UUID, set[Hashable]] = {record: set() for record in records}
    for record, key in keys:
        if key in usable:
            shared[record].add(key)
    for record, kind, value, *_seen in prepared(sql.IDENTIFIERS, [by_number(records)]):
        shared[record].add((kind, bytes(value)))
    return shared


# --- links ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Live:
    """The live model, ready to be used one record at a time."""

    id: UUID
    model: Model
    scorer: compiled.Scorer
    stopped: tuple[frozenset[str], ...]  # by rule

    def usable(self, rule: int, text: str) -> bool:
        """Whether the model did not freeze the key as one that too many share."""
        return not self.stopped[rule] or digest(self.model, text) not in self.stopped[rule]


@lru_cache(maxsize=2)
def _live(model_id: UUID) -> _Live:
    model = queries.stored_model(model_id)
    stopped = tuple(frozenset(model.stop_keys.get(rule.name, ())) for rule in RULES)
    return _Live(model_id, model, compiled.compile_model(model), stopped)


def link(records: Collection[UUID], reading: Reading) -> set[UUID]:
    """Give the persons among these records the links that a batch run would give them, and review cases; returns all
    records whose links it looked at or changed. Without a live model it does nothing."""
    model_id, _ = reading.live
    changed = _relink(records, _live(model_id), reading) if model_id else set()
    if reading.run_under_way:
        touch("relink", records)
    return changed.union(records)


def _relink(records: Collection[UUID], live: _Live, reading: Reading) -> set[UUID]:
    rows = _rows(records, reading)
    pairs = _candidates(live, rows, reading.index.read)
    rows |= _rows({record for pair in pairs for record in pair} - rows.keys(), reading)
    edges = list(_scored(live, rows, pairs))
    review.open_gray(edge for edge in edges if edge.weight < live.model.link)
    stale = _replace_links(reading.stored(records), [edge for edge in edges if edge.weight >= live.model.link], live.id)
    return {record for pair in stale for record in pair}


def _rows(records: Iterable[UUID], reading: Reading) -> dict[UUID, Row]:
    """Cleaned rows of the persons among these records."""
    return {record.id: record.row for record in reading.cleaned(records)}


def _candidates(live: _Live, rows: Mapping[UUID, Row], generation: Generation) -> list[Pair]:
    """The pairs, smaller id first, of these records with all that share a usable key with one."""
    asked = [
        (record, key, _cap(key))
        for record, row in rows.items()
        for key in {_key(generation, rule, text) for rule, text in compiled.keys(row) if live.usable(rule, text)}
    ]
    return prepared(online_sql.CANDIDATES, list(zip(*asked, strict=True))) if asked else []


def _scored(live: _Live, known: Mapping[UUID, Row], pairs: Collection[Pair]) -> Iterable[Edge]:
    """The pairs that weigh enough to be reviewed or linked."""
    ready = {record: live.scorer.prepare(str(record), row) for record, row in known.items()}
    names = [comparison.name for comparison in live.scorer.comparisons]
    for left, right in pairs:
        if left in ready and right in ready:
            weight, gammas, personal = live.scorer.score(ready[left], ready[right])
            if personal and weight >= live.model.review:
                yield Edge(left, right, weight, dict(zip(names, gammas, strict=True)))


def _replace_links(stored: list[UUID], edges: Collection[Edge], model: UUID) -> set[Pair]:
    """Make `edges` the only probable links of records, of which those `stored` may have others; returns those that went."""
    fresh = {(edge.left, edge.right) for edge in edges}
    found = prepared(sql.PROBABLE_LINKS_OF, {"records": stored}) if stored else []
    stale = {pair for pair in found if pair not in fresh}
    execute_over(sql.DROP_PROBABLE, sorted(stale))
    execute_over(sql.SAVE_PROBABLE, [(edge.left, edge.right, edge.weight, Jsonb(edge.levels), model) for edge in edges])
    return stale
