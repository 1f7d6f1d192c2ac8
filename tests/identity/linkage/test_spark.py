"""Spark finds the pairs, weights and people that DuckDB finds, and leaves no clear value on disk."""

import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import DjangoDbBlocker

from cdp.core import crypto
from cdp.core import spark as session
from cdp.events.models import Source
from identity.linkage import blocking, inputs, score, spark
from identity.linkage.cluster import cluster
from identity.linkage.model import DEFAULT, Model
from identity.linkage.normalise import COLUMNS
from identity.linkage.train import train
from identity.models import Link, Profile, Record, ResolutionRun
from tests.identity.linkage import data
from tests.identity.linkage.test_compiled import lookalikes
from tests.identity.test_online import arrive, generated
from tests.identity.test_profiles import Sender

# People of whom the generator makes 20,000 records.
PEOPLE = 7_200
# Every threshold: pairs that nothing speaks for, too.
ANY_WEIGHT = -1000.0


def people_of(table: pa.Table, model: Model, found: score.Scored) -> dict[str, str]:
    nodes = list(inputs.nodes(table, model, {}))
    return dict(cluster(nodes, inputs.links(found.edges, model), limits=inputs.limits(model)).label)


def differences(one: score.Scored, other: score.Scored) -> list[tuple[Any, Any]]:
    """Edges that two engines tell apart: pair, levels, or more of the weight than its last decimal."""
    sides = [{(row["left"], row["right"]): row for row in found.edges.to_pylist()} for found in (one, other)]
    pairs = [(sides[0].get(pair), sides[1].get(pair)) for pair in sorted(sides[0].keys() | sides[1].keys())]
    return [(here, there) for here, there in pairs if not same(here, there)]


def same(here: dict[str, Any] | None, there: dict[str, Any] | None) -> bool:
    if here is None or there is None:
        return False
    levels = all(here[gamma] == there[gamma] for gamma in score.GAMMAS)
    return levels and abs(here["weight"] - there["weight"]) <= 1.5e-9


def test_twenty_thousand_generated_records_become_the_same_people(spark_here: None) -> None:
    records, _ = data.customers(PEOPLE, seed=11)
    table = score.prepare(records)
    model = train(table)
    wanted, found = score.score(table, model), spark.score(table, model)
    assert table.num_rows >= 20_000
    assert found.edges.schema == wanted.edges.schema
    assert differences(wanted, found) == []
    assert found.edges.num_rows > 20_000
    assert (found.blocked, found.ceiling) == (wanted.blocked, wanted.ceiling)
    assert people_of(table, model, found) == people_of(table, model, wanted)


# Hangul, jamo composed or not, accents, emoji that are one letter or several, right-to-left text.
LETTERS = ["a", "b", "김", "민", "준", "ㅁ", "ㅣ", "ᄒ", "ᅡ", "é", "é", "👨", "\u200d", "🇰🇷", "ש", "م", "~", "1", "-"]


def any_text(chance: Random) -> str | None:
    return "".join(chance.choices(LETTERS, k=chance.randint(1, 9))) if chance.random() < 0.85 else None


def strange(rows: int) -> pa.Table:
    """Records whose every column is made of few and strange values, near each other in all ways."""
    chance = Random(5)
    pool = [any_text(chance) for _ in range(40)]
    made = [{column: chance.choice(pool) for column in COLUMNS} for _ in range(rows)]
    return pa.Table.from_pylist(
        [{**row, "unique_id": f"s{number:03}", "script": chance.choice("hlo")} for number, row in enumerate(made)],
        schema=score.SCHEMA,
    )


def test_strange_and_similar_records_weigh_the_same_at_every_level(spark_here: None) -> None:
    alike = score.prepare(lookalikes())
    table, model = pa.concat_tables([strange(250), alike]), train(alike)
    wanted, found = score.score(table, model, ANY_WEIGHT), spark.score(table, model, ANY_WEIGHT)
    assert differences(wanted, found) == []
    assert min(sum(edge["left"].startswith("s") == odd for edge in found.edges.to_pylist()) for odd in (0, 1)) > 1000
    assert (found.blocked, found.ceiling) == (wanted.blocked, wanted.ceiling)


