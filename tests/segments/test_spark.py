"""Spark over the lake finds the members that PostgreSQL and DuckDB find."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from django.conf import LazySettings

from cdp.core import spark
from cdp.core.errors import Refused
from cdp.lake import actions as lake
from cdp.lake import places
from cdp.lake import queries as lake_queries
from cdp.lake.spark import SparkSnapshot
from identity.models import Record
from segments import actions, engines
from segments.models import Segment
from segments.query import relations
from segments.query.catalog import TraitSpec
from segments.query.dialects import DUCKDB
from segments.query.spark import SPARK, arguments
from segments.vocabulary import Names, compiled
from tests.lake.test_lake import RULES
from tests.segments.people import NOW, execute, happened, members_of, person, segment, source
from tests.segments.query.cases import AS_OF, CASES, CATALOG, WORLD, ZONE
from tests.segments.query.engines import fill_spark, spark_members
from tests.segments.query.world import Event, World, uuid_of

# For a dozen rows nothing is worth compiling, spreading or planning anew.
TINY = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
HANDS = 3


@pytest.fixture(scope="module")
def session(spark_here: None) -> Iterator[Any]:
    """One for the whole module: what runs inside takes it."""
    with spark.session("tests") as started:
        yield started


@pytest.fixture
def tiny(session: Any) -> SparkSnapshot:
    snapshot = SparkSnapshot(session)
    for name, value in TINY.items():
        snapshot.session.conf.set(name, value)
    return snapshot


# --- the same members -------------------------------------------------------------------------------------------------


def test_every_documented_rule_has_the_members_worked_out_by_hand(tiny: SparkSnapshot) -> None:
    fill_spark(tiny, WORLD)
    with ThreadPoolExecutor(HANDS) as hands:
        found = list(hands.map(lambda case: spark_members(tiny, case[0], CATALOG, AS_OF, ZONE), CASES.values()))
    expected = [sorted(uuid_of(profile) for profile in names.split()) for _, names in CASES.values()]
    assert dict(zip(CASES, found, strict=True)) == dict(zip(CASES, expected, strict=True))


# Names and texts that a path, a quotation or a parameter of Spark's would read otherwise.
ODD = ["0", "a.b", "it's", 'say "hi"', "$['x']", " space", "why?", "한글", "%(p0)s", ":p0", "{found}", "\\n"]


def test_no_name_and_no_text_is_read_as_anything_else(tiny: SparkSnapshot) -> None:
    traits: dict[str, Any] = {name: {name: name * 2} for name in ODD}
    fill_spark(tiny, World(profiles=dict.fromkeys(ODD, "live"), traits=traits))
    catalog = replace(CATALOG, traits=dict.fromkeys(ODD, TraitSpec("string")))
    for name in ODD:
        rule = {"trait": name, "op": "in", "value": [name * 2, "12"]}
        assert spark_members(tiny, rule, catalog, AS_OF, ZONE) == [uuid_of(name)], name


# (value, what it is read as): exact, without coercion, none where out of range.
NUMBERS = [
    (12, "12"), (12.0, "12"), ("12", None), (True, None), (None, None), ([12], None), ({"n": 12}, None), (-0.0000005, "-0.000001"),
    (0.0000004, "0"), (12345678901234567890123456789.123456, None), (9007199254740993, "9007199254740993"),
]  # fmt: skip


def test_numbers_are_exact_and_nothing_else_is_one(tiny: SparkSnapshot) -> None:
    texts = [(json.dumps(value), wanted) for value, wanted in NUMBERS]
    texts[-2] = ("12345678901234567890123456789.1234565", "12345678901234567890123456789.123457")
    texts += [
        ("1" + "0" * 32, None),
        ("99999999999999999999999999999999.999999", "99999999999999999999999999999999.999999"),
    ]
    names = [f"p{place}" for place in range(len(texts))]
    world = World(profiles=dict.fromkeys(names, "live"))
    fill_spark(tiny, world)
    golden = {"profile_id": [str(uuid_of(name)) for name in names], "traits": [f'{{"n": {text}}}' for text, _ in texts]}
    tiny.keep("profiles_golden", pa.table(golden))
    catalog = replace(CATALOG, traits={"n": TraitSpec("number")})
    for number in {wanted for _, wanted in texts if wanted is not None}:
        rule = {"trait": "n", "op": "eq", "value": Decimal(number)}
        expected = sorted(uuid_of(name) for name, (_, wanted) in zip(names, texts, strict=True) if wanted == number)
        assert spark_members(tiny, rule, catalog, AS_OF, ZONE) == expected, number


def test_a_sum_may_be_larger_than_what_is_summed(tiny: SparkSnapshot) -> None:
    most = 9_000_000_000_000_000_000
    orders = [Event("r", "Viewed", AS_OF - timedelta(days=1), mark, currency="KRW", revenue=most) for mark in "ab"]
    fill_spark(tiny, World(profiles={"ann": "live"}, records={"r": "ann"}, events=orders))
    rule = {"event": "Viewed", "sum": {"property": "revenue", "op": "eq", "value": 2 * most}, "currency": "KRW"}
    assert spark_members(tiny, rule, CATALOG, AS_OF, ZONE) == [uuid_of("ann")]


# --- twenty thousand records ------------------------------------------------------------------------------------------

# 20,000 records of 12,000 people, most of whom have up to eight events within four months, of any shape.
PEOPLE = """
insert into identity_profile (id, state, pinned) select md5('p' || n)::uuid, 'live', false from generate_series(1, 12000) n;
insert into profiles_golden (profile_id, traits, lineage)
select md5('p' || n)::uuid, jsonb_build_object('orders_count', n %% 5, 'city', (array['서울', '부산'])[1 + n %% 2]), '{}'
from generate_series(1, 12000) n;
insert into identity_record (id, source_id, kind, leaf, profile_id, traits, version, first_seen, last_seen)
select md5('r' || n)::uuid, %(source)s, 'customer', false, md5('p' || 1 + n %% 12000)::uuid, '{}', 0, %(now)s, %(now)s
from generate_series(1, 20000) n;
insert into events_event (id, source_id, message_id, type, name, record, kind, leaves, occurred_at, order_id, currency,
    revenue, brand, properties)
