"""Whatever a rule says, it reaches SQL as a parameter or not at all."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from segments.query.catalog import SEALED, Catalog, TraitSpec
from segments.query.compiler import compile_rule
from segments.query.guard import UnsafeQuery, guard
from segments.query.parse import parse
from segments.query.problems import RuleError
from tests.segments.query.cases import AS_OF, CATALOG, WORLD, ZONE
from tests.segments.query.engines import duckdb_members, fill_duckdb, fill_postgres, members, new_duckdb
from tests.segments.query.world import Event as Happening
from tests.segments.query.world import World, uuid_of

ATTACKS = [
    "'",
    "''",
    "\\'",
    '"',
    "';--",
    'x"; DROP TABLE identity_profile; --',
    "'); DELETE FROM events_event; --",
    "$$",
    "$1",
    "$p0",
    "%(p0)s",
    "%(profiles)s",
    "%s",
    "%",
    "%%",
    "_",
    ":p0",
    "?",
    "{}",
    "{0}",
    "{{",
    "/*",
    "*/",
    "--",
    "\n;",
    "' OR 1=1 --",
    "${jndi:x}",
    "password__startswith",
    "_connector",
    "__class__",
    "properties",
    "NULL",
    "null",
    "CURRENT_USER",
    "\u02bc",
    "\uff07",
    "\u202e",
    "a.b",
    "$",
    "$.a",
    "$[0]",
    "/a",
    "~",
    "~1",
    "*",
    "a b",
    "가",
    "\U0001f600",
    "E'\\x27'",
]
FORBIDDEN_TRAITS = [
    "password__startswith",
    "_connector",
    "__class__",
    'x"; DROP',
    "traits",
    "country'--",
    "country__gt",
    "",
]


@pytest.mark.parametrize("name", FORBIDDEN_TRAITS)
def test_a_trait_outside_the_allow_list_is_refused(name: str) -> None:
    with pytest.raises(RuleError):
        compile_rule(parse({"trait": name, "op": "exists"}), CATALOG, as_of=AS_OF, zone=ZONE)


def hostile(word: str) -> dict[str, Any]:
    """One rule with a word everywhere a word may stand."""
    tests = [{"op": op, "value": word} for op in ("eq", "gt", "contains", "starts_with")]
    tests += [{"op": "in", "value": [word, word + word]}, {"op": "between", "value": [word, word]}]
    name = "p" if "." in word else word
    wheres = [{"event": word, "where": [{"property": name, **test}]} for test in tests]
    return {
        "any": [
            *wheres,
            *({"trait": "country", **test} for test in tests if test["op"] != "gt"),
            {"trait": word, "op": "exists"},
            {"segment": word},
            {"consent": {"purpose": word, "channel": word, "brand": word}},
            {"sequence": wheres, "without": {"event": word}},
            {"sequence": [wheres[0]], "then_not": {"event": word}, "for": {"seconds": 1}},
            *({"event": word, kind: {"property": name, "op": "gt", "value": 1}} for kind in ("sum", "distinct")),
            {"event": word, "most_frequent": {"property": name, "op": "eq", "value": word}},
            {"event": word, "first": {"where": [{"property": f"{name}[].{name}", "op": "eq", "value": word}]}},
        ]
    }


def open_to(word: str) -> Catalog:
    """A catalog that even lists the word, so that it gets as far as it can."""
    traits = {"country": TraitSpec("string"), word: TraitSpec("string")}
    return Catalog(traits, segments={word: uuid_of("vip")}, purposes={word}, channels={word}, currency="KRW")


def may_be_named(word: str) -> bool:
    """Whether a property may be called so: it can be stored, is no path, no list and no known personal field."""
    plain = "".join(character for character in word.casefold() if character.isalnum())
    return "\0" not in word and "." not in word and not word.endswith("[]") and plain not in SEALED


storable = st.text(min_size=1, max_size=20).filter(may_be_named)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(storable)
def test_the_text_does_not_depend_on_the_word(word: str) -> None:
    shape, other = (
        compile_rule(parse(hostile(text)), open_to(text), as_of=AS_OF, zone=ZONE) for text in (word, "plain")
    )
    assert shape.sql == other.sql
    assert shape.params.keys() == other.params.keys()


@pytest.mark.parametrize("word", ATTACKS)
def test_an_attack_is_data(pg: psycopg.Connection[Any], word: str) -> None:
    fill_postgres(pg, WORLD)
    before = pg.execute("select count(*) from events_event").fetchone()
    assert members(pg, hostile(word), open_to(word), AS_OF, ZONE) == sorted([uuid_of("bob"), uuid_of("dee")])
    assert pg.execute("select count(*) from events_event").fetchone() == before


@pytest.mark.parametrize("word", [word for word in ATTACKS if "." not in word])
def test_a_hostile_name_still_finds_its_own(pg: psycopg.Connection[Any], word: str) -> None:
    """The word as event name, key and value is matched literally, on both engines."""
    event = Happening("r", word, datetime(2026, 1, 1, tzinfo=UTC), "m", {word: f"<{word}>"})
    decoy = Happening("s", word, datetime(2026, 1, 1, tzinfo=UTC), "m", {word: "<decoy>"})
    world = World({"ann": "live", "bob": "live"}, records={"r": "ann", "s": "bob"}, events=[event, decoy])
    rule = {"event": word, "where": [{"property": word, "op": "contains", "value": f"<{word}"}]}
    duck = new_duckdb()
    fill_duckdb(duck, world)
    fill_postgres(pg, world)
    alone = {"sequence": [rule], "then_not": {"event": "other"}}
    twice = {"sequence": [rule, rule], "without": rule}
    for asked, found in ((rule, [uuid_of("ann")]), (alone, [uuid_of("ann")]), (twice, [])):
        assert members(pg, asked, open_to(word), AS_OF, ZONE) == found
        assert duckdb_members(duck, asked, open_to(word), AS_OF, ZONE) == found


@pytest.mark.parametrize(
    "tree",
    [
        exp.select(exp.column("password")),
        exp.select(exp.Literal.string("kim")),
        exp.select(exp.func("pg_sleep", "1")),
        exp.select(exp.Placeholder(this="p9")),
        exp.select(exp.Anonymous(this="pg_read_file")),
        exp.select(exp.column("id").as_("x")),
        exp.select(exp.Var(this="id")),
        exp.Command(this="DROP"),
    ],
)
def test_the_guard_knows_only_our_words(tree: exp.Expression) -> None:
    with pytest.raises(UnsafeQuery):
        guard(tree, {"p0"})
