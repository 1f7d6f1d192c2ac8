"""What waits for the stages: taken by an index that holds a stage's rows together, however much waits for others."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from cdp.core import sql, touched

pytestmark = pytest.mark.django_db
# Its pages half empty, as they are after a while: then the primary key looks cheaper to the planner.
FILL = """
insert into core_touched (stage, subject)
select case n % 8 when 0 then 'profiles' else 'stage' || n % 8 end, gen_random_uuid() from generate_series(1, 80000) n;
delete from core_touched where stage <> 'profiles';
analyze core_touched;
"""


def test_each_stage_takes_its_own_oldest_first() -> None:
    mine, other = [uuid4() for _ in range(3)], uuid4()
    touched.touch("links", [mine[0], mine[1]])
    touched.touch("profiles", [other])
    touched.touch("links", [mine[2], mine[0]])
    assert touched.take("links", 2) == sorted(mine[:2])
    assert touched.take("links", 9) == [mine[2]] and touched.take("links", 9) == []
    assert touched.take("profiles", 9) == [other]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize(
    ("statement", "values"),
    [(sql.TAKE_TOUCHED, "'links', 100"), (sql.WAITING_BY_STAGE, "array['links'], 100")],
    ids=["take", "count"],
)
def test_a_stage_for_which_nothing_waits_reads_nothing_of_the_others(statement: str, values: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(FILL)
    with transaction.atomic(), connection.cursor() as cursor:
        for name, place in {"stage": "$1", "stages": "$1", "limit": "$2", "most": "$2"}.items():
            statement = statement.replace(f"%({name})s", place)
        cursor.execute("set local plan_cache_mode = force_generic_plan")
        cursor.execute(f"prepare asked as {statement}")
        cursor.execute(f"explain (analyze, buffers, format json) execute asked({values})")
        [found] = cursor.fetchone()
        cursor.execute("deallocate asked")
    [plan] = found if isinstance(found, list) else json.loads(found)
    assert not [node for node in nodes(plan["Plan"]) if node.get("Rows Removed by Filter")]
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 30


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
