"""Learning a model from unlabelled records: u by random sampling, m by expectation maximisation (Winkler 1988), the
prior from deterministic rules. What the records cannot teach keeps the packaged value; each level says which it is."""

# ruff: noqa: S608 -- the SQL is made of column names and numbers of this package, never of data

import hashlib
import math
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import Linker, block_on

from identity.linkage.blocking import digest_sql, hot_keys
from identity.linkage.comparisons import COMPARISONS, FREQUENCY_COLUMNS, Comparison
from identity.linkage.model import DEFAULT, PSEUDO_COUNT, RARE, Model, Weight, versioned
from identity.linkage.score import compare, connect, linker_for, weights_of_pairs

FEWEST_RECORDS: Final = 200
# Pairs sampled for u, and pairs looked at in each pass of expectation maximisation.
SAMPLED_PAIRS: Final = 1_000_000
PASS_PAIRS: Final = 500_000
# Iterations of a pass, and of its repetitions when it fails.
ITERATIONS: Final = (15, 6, 3, 1)
# Rules that hardly ever link two people, and the share of true pairs that they find in usual customer data: what EM
# starts from. The share that they find in these data is reckoned once the weights are known.
CERTAIN: Final = (("given_key", "email"), ("given_key", "phone"), ("name", "birth_date"), ("name", "address"))
CERTAIN_RECALL: Final = 0.7
LARGEST_PRIOR: Final = 0.5
# However few matches there seem to be, one record in so many has a double: a file without any teaches nothing else.
DOUBLES: Final = 100
# The pairs of so many records with all others tell how many matches there are.
COUNTED_RECORDS: Final = 2_500
# Steps of the prior, which mostly stands still after ten.
STEPS: Final = 200
BIRTH_PASS: Final = ("birth_date",)
# Each comparison is left free by at least two passes.
PASSES: Final[tuple[tuple[str, ...], ...]] = (
    BIRTH_PASS,
    ("given_key", "email"),
    ("given_key", "phone"),
    ("name", "birth_date"),
    ("name", "postcode"),
)
# What leaves birth dates free where nothing else does.
NAMESAKES_PASS: Final = ("name",)
# What leaves names free where there are no birth dates; only then, for families share these.
NAME_PASSES: Final[tuple[tuple[str, ...], ...]] = (("email",), ("phone",), ("address",))
# A comparison is distrusted if putting its levels in order moves more than this share of its matches by more than so
# many bits; levels that hardly any pair is in are moved by chance alone.
TOLERANCE: Final = 3.0
MOST_MOVED: Final = 0.1
# No single level may speak against a match louder than this: an attribute is wholly wrong in some records of every
# source, which the passes overlook because such pairs look like other people's.
LOUDEST_DOUBT: Final = -5.0
LEAST_SHARE: Final = 1e-6
# What the model takes to be independent is not, and among more records more strangers look alike in it: from so many
# records on, a link is asked so many bits more for ten times as many. Found with generated customers, 14,000 to 100,000 records.
ASKED_MORE_FROM: Final = 10_000
BITS_A_DECADE: Final = 1.5
# The sample's u is taken to be at most so many times too large.
MOST_CORRECTED: Final = 4.0


@dataclass(frozen=True, slots=True)
class Training:
    """A trained model. `recall`: the share of its data's matches that the certain rules find, so that their pairs tell the
    prior; None where the packaged prior stands."""

    model: Model
    recall: float | None


def train(table: pa.Table, *, seed: int = 1) -> Model:
    """A model for a `prepare`d table; with too few records the packaged one, with this table's term frequencies."""
    return training(table, seed=seed).model


