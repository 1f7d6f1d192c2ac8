"""Bare Splink, training if it is told how, and predicting, on a table that is clean already. Imports nothing of the product.

`python resolve_baseline.py TABLE PLAN`: a Parquet file of cleaned columns and blocking keys, and a JSON object of
Splink's settings dictionary and of how to train (null: not at all); prints seconds, pairs, links and peak memory as JSON.
"""

import json
import logging
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, block_on
from splink.blocking_analysis import count_comparisons_from_blocking_rules


def main(table: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Wall and CPU seconds of loading, training and predicting; pairs are counted after the clock has stopped."""
    wall, cpu = time.perf_counter(), time.process_time()
    connection = duckdb.connect(":memory:")
    connection.execute("set temp_directory = ''")
    connection.execute("create table records as select * from read_parquet($1)", [str(table)])
    api = DuckDBAPI(connection)
    records = api.register("records", table_name="input")
    linker = Linker(records, plan["settings"], log_level=None)
    if plan["training"]:
        train(linker, plan["training"])
    found = linker.inference.predict(threshold_match_weight=plan["threshold"], warning_mode="never")
    links = connection.execute(f"select count(*) from {found.physical_name}").fetchall()[0][0]
    seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    counted = count_comparisons_from_blocking_rules(
        records, blocking_rules=plan["settings"]["blocking_rules_to_generate_predictions"], link_type="dedupe_only",
        unique_id_column_name=plan["settings"]["unique_id_column_name"], record_sample_proportion=1.0,
    )  # fmt: skip
    prior = linker._settings_obj._probability_two_random_records_match
    return {
        **seconds,
        "peak_mb": peak(),
        "pairs": counted[-1]["cumulative_comparison_count"],
        "prior": prior,
        "likely": links,
    }


def train(linker: Linker, plan: dict[str, Any]) -> None:
    """The prior from certain rules, u from random pairs, m by a pass of expectation maximisation for each rule."""
    certain: Sequence[Any] = [block_on(*columns) for columns in plan["certain"]]
    linker.training.estimate_probability_two_random_records_match(certain, recall=plan["recall"])
    linker.training.estimate_u_using_random_sampling(
        max_pairs=plan["sampled_pairs"], seed=plan["seed"], min_count_per_level=None, num_chunks=1
    )
    for columns in plan["passes"]:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*columns), estimate_without_term_frequencies=True, max_pairs=plan["pass_pairs"]
        )


def peak() -> float:
    """The most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    logging.getLogger("splink").setLevel(logging.ERROR)
    print(json.dumps(main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))))
