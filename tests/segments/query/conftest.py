"""The relations that rule SQL reads, in a schema of their own on the real PostgreSQL of the test run."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from cdp.core import embedded
from tests.segments.query.world import TABLES

SCHEMA = "rule_tests"


@pytest.fixture(scope="session")
def rule_database() -> Iterator[psycopg.Connection[Any]]:
    """One transaction that holds the schema and is never committed: nothing is left behind."""
    url = os.environ.get("DATABASE_OWNER_URL") or embedded.ensure(redis=False).owner_url
    with psycopg.connect(url) as connection:
        connection.execute(f"create schema {SCHEMA}")
        connection.execute(f"set search_path to {SCHEMA}")
        connection.execute(TABLES.format(json="jsonb"))
        yield connection
        connection.rollback()


@pytest.fixture
def pg(rule_database: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose tables are empty and whose changes end with the test."""
    rule_database.execute("savepoint test")
    yield rule_database
    rule_database.execute("rollback to savepoint test")
