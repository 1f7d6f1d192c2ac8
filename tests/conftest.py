"""Tests run on real servers: the test database is made as the owner and used as the application's own role."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from django.conf import settings as project
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation

from cdp.core import crypto, embedded, spark, startup
from cdp.core.embedded import postgres
from tests.chromium import launched
from tests.database import wipe

startup.prepare()
# Test databases come and go; the anchor of the audit of this installation must not know of them, nor its children's.
_ANCHORS = tempfile.TemporaryDirectory(prefix="anchor-")
os.environ["CDP_AUDIT_ANCHOR_FILE"] = project.AUDIT_ANCHOR_FILE = str(Path(_ANCHORS.name) / "audit-anchor.jsonl")
TransactionTestCase._fixture_teardown = wipe
# Where a whole run decides on a change, the same change draws the same examples; everywhere else new ones are explored.
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI_REQUIRE_ALL") else "explore")


@pytest.fixture(scope="session", autouse=True)
def processes_read_the_project_s_settings() -> None:
    """Those that tests start."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "cdp.settings"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a process."""
    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def spark_here() -> None:
    """Skips the test without Spark, or fails where everything is required. Configured as by a user: two cores, for each
    a partition, and code that is compiled fast rather than well."""
    java = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
    options = f"--master local[2] --driver-memory 2g --driver-java-options '{java}'"
    options += " --conf spark.sql.shuffle.partitions=2 pyspark-shell"
    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", options)
    lacking = spark.missing()
    wanted = "get Spark with `uv sync --extra spark` and Java with `apt-get install openjdk-17-jre-headless`."
    if lacking and os.environ.get("CI_REQUIRE_ALL") == "1":
        pytest.fail(f"{lacking} is missing: {wanted}")
    if lacking:
        pytest.skip(f"{lacking} is missing: {wanted}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    with django_db_blocker.unblock():
        owner, app = connections["owner"], connections["default"]
        before = owner.settings_dict["NAME"]
        owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        app.creation.set_as_test_mirror(owner.settings_dict)
        with owner.cursor() as cursor:
            # A crash of the machine may lose the test database; what the product promises is tested by killing processes.
            cursor.execute(f'alter database "{owner.settings_dict["NAME"]}" set synchronous_commit = off')
        if project.EMBEDDED:
            keep_out_autovacuum()
    yield
    with django_db_blocker.unblock():
        app.close()
        owner.creation.destroy_test_db(before, verbosity=0)


def keep_out_autovacuum() -> None:
    """While it counts a table, its transaction holds back the newest events from the pipeline for a moment, which somebody
    else's always may: in the product the next wake-up folds them, in a test nobody comes to do it."""
    with psycopg.connect(postgres.url(embedded.home(), "postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute("alter system set autovacuum = off")
        superuser.execute("select pg_reload_conf()")


@pytest.fixture(autouse=True, scope="session")
def own_journal(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Test databases come and go: the journal of erasures of this installation must not know of them."""
    from django.conf import settings

    settings.ERASURE_JOURNAL = str(tmp_path_factory.mktemp("journal") / "erasures.jsonl")


@pytest.fixture(autouse=True)
def speak_english() -> Iterator[None]:
    """A request in Korean leaves its thread speaking Korean."""
    translation.activate("en")
    yield
    translation.activate("en")


@pytest.fixture(autouse=True)
def forget_keys() -> Iterator[None]:
    """Each test starts with no cached keys: the one before may have rolled its back."""
    crypto.forget_keys()
    yield
    crypto.forget_keys()
