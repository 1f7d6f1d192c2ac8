"""Learning a model from unlabelled records: u by random sampling, m by expectation maximisation (Winkler 1988), the
prior from deterministic rules. What the records cannot teach keeps the packaged value; each level says which it is."""

# ruff: noqa: S608 -- the SQL is made of column names and numbers of this package, never of data

import hashlib
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import Linker, block_on

from identity.linkage.blocking import digest_sql, hot_keys
from identity.linkage.comparisons import COMPARISONS, FREQUENCY_COLUMNS, Comparison
from identity.linkage.model import DEFAULT, PSEUDO_COUNT, RARE, Model, Weight
from identity.linkage.score import connect, linker_for

FEWEST_RECORDS: Final = 500
# Pairs sampled for u, and pairs looked at in each pass of expectation maximisation.
SAMPLED_PAIRS: Final = 1_000_000
PASS_PAIRS: Final = 500_000
# Iterations of a pass, and of its repetitions when it fails.
ITERATIONS: Final = (15, 6, 3, 1)
# Rules that hardly ever link two people, and the share of true pairs that they find in usual customer data.
CERTAIN: Final = (("given_key", "email"), ("given_key", "phone"), ("name", "birth_date"), ("name", "address"))
CERTAIN_RECALL: Final = 0.7
# Each comparison is left free by at least two passes.
PASSES: Final[tuple[tuple[str, ...], ...]] = (
    ("birth_date",),
    ("given_key", "email"),
    ("given_key", "phone"),
    ("name", "birth_date"),
    ("name", "postcode"),
)
# A weaker level that outweighs a stronger one by more bits than this makes its whole comparison distrusted; by less,
# it is brought down to the stronger one.
TOLERANCE: Final = 3.0
# No single level may speak against a match louder than this: an attribute is wholly wrong in some records of every
# source, which the passes overlook because such pairs look like other people's.
LOUDEST_DOUBT: Final = -5.0
LEAST_SHARE: Final = 1e-6
# The sample's u is taken to be at most so many times too large.
MOST_CORRECTED: Final = 4.0


def train(table: pa.Table, *, seed: int = 1) -> Model:
    """A model for a `prepare`d table; with too few records the packaged one, with this table's term frequencies."""
    with connect(table) as connection:
        model = DEFAULT
        if table.num_rows >= FEWEST_RECORDS:
            linker = linker_for(connection, DEFAULT, frequencies=False)
            passes = [columns for columns in PASSES if _any_pair(connection, columns)]
            model = replace(model, **_learn(linker, passes, seed))
        return _versioned(_frozen(connection, model, table.num_rows, seed))


def _any_pair(connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> bool:
    """Whether two records agree on `columns`; Splink raises, and forgets comparisons, when a pass has no pair."""
    known = " and ".join(f"{column} is not null" for column in columns)
    grouped = f"select 1 from records where {known} group by {', '.join(columns)} having count(*) > 1 limit 1"
    return bool(connection.execute(grouped).fetchall())


def _learn(linker: Linker, passes: list[tuple[str, ...]], seed: int) -> dict[str, Any]:
    rules: list[Any] = [block_on(*columns) for columns in CERTAIN]
    linker.training.estimate_probability_two_random_records_match(rules, recall=CERTAIN_RECALL)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=SAMPLED_PAIRS, seed=seed, min_count_per_level=None, num_chunks=1
    )
    for columns in passes:
        _maximise(linker, columns)
    learnt = linker._settings_obj
    prior = learnt._probability_two_random_records_match
    prior = prior if 0 < prior < 1 else DEFAULT.prior
    return {"weights": {item.name: _weights(item, learnt, prior) for item in COMPARISONS}, "prior": prior}


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
    trained = next(item for item in learnt.comparisons if item.output_column_name == comparison.name)
    levels = trained._comparison_levels_excluding_null
    weights = tuple(_weight(level, usual, prior) for level, usual in zip(levels, packaged, strict=True))
    learnt_ends = weights[0].origin == weights[-1].origin == "trained"
    return packaged if not learnt_ends or _falls(comparison, weights) > TOLERANCE else _ordered(comparison, weights)


def _weight(level: Any, usual: Weight, prior: float) -> Weight:
    m, u = level._trained_m_median, level._trained_u_median
    if m is None or u is None:
        return replace(usual, origin="not estimated")
    # Random pairs hold a few matches, which in small files with many duplicates are most of the agreeing ones.
    u = max((u - prior * m) / (1 - prior), u / MOST_CORRECTED, LEAST_SHARE)
    return Weight(usual.level, max(m, LEAST_SHARE, u * 2**LOUDEST_DOUBT), u, "trained")


def _falls(comparison: Comparison, weights: tuple[Weight, ...]) -> float:
    """By how many bits a trained weaker level outweighs a trained stronger one, at most."""
    pairs = zip(comparison.levels, weights, strict=True)
    ranked = [(level.strength, weight.bits) for level, weight in pairs if weight.origin == "trained"]
    return max((low - high for strong, high in ranked for weak, low in ranked if weak < strong), default=0.0)


def _ordered(comparison: Comparison, weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    """The same with every level brought down to the lightest trained level that is stronger."""
    ranked = [(level.strength, weight) for level, weight in zip(comparison.levels, weights, strict=True)]
    ordered = []
    for strength, weight in ranked:
        stronger = [other.bits for at, other in ranked if at > strength and other.origin == "trained"]
        limit = min(stronger, default=weight.bits)
        ordered.append(weight if weight.bits <= limit else replace(weight, m=weight.u * 2**limit))
    return tuple(ordered)


def _frozen(connection: duckdb.DuckDBPyConnection, model: Model, records: int, seed: int) -> Model:
    salt = hashlib.blake2b(f"linkage {seed}".encode(), digest_size=8).hexdigest()
    own = 1 + model.prior * records
    frequencies = {column: _frequencies(connection, column, records, own, salt) for column in FREQUENCY_COLUMNS}
    return replace(model, salt=salt, population=records, frequencies=frequencies, stop_keys=hot_keys(connection, salt))


def _frequencies(
    connection: duckdb.DuckDBPyConnection, column: str, records: int, own: float, salt: str
) -> dict[str, float]:
    """Share of other people's records with each value: `own` is how many records one person is expected to have."""
    rows = connection.execute(f"""
        select {digest_sql(column, salt)}, (count(*) - {own!r}) / {records + PSEUDO_COUNT} from records
        where {column} is not null group by {column} having count(*) - {own!r} > {RARE} order by 1""").fetchall()
    return dict(rows)


def _versioned(model: Model) -> Model:
    unnamed = replace(model, version="")
    return replace(model, version=hashlib.blake2b(unnamed.to_json().encode(), digest_size=8).hexdigest())
