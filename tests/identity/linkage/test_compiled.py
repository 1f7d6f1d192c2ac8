"""The compiled model gives a pair the weight and the levels that the batch gives it."""

import math
import subprocess
import sys
from dataclasses import replace
from functools import cache
from random import Random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.linkage import blocking
from identity.linkage.comparisons import COMPARISONS, Comparison, Level
from identity.linkage.compiled import MISSING_NAME, compile_keys, compile_model, keys
from identity.linkage.model import DEFAULT, Weight, digest
from identity.linkage.normalise import COLUMNS, clean
from identity.linkage.score import GAMMAS, SCHEMA, connect, linker_for, prepare, score
from identity.linkage.train import train
from identity.linkage.translate import Untranslatable
from tests.identity.linkage import data

PLAIN = st.text("ab김민준각ㅁㅣ\u1112\u1161\u11abe\u0301é👨\u200d👩🇰🇷 -1@", max_size=12)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@cache
def people():
    """Cleaned records of generated people, and the model they teach."""
    records, _ = data.customers(700, seed=3)
    table = prepare(records)
    return table, train(table)


def table_of(rows):
    return pa.Table.from_pylist([{"unique_id": name, **row} for name, row in rows.items()], schema=SCHEMA)


def batch(table, model, pairs):
    """Weights, rounded, and levels of pairs of unique ids (smaller first), as Splink computes them on DuckDB."""
    with connect(table) as connection:
        connection.register("asked", pa.table(dict(zip("lr", map(list, zip(*pairs, strict=True)), strict=True))))
        connection.execute("""
            create temp table pairs as select '0' as match_key, l.rid as join_key_l, r.rid as join_key_r
            from asked join records l on l.unique_id = asked.l join records r on r.unique_id = asked.r""")
        linker = linker_for(connection, model)
        linker.table_management.register_blocked_pairs_for_predict(
            linker._db_api.register("pairs", table_name="blocked")
        )
        scored = linker.inference.predict(threshold_match_weight=-1e6, warning_mode="never").physical_name
        rows = connection.execute(f"""
            select l.unique_id, r.unique_id, round(match_weight, 9), {", ".join(GAMMAS)} from {scored} s
            join records l on l.rid = s.rid_l join records r on r.rid = s.rid_r""").fetchall()
    return {(left, right): (weight, tuple(gammas)) for left, right, weight, *gammas in rows}


def blocked(table):
    with connect(table) as connection:
        blocking.block(connection, {}, "")
        return connection.execute("""
            select l.unique_id, r.unique_id from pairs
            join records l on l.rid = join_key_l join records r on r.rid = join_key_r""").fetchall()


def differences(table, model, wanted):
    """Pairs that the scorer and the batch, whose weights are `wanted`, tell apart."""
    scorer = compile_model(model)
    prepared = {row["unique_id"]: scorer.prepare(row["unique_id"], row) for row in table.to_pylist()}
    return [pair for pair in wanted if not same(scorer.score(*(prepared[name] for name in pair)), wanted[pair])]


def same(scored, wanted):
    return scored.gammas == wanted[1] and abs(scored.weight - wanted[0]) <= 1e-9


def test_generated_people_weigh_what_the_batch_says():
    table, model = people()
    ids, chance = table["unique_id"].to_pylist(), Random(1)
    pairs = {*blocked(table), *(tuple(sorted(chance.sample(ids, 2))) for _ in range(5000))}
    wanted = batch(table, model, sorted(pairs))
    assert len(wanted) == len(pairs) >= 10_000
    assert differences(table, model, wanted) == []


def test_the_edges_are_those_of_the_batch():
    table, model = people()
    scorer = compile_model(model)
    prepared = {row["unique_id"]: scorer.prepare(row["unique_id"], row) for row in table.to_pylist()}
    for threshold in (model.review, -8.0):
        edges = score(table, replace(model, stop_keys={}), threshold).edges
        wanted = set(zip(edges["left"].to_pylist(), edges["right"].to_pylist(), strict=True))
        found = [(pair, scorer.score(*(prepared[name] for name in pair))) for pair in blocked(table)]
        assert {pair for pair, scored in found if scored.personal and scored.weight >= threshold} == wanted


# One person's and strangers' values as they come, so that every pair of them is alike in some other way.
NAMES = (
    "Robert Smith", "Bob Smith", "Robert Smyth", "Smith Robert", "R Smith", "Robert", "Smith", "Smithe Roberta",
    "Roberto Jones", "Robertson Smith", "Rupert Smythe", "김민준", "김민쥰", "김민서", "Minjun Kim", "Min-Jun Gim",
    "김준민", "민준", "이민준", "Smiht Rboert", "Smits", "Жанна Новак", "Жана Новак", "A. Smith", "Ada Smitt",
)  # fmt: skip
BIRTHS = ("1985-03-12", "1985-12-03", "1985-03-21", "1985-07-30", "1958-03-12", "1949-11-05", "1985-04-13", None)
MAILS = ("robert@x.kr", "robort@x.kr", "robert@mail.com", "bob@x.kr", "minjun@x.kr", None)
PHONES = ("010-1234-5678", "010-1234-5679", "010-9876-5432", None)
PLACES = (
    {"address": "12 Long Street", "postcode": "2000", "city": "Sydney"},
    {"address": "12 Long Street", "postcode": "3055", "city": "Melbourne"},
    {"address": "12 Lang Street", "city": "Sydney"},
    {"address": "Long Street", "postcode": "2001"},
    {"address": "Long Street", "city": "Sydny"},
    {"address": "77 High Road", "postcode": "2000"},
    {"address": "Lonq Street", "postcode": "2010", "city": "Perth"},
    {"postcode": "06236"}, {"postcode": "06289"}, {"city": "Sydney"}, {},
)  # fmt: skip


