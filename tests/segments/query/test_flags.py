"""In one pass over many rules, each holds for exactly those whom it describes when it is asked alone."""

from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.query.compiler import Asked, compile_flags
from segments.query.parse import parse
from tests.segments.query.engines import fill_postgres, members
from tests.segments.query.generator import AS_OF, CATALOG, ZONE, rules, worlds
from tests.segments.query.world import World


def test_rules_asked_together_answer_as_each_alone(pg: psycopg.Connection[Any]) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(), st.lists(rules, min_size=1, max_size=4))
    def check(world: World, asked: list[Any]) -> None:
        fill_postgres(pg, world)
        flags = compile_flags([Asked(parse(rule), CATALOG, ZONE) for rule in asked], as_of=AS_OF)
        counts = ", ".join(f"count(*) filter (where m{place})" for place in range(len(asked)))
        told = pg.execute(f"select {counts} from ({flags.sql}) f", flags.params).fetchone()
        assert told == tuple(len(members(pg, rule, CATALOG, AS_OF, ZONE)) for rule in asked)

    check()
