"""The SQL of each operator, for every engine, is the text in tests/sql, and finds the members worked out by hand.

After a deliberate change, `python -m tests.segments.query.test_golden_sql` writes the files anew; read the difference.
"""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from segments.query.compiler import Asked, compile_flags, compile_rule
from segments.query.dialects import DUCKDB, POSTGRES, Dialect
from segments.query.parse import parse
from segments.query.spark import SPARK
from tests.segments.query.cases import AS_OF, CASES, CATALOG, WORLD, ZONE
from tests.segments.query.engines import duckdb_members, fill_duckdb, fill_postgres, members, new_duckdb
from tests.segments.query.world import uuid_of

DIALECTS: tuple[Dialect, ...] = (POSTGRES, DUCKDB, SPARK)
FOLDER = Path(__file__).parents[2] / "sql"


def golden(name: str) -> str:
    """The rule, then for each engine the parameters and the SQL, as one file."""
    rule = CASES[name][0]
    return f"-- {json.dumps(rule, ensure_ascii=False)}\n" + "\n".join(statement(rule, one) for one in DIALECTS)


def statement(rule: object, dialect: Dialect) -> str:
    query = compile_rule(parse(rule), CATALOG, as_of=AS_OF, zone=ZONE, dialect=dialect)
    params = json.dumps(query.params, default=str, ensure_ascii=False)
    return f"-- {dialect.name}: {params}\n{query.sql};\n"


def file_of(name: str) -> Path:
    return FOLDER / f"rule_{name}.sql"


def expected(name: str) -> list[Any]:
    return sorted(uuid_of(profile) for profile in CASES[name][1].split())


@pytest.mark.parametrize("name", CASES)
def test_the_sql_is_the_kept_one(name: str) -> None:
    assert golden(name) == file_of(name).read_text()


def test_no_kept_sql_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("rule_*.sql")} == {file_of(name).name for name in CASES}


def test_postgres_finds_the_members(pg: psycopg.Connection[Any]) -> None:
    fill_postgres(pg, WORLD)
    found = {name: members(pg, rule, CATALOG, AS_OF, ZONE) for name, (rule, _) in CASES.items()}
    assert found == {name: expected(name) for name in CASES}


@pytest.mark.parametrize("profile", ["ann", "dee", "old"])
def test_only_the_given_profiles_are_answered(pg: psycopg.Connection[Any], profile: str) -> None:
    fill_postgres(pg, WORLD)
    for name, (rule, _) in CASES.items():
        wanted = [uuid for uuid in expected(name) if uuid == uuid_of(profile)]
        assert members(pg, rule, CATALOG, AS_OF, ZONE, only=[profile]) == wanted, name


def test_duckdb_finds_the_same_members() -> None:
    duck = new_duckdb()
    fill_duckdb(duck, WORLD)
    found = {name: duckdb_members(duck, rule, CATALOG, AS_OF, ZONE) for name, (rule, _) in CASES.items()}
    assert found == {name: expected(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_every_scan_is_restricted_for_few_profiles(name: str) -> None:
    query = compile_flags([Asked(parse(CASES[name][0]), CATALOG, ZONE)], as_of=AS_OF, only_profiles=True)
    assert query.sql.count("%(profiles)s") == query.sql.count("FROM identity_profile") + sum(
        query.sql.count(f"{words} AS")
        for words in (
            "JOIN identity_record",
            "FROM segments_membership",
            "FROM segments_ever",
            "FROM segments_listed",
            "FROM consent_effective",
        )
    )


if __name__ == "__main__":
    for case in CASES:
        file_of(case).write_text(golden(case))