def lookalikes():
    """Records whose every attribute is some slip, part or likeness of the others'."""
    chance = Random(2)
    for number in range(160):
        yield (
            f"{number:03}",
            {
                "full_name": chance.choice(NAMES),
                "birth_date": chance.choice(BIRTHS),
                "email": chance.choice(MAILS),
                "phone": chance.choice(PHONES),
                "gender": chance.choice(("f", "m", None)),
                **chance.choice(PLACES),
            },
        )


def test_lookalikes_weigh_what_the_batch_says_at_every_level():
    """Equality over pairs says something of a level only where pairs fall into it."""
    table = prepare(lookalikes())
    ids, model = table["unique_id"].to_pylist(), train(table)
    wanted = batch(table, model, [(left, right) for left in ids for right in ids if left < right])
    assert differences(table, model, wanted) == []
    for at, comparison in enumerate(COMPARISONS):
        reached = {comparison.levels[-1 - gammas[at]] for _, gammas in wanted.values() if gammas[at] >= 0}
        unseen = set(comparison.levels) - reached
        assert len(unseen) <= len(comparison.levels) // 6, (comparison.name, unseen)


def varied(template):
    """Rows of few different values, so that many are equal, or nearly, or swapped, or missing."""
    value = st.one_of(st.none(), st.sampled_from(template), PLAIN, ANY)
    return st.fixed_dictionaries(dict.fromkeys(COLUMNS, value))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_rows_weigh_what_the_batch_says(drawn):
    pool = drawn.draw(st.lists(PLAIN, min_size=1, max_size=5))
    scripts = st.sampled_from(["h", "l", "o", None])
    rows = drawn.draw(st.lists(varied(pool), min_size=20, max_size=20))
    names = drawn.draw(st.lists(st.text("ab🇰김-", min_size=1, max_size=4), min_size=20, max_size=20, unique=True))
    table = table_of({name: {**row, "script": drawn.draw(scripts)} for name, row in zip(names, rows, strict=True)})
    shares = {column: {digest(DEFAULT, text): 0.01 for text in pool[:3]} for column in ("name", "given", "phone")}
    pairs = [(left, right) for left in names for right in names if left < right]
    model = replace(DEFAULT, frequencies=shares, population=1_000_000)  # unknown values are below the lowest frequency
    wanted = batch(table, model, pairs)
    assert len(wanted) == len(pairs)
    assert differences(table, model, wanted) == []


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(varied(["김", "a", "kim~", ""]), min_size=30, max_size=30))
def test_any_rows_have_the_keys_that_the_batch_makes(rows):
    table = table_of({f"{number:02}": row for number, row in enumerate(rows)})
    assert keys_here(table) == keys_of_batch(table)


def test_generated_people_have_the_keys_that_the_batch_makes():
    table, _ = people()
    found = keys_here(table)
    assert found == keys_of_batch(table)
    assert {rule for rule, _, _ in found} >= set(range(len(blocking.RULES) - 1))


def keys_here(table):
    listed = [(rule, key, row["unique_id"]) for row in table.to_pylist() for rule, key in keys(row)]
    assert len(listed) == len(set(listed))
    return set(listed)


def keys_of_batch(table):
    with connect(table) as connection:
        blocking._keys_table(connection)
        return set(connection.execute("select rule, key, unique_id from keys join records using (rid)").fetchall())


def one_sided():
    """A comparison that looks at one side only, with a level for each side."""
    levels = (Level("left", "length(email_local_l) > 3", 1), Level("else", "else", 0))
    return Comparison("gender", "email_l is null", levels)


def test_the_smaller_id_stands_on_the_left():
    scorer = compile_model(DEFAULT, [one_sided()])
    long, short = clean({"email": "minjun@x.kr"}), clean({"email": "kim@x.kr"})
    first, second = scorer.prepare("a", long), scorer.prepare("b", short)
    assert scorer.score(first, second) == scorer.score(second, first)
    assert scorer.score(first, second).gammas == (1,)
    assert scorer.score(scorer.prepare("c", long), second).gammas == (0,)