def training(table: pa.Table, *, seed: int = 1) -> Training:
    """As `train`, with what the model alone does not tell."""
    with connect(table) as connection:
        if table.num_rows < FEWEST_RECORDS:
            return Training(versioned(_frozen(connection, DEFAULT, table.num_rows, seed)), None)
        linker = linker_for(connection, DEFAULT, frequencies=False)
        certain, learnt = _learn(linker, _passes(connection), seed)
        model = _frozen(connection, _model(learnt, certain / CERTAIN_RECALL or DEFAULT.prior), table.num_rows, seed)
        compare(connection, model, max(1, table.num_rows // COUNTED_RECORDS))
        model = _frozen(connection, _model(learnt, _settled(connection, model)), table.num_rows, seed)
        prior = _settled(connection, model)
        return Training(versioned(replace(model, prior=prior)), _steady(min(certain / prior, 1.0)))


def _passes(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    passes = [columns for columns in PASSES if _any_pair(connection, columns)]
    if BIRTH_PASS not in passes:
        return passes + [columns for columns in NAME_PASSES if _any_pair(connection, columns)]
    if all("birth_date" in columns for columns in passes) and _any_pair(connection, NAMESAKES_PASS):
        return [*passes, NAMESAKES_PASS]
    return passes


def _any_pair(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> bool:
    """Whether two records agree on `columns`; Splink raises, and forgets comparisons, when a pass has no pair."""
    known = " and ".join(f"{column} is not null" for column in columns)
    grouped = f"select 1 from records where {known} group by {', '.join(columns)} having count(*) > 1 limit 1"
    return bool(connection.execute(grouped).fetchall())


def _learn(linker: Linker, passes: list[tuple[str, ...]], seed: int) -> tuple[float, Any]:
    """The share of all pairs that the certain rules find, and Splink's settings with what it learnt."""
    certain = _estimate_prior(linker)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=SAMPLED_PAIRS, seed=seed, min_count_per_level=None, num_chunks=1
    )
    for columns in passes:
        _maximise(linker, columns)
    return certain, linker._settings_obj


def _model(learnt: Any, prior: float) -> Model:
    """What was learnt, where this share of all pairs are matches."""
    prior = _steady(min(prior, LARGEST_PRIOR))
    return replace(DEFAULT, weights={item.name: _weights(item, learnt, prior) for item in COMPARISONS}, prior=prior)


def _settled(connection: duckdb.DuckDBPyConnection, model: Model) -> float:
    """The prior under which the model expects as many matches among the compared pairs as the prior says there are: its
    step of expectation maximisation (Winkler 1988), until it stands still."""
    records = model.population
    parts = max(1, records // COUNTED_RECORDS)
    weighed = weights_of_pairs(connection, model)
    least = 2 / DOUBLES / (records - 1)
    odds, prior = _log_odds(model.prior), model.prior
    for _ in range(STEPS):
        shift, before = _log_odds(prior) - odds, prior
        expected = parts * sum(pairs / (1 + 2 ** -(bits + shift)) for bits, pairs in weighed.items())
        prior = min(max(expected * 2 / records / (records - 1), least), LARGEST_PRIOR)
        if math.isclose(prior, before, rel_tol=1e-6):
            break
    return _steady(prior)


def _log_odds(share: float) -> float:
    return math.log2(share / (1 - share))


def _steady(share: float) -> float:
    """To nine digits: sums over several threads differ in the last ones, and the same records make one version."""
    return float(f"{share:.9g}")


def _levels(comparison: Comparison, learnt: Any) -> Any:
    trained = next(item for item in learnt.comparisons if item.output_column_name == comparison.name)
    return trained._comparison_levels_excluding_null


def _estimate_prior(linker: Linker) -> float:
    """From the certain rules, of which it returns the share of all pairs that they find. The packaged one stays where they
    find none, and where they find more matches than there could be pairs of people, as in a file that says the same in
    each row."""
    rules: list[Any] = [block_on(*columns) for columns in CERTAIN]
    with suppress(ValueError):
        linker.training.estimate_probability_two_random_records_match(rules, recall=CERTAIN_RECALL)
    found = linker._settings_obj._probability_two_random_records_match * CERTAIN_RECALL
    if not found:
        linker._settings_obj._probability_two_random_records_match = DEFAULT.prior
    return found


def _maximise(linker: Linker, columns: tuple[str, ...]) -> None:
    """One pass of expectation maximisation.

    A level that only non-matches reach loses its m by orders of magnitude each iteration, until Splink refuses the
    underflow and leaves its settings half done: they are put back then, and fewer iterations are made.
    """
    learnt = linker._settings_obj
    for iterations in ITERATIONS:
        before = deepcopy(learnt.core_model_settings)
        learnt.training_settings = replace(learnt.training_settings, max_iterations=iterations)
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*columns), estimate_without_term_frequencies=True, max_pairs=PASS_PAIRS
            )
        except ValueError:
            learnt.core_model_settings = before
        else:
            return


def _weights(comparison: Comparison, learnt: Any, prior: float) -> tuple[Weight, ...]:
    """Learnt shares of one comparison, or the packaged ones where weights would fall as similarity rises."""
    packaged = DEFAULT.weights[comparison.name]
    pairs = zip(_levels(comparison, learnt), packaged, strict=True)
    weights = tuple(_weight(level, usual, prior) for level, usual in pairs)
    # Which levels there are pairs for depends on the columns that the records have; one of likeness is enough.
    told = weights[-1].origin == "trained" and any(weight.origin == "trained" for weight in weights[:-1])
    if not told:
        return packaged
    ordered = _ordered(comparison, weights)
    return ordered if _moved(weights, ordered) <= MOST_MOVED else packaged


def _moved(learnt: tuple[Weight, ...], ordered: tuple[Weight, ...]) -> float:
    """The share of matches in trained levels that putting them in order moved by more than the tolerance."""
    pairs = [pair for pair in zip(learnt, ordered, strict=True) if pair[0].origin == "trained"]
    return sum(was.m for was, now in pairs if abs(was.bits - now.bits) > TOLERANCE)


def _weight(level: Any, usual: Weight, prior: float) -> Weight:
    m, u = level._trained_m_median, level._trained_u_median
    if m is None or u is None:
        return replace(usual, origin="not estimated")
    # Random pairs hold a few matches, which in small files with many duplicates are most of the agreeing ones.
    u = max((u - prior * m) / (1 - prior), u / MOST_CORRECTED, LEAST_SHARE)
    return Weight(usual.level, _steady(max(m, LEAST_SHARE, u * 2**LOUDEST_DOUBT)), _steady(u), "trained")


def _ordered(comparison: Comparison, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """The same with the trained levels in order of their strength, and what was not trained brought between them."""
    pooled = _pooled(comparison, weights)
    ranked = [
        (level.strength, pooled.get(weight.level, weight))
        for level, weight in zip(comparison.levels, weights, strict=True)
    ]
    lowered = [(strength, _at_most(weight, _trained_bits(ranked, strength, 1))) for strength, weight in ranked]
    return tuple(_at_least(weight, _trained_bits(lowered, strength, -1)) for strength, weight in lowered)


def _pooled(comparison: Comparison, weights: tuple[Weight, ...]) -> dict[str, Weight]:
    """The trained levels by name, those out of order sharing one weight, to which each adds as many pairs as it has: the
    likeliest shares under a likelihood ratio order (Dykstra, Kochar and Robertson 1995), found by pooling adjacent
    violators. Levels of equal strength may stand in either order."""
    ranked = [
        (level.strength, weight.bits, weight)
        for level, weight in zip(comparison.levels, weights, strict=True)
        if weight.origin == "trained"
    ]
    pools: list[list[Weight]] = []
    for _, _, weight in sorted(ranked, key=itemgetter(0, 1)):
        pools.append([weight])
        while len(pools) > 1 and _bits(pools[-1]) < _bits(pools[-2]):
            pools[-2:] = [pools[-2] + pools[-1]]
    return {weight.level: replace(weight, m=weight.u * 2 ** _bits(pool)) for pool in pools for weight in pool}


def _bits(pool: list[Weight]) -> float:
    return math.log2(sum(weight.m for weight in pool) / sum(weight.u for weight in pool))


def _trained_bits(ranked: list[tuple[int, Weight]], strength: int, side: int) -> list[float]:
    """Bits of the trained levels that are stronger (`side` 1) or weaker (-1)."""
    return [weight.bits for at, weight in ranked if side * (at - strength) > 0 and weight.origin == "trained"]


def _at_most(weight: Weight, limits: list[float]) -> Weight:
    limit = min(limits, default=weight.bits)
    return weight if weight.bits <= limit else replace(weight, m=weight.u * 2**limit)


def _at_least(weight: Weight, limits: list[float]) -> Weight:
    limit = max(limits, default=weight.bits)
    return weight if weight.bits >= limit or weight.origin == "trained" else replace(weight, u=weight.m / 2**limit)


def _frozen(connection: duckdb.DuckDBPyConnection, model: Model, records: int, seed: int) -> Model:
    salt = hashlib.blake2b(f"linkage {seed}".encode(), digest_size=8).hexdigest()
    own = 1 + model.prior * records
    frequencies = {column: _frequencies(connection, column, records, own, salt) for column in FREQUENCY_COLUMNS}
    link, stopped = _asked_of_a_link(records), hot_keys(connection, salt)
    return replace(model, salt=salt, link=link, population=records, frequencies=frequencies, stop_keys=stopped)


def _asked_of_a_link(records: int) -> float:
    """The threshold, in bits."""
    return round(DEFAULT.link + BITS_A_DECADE * max(0.0, math.log10(max(records, 1) / ASKED_MORE_FROM)), 2)


def _frequencies(
    connection: duckdb.DuckDBPyConnection, column: str, records: int, own: float, salt: str
) -> dict[str, float]:
    """Share of other people's records with each value: `own` is how many records one person is expected to have."""
    rows = connection.execute(f"""
        select {digest_sql(column, salt)}, (count(*) - {own!r}) / {records + PSEUDO_COUNT} from records
        where {column} is not null group by {column} having count(*) - {own!r} > {RARE} order by 1""").fetchall()
    return dict(rows)
