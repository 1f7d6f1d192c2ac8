"""Which pairs are worth comparing: a table of keys per rule, its hot keys cut off, its pairs counted.

A rule's key that more than `cap` records share says little (a household's phone, a shop's phone, 김민준) and would cost
the square of its records: it is skipped, and each single-value rule has finer ones beside it that find those pairs.
"""

# ruff: noqa: S608 -- the SQL is made of this module's own rules, never of data

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa

StopKeys = Mapping[str, tuple[str, ...]]

# Name parts by sound, whichever is the surname; null unless both are there.
_SOUND: Final = (
    "(case when surname_key < given_key then surname_key || '~' || given_key else given_key || '~' || surname_key end)"
)


def _initials(place: str) -> tuple[str, str]:
    """Keys of a place with the first sounds of either part of the name."""
    return f"{place} || '~' || substr(surname_key, 1, 2)", f"{place} || '~' || substr(given_key, 1, 2)"


@dataclass(frozen=True, slots=True)
class Rule:
    """Records that share one of the rule's `keys` are compared, unless more than `cap` share it."""

    name: str
    keys: tuple[str, ...]
    cap: int = 100


# From certain to vague; a pair counts for the first rule that finds it. Vague rules work on small files; on large ones
# most of their keys are over the cap and cost nothing.
RULES: Final = (
    Rule("email", ("email",)),
    Rule("phone", ("phone",)),
    Rule("name, birth year", (f"{_SOUND} || birth_year",)),
    Rule("birth date, name word", ("birth_date || surname_key", "birth_date || given_key")),
    Rule("birth day, name", (f"birth_day || {_SOUND}",)),
    Rule("name, district", (f"{_SOUND} || district",)),
    Rule("address, given name", ("address || given_key",)),
    Rule("address, birth year", ("address || birth_year",)),
    Rule("postcode, given name", ("postcode || given_key",), 60),
    Rule("postcode, birth day", ("postcode || birth_day",), 60),
    Rule("phone, given name", ("phone || given_key",)),
    Rule("email, given name", ("email || given_key",)),
    Rule("phone, birth date", ("phone || birth_date",)),
    Rule("name, city", (f"{_SOUND} || city",), 50),
    Rule("birth date", ("birth_date",), 20),
    Rule("name", (_SOUND,), 25),
    Rule("local part", ("case when length(email_local) >= 5 then email_local end",), 20),
    Rule("birth year, name word", ("birth_year || surname_key", "birth_year || given_key"), 20),
    Rule("birth day, initial", ("birth_day || substr(given_key, 1, 2)", "birth_day || substr(surname_key, 1, 2)"), 20),
    Rule("mailbox stem", ("case when length(email_local) >= 6 then substr(email_local, 1, 6) end",), 20),
    Rule("name word", ("surname_key", "given_key"), 12),
    # One home, whatever became of name and birth date; one neighbourhood and a word of the name, or its first sounds.
    Rule("address", ("address",), 20),
    Rule("city, name word", ("city || '~' || surname_key", "city || '~' || given_key"), 20),
    Rule("postcode, initial", _initials("postcode"), 20),
    Rule("street, initial", _initials("case when postcode is null then street end"), 20),
)


class Rows(Protocol):
    """What a query gave, as rows."""

    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Relation(Protocol):
    """What a query gives, as an Arrow table."""

    def to_arrow_table(self) -> pa.Table: ...