def test_nobody_and_one_record_have_no_pairs() -> None:
    for rows in ([], [("only", {"full_name": "김민준"})]):
        assert spark.score(score.prepare(rows), DEFAULT).edges.num_rows == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_clear_values_never_reach_disk(
    spark_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    """Without the encryption that is asked for they would: the search finds them."""
    monkeypatch.setitem(session.CONFIDENTIAL, "spark.local.dir", str(tmp_path))
    monkeypatch.setitem(session.CONFIDENTIAL, "spark.io.encryption.enabled", str(sealed).lower())
    assert found_on_disk(tmp_path) == (True, not sealed)


def found_on_disk(folder: Path) -> tuple[bool, bool]:
    """Whether blocking wrote anything into Spark's folder, and whether any of it shows whom it was about."""
    secret = "zyxwvutsrqponmlkj"  # in one key of each record, so that it is written as it is
    table = score.prepare([(f"{number:03}", {"email": f"{secret}{number}@x.kr"}) for number in range(200)])
    with session.session("test") as started:
        blocking.block(spark.connect(started, table), {}, "")
        files = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".jar"]
    return any(files), any(secret.encode() in content for content in files)


@pytest.fixture(scope="module")
def customers(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        crypto.forget_keys()
        source = Source.objects.create(name="web", channel_id="web", brand="haru", zone="Asia/Seoul", currency="KRW")
        sender = Sender(source)
        arrive(generated(sender, 150, seed=7))
        call_command("resolve_identities", stdout=StringIO())
        yield
        transaction.set_rollback(True)
    crypto.forget_keys()


def resolved() -> list[Any]:
    """Who is who and why, without times."""
    links = Link.objects.filter(kind="probable").order_by("left", "right").values_list("left", "right", "weight")
    return [
        list(Record.objects.order_by("pk").values_list("pk", "profile")),
        list(Profile.objects.order_by("pk").values_list("pk", "state", "redirect")),
        [(left, right, round(weight, 8)) for left, right, weight in links],
    ]


@pytest.mark.django_db
def test_the_command_on_spark_changes_nothing_that_duckdb_found(spark_here: None, customers: None) -> None:
    before, out = resolved(), StringIO()
    call_command("resolve_identities", "--engine", "spark", stdout=out)
    assert resolved() == before
    first, second = ResolutionRun.objects.order_by("started_at")
    assert second.counts["pairs"] == first.counts["pairs"] > 100
    assert second.counts["links"] == first.counts["links"] > 100
    assert "0 profiles merged, 0 created, 0 split" in out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(("lacking", "wanted"), [("pyspark", "uv sync --extra spark"), ("java", "Java 17")])
def test_what_spark_needs_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, lacking: str, wanted: str) -> None:
    monkeypatch.setattr(session, "missing", lambda: lacking)
    before = ResolutionRun.objects.count()
    with pytest.raises(CommandError, match=wanted):
        call_command("resolve_identities", "--engine", "spark")
    assert ResolutionRun.objects.count() == before


def test_java_is_looked_for_where_spark_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session, "find_spec", lambda name: object())
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert session.missing() == "java"
    for version, lacking in (("1.8.0_392", "java"), ("11.0.2", "java"), ("17.0.15", None), ("21-ea", None)):
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o755)
        assert session.missing() == lacking, version


def test_nothing_loads_spark_that_does_not_score_on_it() -> None:
    code = """
import sys, django
django.setup()
import cdp.wsgi, cdp.pipeline, identity.resolution, identity.linkage.spark, segments.engines
sys.exit(bool({'pyspark', 'py4j'} & sys.modules.keys()))
"""
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "DJANGO_SETTINGS_MODULE": "cdp.settings"}
    )