select md5(r || ':' || n)::uuid, %(source)s, r || ':' || n, 'track', (array['View', 'Order Completed'])[1 + n %% 2],
    md5('r' || r)::uuid, 'customer', '{}', %(now)s::timestamptz - make_interval(hours => (r * 31 + n * 170) %% 2900),
    case when n %% 2 = 1 and r %% 5 > 0 then 'o' || r %% 7 end, (array['KRW', 'USD'])[1 + (r %% 11) / 10],
    case when n %% 2 = 1 then r %% 97 end, '',
    jsonb_build_object('sku', 's' || r %% 4, 'price', r %% 13,
        'odd', (array['1'::jsonb, '"1"', 'null', '1.5', '[1]'])[1 + r %% 5],
        'products', jsonb_build_array(jsonb_build_object('category', 'c' || r %% 3), 'text', null))
from generate_series(1, 20000) r, generate_series(1, 4) n
where r %% 12000 > 500 and (r + n) %% 3 > 0
"""
MORE: dict[str, object] = {
    **{key: RULES[key] for key in ("trait", "never", "spent", "first", "usual", "member")},
    "basket": {"event": "View", "where": [{"property": "products[].category", "op": "eq", "value": "c1"}]},
    "odd": {"event": "View", "sum": {"property": "odd", "op": "gt", "value": 1}},
    "again": {"sequence": [{"event": "View"}, {"event": "Order Completed"}, {"event": "View"}], "within": {"days": 60}},
    "silent": {"sequence": [{"event": "Order Completed"}], "then_not": {"event": "View"}, "for": {"days": 20}},
}


@pytest.fixture
def city(settings: LazySettings, tmp_path: Path) -> None:
    """Events of 20,000 records: most in files of the lake, the last beyond them."""
    settings.LAKE_DIR = tmp_path / "the lake"
    execute(PEOPLE, {"source": str(source().pk), "now": NOW})
    assert Record.objects.count() == 20_000
    lake.append(20_000)
    lake.append(15_000)


@pytest.mark.django_db(transaction=True)
def test_twenty_thousand_records_have_the_same_members_on_all_three(session: Any, city: None) -> None:
    about = segment("trait", RULES["trait"])
    actions.recompute(about.pk, NOW)
    with lake_queries.snapshot(relations.TABLES) as duck, lake_queries.spark_snapshot(relations.TABLES) as spread:
        for key, rule in MORE.items():
            made = about if key == "trait" else segment(key, rule)
            asked = {dialect: compiled(made, Names.read(), NOW, dialect=dialect) for dialect in (DUCKDB, SPARK)}
            in_duckdb = {profile for (profile,) in duck.execute(asked[DUCKDB].sql, asked[DUCKDB].params).fetchall()}
            in_spark = spread.execute(asked[SPARK].sql, arguments(asked[SPARK].params)).column(0).to_pylist()
            assert {UUID(bytes=profile) for profile in in_spark} == in_duckdb != set(), key
            assert sorted(map(str, in_duckdb)) == members(engines.POSTGRESQL, made), key
            assert len(in_spark) == len(in_duckdb), key


def members(engine: str, made: Segment) -> list[str]:
    return sorted(b"".join(engines.members(engine, made, NOW)).decode().split())


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_run_on_spark_says_so(session: Any, settings: LazySettings) -> None:
    settings.SEGMENT_ENGINE = engines.SPARK
    fits, _ = person(orders_count=3), person(orders_count=2)
    made = segment()
    run = actions.recompute(made.pk, NOW)
    assert (run.state, run.engine, run.entered) == ("done", "spark", 1), run.error
    assert set(members_of(made)) == {fits}


@pytest.mark.django_db
def test_spark_is_chosen_from_as_many_events_as_are_set(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segments.sql.ABOUT_HOW_MANY", "select 50")
    settings.LAKE_FROM_EVENTS = 20
    for least, chosen in ((0, engines.LAKE), (51, engines.LAKE), (50, engines.SPARK)):
        settings.SPARK_FROM_EVENTS = least
        assert engines.chosen() == chosen, least


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("lacking", "wanted"), [("pyspark", "uv sync --extra spark"), ("java", "Java 17")])
def test_a_run_without_what_spark_needs_says_how_to_get_it(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, lacking: str, wanted: str
) -> None:
    settings.SEGMENT_ENGINE = engines.SPARK
    monkeypatch.setattr(spark, "missing", lambda: lacking)
    run = actions.recompute(segment().pk, NOW)
    assert run.state == "failed" and wanted in run.error


@pytest.mark.django_db(transaction=True)
def test_a_file_that_an_erasure_took_away_meanwhile_is_no_error(
    session: Any, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LAKE_DIR = tmp_path / "lake"
    happened(person(), "Order Completed")
    lake.keep_up()
    made = segment("often", {"event": "Order Completed"})
    wanted, execute_first = members(engines.POSTGRESQL, made), SparkSnapshot.execute

    def late(self: SparkSnapshot, *asked: Any) -> Any:
        """The files go before the first query reads them, and come back."""
        monkeypatch.setattr(SparkSnapshot, "execute", execute_first)
        [file] = settings.LAKE_DIR.glob("*.parquet")
        kept = file.rename(tmp_path / "away")
        try:
            return self.execute(*asked)
        finally:
            kept.rename(file)

    monkeypatch.setattr(SparkSnapshot, "execute", late)
    assert members(engines.SPARK, made) == wanted != []


@pytest.mark.django_db(transaction=True)
def test_nor_is_one_that_went_before_it_was_found(
    session: Any, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LAKE_DIR = tmp_path / "lake"
    happened(person(), "Order Completed")
    lake.keep_up()
    made, path = segment("often", {"event": "Order Completed"}), places.path

    def gone(file: UUID) -> Path:
        monkeypatch.setattr(places, "path", path)
        return path(uuid4())

    monkeypatch.setattr(places, "path", gone)
    assert members(engines.SPARK, made) == members(engines.POSTGRESQL, made) != []


@pytest.mark.parametrize("after", [0.0, 2.0])
def test_a_query_that_takes_too_long_is_stopped(session: Any, settings: LazySettings, after: float) -> None:
    """Before its first job and within it."""
    snapshot = SparkSnapshot(session)
    settings.SEGMENT_STATEMENT_SECONDS = after
    with pytest.raises(Refused) as told, engines.cancelled_late(snapshot):
        snapshot.execute("select count(*) from range(100000000000) where hash(id) = 7", {})
    assert told.value.code == "too_slow"
    assert snapshot.session.sql("select 1").collect()[0][0] == 1


def test_a_session_inside_another_leaves_it_running(session: Any) -> None:
    with spark.session("inner") as inner:
        assert inner.sparkContext is session.sparkContext
    assert session.range(2).count() == 2