class Database(Protocol):
    """What linkage asks of an engine: SQL in DuckDB's words, and Arrow tables by name. A connection of DuckDB is one."""

    def execute(self, query: str, /) -> Rows: ...

    def sql(self, query: str, /) -> Relation: ...

    def register(self, name: str, table: pa.Table, /) -> Any: ...

    def unregister(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Blocked:
    """What one rule gave: pairs no earlier rule gave, and how many of its keys were too hot to use."""

    rule: str
    pairs: int
    hot_keys: int


def block(database: Database, stop_keys: StopKeys, salt: str) -> tuple[Blocked, ...]:
    """From table `records` (`rid` and the columns of `normalise`) make table `pairs` (match_key, join_key_l,
    join_key_r), each pair once and under its first rule. `stop_keys`: salted digests of refused keys, by rule."""
    hot = usable_keys(database, stop_keys, salt)
    return told(pair(database), hot)


def usable_keys(database: Database, stop_keys: StopKeys, salt: str, *, at_once: int = len(RULES)) -> Counter[int]:
    """Make table `usable` (rule, hashed key, rid): keys that a few records share; returns how many were too hot, by rule.

    So many rules `at_once`: all keys of all rules as text are many times the records.
    """
    _stopped_table(database, stop_keys)
    hot: Counter[int] = Counter()
    for first, rules in enumerate(_groups(at_once)):
        _sized_keys(database, rules)
        hot += Counter(dict(database.execute("select rule, count(*) from hot group by 1").fetchall()))
        database.execute(f"""
            {"insert into usable" if first else "create or replace temp table usable as"}
            select k.rule, hash(k.key) as key, k.rid from keys k
            semi join (select rule, key from sized where not hot) s on s.rule = k.rule and s.key = k.key
            anti join stopped on stopped.rule = k.rule and stopped.digest = {digest_sql("k.key", salt)}""")
    return hot


def pair(database: Database, part: int = 0, parts: int = 1) -> Counter[int]:
    """Make table `pairs` of table `usable`, as `block` does, of one of so many parts of the records with all others;
    returns how many each rule gave."""
    # Scattered by the golden ratio (Knuth): neighbours in order of the id are often one person's.
    some = f"where (cast(l.rid as bigint) * 2654435761 % 4294967296) * {parts} >> 32 = {part}" if parts > 1 else ""
    database.execute(f"""
        create or replace temp table pairs as
        select cast(min(l.rule) as varchar) as match_key, l.rid as join_key_l, r.rid as join_key_r
        from usable l join usable r on l.rule = r.rule and l.key = r.key and l.rid < r.rid {some}
        group by l.rid, r.rid""")
    rows = database.execute("select match_key, count(*) from pairs group by 1").fetchall()
    return Counter({int(rule): number for rule, number in rows})


def told(pairs: Counter[int], hot: Counter[int]) -> tuple[Blocked, ...]:
    """What each rule gave, by the numbers of its pairs and of its hot keys."""
    return tuple(Blocked(rule.name, pairs[index], hot[index]) for index, rule in enumerate(RULES))


def hot_keys(database: Database, salt: str) -> dict[str, tuple[str, ...]]:
    """Salted digests of the keys of table `records` over their rule's cap, by rule; for the model to freeze."""
    found: list[tuple[int, str]] = []
    for rules in _groups(1):
        _sized_keys(database, rules)
        found += database.execute(f"select rule, {digest_sql('key', salt)} from hot order by 1, 2").fetchall()
    return {rule.name: tuple(key for at, key in found if at == index) for index, rule in enumerate(RULES)}


def _groups(at_once: int) -> list[range]:
    """The numbers of all rules, so many together."""
    return [range(first, min(first + at_once, len(RULES))) for first in range(0, len(RULES), at_once)]


def digest_sql(column: str, salt: str) -> str:
    """SQL of `model.digest`. `salt` is hexadecimal."""
    return f"substr(md5('{salt}' || {column}), 1, 16)"


def _keys_table(database: Database, rules: Iterable[int] = range(len(RULES))) -> None:
    """Table `keys` (rule, key, rid), each once: a record whose name is one word twice has one key."""
    keys = [(index, key) for index in rules for key in RULES[index].keys]
    union = " union all ".join(
        f"select {index}::utinyint as rule, {key} as key, rid from records" for index, key in keys
    )
    database.execute(f"create or replace temp table keys as select distinct * from ({union}) where key is not null")


def _stopped_table(database: Database, stop_keys: StopKeys) -> None:
    rows = [(index, key) for index, rule in enumerate(RULES) for key in stop_keys.get(rule.name, ())]
    columns = {
        "rule": pa.array([rule for rule, _ in rows], pa.int16()),
        "digest": pa.array([key for _, key in rows], pa.string()),
    }
    database.register("incoming", pa.table(columns))
    database.execute("create or replace temp table stopped as select * from incoming")
    database.unregister("incoming")


def _sized_keys(database: Database, rules: Iterable[int]) -> None:
    """Tables `keys`, `sized` (rule, key, whether it is hot): those that several records share, and `hot` (rule, key)."""
    _keys_table(database, rules)
    caps = ", ".join(f"({index}::utinyint, {RULES[index].cap})" for index in rules)
    database.execute(f"""
        create or replace temp table sized as
        select rule, key, count(*) > any_value(cap) as hot
        from keys join (values {caps}) caps(rule, cap) using (rule) group by rule, key having count(*) > 1""")
    database.execute("create or replace temp table hot as select rule, key from sized where hot")


def ceiling(database: Database, pairs: str) -> float | None:
    """The share of the pairs worth finding that blocking finds, at most, reckoned from `pairs` (rid_l, rid_r) that were
    worth it: by how many that one rule alone finds, and how many two (capture and recapture; Chao 1987, its lower bound of
    what no rule finds). Rules find like pairs, so the truth is rather lower. None where there are none."""
    rows = database.execute(f"""
        select rules, count(*) from (
            select p.rid_l, p.rid_r, count(distinct l.rule) as rules
            from ({pairs}) p join usable l on l.rid = p.rid_l
            join usable r on r.rid = p.rid_r and r.rule = l.rule and r.key = l.key
            group by p.rid_l, p.rid_r) found group by rules""").fetchall()
    found_by = {int(rules): int(number) for rules, number in rows}
    once, twice, found = found_by.get(1, 0), found_by.get(2, 0), sum(found_by.values())
    missed = once * (once - 1) / (2 * (twice + 1))
    return found / (found + missed) if found else None
