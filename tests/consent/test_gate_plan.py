"""The gate stays quick: one statement, and every large table is read by an index."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp.core.statements import column
from consent import queries, sql
from consent.models import Purpose
from identity.models import Profile
from tests.consent.people import NOW, source

pytestmark = pytest.mark.django_db
PEOPLE = 4000
LARGE = {"identity_record", "core_datakey", "consent_consentrecord", "profiles_contactpoint", "identity_profile"}

FILL = """
create temporary table who as
    select gen_random_uuid() as profile, gen_random_uuid() as record, gen_random_uuid() as subject, n
    from generate_series(1, %(people)s) n;
insert into identity_profile (id) select profile from who;
insert into identity_record (id, source_id, kind, leaf, profile_id, traits, version, first_seen, last_seen)
    select record, %(source)s, 'customer', false, profile, '{}', 0, now(), now() from who;
insert into keys.core_keyencryptionkey (id, root, wrapped, writes) values (gen_random_uuid(), '1', '', false);
insert into keys.core_datakey (id, record, kek_id, wrapped)
    select subject, record, (select id from keys.core_keyencryptionkey limit 1), '' from who;
insert into profiles_contactpoint (record_id, kind, digest, usable, reason, valid_from)
    select record, 'email', sha256(record::text::bytea), true, '', now() from who;
insert into consent_consentrecord (id, key, subject, contact, purpose_id, channel_id, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, recorded_by)
    select gen_random_uuid(), gen_random_uuid(), subject,
        case when step = 3 and n %% 50 = 0 then sha256(record::text::bytea) end,
        'marketing',
        case when step = 1 then null else 'email' end, '', '', '', 'consent', '', '',
        case when (n + step) %% 3 = 0 then 'withdrawn' else 'granted' end,
        now() - interval '1 day' * step, 'form', 'test'
    from who, generate_series(1, 4) step;
analyze who;
"""


@pytest.fixture
def profiles() -> Iterator[list[UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"people": PEOPLE, "source": source().id})
        cursor.execute("select profile from who")
        yield [row[0] for row in cursor.fetchall()]
        cursor.execute("drop table who")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def plan_of(statement: str, asked: list[UUID]) -> list[dict[str, Any]]:
    parameters = queries._asked("marketing", "email", NOW, "", sending=False) | {"profiles": asked}
    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, format json) " + statement, parameters)
        return list(nodes(cursor.fetchone()[0][0]["Plan"]))


def heavy(plan: list[dict[str, Any]]) -> dict[tuple[str, str | None], float]:
    """The steps that touch more than 100 rows a profile, joined pairs that were thrown away included."""
    work = {(n["Node Type"], n.get("Index Name")): _rows(n) * n["Actual Loops"] for n in plan}
    return {step: rows for step, rows in work.items() if rows > 100 * PEOPLE}


def _rows(node: dict[str, Any]) -> float:
    return float(
        node["Actual Rows"] + node.get("Rows Removed by Join Filter", 0) + node.get("Rows Removed by Filter", 0)
    )


def test_a_few_profiles_are_found_by_indexes_alone(profiles: list[UUID]) -> None:
    plan = plan_of(sql.ALLOWED, profiles[:50])
    assert not {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"} & LARGE


def test_no_step_of_the_gate_is_quadratic(profiles: list[UUID]) -> None:
    assert heavy(plan_of(sql.ALLOWED, profiles)) == {}


AMONG = "select profile from unnest(%(profiles)s::uuid[]) p (profile)"


def test_no_step_of_the_gate_of_exports_is_quadratic(profiles: list[UUID]) -> None:
    statement, _parameters = queries.allowed_among(AMONG, "marketing", "email", NOW)
    assert heavy(plan_of(statement, profiles)) == {}


@pytest.mark.parametrize("basis", ["consent", "contract"])
def test_the_gate_of_exports_allows_the_same(profiles: list[UUID], basis: str) -> None:
    Purpose.objects.filter(pk="marketing").update(basis=basis)
    Profile.objects.filter(pk__in=profiles[:500]).update(state="erased")
    statement, parameters = queries.allowed_among(AMONG, "marketing", "email", NOW)
    told = set(column(statement, parameters | {"profiles": profiles}))
    assert 0 < len(told) < len(profiles) - 500
    assert told == queries.allowed(profiles, "marketing", "email", NOW)


def test_no_step_of_refreshing_is_quadratic_even_with_stale_statistics(profiles: list[UUID]) -> None:
    assert heavy(plan_of(sql.REFRESH_EFFECTIVE, profiles)) == {}
    assert heavy(plan_of(sql.REFRESH_EFFECTIVE, profiles)) == {}


def test_the_gate_is_one_statement_and_two_small_look_ups(profiles: list[UUID]) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert 0 < len(queries.allowed(profiles, "marketing", "email", NOW)) < PEOPLE
    assert len(captured) == 3
    assert sum("consent_consentrecord" in query["sql"] for query in captured.captured_queries) == 1


def test_it_asks_for_at_most_a_chunk(profiles: list[UUID]) -> None:
    with pytest.raises(ValueError, match="at most 10000"):
        queries.allowed([UUID(int=number) for number in range(10_001)], "marketing", "email", NOW)
