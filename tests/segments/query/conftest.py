"""The relations that rule SQL reads, in a schema of their own on the real PostgreSQL of the test run."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from cdp.core import embedded
from tests.segments.query.world import TABLES

SCHEMA = f"rule_tests_{os.getpid()}"


@pytest.fixture(scope="session")
def rule_database() -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees empty tables. No transaction stays open: it would hold back the watermarks of others."""
    url = os.environ.get("DATABASE_OWNER_URL") or embedded.ensure(redis=False).owner_url
    with psycopg.connect(url) as connection:
        connection.execute(f"create schema {SCHEMA}")
        connection.execute(f"set search_path to {SCHEMA}")
        connection.execute(TABLES.format(json="jsonb"))
        connection.commit()
        yield connection
        connection.execute(f"drop schema {SCHEMA} cascade")


@pytest.fixture
def pg(rule_database: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """The tables, empty; what a test does to them is rolled back."""
    yield rule_database
    rule_database.rollback()