def test_the_batch_puts_the_smaller_id_on_the_left():
    """In order of code points, whatever the locale: Z before a before é before 김 before an emoji."""
    rows = {name: clean({"full_name": "김민준"}) for name in ("👨", "김", "a", "Z", "é", "10", "9")}
    with connect(table_of(rows)) as connection:
        ordered = connection.execute("select unique_id from records order by rid").fetchall()
    assert [name for (name,) in ordered] == sorted(rows)


MIN = {"full_name": "김민준", "email": "minjun@x.kr", "phone": "010-1234-5678", "birth_date": "1985-03-12"}


def frequent():
    """A model that knows one frequent name and one frequent e-mail."""
    salted = replace(DEFAULT, salt="00ff", population=10_000)
    known = {"name": {digest(salted, "김 민준"): 0.02}, "email": {digest(salted, "shop@x.kr"): 0.3}}
    return replace(salted, frequencies=known)


def test_an_explanation_sums_up_to_the_weight():
    table, model = people()
    scorer = compile_model(model)
    prepared = {row["unique_id"]: scorer.prepare(row["unique_id"], row) for row in table.to_pylist()}
    for left, right in blocked(table)[:500]:
        evidence = scorer.explain(prepared[right], prepared[left])
        scored = scorer.score(prepared[left], prepared[right])
        assert [part.comparison for part in evidence] == [comparison.name for comparison in COMPARISONS]
        assert scorer.prior + sum(part.bits for part in evidence) == pytest.approx(scored.weight, abs=1e-8)
        for part, comparison, gamma in zip(evidence, COMPARISONS, scored.gammas, strict=True):
            assert part.level == (MISSING_NAME if gamma < 0 else comparison.levels[-1 - gamma].name)


def test_frequent_values_say_less():
    scorer = compile_model(frequent())
    minjun, other = clean(MIN), clean(MIN | {"full_name": "독고영재", "email": "shop@x.kr"})
    common = dict(zip(scorer.comparisons, explained(scorer, minjun), strict=True))
    rare = dict(zip(scorer.comparisons, explained(scorer, other), strict=True))
    name, _, email, *_ = COMPARISONS
    usual = {comparison: DEFAULT.weights[comparison.name][0] for comparison in (name, email)}
    assert common[name].frequency_bits == pytest.approx(math.log2(usual[name].u / 0.02))
    assert rare[name].frequency_bits == pytest.approx(math.log2(usual[name].u / (0.5 / 12_000)))
    assert rare[email].frequency_bits == pytest.approx(math.log2(usual[email].u / 0.3))
    assert common[name].bits == pytest.approx(usual[name].bits + common[name].frequency_bits)
    assert common[email].frequency_bits > 0 > common[name].frequency_bits


def explained(scorer, row):
    return scorer.explain(scorer.prepare("a", row), scorer.prepare("b", row))


def test_a_frequency_does_not_depend_on_what_was_scored_before():
    scorer = compile_model(frequent())
    rows = [clean(MIN), clean(MIN | {"full_name": "박 지호"}), clean(MIN | {"full_name": "민준"})]
    kept = [scorer.prepare(str(number), row) for number, row in enumerate(rows)]
    pairs = [(left, right) for left in range(3) for right in range(3) if left < right]
    warm = [scorer.score(kept[left], kept[right]) for _ in range(2) for left, right in pairs]
    cold = [scorer.score(*(scorer.prepare(str(n), rows[n]) for n in pair)) for pair in pairs]
    assert warm == cold * 2


def test_records_that_say_nothing_weigh_the_prior():
    scorer = compile_model(DEFAULT)
    first, second = (scorer.prepare(name, clean({})) for name in "ab")
    prior = round(math.log2(DEFAULT.prior / (1 - DEFAULT.prior)), 9)
    assert scorer.score(first, second) == (prior, (-1,) * len(COMPARISONS), False)
    assert {part.level for part in scorer.explain(first, second)} == {MISSING_NAME}
    assert keys(clean({})) == ()


@pytest.mark.parametrize("condition", ["regexp_matches(name_l, name_r)", "surprise_l = surprise_r", "name_l"])
def test_a_level_that_cannot_be_translated_stops_the_compilation(condition):
    comparison = Comparison("gender", "gender_l is null", (Level("same", condition, 1), Level("else", "else", 0)))
    with pytest.raises(Untranslatable):
        compile_model(DEFAULT, [comparison])


def test_the_last_level_is_a_plain_else():
    shares = {"gender": (Weight("same", 0.9, 0.5),)}
    same = Level("same", "gender_l = gender_r", 1)
    for levels in ((same,), (Level("else", "else", 0, "gender"),)):
        with pytest.raises(Untranslatable, match="last level of gender"):
            compile_model(replace(DEFAULT, weights=shares), [Comparison("gender", "gender_l is null", levels)])


@pytest.mark.parametrize("key", ["length(email)", "lower(email)", "email_l", "(select email)"])
def test_a_key_that_cannot_be_translated_stops_the_compilation(key):
    with pytest.raises(Untranslatable):
        compile_keys([blocking.Rule("odd", (key,))])


def test_scoring_pairs_loads_no_splink():
    code = "import sys, identity.linkage.compiled; sys.exit('splink' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
