"""Translated SQL means in Python what it means in DuckDB, and what cannot be translated is refused."""

import random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.linkage.translate import FUNCTIONS, Column, Translator, Untranslatable, jaro_winkler

# Latin, Hangul syllables and jamo, conjoining jamo, a combining mark, emoji with a joiner, a flag, a control character.
LETTERS = "ab~é" + "김민가각" + "ㅁㅣㄴ" + "\u1112\u1161\u11ab" + "\u0301" + "👨\u200d👩" + "🇰🇷" + "\n"
TEXTS = st.none() | st.text(LETTERS, max_size=7)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=12, max_size=12)
SMALL = st.integers(0, 4)
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def build(function, *parts):
    return st.builds(lambda *values: function.format(*values), *parts)


CHOSEN = st.sampled_from(["least", "greatest", "coalesce"])
CHOICE = "case when {} then {} else {} end"


def grow(children):
    """Expressions as (condition, text, number), each level made of the one below."""
    conditions, texts, numbers = children
    return grown_conditions(conditions, texts, numbers), grown_texts(conditions, texts), grown_numbers(*children)


def grown_texts(conditions, texts):
    return st.one_of(
        build("substr({}, {})", texts, st.integers(-4, 4)),
        build("substr({}, {}, {})", texts, st.integers(-4, 4), SMALL),
        build("{}({}, {})", st.sampled_from(["left", "right"]), texts, SMALL),
        build("({} || {})", texts, texts),
        build("{}({}, {})", CHOSEN, texts, texts),
        build("nullif({}, {})", texts, texts),
        build(CHOICE, conditions, texts, texts),
        build("case when {} then {} when {} then null else {} end", conditions, texts, conditions, texts),
        build("case when {} then {} end", conditions, texts),
    )


def grown_numbers(conditions, texts, numbers):
    return st.one_of(
        build("length({})", texts),
        build("abs({} - {})", numbers, numbers),
        build("({} + (-{}))", numbers, numbers),
        build("{}({}, {})", CHOSEN, numbers, numbers),
        build("{}({}, {})", st.sampled_from(["damerau_levenshtein", "levenshtein"]), texts, texts),
        build(CHOICE, conditions, numbers, numbers),
    )


def grown_conditions(conditions, texts, numbers):
    similar = st.sampled_from(["jaro_winkler_similarity", "jaro_similarity"])
    share = st.sampled_from(["0.5", "0.8", "0.85", "0.9", "1"])
    return st.one_of(
        build("{} {} {}", texts, OPERATORS, texts),
        build("{} {} {}", numbers, OPERATORS, numbers),
        build("{}({}, {}) {} {}", similar, texts, texts, OPERATORS, share),
        build("{} is {} null", texts, st.sampled_from(["", "not"])),
        build("not ({})", conditions),
        build("(({}) {} ({}))", conditions, st.sampled_from(["and", "or"]), conditions),
        build("coalesce({}, {})", conditions, conditions),
        build("{} in ({}, {})", texts, texts, texts),
        build("{} not in ({}, {})", texts, texts, texts),
        build("{} between {} and {}", numbers, numbers, numbers),
        build("starts_with({}, {})", texts, texts),
    )


def expressions():
    known = st.sampled_from(["true", "false", "a = b", "b = c", "a is null", "length(c) > 3"])
    level = known, st.sampled_from(["a", "b", "c", "'김'", "'a'", "''"]), SMALL.map(str) | st.just("length(a)")
    for _ in range(3):
        level = tuple(st.one_of(below, above) for below, above in zip(level, grow(level), strict=True))
    return level


CONDITIONS, VALUES, NUMBERS = expressions()


def in_python(sql, *, condition):
    translator = Translator({column: Column(column, f"{column}.encode()") for column in "abc"})
    code = translator.condition(sql) if condition else translator.value(sql).or_none
    scope = dict(FUNCTIONS)
    exec(f"def f(a, b, c):\n    {translator.unknown}\n    return {code}", scope)  # noqa: S102
    return scope["f"]


def in_duckdb(selected, rows):
    with duckdb.connect() as connection:
        columns = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate("abc")}
        connection.register("rows", pa.table(columns))
        return connection.execute(f"select {', '.join(selected)} from rows").fetchall()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS, st.lists(CONDITIONS, min_size=1, max_size=8))
def test_conditions_hold_where_they_hold_in_duckdb(rows, conditions):
    wanted = in_duckdb([f"coalesce({condition}, false)" for condition in conditions], rows)
    functions = [in_python(condition, condition=True) for condition in conditions]
    assert [tuple(bool(function(*row)) for function in functions) for row in rows] == wanted


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS, st.lists(VALUES | NUMBERS, min_size=1, max_size=8))
def test_values_are_those_of_duckdb(rows, values):
    functions = [in_python(value, condition=False) for value in values]
    assert [tuple(function(*row) for function in functions) for row in rows] == in_duckdb(values, rows)


def test_three_values_of_logic():
    rows = [(a, b, None) for a in (None, "x", "y") for b in (None, "x")]
    conditions = [
        "a = b", "a <> b", "not (a = b)", "a = b or b is null", "not (a = b and b is null)", "coalesce(a = b, true)",
        "coalesce(a = b, false)", "not coalesce(a = b, b = c, a is null)", "a in (b, 'y')", "a not in (b, 'z')",
    ]  # fmt: skip
    wanted = in_duckdb([f"coalesce({condition}, false)" for condition in conditions], rows)
    assert [tuple(in_python(sql, condition=True)(*row) for sql in conditions) for row in rows] == wanted


def test_similarities_to_the_last_bit():
    """Levels cut at values that short names often reach exactly, where the last bit decides."""
    chance = random.Random(4)
    alphabets = ["ab", "abcde", "김민준쥰각", "ㅁㅣㄴㅈㅜ", "👨👩\u200d", "e\u0301o"]
    rows = []
    for _ in range(20_000):
        letters = chance.choice(alphabets) + chance.choice(alphabets)
        text = "".join(chance.choices(letters, k=chance.randrange(13)))
        rows.append((text, "".join(char for char in text if chance.random() < 0.8) + chance.choice(letters), None))
    wanted = in_duckdb(["jaro_winkler_similarity(a, b)", "damerau_levenshtein(a, b)"], rows)
    distance = FUNCTIONS["damerau_levenshtein"]
    encoded = [(a.encode(), b.encode()) for a, b, _ in rows]
    assert [(jaro_winkler(*pair), distance(*pair)) for pair in encoded] == wanted
    assert sum(similarity in (0.85, 0.9) for similarity, _ in wanted) > 20


@pytest.mark.parametrize(
    ("sql", "construct"),
    [
        ("regexp_matches(a, 'x')", "regexplike"),
        ("a like 'x%'", "like"),
        ("a = (select 'x')", "subquery"),
        ("a in (select 'x')", "in"),
        ("exists(select 1)", "exists"),
        ("row_number() over () = 1", "window"),
        ("levenshtein_of(a, b) < 2", "levenshtein_of"),
        ("lower(a) = b", "lower"),
        ("a = 1", "eq"),
        ("length(a) / 2 > 1", "div"),
        ("length(a) * 1.5 > 1", "mul"),
        ("abs(0.1 + 0.2) = 0.3", "add"),
        ("substr(a, length(b)) = 'x'", "substring"),
        ("substr(a, 2, -1) = 'x'", "substring"),
        ("substr(a, null) = 'x'", "substring"),
        ("left(a, -1) = 'x'", "left"),
        ("cast(a as int) = 1", "cast"),
        ("a collate nocase = b", "collate"),
        ("t.a = b", "t.a"),
        ("a = tf_a", "tf_a"),
        ("a", "column"),
        ("length(a)", "length"),
        ("a is true", "is"),
        ("case a when 'x' then b end = b", "case"),
        ("a = b, b = c", "a = b, b = c"),
        ("a = ", "a = "),
        ("a = b; drop table x", "drop"),
    ],
)
def test_what_cannot_be_translated_is_refused_by_name(sql, construct):
    with pytest.raises(Untranslatable, match=r"(?i)" + construct.replace(".", r"\.")):
        in_python(sql, condition=True)


def test_nothing_but_text_reaches_a_distance():
    with pytest.raises(Untranslatable, match="DAMERAU_LEVENSHTEIN"):
        in_python("damerau_levenshtein(a, length(b)) < 2", condition=True)
    with pytest.raises(Untranslatable, match="DAMERAU_LEVENSHTEIN"):
        in_python("damerau_levenshtein(a) < 2", condition=True)


def test_literals_are_quoted_for_python():
    hostile = "''" + '"""\\); raise SystemExit(1)  #'
    condition = f"a = '{hostile.replace(chr(39), chr(39) * 2)}'"
    assert in_python(condition, condition=True)(hostile, None, None)
